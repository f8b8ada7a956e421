import type { Launch, Params, Variant } from '../op.js';
import { forwardGeometry, gradientNames, inputGeometry, weightGeometry } from './conv2d_calls.js';
import type { ForwardAttrs, Geometry, GradientAttrs, WeightGradientAttrs } from './conv2d_geometry.js';

/** Bytes of a frame of rows that stay in the first-level cache, and the most units of planes. */
const FRAME = 24576;
const UNITS = 64;

type Forward = Pick<
  Geometry,
  | 'batch'
  | 'groups'
  | 'height'
  | 'width'
  | 'outHeight'
  | 'outWidth'
  | 'kernelHeight'
  | 'kernelWidth'
  | 'strideHeight'
  | 'strideWidth'
  | 'dilationHeight'
  | 'dilationWidth'
  | 'top'
  | 'left'
> & { readonly spreadHeight: number; readonly spreadWidth: number };

type Pass = 'forward' | 'weight';

/** Whether every channel has one filter of its own. */
const isDepthwise = (g: Geometry): boolean => g.channels === 1 && g.filters === 1;

function forward(g: Geometry): Forward {
  const { batch, groups, height, width, outHeight, outWidth, kernelHeight, kernelWidth } = g;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, top, left } = g;
  return {
    ...{ batch, groups, height, width, outHeight, outWidth, kernelHeight, kernelWidth },
    ...{ strideHeight, strideWidth, dilationHeight, dilationWidth, top, left },
    ...{ spreadHeight: 1, spreadWidth: 1 },
  };
}

/** dy spread by the stride and padded by what the kernel overlaps, at stride 1. */
const inputGradient = (g: Geometry): Forward => ({
  ...forward(g),
  ...{ height: g.outHeight, width: g.outWidth, outHeight: g.height, outWidth: g.width },
  ...{ strideHeight: 1, strideWidth: 1, spreadHeight: g.strideHeight, spreadWidth: g.strideWidth },
  top: g.dilationHeight * (g.kernelHeight - 1) - g.top,
  left: g.dilationWidth * (g.kernelWidth - 1) - g.left,
});

/** Rows of a band, and the bytes of its frame, for rows of `width` pixels of output. */
function bandOf(c: Forward, width: number): { bandRows: number; line: number; bytes: number } {
  const columns = (width - 1) * c.strideWidth + (c.kernelWidth - 1) * c.dilationWidth + 1;
  const line = 4 * c.strideWidth * Math.ceil(columns / c.strideWidth);
  const reach = (c.kernelHeight - 1) * c.dilationHeight + 1;
  // Strips of 5 x 5 are four rows high.
  const least = c.kernelHeight === 5 ? 8 : 2;
  const most = Math.max(least, Math.floor((FRAME / line - reach) / c.strideHeight) + 1);
  // Even where two rows of output come of one.
  const { spreadHeight } = c;
  const bandRows = spreadHeight * Math.ceil(c.outHeight / Math.ceil(c.outHeight / most) / spreadHeight);
  return { bandRows, line, bytes: ((bandRows - 1) * c.strideHeight + reach) * line + 80 };
}

/** What the strips keep: bias, least result and zeros; see assembly/depthwise_strip.ts. */
const PLACE = 64;
const STRIP = 320;
/** Channels whose sums a weight-gradient has open at a time. */
const CHANNELS = 8;
/** What vectors may read beside a row of zeros or of columns: assembly/depthwise_frame.ts. */
const BESIDE = 64;

/** `size` in whole tiles. */
const whole = (size: number, tile: number): number => tile * Math.ceil(size / tile);

/** Rows of y in tiles of filters of 5 x 5 with four channels in the lanes: assembly/depthwise_sevens.ts. */
const sevens = (c: Forward): number => whole(c.outHeight, 7);

/** Cycles that planes of 5 x 5 take one by one, four of them: by tiles of 4 x 4 forward at stride 1, else by 2 x 16; a rough fit. */
function cyclesAlone(c: Forward, pass: Pass): number {
  const { outHeight, outWidth } = c;
  const tiles = pass === 'forward' && c.strideHeight === 1 && Math.min(outHeight, outWidth) > 3;
  return tiles
    ? 18 * whole(outHeight, 4) * whole(outWidth, 4)
    : 31 * whole(outHeight, 2) * whole(outWidth, 16);
}

/** Whether four channels go in the lanes: assembly/depthwise_lanes.ts. */
function isInLanes(c: Forward, pass: Pass): boolean {
  const { height, width, outHeight, outWidth, top, left, strideHeight } = c;
  const ones = [c.dilationHeight, c.dilationWidth, c.spreadHeight, c.spreadWidth];
  const pixels = height * width;
  if (c.groups < 4 || Math.min(pixels, outHeight * outWidth) < 4 || ones.some((size) => size > 1))
    return false;
  if (c.kernelHeight === 3 && c.kernelWidth === 3) {
    const same = [strideHeight, c.strideWidth, top, left].every((size) => size === 1);
    // Columns that vectors along a row would fill badly, and pixels up to which turning planes over pays.
    return same && height === outHeight && width === outWidth && width <= 9 && pixels <= 100;
  }
  if (c.kernelHeight !== 5 || c.kernelWidth !== 5 || Math.min(top, left) < 0 || strideHeight > 2)
    return false;
  // Larger planes have fewer tiles at edges, where those of 4 x 4 take longer.
  const most = pass === 'forward' && strideHeight === 1 ? 256 : 16384;
  return pixels <= most && 16 * sevens(c) * outWidth <= cyclesAlone(c, pass);
}

