import { parseArgs } from 'node:util';
import { fail } from '../errors.js';
import {
  apply,
  createGraph,
  createInput,
  type Device,
  type HostTensor,
  type Op,
  type SampleInput,
  type Shape,
  type Value,
} from '../index.js';
import { writeFileAtomic } from '../node.js';
import { showShape } from '../shape.js';
import { findOps, sampleInputs, variantsTaking } from '../verify/index.js';
import { type Contestant, measure, type Outcome, timesAsLong } from './measure.js';
import { backendKinds, openAll } from './open.js';
import { chooseOps, loadOwn } from './own-module.js';
import { arithmeticOf, copyOf, type Yardstick, type Yardsticks } from './peak.js';
import { contestantOf, prepareTimed, type TimedGraph } from './timed.js';
import { expectWritable } from './tools.js';

const HELP = `usage: weft bench [--module FILE] --op NAME [options]

Times every kernel variant of an op: warm-up, then the median of seven samples, taken in turn. Rates are what the op's
\`cost\` declares over that time; percents are of what the device's own arithmetic reaches from registers, and of a copy of
64 MiB. On webgpu a time includes one submit and the reading of one word.

  --module FILE         the file that exports the op, and its \`kernels\` (default: Weft's own ops)
  --op LIST             ops, separated by commas (default: all of --module)
  --sample N            the op's sample to run (default: the one with the largest inputs)
  --input NAME=SHAPE    another shape for an input of the sample, as in a=512x512; may be repeated
  --inputs LIST         the same for the first inputs in order, as in 8x64x56x56,64x64x3x3; - leaves one out
  --options JSON        other options than the sample's
  --backend LIST        reference, wasm, webgpu, separated by commas (default: wasm)
  --threads N           threads of the wasm devices (default: 1)
  --json FILE           also write the results as JSON
  --help`;

const OPTIONS = {
  module: { type: 'string' },
  op: { type: 'string' },
  sample: { type: 'string' },
  input: { type: 'string', multiple: true },
  inputs: { type: 'string' },
  threads: { type: 'string' },
  options: { type: 'string' },
  backend: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** One call of an op, the same on every device. */
interface Call {
  readonly op: Op;
  readonly inputs: readonly (HostTensor | null)[];
  readonly options: unknown;
}

interface BenchLine {
  readonly op: string;
  readonly inputs: readonly (Shape | null)[];
  readonly device: string;
  readonly variant: string | null;
  /** What ran: the variant, or the kernels of a composition. */
  readonly kernels: readonly string[];
  readonly medianMs: number | null;
  readonly minMs: number | null;
  /** Interquartile range over the median. */
  readonly spread: number | null;
  readonly flops: number;
  readonly bytes: number;
  readonly gflops: number | null;
  readonly gbps: number | null;
  /** Of the device's arithmetic, all threads together, and of its copy's bandwidth. */
  readonly percentOfArithmetic: number | null;
  readonly percentOfCopy: number | null;
  readonly error: string | null;
}

/** `weft bench`: a microbenchmark of an op, variant by variant; resolves to the exit code. */
export async function bench(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.json) await expectWritable(values.json);
  const names = values.op?.split(',').map((name) => name.trim());
  const own = values.module === undefined ? null : await loadOwn(values.module);
  if (!own && !names) fail('--op', 'name the op to time');
  const ops = own ? chooseOps(values.module!, own.ops, names) : findOps(names);
  if (ops.length > 1 && (values.input || values.inputs || values.options || values.sample))
    fail('--op', 'name one op where its sample, inputs or options are given');
  const calls = ops.map((op) => callOf(op, values));
  const kinds = backendKinds(values.backend ?? 'wasm');
  const threads = values.threads === undefined ? 1 : Number(values.threads);
  const devices = (await Promise.all(kinds.map((kind) => openAll(kind, own?.kernels, threads)))).flat();
  try {
    const lines: BenchLine[] = [];
    const yardsticks = new Map<Device, Yardsticks>();
    for (const device of devices) {
      const { backend } = device;
      if (backend.kind === 'reference') continue;
      yardsticks.set(device, { arithmetic: await arithmeticOf(backend), copy: await copyOf(backend) });
    }
    for (const call of calls) {
      const timed = await timeCall(call, devices, yardsticks);
      print(timed);
      lines.push(...timed);
    }
    if (values.json) await writeFileAtomic(values.json, `${JSON.stringify({ results: lines })}\n`);
    return lines.every(({ error }) => error === null) ? 0 : 1;
  } finally {
    for (const device of devices) device.dispose();
  }
}

