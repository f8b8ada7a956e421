import { readdirSync, readFileSync } from 'node:fs';
import {
  apply,
  createInput,
  gradient,
  gradientOps,
  type HostTensor,
  ops,
  registry,
  type Value,
} from '../../src/index.js';

const FOLDER = new URL('../golden/', import.meta.url);

type Array64 = Float64Array<ArrayBuffer>;
interface Stored {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Array64;
}

/** One case as test/golden/golden.py wrote it: names of tensors, null for what is absent. */
interface Case {
  readonly op: string;
  readonly name: string;
  readonly options: object;
  readonly inputs: readonly (string | null)[];
  readonly outputs: readonly string[];
  readonly seeds: readonly (string | null)[];
  readonly grads: readonly (string | null)[];
}

export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly options: object;
  readonly inputs: readonly (HostTensor | null)[];
  /** What PyTorch gives, in f64: the outputs, then the gradients of those inputs for which it was asked. */
  readonly expected: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Array64;
  }[];
  readonly seeds: readonly (HostTensor | null)[];
  /** Positions of the inputs whose gradients follow the outputs in `expected`. */
  readonly wrt: readonly number[];
}

const VIEWS = { F64: Float64Array, F32: Float32Array, I32: Int32Array, BOOL: Uint8Array } as const;

/** A safetensors file of golden cases in full precision; null for one of another kind. */
function readFile(path: URL): { tensors: Map<string, Stored>; metadata: Record<string, string> } | null {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const { __metadata__: metadata = {}, ...entries } = header;
  if (metadata.cases === undefined) return null;
  const tensors = new Map<string, Stored>();
  for (const [name, entry] of Object.entries<{
    dtype: string;
    shape: number[];
    data_offsets: [number, number];
  }>(entries)) {
    const [begin, end] = entry.data_offsets;
    const View = VIEWS[entry.dtype as keyof typeof VIEWS];
    const data = new View(
      bytes.buffer.slice(
        bytes.byteOffset + 8 + length + begin,
        bytes.byteOffset + 8 + length + end,
      ) as ArrayBuffer,
    );
    tensors.set(name, { dtype: entry.dtype, shape: entry.shape, data: Float64Array.from(data) });
  }
  return { tensors, metadata };
}

const host = ({ dtype, shape, data }: Stored): HostTensor =>
  dtype === 'I32'
    ? { dtype: 'i32', shape, data: Int32Array.from(data) }
    : dtype === 'BOOL'
      ? { dtype: 'bool', shape, data: Uint8Array.from(data) }
      : { dtype: 'f32', shape, data: Float32Array.from(data) };

/** The families that have golden values, with PyTorch's version. */
export function goldenFiles(): { family: string; torch: string; cases: GoldenCase[] }[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.safetensors'))
    .flatMap((name) => {
      const file = readFile(new URL(name, FOLDER));
      if (!file) return [];
      const { tensors, metadata } = file;
      const cases = (JSON.parse(metadata.cases!) as Case[]).map((one): GoldenCase => {
        const get = (key: string) => tensors.get(key)!;
        const optional = (key: string | null) => (key === null ? null : host(get(key)));
        const wrt = one.grads.flatMap((key, i) => (key === null ? [] : [i]));
        const inputNames = registry.get(one.op)?.inputs ?? [];
        return {
          ...one,
          inputs: one.inputs.map(optional),
          seeds: one.seeds.map(optional),
          wrt,
          expected: [
            ...one.outputs.map((key, i) => ({ name: `output ${i}`, ...get(key) })),
            ...wrt.map((i) => ({ name: `the gradient of '${inputNames[i] ?? i}'`, ...get(one.grads[i]!) })),
          ],
        };
      });
      return [{ family: name.replace('.safetensors', ''), torch: metadata.torch!, cases }];
    });
}

/** A case as a graph: inputs, then seeds; outputs, then gradients. */
export function goldenGraph(golden: GoldenCase): {
  inputs: Value[];
  data: Float64Array<ArrayBuffer>[];
  outputs: Value[];
} {
  const op = registry.get(golden.op);
  if (!op) throw new Error(`${golden.name}: there is no op '${golden.op}'`);
  const values = golden.inputs.map(
    (tensor, i) => tensor && createInput(tensor.shape, tensor.dtype, op.inputs[i]),
  );
  const made = apply(op, values, golden.options);
  const inputs = values.filter((value) => value !== null);
  const data = golden.inputs
    .filter((tensor) => tensor !== null)
    .map((tensor) => Float64Array.from(tensor.data));
  if (golden.wrt.length === 0) return { inputs, data, outputs: [...made] };
  let loss: Value | null = null;
  golden.seeds.forEach((seed, i) => {
    if (!seed) return;
    const value = createInput(seed.shape);
    inputs.push(value);
    data.push(Float64Array.from(seed.data));
    const term = ops.sum(ops.mul(made[i]!, value));
    loss = loss ? ops.add(loss, term) : term;
  });
  const wrt = golden.wrt.map((i) => values[i]!);
  const grads = gradient(loss!, wrt, gradientOps).map(
    (grad, i) => grad ?? ops.full({ shape: wrt[i]!.shape, value: 0 }),
  );
  return { inputs, data, outputs: [...made, ...grads] };
}
