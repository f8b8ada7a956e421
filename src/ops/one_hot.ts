import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, oneOf, whole } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType } from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { expectWhole } from './common.js';
import { positionOf } from './indexing_walk.js';

export interface OneHotOptions {
  /** How many classes there are. */
  readonly classes: number;
  /** Of the result, default 'f32'. */
  readonly dtype?: 'f32' | 'i32';
}

export const oneHotKinds: Kinds<OneHotOptions> = { classes: whole, dtype: oneOf('f32', 'i32') };

interface OneHotAttrs {
  readonly classes: number;
  readonly dtype: 'f32' | 'i32';
}

const labelFault = ({ shape }: TensorType, classes: number, [at, label]: readonly [number, number]): string =>
  `label ${label | 0} at ${showShape(positionOf(shape, at))} is outside 0..${classes - 1}, labels is ${showShape(shape)}`;

/**
 * A last axis with 1 in the label's place and 0 elsewhere: torch.nn.functional.one_hot, but f32 unless `dtype` says i32,
 * and with the number of classes given, for shapes are known before anything is computed.
 */
export const oneHot = defineOp({
  name: 'oneHot',
  summary: 'y[.., c] = 1 where labels[..] = c, else 0',
  inputs: ['labels'],
  kinds: oneHotKinds,
  attributes(options: OneHotOptions | undefined): OneHotAttrs {
    const { classes, dtype = 'f32' } = options ?? fail('oneHot', 'needs options { classes }');
    if (dtype !== 'f32' && dtype !== 'i32') fail('oneHot', `dtype must be 'f32' or 'i32', got '${dtype}'`);
    return { classes: expectWhole('oneHot', 'classes', classes, 1), dtype };
  },
  infer({ labels }, { classes, dtype }) {
    expectDType('oneHot', { labels }, 'i32');
    return { shape: [...labels.shape, classes], dtype };
  },
  reference({ labels }, { classes }) {
    const y = new Float64Array(labels.data.length * classes);
    labels.data.forEach((label, i) => {
      if (label < 0 || label >= classes) fail('oneHot', labelFault(labels, classes, [i, label]));
      y[i * classes + label] = 1;
    });
    return y;
  },
  backward: { labels: null },
  kernels: { wasm: [oneHotVariant('wasm')], webgpu: [oneHotVariant('webgpu')] },
  fault: ({ labels }, { classes }, detail) => labelFault(labels, classes, detail),
  samples: [
    { inputs: { labels: { shape: [5], dtype: 'i32', domain: [0, 6] } }, options: { classes: 7 } },
    {
      inputs: { labels: { shape: [3, 67], dtype: 'i32', domain: [0, 3] } },
      options: { classes: 5, dtype: 'i32' },
    },
    { inputs: { labels: { shape: [], dtype: 'i32', values: [0] } }, options: { classes: 1 } },
  ],
  errors: [
    {
      types: { labels: f32([3]) },
      options: { classes: 2 },
      message: 'oneHot: labels must be i32, it is f32[3]',
    },
    {
      types: { labels: { shape: [3], dtype: 'i32' } },
      options: { classes: 0 },
      message: 'oneHot: classes must be a whole number of at least 1, got 0',
    },
    { types: { labels: { shape: [3], dtype: 'i32' } }, message: 'oneHot: needs options { classes }' },
  ],
});

function oneHotVariant(backend: 'wasm' | 'webgpu') {
  return {
    name: 'one_hot',
    launches: ({ types: { labels }, attrs: { classes, dtype } }: KernelCall<'labels', OneHotAttrs>) => {
      const size = sizeOf(labels.shape);
      const one = dtype === 'f32' ? 0x3f800000 : 1;
      return [
        {
          kernel: 'one_hot',
          operands: ['labels', 'output', 'fault'],
          params: { size, classes, one },
          units: backend === 'wasm' ? size : size * classes,
        },
      ];
    },
  };
}
