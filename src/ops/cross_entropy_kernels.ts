/** Launches of cross-entropy's kernels: of labels, and of probabilities, the shares of classes; with slopes or without. */
import type { KernelCall, Launch } from '../op.js';
import {
  type CrossEntropyAttrs,
  geometry,
  rowBytes,
  rowParams,
  totalLaunch,
  weightLaunch,
} from './class_rows.js';
import { SHORT } from './rows.js';

type Call = KernelCall<'logits' | 'target' | 'weight?', CrossEntropyAttrs>;
type Backend = 'wasm' | 'webgpu';

/** Four rows side by side and three numbers of each, or three numbers of a row. */
const scratchOf = ({ inner, classes }: { inner: number; classes: number }) => ({
  scratch: inner === 1 && classes > SHORT ? 16 : 16 * classes + 48,
});

/** The loss is the output, or the first of two. */
const lossOf = ({ attrs }: Call, slopes: boolean) => {
  const loss = slopes ? 'output0' : 'output';
  return { loss, rows: attrs.reduction === 'none' ? loss : 'losses' };
};

/** Losses of labels; with their slopes, the labels' weights are added up before. */
export const byLabel = (backend: Backend, slopes: boolean) => ({
  name: 'cross_entropy_f32',
  when: ({ types }: Call) => types.target.dtype === 'i32',
  temporaries: ({ types, attrs }: Call): Record<string, number> => ({
    ...rowBytes(geometry(types.logits.shape).rows, attrs),
    ...(slopes && attrs.reduction === 'mean' ? { total: 4 } : {}),
  }),
  launches(call: Call) {
    const { types, attrs } = call;
    const params = rowParams(types.logits.shape, types.weight, attrs);
    const { loss, rows } = lossOf(call, slopes);
    const total = slopes && attrs.reduction === 'mean' ? 'total' : null;
    const common = { params, units: params.rows };
    const inputs = ['logits', 'target', 'weight'];
    const outputs = [rows, 'weights'];
    const kernel = 'cross_entropy_rows_f32';
    const each =
      backend === 'wasm'
        ? [
            {
              ...common,
              kernel,
              operands: [...inputs, total, ...outputs, slopes ? 'output1' : null, 'fault'],
              ...scratchOf(params),
            },
          ]
        : [
            { ...common, kernel, operands: [...inputs, ...outputs, 'fault'] },
            ...(slopes
              ? [{ ...common, kernel: 'cross_entropy_slopes_f32', operands: [...inputs, total, 'output1'] }]
              : []),
          ];
    return [
      ...(total ? [weightLaunch(params, backend)] : []),
      ...each,
      ...(attrs.reduction === 'none' ? [] : [totalLaunch(params, backend, attrs.reduction === 'mean', loss)]),
    ];
  },
});

/** Rows that one workgroup takes, and their elements. */
const WHOLE = { rows: 256, elements: 16384 };

/** webgpu: the loss of few labels with its slopes, reduced, in one launch. */
export const wholeByLabel = {
  name: 'cross_entropy_f32__whole',
  when({ types, attrs }: Call) {
    const { rows, classes } = geometry(types.logits.shape);
    const few = rows <= WHOLE.rows && rows * classes <= WHOLE.elements;
    return types.target.dtype === 'i32' && attrs.reduction !== 'none' && few;
  },
  launches: ({ types, attrs }: Call): Launch[] => [
    {
      kernel: 'cross_entropy_f32__whole',
      operands: ['logits', 'target', 'weight', 'output0', 'output1', 'fault'],
      params: rowParams(types.logits.shape, types.weight, attrs),
      units: 64,
    },
  ],
};

export const byShare = (backend: Backend, slopes: boolean) => ({
  name: 'cross_entropy_shares_f32',
  when: ({ types }: Call) => types.target.dtype === 'f32',
  temporaries({ types, attrs }: Call): Record<string, number> {
    return attrs.reduction === 'none' ? {} : { losses: 4 * Math.max(1, geometry(types.logits.shape).rows) };
  },
  launches(call: Call) {
    const { types, attrs } = call;
    const params = rowParams(types.logits.shape, types.weight, attrs);
    const { loss, rows } = lossOf(call, slopes);
    const common = { params, units: params.rows };
    const inputs = ['logits', 'target', 'weight'];
    const kernel = 'cross_entropy_shares_f32';
    const each =
      backend === 'wasm'
        ? [
            {
              ...common,
              kernel,
              operands: [...inputs, rows, slopes ? 'output1' : null],
              scratch: params.inner === 1 ? 0 : 4 * params.classes,
            },
          ]
        : [
            { ...common, kernel, operands: [...inputs, rows] },
            ...(slopes
              ? [{ ...common, kernel: 'cross_entropy_shares_slopes_f32', operands: [...inputs, 'output1'] }]
              : []),
          ];
    return [...each, ...(attrs.reduction === 'none' ? [] : [totalLaunch(params, backend, false, loss)])];
  },
});