/** Bytes of what lanes keep of x and y or dy, and beside them `sets` of vectors for the taps, the bias and more. */
function lanesBytes(c: Forward, sets: number): number {
  const rows = sevens(c);
  const frame = Math.max((rows - 1) * c.strideHeight + 5, c.top + c.height);
  return 16 * (sets * (c.kernelHeight * c.kernelWidth + 2) + frame * c.width + rows * c.outWidth);
}

function lanes(c: Forward, operands: (string | null)[], rest: { rotated: number; relu: number }): Launch {
  const groups = c.batch * Math.ceil(c.groups / 4);
  // Of four planes each.
  const unitPlanes = Math.ceil(groups / UNITS);
  return {
    kernel: 'depthwise_lanes_f32',
    operands,
    params: { ...c, ...rest, unitPlanes, bandRows: c.outHeight },
    units: Math.ceil(groups / unitPlanes),
    scratch: lanesBytes(c, 1) + (operands[4] ? 16 * c.height * c.width : 0),
  };
}

function pass(c: Forward, operands: (string | null)[], rest: { rotated: number; relu: number }): Launch[] {
  if (isInLanes(c, 'forward')) return [lanes(c, operands, rest)];
  const { bandRows, line, bytes } = bandOf(c, c.outWidth);
  const planes = c.batch * c.groups;
  const bands = Math.ceil(c.outHeight / bandRows);
  const unitPlanes = Math.ceil((planes * bands) / UNITS);
  const params: Params = { ...c, ...rest, unitPlanes, bandRows };
  return [
    {
      kernel: 'depthwise_f32',
      operands,
      params,
      units: Math.ceil(planes / unitPlanes) * bands,
      scratch:
        PLACE +
        20 * c.kernelHeight * c.kernelWidth +
        (operands[4] ? 4 * c.height * c.width : 0) +
        16 +
        bytes +
        2 * Math.max(4 * c.width, line) +
        3 * BESIDE,
    },
  ];
}

export const depthwiseWasm: Variant<'x' | 'weight' | 'bias?', ForwardAttrs> = {
  name: 'conv2d_f32__depthwise',
  when: (call) => isDepthwise(forwardGeometry(call)),
  launches: (call) =>
    pass(forward(forwardGeometry(call)), ['x', 'weight', 'bias', 'output', null], {
      ...{ rotated: 0, relu: Number(call.attrs.activation === 'relu') },
    }),
};

export const depthwiseInputGradientWasm: Variant<'dy' | 'weight' | 'mask?', GradientAttrs> = {
  name: 'conv2d_input_gradient_f32__depthwise',
  when: (call) => isDepthwise(inputGeometry(call)),
  launches: (call) =>
    pass(
      inputGradient(inputGeometry(call)),
      ['dy', 'weight', null, 'output', call.types.mask ? 'mask' : null],
      { rotated: 1, relu: 0 },
    ),
};

export const depthwiseWeightGradientWasm: Variant<'x' | 'dy' | 'mask?', WeightGradientAttrs> = {
  name: 'conv2d_weight_gradient_f32__depthwise',
  when: (call) => isDepthwise(weightGeometry(call)),
  launches(call) {
    const c = forward(weightGeometry(call));
    const operands = ['x', 'dy', ...gradientNames(call), 'mask'];
    if (isInLanes(c, 'weight')) {
      return [
        {
          kernel: 'depthwise_weight_lanes_f32',
          operands,
          params: { ...c, unitPlanes: 1, bandRows: c.outHeight, rotated: 0, relu: 0 },
          units: Math.ceil(c.groups / 4),
          // The sums of four groups of channels, and of one image.
          scratch: lanesBytes(c, 5) + (call.types.mask ? 16 * c.outHeight * c.outWidth : 0),
        },
      ];
    }
    const wide = 4 * Math.ceil(c.outWidth / 4);
    const { bandRows, line, bytes } = bandOf(c, wide);
    // What taps go on reading that have no row of dy left: assembly/depthwise_weight_gradient.ts.
    const behind = c.strideHeight * c.dilationHeight * line;
    const slots = c.kernelHeight * c.kernelWidth + 5;
    return [
      {
        kernel: 'depthwise_weight_gradient_f32',
        operands,
        params: { ...c, unitPlanes: 1, bandRows, rotated: 0, relu: 0 },
        units: c.groups,
        scratch: STRIP + (4 + 16 * CHANNELS) * slots + 176 + 4 * wide * (bandRows + 1) + bytes + behind,
      },
    ];
  },
};
