import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { HostTensor } from '../inputs.js';

/** A model of one node, with one output, `y`. */
export interface OneNodeModel {
  readonly op: string;
  /** The operator set; ONNX's own where it is left out. */
  readonly domain?: 'com.microsoft';
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** Names of inputs that are constants of the model instead of arguments. */
  readonly constants?: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  readonly outputShape: readonly number[];
}

function valueInfo(name: string, shape: readonly number[]): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }));
  const value = { elemType: TensorProto_DataType.FLOAT, shape: { dim } };
  return { name, type: { value: { case: 'tensorType', value } } };
}

function constant(name: string, { shape, data }: HostTensor): MessageInitShape<typeof TensorProtoSchema> {
  const rawData = new Uint8Array(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { name, dims: shape.map(BigInt), dataType: TensorProto_DataType.FLOAT, rawData };
}

function attribute(
  name: string,
  value: number | readonly number[],
): MessageInitShape<typeof AttributeProtoSchema> {
  return typeof value === 'number'
    ? { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) }
    : { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}

/** The bytes of an ONNX file (opset 20) that holds the model. */
export function oneNodeModel(model: OneNodeModel): Uint8Array {
  const constants = new Set(model.constants);
  const inputs = Object.entries(model.inputs);
  const { op, domain = '', attributes = {}, outputShape } = model;
  const proto = create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [
      { domain: '', version: 20n },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: {
      name: op,
      node: [
        {
          ...{ opType: op, domain, input: inputs.map(([name]) => name), output: ['y'] },
          attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
        },
      ],
      initializer: inputs
        .filter(([name]) => constants.has(name))
        .map(([name, tensor]) => constant(name, tensor)),
      input: inputs
        .filter(([name]) => !constants.has(name))
        .map(([name, { shape }]) => valueInfo(name, shape)),
      output: [valueInfo('y', outputShape)],
    },
  });
  return toBinary(ModelProtoSchema, proto);
}
