import { type Geometry, gcd, weightsOf } from './conv2d_geometry.js';

/** First and last element of the source that a tap of the result meets along an axis. */
function reached(
  turned: boolean,
  [size, out, pad, kernel, stride, dilation]: readonly [number, number, number, number, number, number],
): readonly [number, number] {
  const span = (kernel - 1) * dilation;
  if (!turned) return [-pad, (out - 1) * stride + span - pad];
  return [Math.ceil((pad - span) / stride), Math.floor((size - 1 + pad) / stride)];
}

/** Where the planes by fours of shaders/conv2d_pack.wgsl lie. */
function framed(g: Geometry, turned: boolean, planes: number) {
  const [top, bottom] = reached(turned, [
    g.height,
    g.outHeight,
    g.top,
    g.kernelHeight,
    g.strideHeight,
    g.dilationHeight,
  ]);
  const [left, right] = reached(turned, [
    g.width,
    g.outWidth,
    g.left,
    g.kernelWidth,
    g.strideWidth,
    g.dilationWidth,
  ]);
  const quads = Math.ceil(planes / 4);
  const [frameHeight, frameWidth] = [Math.max(1, bottom - top + 1), Math.max(1, right - left + 1)];
  return {
    ...{ quads, frameHeight, frameWidth, frameTop: -top >>> 0, frameLeft: -left >>> 0 },
    weightsAt: g.batch * g.groups * frameHeight * frameWidth * quads,
  };
}

/** The struct of shaders/common/correlate.wgsl for a convolution, or for its input-gradient. */
export function correlationOf(g: Geometry, turned: boolean) {
  const { batch, groups, top, left, kernelHeight, kernelWidth, hasBias, activation } = g;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = g;
  const weights = g.channels * kernelHeight * kernelWidth;
  const area = kernelHeight * kernelWidth;
  const [down, across]: [number, number] = turned
    ? [gcd(strideHeight, dilationHeight), gcd(strideWidth, dilationWidth)]
    : [1, 1];
  const result: [number, number] = turned ? [g.height, g.width] : [g.outHeight, g.outWidth];
  const phases: [number, number] = turned ? [strideHeight, strideWidth] : [1, 1];
  const planes = turned ? g.filters : g.channels;
  return {
    ...framed(g, turned, planes),
    ...{ batch, groups, top, left, kernelHeight, kernelWidth, hasBias, activation },
    ...{ strideHeight, strideWidth, dilationHeight, dilationWidth },
    planes,
    rows: turned ? g.channels : g.filters,
    height: turned ? g.outHeight : g.height,
    width: turned ? g.outWidth : g.width,
    outHeight: result[0],
    outWidth: result[1],
    tapStepHeight: strideHeight / down,
    tapStepWidth: strideWidth / across,
    pitchHeight: dilationHeight / down,
    pitchWidth: dilationWidth / across,
    phasesHeight: phases[0],
    phasesWidth: phases[1],
    countHeight: Math.ceil(result[0] / phases[0]),
    countWidth: Math.ceil(result[1] / phases[1]),
    rowStride: turned ? area : weights,
    planeStride: turned ? weights : area,
    turned: Number(turned),
  };
}

/**
 * The same convolution of planes that are turned into strips of eight where it sees pixels one by one, 1 x 1 at stride 1: the
 * plane's shape is then of no account.
 */
export function flattened(g: Geometry): Geometry {
  const one = [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth].every((size) => size === 1);
  if (!one || g.height !== g.outHeight || g.width !== g.outWidth || g.top !== 0 || g.left !== 0) return g;
  const size = g.height * g.width;
  const filled = (rows: number) => (size % rows === 0 ? rows / (8 * Math.ceil(rows / 8)) : 0);
  const height = [8, 7, 16, 6, 15, 14, 5, 4, 3, 2, 1].reduce((a, b) => (filled(b) > filled(a) ? b : a));
  const width = size / height;
  return { ...g, height, width, outHeight: height, outWidth: width };
}

/** How a weight-gradient is cut into launches. */
export interface WeightPlan {
  readonly kernel: string;
  readonly units: number | readonly [number, number, number];
  readonly constants: Readonly<Record<string, number>>;
  /** Sums of a filter: one for each tap, and one for the bias. */
  readonly columns: number;
  /** Sums of all filters; parts of each; where the parts lie. */
  readonly sums: number;
  readonly parts: number;
  readonly sumStride: number;
  readonly partStride: number;
  /** Pixels of a share. */
  readonly share: number;
  /** Whether the only part is the gradient itself. */
  readonly whole: boolean;
}

/** Workgroups that keep any device busy. */
const ENOUGH = 256;

/** Pixels in as many shares as keep a device busy that has `workgroups` of each, none with fewer than `least`. */
function shared(g: Geometry, workgroups: number, least: number, multiple: number) {
  const pixels = g.batch * g.outHeight * g.outWidth;
  const wanted = Math.min(Math.ceil(ENOUGH / workgroups), Math.ceil(pixels / least));
  const share = Math.ceil(pixels / wanted / multiple) * multiple;
  return { share, shares: Math.max(1, Math.ceil(pixels / share)) };
}

/** Whether a tap may lie outside x. */
function isPadded(g: Geometry): boolean {
  const bottom = (g.outHeight - 1) * g.strideHeight + (g.kernelHeight - 1) * g.dilationHeight - g.top;
  const right = (g.outWidth - 1) * g.strideWidth + (g.kernelWidth - 1) * g.dilationWidth - g.left;
  return g.top > 0 || g.left > 0 || bottom >= g.height || right >= g.width;
}

/** Without tiles: every invocation of a workgroup leaves a part of each sum. */
function planOfRegisters(g: Geometry, columns: number): WeightPlan {
  const slots = slotsOf(g.filters);
  const quads = Math.min(2, Math.ceil(columns / 4));
  const workgroups = Math.ceil(columns / (4 * quads)) * Math.ceil(g.filters / slots) * g.groups;
  const { share, shares } = shared(g, workgroups, 2048, 64);
  return {
    kernel: 'conv2d_weight_gradient_f32__direct',
    units: 64 * workgroups * shares,
    constants: { SLOTS: slots, QUADS: quads, PADDED: Number(isPadded(g)) },
    ...{ columns, sums: g.groups * g.filters * columns, parts: 64 * shares, share },
    ...{ sumStride: 64 * shares, partStride: 1, whole: false },
  };
}

/** By tiles, or without where `tile` is null. */
export function weightPlan(g: Geometry, bias: boolean, tile: number | null): WeightPlan {
  const columns = weightsOf(g) + Number(bias);
  if (tile === null) return planOfRegisters(g, columns);
  const [across, down] = [Math.ceil(columns / tile), Math.ceil(g.filters / tile)];
  const { share, shares } = shared(g, across * down * g.groups, 256, 16);
  const sums = g.groups * g.filters * columns;
  return {
    kernel: `conv2d_weight_gradient_f32__${tile}x${tile}`,
    units: [across, down, g.groups * shares],
    constants: { ALIGNED: Number((g.outHeight * g.outWidth) % 4 === 0) },
    ...{ columns, sums, parts: shares, share, sumStride: 1, partStride: sums },
    whole: shares === 1 && !bias,
  };
}

/** Planes that an invocation of the kernels without tiles takes of `rows`. */
export const slotsOf = (rows: number): number => [1, 2, 4].find((slots) => rows <= slots) ?? 8;
