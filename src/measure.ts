import { applyWith } from './apply.js';
import type { Backend } from './backend/backend.js';
import type { Sides } from './backend/woven.js';
import { FaultMessages, Program } from './executor.js';
import { createGraph, createInput, type Graph } from './graph.js';
import type { Node, Value } from './op.js';
import * as ops from './ops/index.js';
import { bytesOf } from './plan.js';
import type { SideRates, TransferRates } from './rates.js';
import { sizeOf } from './shape.js';

/** Launches and words of what is measured. */
const LAUNCHES = 64;
const WORDS = 1 << 18;
/** Each is repeated until so many milliseconds have passed, and at least so often. */
const ENOUGH = { ms: 20, times: 3 } as const;
/** What is timed grows until it takes longer, in milliseconds: a GPU is measured by work that fills it. */
const LONG = 3;

/** Milliseconds of a run: the median of several. */
async function usual(run: () => unknown): Promise<number> {
  await run();
  const found: number[] = [];
  for (let passed = 0; found.length < NODE.times || (passed < NODE.ms && found.length < 100); ) {
    const before = performance.now();
    await run();
    found.push(performance.now() - before);
    passed += found.at(-1)!;
  }
  return found.sort((a, b) => a - b)[Math.floor(found.length / 2)]!;
}

async function fastest(run: () => unknown): Promise<number> {
  const { ms: enough, times: least } = ENOUGH;
  await run();
  let best = Number.POSITIVE_INFINITY;
  let passed = 0;
  for (let times = 0; times < least || (passed < enough && times < 100); times++) {
    const before = performance.now();
    await run();
    const ms = performance.now() - before;
    passed += ms;
    best = Math.min(best, ms);
  }
  return best;
}

/** A graph made ready on one backend, over inputs of one number each. */
interface Timed {
  run(): void;
  /** Resolves when all runs have ended. */
  end(): Promise<unknown> | null;
  free(): void;
}

async function timed(backend: Backend, graph: Graph): Promise<Timed> {
  const program = await Program.compile(graph, backend, new FaultMessages());
  const values = [...graph.inputs, ...graph.outputs];
  const buffers = values.map((value) => backend.allocate(bytesOf(value), 'rates'));
  graph.inputs.forEach(({ shape, dtype }, i) => {
    const data = dtype === 'f32' ? new Float32Array(sizeOf(shape)).fill(0.5) : new Int32Array(sizeOf(shape));
    backend.write(buffers[i]!, data, dtype === 'f32' ? 'f32' : 'i32');
  });
  return {
    run: () => void program.run(buffers),
    end: () => (backend.kind === 'webgpu' ? backend.read(buffers.at(-1)!, 'i32', 0) : null),
    free() {
      program.dispose();
      for (const buffer of buffers) buffer.free();
    },
  };
}

/** Milliseconds of a graph on one backend, and of waiting for it. */
async function timeOf(backend: Backend, inputs: readonly Value[], output: Value): Promise<number> {
  const one = await timed(backend, createGraph({ inputs, outputs: [output] }));
  try {
    return await fastest(() => {
      one.run();
      return one.end();
    });
  } finally {
    one.free();
  }
}

/** The work per millisecond of the first size that takes long, or of the last. */
async function rateOf(
  sizes: readonly number[],
  nothing: number,
  work: (size: number) => number,
  time: (size: number) => Promise<number>,
): Promise<number> {
  for (const size of sizes) {
    const ms = await time(size);
    if (ms - nothing > LONG || size === sizes.at(-1)) return work(size) / Math.max(ms - nothing, ms / 100);
  }
  return 0;
}

export async function measureSide(backend: Backend): Promise<SideRates> {
  const scalar = createInput([]);
  const nothing = await timeOf(backend, [scalar], ops.neg(scalar));
  const first = createInput([1]);
  let chain: Value = first;
  // Nothing fuses these.
  for (let i = 0; i < LAUNCHES; i++) chain = ops.softmax(chain, { axis: 0 });
  const launch = Math.max(0, (await timeOf(backend, [first], chain)) - nothing) / LAUNCHES;
  const product = (size: number) => {
    const [a, b] = [createInput([size, size]), createInput([size, size])];
    return timeOf(backend, [a, b], ops.matmul(a, b));
  };
  const sum = (size: number) => {
    const [x, y] = [createInput([size]), createInput([size])];
    return timeOf(backend, [x, y], ops.add(x, y));
  };
  return {
    gflops: (await rateOf([128, 256, 512, 1024, 2048], nothing, (size) => 2 * size ** 3, product)) / 1e6,
    gbps: (await rateOf([1 << 18, 1 << 20, 1 << 22, 1 << 24], nothing, (size) => 12 * size, sum)) / 1e6,
    launch: 1000 * launch,
  };
}