/** The shapes that `NAME=SHAPE` gives to inputs, by position. */
function shapesOf(op: Op, given: readonly string[]): Map<number, Shape> {
  return new Map(
    given.map((text) => {
      const [, name, list] = /^(\w+)=((?:\d+(?:x\d+)*)?)$/.exec(text) ?? [];
      if (name === undefined) fail('--input', `'${text}' is not of the form NAME=2x3`);
      const position = op.variadic ? Number(name) : op.inputs.indexOf(name);
      if (!(position >= 0))
        fail('--input', `${op.name} has no input '${name}'; it has ${op.inputs.join(', ')}`);
      return [position, list === '' ? [] : list!.split('x').map(Number)];
    }),
  );
}

/** The shapes of a list like `8x64x56x56,64x64x3x3`, for the first inputs; null for `-`. */
function shapeList(op: Op, list: string): (Shape | null)[] {
  const shapes = list.split(',').map((text) => {
    if (text === '-') return null;
    if (!/^(\d+(x\d+)*)?$/.test(text))
      fail('--inputs', `'${text}' is not of the form 2x3, of which commas make a list`);
    return text === '' ? [] : text.split('x').map(Number);
  });
  if (!op.variadic && shapes.length > op.inputs.length)
    fail('--inputs', `${op.name} takes ${op.inputs.join(', ')}; ${shapes.length} shapes are given`);
  return shapes;
}

interface Wishes {
  readonly sample?: string;
  readonly input?: readonly string[];
  readonly inputs?: string;
  readonly options?: string;
}

function callOf(op: Op, { sample, input = [], inputs: list, options }: Wishes): Call {
  const sizes = op.samples.map((_, i) =>
    sampleInputs(op, i).reduce((sum, tensor) => sum + (tensor?.data.length ?? 0), 0),
  );
  const index = sample === undefined ? sizes.indexOf(Math.max(...sizes)) : Number(sample);
  const base = op.samples[index];
  if (!base) return fail(op.name, `has samples 0..${op.samples.length - 1}, not ${sample}`);
  const shapes = shapesOf(op, input);
  const listed = list === undefined ? [] : shapeList(op, list);
  const count = op.variadic && listed.length > 0 ? listed.length : base.inputs.length;
  const inputs = Array.from({ length: count }, (_, position): SampleInput | null => {
    const one = base.inputs[position] ?? null;
    const shape = shapes.get(position) ?? listed[position];
    const leftOut = listed.length > 0 && position >= listed.length && op.optional.has(op.inputs[position]!);
    if (listed[position] === null || (leftOut && !shapes.has(position))) return null;
    return shape ? { ...one, shape } : one;
  });
  const chosen = { inputs, options: options === undefined ? base.options : parseOptions(options) };
  const call = { op, inputs: sampleInputs({ ...op, samples: [chosen] }, 0), options: chosen.options };
  // The op tells what is wrong with it.
  apply(op, valuesOf(call), call.options);
  return call;
}

const valuesOf = ({ op, inputs }: Call): (Value | null)[] =>
  inputs.map((tensor, i) => tensor && createInput(tensor.shape, tensor.dtype, op.inputs[i]));

function parseOptions(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail('--options', `is no JSON: ${(error as Error).message}`);
  }
}

/** A variant on a device, ready to run. */
interface Lane {
  readonly device: Device;
  readonly variant: string | null;
  readonly timed: TimedGraph;
  readonly contestant: Contestant;
}

