import {
  apply,
  type Backend,
  createGraph,
  createInput,
  type DeviceBuffer,
  FaultMessages,
  type Graph,
  type HostTensor,
  type Op,
  Program,
  type RefTensor,
  type Value,
} from '../index.js';
import { sizeOf } from '../shape.js';
import type { Finding } from './result.js';
import { sampleInputs } from './samples.js';

/** Words behind each buffer that nobody may touch. */
const TAIL = 8;
const GUARD_WORD = 0x5afe5afe;
const NAN_WORD = 0x7fc0dead;
const POISON_BYTES = 2 ** 20;

type Words = Int32Array | Float64Array;

/** A device's memory as raw words: 32 bits, or the f64 of the reference device. */
interface WordFormat {
  readonly dtype: 'i32' | 'f32';
  readonly guard: number;
  readonly unset: (dtype: HostTensor['dtype']) => number;
  encode(tensor: HostTensor): Words;
  decode(words: Words, dtype: HostTensor['dtype']): Float64Array;
}

const bits: WordFormat = {
  dtype: 'i32',
  guard: GUARD_WORD,
  unset: (dtype) => (dtype === 'f32' ? NAN_WORD : GUARD_WORD),
  encode: ({ data, dtype }) =>
    dtype === 'f32' ? new Int32Array(Float32Array.from(data).buffer) : Int32Array.from(data),
  decode: (words, dtype) =>
    Float64Array.from(dtype === 'f32' ? new Float32Array(Int32Array.from(words).buffer) : words),
};

const doubles: WordFormat = {
  dtype: 'f32',
  guard: -987654321.5,
  unset: () => Number.NaN,
  encode: ({ data }) => Float64Array.from(data),
  decode: (words) => Float64Array.from(words),
};

/** A buffer that a program is run on: what it holds before, and what it must hold afterwards (null: an output). */
interface Bound {
  readonly name: string;
  readonly before: Words;
  readonly expected: Words | null;
}

/** A graph of one op, with the outputs' places among the buffers. */
interface Case {
  readonly graph: Graph;
  readonly buffers: readonly Bound[];
  readonly outputAt: readonly number[];
  readonly outputs: readonly Value[];
}

function withTail(words: Words, format: WordFormat): Words {
  const Kind = words.constructor as new (length: number) => Words;
  const all = new Kind(words.length + TAIL).fill(format.guard);
  all.set(words);
  return all;
}

/** The graph of one node: its outputs as outputs, or, for an op that overwrites, as updates of what it overwrites. */
function caseOf(op: Op, sample: number, format: WordFormat, inPlace: boolean): Case {
  const tensors = sampleInputs(op, sample);
  const values = tensors.map((tensor, i) => tensor && createInput(tensor.shape, tensor.dtype, op.inputs[i]));
  const outputs = apply(op, values, op.samples[sample]!.options);
  const inputs = values.filter((value) => value !== null);
  const targets = op.overwrites.map((index) => values[index]!);
  const updates = targets.map((target, k) => ({ target, value: outputs[k]! }));
  const graph = createGraph(inPlace ? { inputs, updates } : { inputs, outputs });
  const given = tensors
    .filter((tensor) => tensor !== null)
    .map((tensor, i): Bound => {
      const before = withTail(format.encode(tensor), format);
      const overwritten = inPlace && targets.includes(inputs[i]!);
      return { name: `input '${inputs[i]!.label}'`, before, expected: overwritten ? null : before };
    });
  if (inPlace)
    return { graph, buffers: given, outputAt: targets.map((target) => inputs.indexOf(target)), outputs };
  const made = outputs.map(({ shape, dtype }, i): Bound => {
    const blank = format
      .encode({ shape, dtype: 'i32', data: new Int32Array(sizeOf(shape)) })
      .fill(format.unset(dtype));
    return { name: `output ${i}`, before: withTail(blank, format), expected: null };
  });
  return { graph, buffers: [...given, ...made], outputAt: outputs.map((_, i) => given.length + i), outputs };
}

/** Buffers with a guard before and behind each, where neighbours in time are neighbours in memory. */
class Workspace {
  readonly buffers: DeviceBuffer[] = [];
  readonly #guards: DeviceBuffer[] = [];

  constructor(
    readonly backend: Backend,
    readonly format: WordFormat,
    readonly bounds: readonly Bound[],
  ) {
    for (const { name, before } of bounds) {
      this.#guard();
      this.buffers.push(backend.allocate(4 * before.length, name));
    }
    this.#guard();
  }

