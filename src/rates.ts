import type { Backend } from './backend/backend.js';
import type { Sides } from './backend/woven.js';
import { fail } from './errors.js';
import { FaultMessages, Program } from './executor.js';
import { createGraph, createInput } from './graph.js';
import type { Node, Side, Value } from './op.js';
import * as ops from './ops/index.js';
import { bytesOf } from './plan.js';
import { sizeOf } from './shape.js';

/** What one side of a woven device reaches. */
export interface SideRates {
  /** Arithmetic of a matrix product, in 1e9 operations a second. */
  readonly gflops: number;
  /** What elementwise ops read and write, in 1e9 bytes a second. */
  readonly gbps: number;
  /** What each launch of a kernel takes beside, in microseconds. */
  readonly launch: number;
}

/** What it takes to send a value: microseconds for any, and 1e9 bytes a second. */
export interface TransferRates {
  readonly latency: number;
  readonly gbps: number;
}

/** What placing the nodes of a graph goes by: see `Device.rates`. */
export interface Rates extends Readonly<Record<Side, SideRates>> {
  /** From wasm to webgpu. */
  readonly upload: TransferRates;
  /** From webgpu to wasm. */
  readonly download: TransferRates;
}

/** Rates that replace measured ones. */
export type GivenRates = { readonly [K in keyof Rates]?: Partial<Rates[K]> };

/** Measured rates but for those that are given; with all given, nothing is measured. */
export async function ratesOf(sides: Sides, given: GivenRates = {}): Promise<Rates> {
  const groups = {
    wasm: ['gflops', 'gbps', 'launch'],
    webgpu: ['gflops', 'gbps', 'launch'],
    upload: ['latency', 'gbps'],
    download: ['latency', 'gbps'],
  } as const;
  for (const [group, values] of Object.entries(given)) {
    const known: readonly string[] =
      groups[group as keyof Rates] ??
      fail('open', `rates has no '${group}'; it has ${Object.keys(groups).join(', ')}`);
    for (const [name, value] of Object.entries(values)) {
      if (!known.includes(name)) fail('open', `rates.${group} has no '${name}'; it has ${known.join(', ')}`);
      if (!(value >= 0)) fail('open', `rates.${group}.${name} must be a number from 0, got ${value}`);
    }
  }
  const whole = (group: keyof Rates) => groups[group].every((name) => name in (given[group] ?? {}));
  const wasm = whole('wasm') ? null : await measureSide(sides.wasm);
  const webgpu = whole('webgpu') ? null : await measureSide(sides.webgpu);
  const transfers = whole('upload') && whole('download') ? null : await measureTransfers(sides);
  return {
    wasm: { ...wasm, ...given.wasm },
    webgpu: { ...webgpu, ...given.webgpu },
    upload: { ...transfers?.upload, ...given.upload },
    download: { ...transfers?.download, ...given.download },
  } as Rates;
}

/** Nanoseconds that a node takes by rates: its arithmetic or its traffic, whichever is longer, and its launches. */
export function computeTime(
  { op, inputs, outputs, attrs }: Node,
  launches: number,
  rates: SideRates,
): number {
  const { flops, bytes } = op.cost(inputs, attrs);
  const traffic = bytes || outputs.reduce((sum, value) => sum + bytesOf(value), 0);
  return Math.max(flops / rates.gflops, traffic / rates.gbps) + 1000 * rates.launch * launches;
}

/** Nanoseconds that a transfer takes. */
export const transferTime = (bytes: number, { latency, gbps }: TransferRates): number =>
  1000 * latency + bytes / gbps;

/** Multiplications, elements and launches of what is measured: some milliseconds each on a slow device. */
const SIZES = { product: 192, elements: 1 << 18, launches: 64, transfer: 1 << 18 } as const;
/** Each is repeated until so many milliseconds have passed, and at least so often. */
const ENOUGH = { ms: 20, times: 3 } as const;

async function fastest(run: () => unknown): Promise<number> {
  await run();
  let least = Number.POSITIVE_INFINITY;
  let passed = 0;
  for (let times = 0; times < ENOUGH.times || (passed < ENOUGH.ms && times < 100); times++) {
    const before = performance.now();
    await run();
    const ms = performance.now() - before;
    passed += ms;
    least = Math.min(least, ms);
  }
  return least;
}

/** Milliseconds of a graph on one backend, until its first output can be read. */
async function timeOf(backend: Backend, inputs: readonly Value[], output: Value): Promise<number> {
  const graph = createGraph({ inputs, outputs: [output] });
  const program = await Program.compile(graph, backend, new FaultMessages());
  const buffers = [...inputs, output].map((value) => backend.allocate(bytesOf(value), 'rates'));
  try {
    inputs.forEach((value, i) => {
      backend.write(buffers[i]!, new Float32Array(sizeOf(value.shape)).fill(0.5), 'f32');
    });
    return await fastest(() => {
      program.run(buffers);
      return backend.kind === 'webgpu' ? backend.read(buffers.at(-1)!, 'f32', 1) : null;
    });
  } finally {
    program.dispose();
    for (const buffer of buffers) buffer.free();
  }
}

async function measureSide(backend: Backend): Promise<SideRates> {
  const { product, elements, launches } = SIZES;
  const scalar = createInput([]);
  const nothing = await timeOf(backend, [scalar], ops.neg(scalar));
  // Reductions of one element: nothing fuses them.
  let chain: Value = createInput([1]);
  const first = chain;
  for (let i = 0; i < launches; i++) chain = ops.softmax(chain, { axis: 0 });
  const launch = Math.max(0, (await timeOf(backend, [first], chain)) - nothing) / launches;
  const [a, b] = [createInput([product, product]), createInput([product, product])];
  const [x, y] = [createInput([elements]), createInput([elements])];
  const above = (ms: number) => Math.max(ms - nothing, ms / 100);
  return {
    gflops: (2 * product ** 3) / above(await timeOf(backend, [a, b], ops.matmul(a, b))) / 1e6,
    gbps: (12 * elements) / above(await timeOf(backend, [x, y], ops.add(x, y))) / 1e6,
    launch: 1000 * launch,
  };
}

async function measureTransfers({ wasm, webgpu }: Sides) {
  const few = { wasm: wasm.allocate(16, 'rates'), webgpu: webgpu.allocate(16, 'rates') };
  const many = {
    wasm: wasm.allocate(4 * SIZES.transfer, 'rates'),
    webgpu: webgpu.allocate(4 * SIZES.transfer, 'rates'),
  };
  const upload = async (buffers: typeof few, words: number) => {
    webgpu.write(buffers.webgpu, wasm.view!(buffers.wasm, words), 'i32');
    // A write returns before it is done: what a read of one word takes longer is the write's.
    await webgpu.read(buffers.webgpu, 'i32', 1);
  };
  const download = async (buffers: typeof few, words: number) =>
    wasm.write(buffers.wasm, await webgpu.read(buffers.webgpu, 'i32', words), 'i32');
  try {
    const down = await fastest(() => download(few, 1));
    const up = await fastest(() => upload(few, 1));
    const rate = (ms: number, base: number) => (4 * SIZES.transfer) / Math.max(ms - base, ms / 100) / 1e6;
    return {
      upload: {
        latency: 1000 * Math.max(0, up - down),
        gbps: rate(await fastest(() => upload(many, SIZES.transfer)), up),
      },
      download: {
        latency: 1000 * down,
        gbps: rate(await fastest(() => download(many, SIZES.transfer)), down),
      },
    };
  } finally {
    for (const { wasm: a, webgpu: b } of [few, many]) {
      a.free();
      b.free();
    }
  }
}
