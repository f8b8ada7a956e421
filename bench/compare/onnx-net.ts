import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { ConvOptions, Net, PoolOptions } from '../case.js';
import { type CaseInputs, operand } from '../inputs.js';

type Attributes = Readonly<Record<string, number | Float | readonly number[]>>;

/** A number that is an attribute of type FLOAT also where it is whole. */
class Float {
  constructor(readonly value: number) {}
}

/** Gates of a weight [4 hidden, ...] from PyTorch's order i, f, g, o into ONNX's i, o, f, c. */
function reordered(data: Float32Array): Float32Array {
  const size = data.length / 4;
  const out = new Float32Array(data.length);
  [0, 3, 1, 2].forEach((from, to) => {
    out.set(data.subarray(from * size, (from + 1) * size), to * size);
  });
  return out;
}

/** Builds an ONNX model (opset 20) of the nodes that a case asks for. Values are names; weights are constants of the model. */
export class OnnxNet implements Net<string> {
  readonly #inputs: CaseInputs;
  readonly #nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  readonly #constants: MessageInitShape<typeof TensorProtoSchema>[] = [];
  readonly #feeds = new Set<string>();
  #count = 0;

  constructor(inputs: CaseInputs) {
    this.#inputs = inputs;
  }

  /** A case's operand. */
  at = (name: string): string => {
    operand(this.#inputs, name);
    return name;
  };

  /** Makes an operand that a node reads an argument of the model, or, as weights are, a constant, packed when it is loaded. */
  #declare(name: string): void {
    const given = this.#inputs[name];
    if (!given || this.#feeds.has(name) || this.#constants.some((one) => one.name === name)) return;
    const isWeight = given.kind === 'filter' || given.kind === 'dense' || /weight|bias/.test(name);
    if (isWeight) this.#constant(given.shape, given.data, name);
    else this.#feeds.add(name);
  }

  /** The operands that a run must be given. */
  get feeds(): readonly string[] {
    return [...this.#feeds];
  }

  node(opType: string, input: readonly string[], attributes: Attributes = {}, outputs = 1): string {
    for (const name of input) this.#declare(name);
    const output = Array.from({ length: outputs }, () => `v${this.#count++}`);
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    this.#nodes.push({ opType, input: [...input], output, attribute });
    return output[0]!;
  }

  #constant(
    shape: readonly number[],
    data: Float32Array | BigInt64Array,
    name = `c${this.#count++}`,
  ): string {
    const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice();
    const dataType = data instanceof Float32Array ? TensorProto_DataType.FLOAT : TensorProto_DataType.INT64;
    this.#constants.push({ name, dims: shape.map(BigInt), dataType, rawData });
    return name;
  }

  #scalar = (value: number) => this.#constant([], Float32Array.of(value));
  #whole = (values: readonly number[]) => this.#constant([values.length], BigInt64Array.from(values, BigInt));

  /** The bytes of the model whose result is `output`. */
  model(output: string): Uint8Array {
    const input = this.feeds.map((name) => valueInfo(name, operand(this.#inputs, name).shape));
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: 9n,
        opsetImport: [{ domain: '', version: 20n }],
        graph: {
          name: 'case',
          node: this.#nodes,
          initializer: this.#constants,
          input,
          output: [valueInfo(output)],
        },
      }),
    );
  }

  add = (a: string, b: string) => this.node('Add', [a, b]);
  mul = (a: string, b: string) => this.node('Mul', [a, b]);
  relu = (x: string) => this.node('Relu', [x]);
  exp = (x: string) => this.node('Exp', [x]);
  tanh = (x: string) => this.node('Tanh', [x]);
  sigmoid = (x: string) => this.node('Sigmoid', [x]);
  gelu = (x: string) => this.node('Gelu', [x]);

  matmul(a: string, b: string, { transposeA = false, transposeB = false } = {}): string {
    if (!transposeA && !transposeB) return this.node('MatMul', [a, b]);
    return this.node('Gemm', [a, b], { transA: Number(transposeA), transB: Number(transposeB) });
  }

  linear = (x: string, weight: string, bias: string) => this.node('Gemm', [x, weight, bias], { transB: 1 });

  linearRelu = (x: string, weight: string, bias: string) => this.relu(this.linear(x, weight, bias));
  convRelu = (x: string, weight: string, bias: string, options: ConvOptions) =>
    this.relu(this.conv2d(x, weight, bias, options));

  conv2d(x: string, weight: string, bias: string | null, { stride, padding, groups }: ConvOptions): string {
    const attributes = { strides: [stride, stride], pads: new Array<number>(4).fill(padding), group: groups };
    return this.node('Conv', bias ? [x, weight, bias] : [x, weight], attributes);
  }

  pool2d(x: string, { kind, kernel, stride }: PoolOptions): string {
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride] };
    return this.node(kind === 'max' ? 'MaxPool' : 'AveragePool', [x], attributes);
  }

  softmax = (x: string) => this.node('Softmax', [x], { axis: -1 });
  logSoftmax = (x: string) => this.node('LogSoftmax', [x], { axis: -1 });

  crossEntropy(): string {
    throw new Error('ONNX Runtime has no cross-entropy outside its training builds');
  }

  layerNorm = (x: string, weight: string, bias: string) =>
    this.node('LayerNormalization', [x, weight, bias], { axis: -1, epsilon: new Float(1e-5) });

  batchNorm(): string {
    throw new Error('ONNX Runtime has batch normalisation by given statistics only');
  }

  groupNorm(x: string, weight: string, bias: string, groups: number): string {
    const { shape } = operand(this.#inputs, x);
    const [ones, zeros] = [1, 0].map((value) =>
      this.#constant([groups], new Float32Array(groups).fill(value)),
    ) as [string, string];
    const grouped = this.reshape(x, [shape[0]!, groups, -1]);
    const y = this.node('InstanceNormalization', [grouped, ones, zeros], { epsilon: new Float(1e-5) });
    const shaped = (name: string) => this.reshape(name, [-1, 1, 1]);
    return this.add(this.mul(this.reshape(y, shape), shaped(weight)), shaped(bias));
  }

  #reduce(op: string, x: string, axes: readonly number[]): string {
    return this.node(op, [x, this.#whole(axes)], { keepdims: 0 });
  }

  sum = (x: string, axes: readonly number[]) => this.#reduce('ReduceSum', x, axes);
  mean = (x: string, axes: readonly number[]) => this.#reduce('ReduceMean', x, axes);
  max = (x: string, axes: readonly number[]) => this.#reduce('ReduceMax', x, axes);
  transpose = (x: string, axes: readonly number[]) => this.node('Transpose', [x], { perm: axes });
  reshape = (x: string, shape: readonly number[]) => this.node('Reshape', [x, this.#whole(shape)]);
  flatten = (x: string) => this.node('Flatten', [x]);

  attention(q: string, k: string, v: string): string {
    const scale = 1 / Math.sqrt(operand(this.#inputs, q).shape.at(-1)!);
    const scores = this.mul(this.matmul(q, this.transpose(k, [0, 1, 3, 2])), this.#scalar(scale));
    return this.matmul(this.softmax(scores), v);
  }

  lstm(x: string, weights: readonly string[], hidden: number): string {
    let y = x;
    for (let layer = 0; layer < weights.length; layer += 4) {
      const [w, r, bw, br] = weights.slice(layer, layer + 4).map((name) => {
        const { shape, data } = operand(this.#inputs, name);
        return { shape, data: reordered(data) };
      });
      const bias = new Float32Array(8 * hidden);
      bias.set(bw!.data);
      bias.set(br!.data, 4 * hidden);
      const inputs = [
        this.#constant([1, ...w!.shape], w!.data),
        this.#constant([1, ...r!.shape], r!.data),
        this.#constant([1, 8 * hidden], bias),
      ];
      // The result has an axis of directions after that of steps.
      const all = this.node('LSTM', [y, ...inputs], { hidden_size: hidden }, 3);
      y = this.node('Squeeze', [all, this.#whole([1])]);
    }
    return y;
  }
}

/** An argument, or the result, whose shape ONNX Runtime finds by itself. */
function valueInfo(name: string, shape?: readonly number[]): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape?.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }));
  const value = { elemType: TensorProto_DataType.FLOAT, ...(dim ? { shape: { dim } } : {}) };
  return { name, type: { value: { case: 'tensorType', value } } };
}

function attributeOf(name: string, value: Attributes[string]): MessageInitShape<typeof AttributeProtoSchema> {
  if (value instanceof Float) return { name, type: AttributeProto_AttributeType.FLOAT, f: value.value };
  if (typeof value === 'number') return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  return { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}
