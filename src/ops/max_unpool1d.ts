import { defineComposition } from '../composition.js';
import { f32 } from '../op.js';
import { sizeOf } from '../shape.js';
import {
  checkUnpool,
  type MaxUnpool1dOptions,
  maxUnpool1dKinds,
  maxUnpool2d,
  placesOf,
  unpoolAttrs,
} from './max_unpool2d.js';
import { asLines, asPlanes } from './pool_lines.js';

/** `maxUnpool2d` along one axis: x and indices, those of `maxPool1dWithIndices`, are [n, c, l] or [c, l]. */
export const maxUnpool1d = defineComposition({
  name: 'maxUnpool1d',
  summary: 'y[indices] = x in each line, else 0',
  inputs: ['x', 'indices'],
  kinds: maxUnpool1dKinds,
  attributes(options: MaxUnpool1dOptions | undefined, { x, indices }) {
    const attrs = unpoolAttrs('maxUnpool1d', options, x.shape, 1);
    checkUnpool('maxUnpool1d', x, indices, 1);
    return attrs;
  },
  compose: ({ x, indices }, attrs) => asLines(maxUnpool2d(asPlanes(x), asPlanes(indices), attrs)),
  reference({ x, indices }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    const { shape } = indices;
    const planes = { ...indices, shape: [...shape.slice(0, -1), 1, ...shape.slice(-1)] };
    placesOf('maxUnpool1d', planes, attrs).forEach((place, i) => {
      if (place >= 0) out[place] = x.data[i]!;
    });
    return out;
  },
  linear: ['x'],
  samples: [
    {
      inputs: { x: { shape: [1, 1, 1] }, indices: { shape: [1, 1, 1], dtype: 'i32', domain: [0, 1] } },
      options: { kernel: 2 },
    },
    {
      inputs: { x: { shape: [2, 3, 5] }, indices: { shape: [2, 3, 5], dtype: 'i32', domain: [0, 10] } },
      options: { kernel: 3, stride: 2, outputSize: 11 },
    },
    {
      inputs: { x: { shape: [2, 4] }, indices: { shape: [2, 4], dtype: 'i32', domain: [0, 5] } },
      options: { kernel: 2, padding: 1 },
    },
  ],
  errors: [
    {
      types: { x: f32([1, 1, 2]), indices: { shape: [1, 1, 3], dtype: 'i32' } },
      options: { kernel: 2 },
      message: 'maxUnpool1d: shapes differ, x is [1,1,2], indices is [1,1,3]',
    },
    {
      types: { x: f32([1, 1, 2]), indices: { shape: [1, 1, 2], dtype: 'i32' } },
      options: { kernel: 2, outputSize: 6 },
      message: 'maxUnpool1d: outputSize 6 must lie between 2 and 6, x is [1,1,2]',
    },
    {
      types: { x: f32([2]), indices: { shape: [2], dtype: 'i32' } },
      options: { kernel: 2 },
      message: 'maxUnpool1d: x must be [batch, channels, length] or [channels, length], it is [2]',
    },
  ],
});
