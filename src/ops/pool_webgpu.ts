/** Units of pooling's kernels on webgpu, and those of windows of one kind: shaders/max_pool2d.wgsl, pool_pairs.wgsl. */
import { f32 } from '../op.js';
import type { Axis, Geometry, Pooling } from './pool_windows.js';

/** Kernels beside the one for any window. */
export interface WindowKind {
  /** What follows the kernel's name. */
  readonly suffix: string;
  readonly fits: (g: Geometry) => boolean;
  /** Invocations of it; default those of the kernel for any window. */
  readonly units?: (g: Geometry) => number;
  readonly constants?: (g: Geometry) => Readonly<Record<string, number>>;
}

const both = ({ height, width }: Geometry, holds: (axis: Axis) => boolean): boolean =>
  holds(height) && holds(width);

/** One invocation makes four windows of two by two, without a rest. */
export const PAIRS: WindowKind = {
  suffix: '__pairs',
  fits: (g) =>
    !g.adaptive &&
    g.width.out % 4 === 0 &&
    both(
      g,
      ({ size, out, kernel, stride, dilation }) =>
        kernel === 2 && stride === 2 && dilation === 1 && size === 2 * out,
    ),
  units: ({ planes, height, width }) => (planes * height.out * width.out) / 4,
};

const staysInside = ({ size, out, kernel, stride, padding }: Axis): boolean =>
  padding === 0 && (out - 1) * stride + kernel <= size;

/** Square windows whose loops are unrolled. */
export const UNROLLED: readonly WindowKind[] = [2, 3].map((size) => ({
  suffix: `__${size}x${size}`,
  fits: (g) => !g.adaptive && both(g, ({ kernel, dilation }) => kernel === size && dilation === 1),
  constants: (g) => ({ EDGES: Number(!both(g, staysInside)) }),
}));

/** Windows two apart, of which at most two by two cover an element. */
export const STEPS: WindowKind = {
  suffix: '__steps',
  fits: (g) =>
    !g.adaptive && both(g, ({ kernel, stride, dilation }) => kernel <= 4 && stride === 2 && dilation === 1),
  units: ({ planes, height, width }) => planes * blocksAlong(height) * blocksAlong(width),
};

/** Of two elements, of which the first may be one before the plane's first. */
const blocksAlong = ({ size, padding }: Axis): number => Math.ceil((size + (padding % 2)) / 2);

/** Blocks of two by two elements of x. */
export const blocks = ({ planes, height, width }: Geometry): number =>
  planes * Math.ceil(height.size / 2) * Math.ceil(width.size / 2);

/** Of these kinds, those that windows laid out by `pooling` can be of: adaptive ones are of none. */
export const kindsOf = <U, A extends U & object>(
  pooling: Pooling<U, A>,
  kinds: readonly WindowKind[],
): readonly WindowKind[] =>
  kinds.filter(({ fits }) =>
    pooling.cases.some(([shape, options]) =>
      fits(pooling.plan('case', f32(shape), pooling.attributes('case', options, shape))),
    ),
  );
