/** Launches of cross-entropy's kernels: of labels, and of probabilities, the shares of classes. */
import type { KernelCall } from '../op.js';
import { sizeOf } from '../shape.js';
import {
  type CrossEntropyAttrs,
  geometry,
  rowBytes,
  rowParams,
  totalLaunch,
  weightLaunch,
} from './class_rows.js';

type Call = KernelCall<'logits' | 'target' | 'weight?', CrossEntropyAttrs>;

/** wasm: rows up to this long are taken in lanes; assembly/cross_entropy.ts has the same number. */
const SHORT = 64;

/** Four rows side by side and three numbers of each. */
const scratchOf = ({ inner, classes }: { inner: number; classes: number }) => ({
  scratch: inner === 1 && classes > SHORT ? 48 : 16 * classes + 48,
});

export const byLabel = (backend: 'wasm' | 'webgpu') => ({
  name: 'cross_entropy_f32',
  when: ({ types }: Call) => types.target.dtype === 'i32',
  temporaries: ({ types, attrs }: Call) => rowBytes(sizeOf(types.target.shape), attrs),
  launches({ types, attrs }: Call) {
    const params = rowParams(types.logits.shape, types.weight, attrs);
    const out = attrs.reduction === 'none' ? 'output' : 'losses';
    return [
      {
        kernel: 'cross_entropy_rows_f32',
        operands: ['logits', 'target', 'weight', out, 'weights', 'fault'],
        params,
        units: params.rows,
        ...scratchOf(params),
      },
      ...(attrs.reduction === 'none' ? [] : [totalLaunch(params, backend, attrs.reduction === 'mean')]),
    ];
  },
});

export const byShare = (backend: 'wasm' | 'webgpu') => ({
  name: 'cross_entropy_shares_f32',
  when: ({ types }: Call) => types.target.dtype === 'f32',
  temporaries({ types, attrs }: Call): Record<string, number> {
    return attrs.reduction === 'none' ? {} : { losses: 4 * Math.max(1, geometry(types.logits.shape).rows) };
  },
  launches({ types, attrs }: Call) {
    const params = rowParams(types.logits.shape, types.weight, attrs);
    const out = attrs.reduction === 'none' ? 'output' : 'losses';
    return [
      {
        kernel: 'cross_entropy_shares_f32',
        operands: ['logits', 'target', 'weight', out],
        params,
        units: params.rows,
        ...scratchOf(params),
      },
      ...(attrs.reduction === 'none' ? [] : [totalLaunch(params, backend, false)]),
    ];
  },
});

type BackwardCall = KernelCall<'logits' | 'target' | 'weight?' | 'dy', CrossEntropyAttrs>;

export const labelGradient = (backend: 'wasm' | 'webgpu') => ({
  name: 'cross_entropy_backward_f32',
  when: ({ types }: BackwardCall) => types.target.dtype === 'i32',
  temporaries: ({ attrs }: BackwardCall): Record<string, number> =>
    attrs.reduction === 'mean' ? { total: 4 } : {},
  launches({ types, attrs }: BackwardCall) {
    const params = rowParams(types.logits.shape, types.weight, attrs);
    const total = attrs.reduction === 'mean' ? 'total' : null;
    return [
      ...(total ? [weightLaunch(params, backend)] : []),
      {
        kernel: 'cross_entropy_backward_f32',
        operands: ['logits', 'target', 'weight', 'dy', total, 'output'],
        params,
        units: params.rows,
        ...scratchOf(params),
      },
    ];
  },
});

export const shareGradient = {
  name: 'cross_entropy_shares_backward_f32',
  when: ({ types }: BackwardCall) => types.target.dtype === 'f32',
  launches({ types, attrs }: BackwardCall) {
    const params = rowParams(types.logits.shape, types.weight, attrs);
    return [
      {
        kernel: 'cross_entropy_shares_backward_f32',
        operands: ['logits', 'target', 'weight', 'dy', 'output'],
        params,
        units: params.rows,
        ...scratchOf(params),
      },
    ];
  },
};