async function timeCall(
  call: Call,
  devices: readonly Device[],
  yardsticks: ReadonlyMap<Device, Yardsticks>,
): Promise<BenchLine[]> {
  if (call.op.view) fail(call.op.name, 'is a view: it runs no kernel that could be timed');
  const lanes: Lane[] = [];
  try {
    for (const device of devices) {
      for (const variant of variantsTaking(call, device.backend))
        lanes.push(await laneOf(call, device, variant));
    }
    if (lanes.length === 0) fail(call.op.name, 'no kernel takes this call on these backends');
    const sticks = [...yardsticks].flatMap(([device, { arithmetic, copy }]) =>
      [arithmetic, copy].map((one) => ({ ...one, name: stickName(one, device) })),
    );
    const outcomes = await measure([...lanes.map(({ contestant }) => contestant), ...sticks]);
    return lanes.map((lane) => lineOf(call, lane, outcomes, yardsticks.get(lane.device)));
  } finally {
    for (const { timed } of lanes) timed.dispose();
  }
}

async function laneOf(call: Call, device: Device, variant: string | null): Promise<Lane> {
  const { op, options } = call;
  const values = valuesOf(call);
  const inputs = values.filter((value) => value !== null);
  const outputs = apply(op, values, options);
  const overwritten = op.overwrites(values);
  const updates = overwritten.map((index, k) => ({ target: values[index]!, value: outputs[k]! }));
  const graph = createGraph(updates.length > 0 ? { inputs, updates } : { inputs, outputs });
  const data = call.inputs.filter((tensor) => tensor !== null);
  const timed = await prepareTimed(device.backend, graph, data, (node) =>
    node.op === op ? (variant ?? undefined) : undefined,
  );
  const name = `${labelOf(device)}/${variant}`;
  return { device, variant, timed, contestant: contestantOf(name, timed) };
}

const labelOf = ({ info }: Device): string => `${info.backend}, ${info.description}`;

const stickName = ({ name }: Yardstick, device: Device): string => `${name} of ${labelOf(device)}`;

function lineOf(
  { op, inputs }: Call,
  { device, variant, timed, contestant }: Lane,
  outcomes: ReadonlyMap<string, Outcome>,
  yardsticks: Yardsticks | undefined,
): BenchLine {
  const outcome = outcomes.get(contestant.name)!;
  const total = (key: 'flops' | 'bytes') =>
    timed.program.schedule.reduce((sum, entry) => sum + entry[key], 0);
  const [flops, bytes] = [total('flops'), total('bytes')];
  const time = 'error' in outcome ? null : outcome;
  const rate = (amount: number) => time && amount / time.medianMs / 1e6;
  const [gflops, gbps] = [rate(flops), rate(bytes)];
  const percent = (work: number, stick: Yardstick | undefined) => {
    const peak = stick && outcomes.get(stickName(stick, device));
    if (!time || !peak || 'error' in peak) return null;
    return (100 * work * timesAsLong(peak, time)) / stick.amount;
  };
  return {
    op: op.name,
    inputs: inputs.map((tensor) => tensor?.shape ?? null),
    device: labelOf(device),
    variant,
    kernels: timed.program.schedule.map(({ kernel }) => kernel),
    medianMs: time?.medianMs ?? null,
    minMs: time?.minMs ?? null,
    spread: time?.spread ?? null,
    flops,
    bytes,
    gflops,
    gbps,
    percentOfArithmetic: percent(flops / device.info.threads, yardsticks?.arithmetic),
    percentOfCopy: percent(bytes, yardsticks?.copy),
    error: 'error' in outcome ? outcome.error : null,
  };
}

function print(lines: readonly BenchLine[]): void {
  const [{ op, inputs, flops, bytes }] = lines as [BenchLine];
  const shapes = inputs.map((shape) => (shape ? showShape(shape) : '-')).join(', ');
  console.log(`\n${op} of ${shapes}: ${flops} flop, ${bytes} bytes`);
  const rows = lines.map((line) =>
    line.error === null
      ? [
          line.device,
          line.kernels.join(' '),
          figure(line.medianMs! * 1e3),
          `${(line.spread! * 100).toFixed(0)} %`,
          figure(line.gflops!),
          figure(line.gbps!),
          line.percentOfArithmetic?.toFixed(0) ?? '',
          line.percentOfCopy?.toFixed(0) ?? '',
        ]
      : [line.device, line.kernels.join(' '), `failed: ${line.error}`],
  );
  const head = ['device', 'kernel', 'median µs', 'spread', 'GFLOP/s', 'GB/s', '% arithmetic', '% copy'];
  const table = [head, ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  const pad = (text: string, i: number) => (i < 2 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!));
  for (const row of table) console.log(row.map(pad).join('  '));
}

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
