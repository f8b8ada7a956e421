/** Launches of cross-entropy's kernels: of labels, and of probabilities, the shares of classes; with slopes or without. */
import type { KernelCall, Launch, Variant } from '../op.js';
import {
  type CrossEntropyAttrs,
  geometry,
  rowBytes,
  rowParams,
  totalLaunch,
  weightLaunch,
} from './class_rows.js';
import { type Rows, rowVariants } from './row_lanes.js';
import { SHORT } from './rows.js';

type Names = 'logits' | 'target' | 'weight?';
type Call = KernelCall<Names, CrossEntropyAttrs>;
type CallVariant = Variant<Names, CrossEntropyAttrs>;
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

const labels = ({ types }: Call) => types.target.dtype === 'i32';
const shares = ({ types }: Call) => types.target.dtype === 'f32';

const labelTemporaries = ({ types, attrs }: Call, slopes: boolean): Record<string, number> => ({
  ...rowBytes(geometry(types.logits.shape).rows, attrs),
  ...(slopes && attrs.reduction === 'mean' ? { total: 4 } : {}),
});

const shareTemporaries = ({ types, attrs }: Call): Record<string, number> =>
  attrs.reduction === 'none' ? {} : { losses: 4 * Math.max(1, geometry(types.logits.shape).rows) };

const INPUTS = ['logits', 'target', 'weight'];

/** What kernels over rows of labels take, whose weights are added up before where the gradient is wanted. */
function labelOperands(call: Call, slopes: boolean) {
  const { loss, rows } = lossOf(call, slopes);
  const total = slopes && call.attrs.reduction === 'mean' ? 'total' : null;
  return { loss, total, operands: [...INPUTS, total, rows, 'weights', slopes ? 'output1' : null, 'fault'] };
}

const paramsOf = ({ types, attrs }: Call) => rowParams(types.logits.shape, types.weight, attrs);

/** The launches before and after those over rows of labels. */
function around(call: Call, slopes: boolean, backend: Backend, each: Launch): Launch[] {
  const { loss, total } = labelOperands(call, slopes);
  const params = paramsOf(call);
  const mean = call.attrs.reduction === 'mean';
  return [
    ...(total ? [weightLaunch(params, backend)] : []),
    each,
    ...(call.attrs.reduction === 'none' ? [] : [totalLaunch(params, backend, mean, loss)]),
  ];
}

/** Cross-entropy on wasm, with its gradient or without. */
export const byRows = (slopes: boolean): CallVariant[] => [
  {
    name: 'cross_entropy_f32',
    when: labels,
    temporaries: (call) => labelTemporaries(call, slopes),
    launches(call) {
      const params = paramsOf(call);
      const { operands } = labelOperands(call, slopes);
      const each = { kernel: 'cross_entropy_rows_f32', operands, params, units: params.rows };
      return around(call, slopes, 'wasm', { ...each, ...scratchOf(params) });
    },
  },
  {
    name: 'cross_entropy_shares_f32',
    when: shares,
    temporaries: shareTemporaries,
    launches(call) {
      const params = paramsOf(call);
      const { loss, rows } = lossOf(call, slopes);
      const each = {
        kernel: 'cross_entropy_shares_f32',
        operands: [...INPUTS, rows, slopes ? 'output1' : null],
        params,
        units: params.rows,
        scratch: params.inner === 1 ? 0 : 4 * params.classes,
      };
      return [each, ...(call.attrs.reduction === 'none' ? [] : [totalLaunch(params, 'wasm', false, loss)])];
    },
  },
];

/** Rows that one workgroup takes, and their elements. */
const WHOLE = { rows: 256, elements: 16384 };

/** The loss of few labels with its slopes, reduced, in one launch. */
const whole: CallVariant = {
  name: 'cross_entropy_f32__whole',
  when(call) {
    const { rows, classes } = paramsOf(call);
    const few = rows <= WHOLE.rows && rows * classes <= WHOLE.elements;
    return labels(call) && call.attrs.reduction !== 'none' && few;
  },
  launches: (call) => [
    {
      kernel: 'cross_entropy_f32__whole',
      operands: [...INPUTS, 'output0', 'output1', 'fault'],
      params: paramsOf(call),
      units: 64,
    },
  ],
};

const gpuRows = (call: Call): Rows => {
  const { rows, classes, inner } = paramsOf(call);
  return { rows, length: classes, inner };
};

/** Variants of a kernel over rows on a GPU, for the calls that `takes` accepts. */
const rowKernels = (
  name: string,
  takes: (call: Call) => boolean,
  launches: (call: Call, each: Omit<Launch, 'operands'>) => Launch[],
  temporaries: (call: Call) => Record<string, number>,
  slopes: boolean,
): CallVariant[] =>
  rowVariants<Names, CrossEntropyAttrs>(
    name,
    gpuRows,
    (call, { suffix, lanes }) => {
      const params = { ...paramsOf(call), lanes, slopes: Number(slopes) };
      return launches(call, { kernel: name + suffix, params, units: params.rows * lanes });
    },
    temporaries,
    ['lanes', 'tree'],
  ).map((variant) => ({ ...variant, when: (call) => takes(call) && variant.when!(call) }));

/** Cross-entropy on a GPU, with its gradient or without. */
export const byLanes = (slopes: boolean): CallVariant[] => [
  ...(slopes ? [whole] : []),
  ...rowKernels(
    'cross_entropy_rows_f32',
    labels,
    (call, each) =>
      around(call, slopes, 'webgpu', { ...each, operands: labelOperands(call, slopes).operands }),
    (call) => labelTemporaries(call, slopes),
    slopes,
  ),
  ...rowKernels(
    'cross_entropy_shares_f32',
    shares,
    (call, each) => {
      const { loss, rows } = lossOf(call, slopes);
      const total = totalLaunch(paramsOf(call), 'webgpu', false, loss);
      const operands = [...INPUTS, rows, slopes ? 'output1' : null];
      return [{ ...each, operands }, ...(call.attrs.reduction === 'none' ? [] : [total])];
    },
    shareTemporaries,
    slopes,
  ),
];