export async function measureTransfers({
  wasm,
  webgpu,
}: Sides): Promise<Record<'upload' | 'download', TransferRates>> {
  const pair = (words: number) =>
    [wasm.allocate(4 * words, 'rates'), webgpu.allocate(4 * words, 'rates')] as const;
  const few = pair(4);
  const many = pair(WORDS);
  const upload = async ([host, gpu]: typeof few, words: number) => {
    webgpu.write(gpu, wasm.view!(host, words), 'i32');
    // A write returns before it is done: what a read of one word takes longer is the write's.
    await webgpu.read(gpu, 'i32', 1);
  };
  const download = async ([host, gpu]: typeof few, words: number) =>
    wasm.write(host, await webgpu.read(gpu, 'i32', words), 'i32');
  try {
    const down = await fastest(() => download(few, 1));
    const up = await fastest(() => upload(few, 1));
    const rate = (ms: number, base: number) => (4 * WORDS) / Math.max(ms - base, ms / 100) / 1e6;
    return {
      upload: {
        latency: 1000 * Math.max(0, up - down),
        gbps: rate(await fastest(() => upload(many, WORDS)), up),
      },
      download: { latency: 1000 * down, gbps: rate(await fastest(() => download(many, WORDS)), down) },
    };
  } finally {
    for (const buffer of [...few, ...many]) buffer.free();
  }
}

/** What is gained where a chain of elementwise ops runs on each side at once, sized so that both take about as long. */
export async function measureOverlap({ wasm, webgpu }: Sides): Promise<number> {
  const x = createInput([1 << 17]);
  const graph = createGraph({ inputs: [x], outputs: [ops.sin(ops.sin(ops.sin(x)))] });
  const cpu = await timed(wasm, graph);
  const gpu = await timed(webgpu, graph);
  const both = async (onGpu: number, onCpu: number) => {
    for (let i = 0; i < onGpu; i++) gpu.run();
    for (let i = 0; i < onCpu; i++) cpu.run();
    if (onGpu > 0) await gpu.end();
  };
  try {
    const cpuOnce = await fastest(() => both(0, 1));
    const gpuOnce = await fastest(() => both(1, 0));
    const longer = Math.max(cpuOnce, gpuOnce, 3 * LONG);
    const counts = [Math.round(longer / gpuOnce), Math.round(longer / cpuOnce)] as const;
    const alone = [await fastest(() => both(counts[0], 0)), await fastest(() => both(0, counts[1]))] as const;
    const together = await fastest(() => both(...counts));
    return Math.min(1, Math.max(0, (alone[0] + alone[1] - together) / Math.min(...alone)));
  } finally {
    cpu.free();
    gpu.free();
  }
}

/** A node is run so often at least, and until so many milliseconds have passed; on webgpu several at once. */
const NODE = { ms: 4, times: 3, atOnce: 4 } as const;

/** Nanoseconds of a node's kernels on a side, by running them. */
export async function measureNode({ op, inputs, attrs }: Node, backend: Backend): Promise<number> {
  const given = inputs.map((value) => value && createInput(value.shape, value.dtype));
  const outputs = applyWith(op, given, attrs);
  const graph = createGraph({ inputs: given.filter((value) => value !== null), outputs });
  const one = await timed(backend, graph);
  const atOnce = backend.kind === 'webgpu' ? NODE.atOnce : 1;
  const times = async (count: number) => {
    for (let i = 0; i < count; i++) one.run();
    const end = one.end();
    if (end) await end;
  };
  try {
    const nothing = backend.kind === 'webgpu' ? await usual(() => times(0)) : 0;
    const ms = await usual(() => times(atOnce));
    return (1e6 * Math.max(ms - nothing, ms / 100)) / atOnce;
  } finally {
    one.free();
    // Numbers that are all alike may be none that the op takes.
    backend.takeFault();
  }
}
