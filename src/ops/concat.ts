import { defineVariadicComposition } from '../composition.js';
import { defineVariadicOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import { f32, type TensorType } from '../op.js';
import { checkShape, normalizeAxis, sameShape, showShape, sizeOf, stridesOf } from '../shape.js';
import { reshape } from './layout.js';
import { slice } from './slice.js';
import { copyLaunch, copyReference, type StridedCopy } from './strided.js';

export interface ConcatOptions {
  /** The axis along which the inputs follow each other, default 0. */
  readonly axis?: number;
}

export const concatKinds: Kinds<ConcatOptions> = { axis: whole };

/** The copy of each input into its place along the axis. */
function concatCopies(types: readonly TensorType[], output: TensorType, axis: number): StridedCopy[] {
  const yStrides = stridesOf(output.shape);
  let before = 0;
  return types.map(({ shape }) => {
    const yOffset = before * yStrides[axis]!;
    before += shape[axis]!;
    return { shape, xStrides: stridesOf(shape), yStrides, yOffset };
  });
}

const concatLaunches = (backend: 'wasm' | 'webgpu') => ({
  name: 'concat__strided',
  launches: (types: readonly TensorType[], output: TensorType, { axis }: { axis: number }) =>
    concatCopies(types, output, axis).map((copy, index) => copyLaunch(backend, copy, String(index))),
});

/** The inputs one after the other along an axis; they agree in every other size. */
export const concat = defineVariadicOp({
  name: 'concat',
  summary: 'y = the inputs one after the other along an axis',
  inputs: ['inputs'],
  kinds: concatKinds,
  attributes: (options: ConcatOptions | undefined, [first]) => ({
    axis: normalizeAxis('concat', options?.axis ?? 0, first!.shape.length),
  }),
  infer(types, { axis }) {
    const [first] = types;
    const fits = (type: TensorType) =>
      type.dtype === first!.dtype &&
      sameShape(type.shape.toSpliced(axis, 1), first!.shape.toSpliced(axis, 1)) &&
      type.shape.length === first!.shape.length;
    if (!types.every(fits)) {
      const shown = types.map((type) => `${type.dtype}${showShape(type.shape)}`).join(', ');
      fail('concat', `inputs must agree in dtype and in every size but axis ${axis}, they are ${shown}`);
    }
    const length = types.reduce((sum, type) => sum + type.shape[axis]!, 0);
    return { shape: first!.shape.with(axis, length), dtype: first!.dtype };
  },
  reference(inputs, { axis }, output) {
    const y = new Float64Array(sizeOf(output.shape));
    concatCopies(inputs, output, axis).forEach((copy, index) => {
      copyReference(inputs[index]!, copy, y);
    });
    return y;
  },
  backward(index, inputs, grad, { axis }) {
    const first = inputs.slice(0, index).reduce((sum, x) => sum + x.shape[axis]!, 0);
    const { shape } = inputs[index]!;
    return slice(grad, {
      start: shape.map((_, k) => (k === axis ? first : 0)),
      end: shape.map((size, k) => (k === axis ? first + size : size)),
    });
  },
  launches: { wasm: concatLaunches('wasm'), webgpu: concatLaunches('webgpu') },
  samples: [
    { inputs: [{ shape: [2] }, { shape: [3] }], options: {} },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [2, 1, 2] }, { shape: [2, 5, 2] }], options: { axis: 1 } },
    { inputs: [{ shape: [4, 1] }, { shape: [4, 7] }], options: { axis: -1 } },
    {
      inputs: [
        { shape: [3], dtype: 'i32', domain: [-9, 9] },
        { shape: [1], dtype: 'i32', domain: [-9, 9] },
      ],
      options: {},
    },
    { inputs: [{ shape: [3, 2] }, { shape: [0, 2] }, { shape: [1, 2] }], options: {} },
  ],
  errors: [
    { types: [f32([2])], options: { axis: 1 }, message: 'concat: axis 1 is outside a tensor of rank 1' },
    {
      types: [f32([2, 3]), f32([3, 3])],
      options: { axis: 1 },
      message: 'concat: inputs must agree in dtype and in every size but axis 1, they are f32[2,3], f32[3,3]',
    },
  ],
});

export interface StackOptions {
  /** Where the new axis stands in the result, default 0. */
  readonly axis?: number;
}

export const stackKinds: Kinds<StackOptions> = { axis: whole };

/** Inputs of one shape along a new axis. */
export const stack = defineVariadicComposition({
  name: 'stack',
  summary: 'y = the inputs along a new axis',
  kinds: stackKinds,
  attributes(options: StackOptions | undefined, types) {
    const { shape, dtype } = types[0]!;
    if (!types.every((type) => type.dtype === dtype && sameShape(type.shape, shape))) {
      const shown = types.map((type) => `${type.dtype}${showShape(type.shape)}`).join(', ');
      fail('stack', `inputs must agree in dtype and shape, they are ${shown}`);
    }
    const axis = normalizeAxis('stack', options?.axis ?? 0, shape.length + 1);
    checkShape('stack', shape.toSpliced(axis, 0, types.length));
    return { axis };
  },
  compose(inputs, { axis }) {
    const shape = inputs[0]!.shape.toSpliced(axis, 0, 1);
    return concat(
      inputs.map((x) => reshape(x, { shape })),
      { axis },
    );
  },
  reference(inputs, { axis }, { shape }) {
    const y = new Float64Array(sizeOf(shape));
    const inner = sizeOf(shape.slice(axis + 1));
    inputs.forEach(({ data }, k) => {
      data.forEach((value, i) => {
        y[(Math.floor(i / inner) * inputs.length + k) * inner + (i % inner)] = value;
      });
    });
    return y;
  },
  linear: true,
  samples: [
    { inputs: [{ shape: [3] }, { shape: [3] }], options: {} },
    { inputs: [{ shape: [2, 3] }, { shape: [2, 3] }, { shape: [2, 3] }], options: { axis: -1 } },
    { inputs: [{ shape: [] }, { shape: [] }], options: { axis: 0 } },
    { inputs: [{ shape: [2, 1, 2], dtype: 'i32' }], options: { axis: 1 } },
  ],
  errors: [
    {
      types: [f32([2, 3]), f32([3, 2])],
      options: {},
      message: 'stack: inputs must agree in dtype and shape, they are f32[2,3], f32[3,2]',
    },
    { types: [f32([2])], options: { axis: 2 }, message: 'stack: axis 2 is outside a tensor of rank 2' },
    {
      types: [f32([1, 1, 1, 1, 1, 1, 1, 1])],
      options: {},
      message: 'stack: shape [1,1,1,1,1,1,1,1,1] has more than 8 axes',
    },
  ],
});
