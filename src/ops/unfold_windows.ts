import { fail } from '../errors.js';
import { type Kinds, wholeOrPair } from '../kinds.js';
import { type Shape, showShape } from '../shape.js';
import { type Pair, pair } from './common.js';

export interface UnfoldOptions {
  /** Window [height, width]. */
  readonly kernel: Pair;
  /** From one window to the next, default 1. */
  readonly stride?: Pair;
  /** Zeros added on each side, default 0. */
  readonly padding?: Pair;
  /** From one element of a window to the next, default 1. */
  readonly dilation?: Pair;
}

export const unfoldKinds: Kinds<UnfoldOptions> = {
  kernel: wholeOrPair,
  stride: wholeOrPair,
  padding: wholeOrPair,
  dilation: wholeOrPair,
};

export interface WindowAttrs {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

export function windowAttrs(name: string, options: UnfoldOptions | undefined): WindowAttrs {
  if (!options) fail(name, 'needs options { kernel }');
  return {
    kernel: pair(name, 'kernel', options.kernel, 1),
    stride: pair(name, 'stride', options.stride ?? 1, 1),
    padding: pair(name, 'padding', options.padding ?? 0, 0),
    dilation: pair(name, 'dilation', options.dilation ?? 1, 1),
  };
}

/** The windows of `planes` images [height, width]. */
export function windows(name: string, planes: number, size: Shape, attrs: WindowAttrs) {
  const { kernel, stride, padding, dilation } = attrs;
  const [outHeight, outWidth] = size.map((length, axis) => {
    const reach = dilation[axis]! * (kernel[axis]! - 1) + 1;
    return Math.floor((length + 2 * padding[axis]! - reach) / stride[axis]!) + 1;
  }) as [number, number];
  if (outHeight < 1 || outWidth < 1) {
    fail(
      name,
      `the kernel [${kernel.join(',')}] is larger than the padded image ${showShape(size)}, ` +
        `dilation is [${dilation.join(',')}], padding is [${padding.join(',')}]`,
    );
  }
  return {
    planes,
    height: size[0]!,
    width: size[1]!,
    outHeight,
    outWidth,
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    strideHeight: stride[0],
    strideWidth: stride[1],
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
    top: padding[0],
    left: padding[1],
  };
}

export type Windows = ReturnType<typeof windows>;

/** Calls `visit` with each element of each window that lies on the image: its place in the columns and in the image. */
export function forEachTap(g: Windows, visit: (column: number, image: number) => void): void {
  let at = 0;
  for (let plane = 0; plane < g.planes; plane++) {
    for (let r = 0; r < g.kernelHeight; r++) {
      for (let s = 0; s < g.kernelWidth; s++) {
        for (let oy = 0; oy < g.outHeight; oy++) {
          for (let ox = 0; ox < g.outWidth; ox++, at++) {
            const y = oy * g.strideHeight - g.top + r * g.dilationHeight;
            const x = ox * g.strideWidth - g.left + s * g.dilationWidth;
            const inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
            if (inside) visit(at, (plane * g.height + y) * g.width + x);
          }
        }
      }
    }
  }
}