  #guard(): void {
    if (this.backend.kind !== 'wasm') return;
    const buffer = this.backend.allocate(4 * TAIL, 'a guard');
    this.backend.write(buffer, new Int32Array(TAIL).fill(GUARD_WORD), 'i32');
    this.#guards.push(buffer);
  }

  /** One run from the same start. */
  async run(program: Program): Promise<Words[]> {
    const { backend, format } = this;
    this.bounds.forEach(({ before }, i) => {
      backend.write(this.buffers[i]!, before, format.dtype);
    });
    program.run(this.buffers);
    const read = (buffer: DeviceBuffer, i: number) =>
      backend.read(buffer, format.dtype, this.bounds[i]!.before.length) as Promise<Words>;
    return Promise.all(this.buffers.map(read));
  }

  /** What a run touched that it must not have. */
  async damage(after: readonly Words[]): Promise<string | null> {
    for (const [i, { name, before, expected }] of this.bounds.entries()) {
      const size = before.length - TAIL;
      for (let k = expected ? 0 : size; k < before.length; k++) {
        if (Object.is(after[i]![k], before[k])) continue;
        return k < size
          ? `${name} was changed at element ${k}`
          : `word ${k - size} behind ${name} was overwritten`;
      }
    }
    for (const guard of this.#guards) {
      const words = await this.backend.read(guard, 'i32', TAIL);
      if (words.some((word) => word !== GUARD_WORD)) return 'memory between the buffers was overwritten';
    }
    return null;
  }

  free(): void {
    for (const buffer of [...this.buffers, ...this.#guards]) buffer.free();
  }
}

/** Leaves NaNs in the memory that the next program gets, so that reading what was never written shows. */
function poison(backend: Backend): void {
  if (backend.kind !== 'wasm') return;
  const block = backend.allocate(POISON_BYTES, 'poison');
  backend.write(block, new Int32Array(POISON_BYTES / 4).fill(NAN_WORD), 'i32');
  block.free();
}

/** Compares one output with the reference; the error is the largest share of its bound that an element takes. */
function compare(name: string, actual: Float64Array, expected: Float64Array, bound: Float64Array): Finding {
  let worst = 0;
  let problem: string | null = null;
  for (let i = 0; i < expected.length; i++) {
    const [a, e, b] = [actual[i]!, expected[i]!, bound[i]!];
    const same = Object.is(a, e) || a === e || a === Math.fround(e);
    const share = same ? 0 : b === 0 ? Number.MAX_VALUE : Math.abs(a - e) / b;
    const error = Number.isNaN(share) ? Number.MAX_VALUE : share;
    if (error > 1 && error > worst) {
      problem = `${name}[${i}] is ${a}, the reference has ${e}, allowed is a difference of ${b}`;
    }
    worst = Math.max(worst, error);
  }
  return { error: worst, tolerance: 1, problem };
}

async function checkCase(
  op: Op,
  sample: number,
  backend: Backend,
  variant: string | null,
  inPlace: boolean,
): Promise<Finding> {
  const format = backend.kind === 'reference' ? doubles : bits;
  const { graph, buffers, outputAt, outputs } = caseOf(op, sample, format, inPlace);
  poison(backend);
  const workspace = new Workspace(backend, format, buffers);
  const faults = new FaultMessages();
  try {
    const program = await Program.compile(graph, backend, faults, { variant: () => variant ?? undefined });
    try {
      const first = await workspace.run(program);
      const damage = await workspace.damage(first);
      const second = await workspace.run(program);
      faults.raise(backend);
      const repeats = first.every((words, i) => words.every((word, k) => Object.is(word, second[i]![k])));
      const problem = damage ?? (repeats ? null : 'two runs on the same inputs differ');
      if (problem) return { error: Number.MAX_VALUE, tolerance: 1, problem };
      const actual = outputs.map(({ shape, dtype }, k) =>
        format.decode(first[outputAt[k]!]!.slice(0, sizeOf(shape)), dtype),
      );
      return judge(op, sample, backend, outputs, actual);
    } finally {
      program.dispose();
    }
  } finally {
    workspace.free();
  }
}

function judge(
  op: Op,
  sample: number,
  backend: Backend,
  outputs: readonly Value[],
  actual: readonly Float64Array[],
): Finding {
  const { attrs } = outputs[0]!.node!;
  const inputs = sampleInputs(op, sample).map(
    (tensor): RefTensor | null => tensor && { ...tensor, data: Float64Array.from(tensor.data) },
  );
  const expected = op.reference(inputs, attrs, outputs);
  const bounds =
    backend.kind === 'reference'
      ? expected.map(({ length }) => new Float64Array(length))
      : op.bounds(backend.kind, inputs, attrs, expected);
  return outputs
    .map((_, k) =>
      compare(outputs.length > 1 ? `output ${k}` : 'output', actual[k]!, expected[k]!, bounds[k]!),
    )
    .reduce((a, b) => (b.error > a.error ? b : a));
}

/**
 * Runs sample number `sample` of an op on a backend by one kernel variant (null: the reference, or a view) and holds it
 * against `op.reference` within the op's tolerance. Also checked: two runs give the same bits, no input changes but those
 * that the op overwrites, nothing is written outside the outputs. An op that overwrites is run in place and as a copy.
 */
export async function checkForward(
  op: Op,
  sample: number,
  backend: Backend,
  variant: string | null,
): Promise<Finding> {
  const plain = await checkCase(op, sample, backend, variant, false);
  if (op.overwrites.length === 0 || plain.problem) return plain;
  const inPlace = await checkCase(op, sample, backend, variant, true);
  return inPlace.error > plain.error ? inPlace : plain;
}

/** The kernel variants of an op that take a sample on this backend. */
export function variantsFor(op: Op, sample: number, backend: Backend): (string | null)[] {
  const { kind, features } = backend;
  if (kind === 'reference' || op.view) return [null];
  const values = sampleInputs(op, sample).map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const [output] = apply(op, values, op.samples[sample]!.options);
  return op.variants(kind).filter((name) => op.lower(kind, values, output!.node!.attrs, features, name));
}
