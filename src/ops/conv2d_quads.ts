/** Planes by fours, as the weight-gradients on webgpu read them: shaders/conv2d_quads.wgsl. */
import type { Features, Launch } from '../op.js';
import type { Geometry } from './conv2d_geometry.js';

/** Bytes that every device binds. */
export const MOST_BYTES = 2 ** 27;
/** What a quad costs that is laid out, or summed at the end, in multiply-adds. */
export const QUAD = 40;

/** Invocations that keep a device busy, and steps of an invocation that a share has at least. */
const ENOUGH = { cpu: 256, gpu: 8192 };
const LEAST = 8;

/** Into how many shares the steps of so many invocations are cut. */
export function sharesOf(features: Features, invocations: number, steps: number): number {
  const enough = features.has('software') ? ENOUGH.cpu : ENOUGH.gpu;
  return Math.max(1, Math.min(Math.ceil(enough / invocations), Math.ceil(steps / LEAST)));
}

/** [images, groups, planes, height, width] of x or dy in frames; [top, left] is where an image begins. */
interface Frames {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly frameHeight: number;
  readonly frameWidth: number;
  readonly top: number;
  readonly left: number;
}

/** Invocations of a workgroup. */
const WORKGROUP = 64;

/** The launch that lays x and dy out as `xQuads` and `dyQuads` of `batch` images. */
export function quadsOf(
  { batch: images, groups, hasMask }: Pick<Geometry, 'batch' | 'groups'> & { readonly hasMask: number },
  x: Frames,
  dy: Frames,
  batch = images,
): Launch {
  const unitsOf = ({ planes, frameHeight, frameWidth }: Frames) =>
    batch * frameHeight * Math.ceil(frameWidth / 4) * groups * Math.ceil(planes / 4);
  const begin = WORKGROUP * Math.ceil(unitsOf(x) / WORKGROUP);
  const each = [x, dy].flatMap((frames, i) =>
    Object.entries(frames).map(([name, value]) => [`${name}${i}`, value] as const),
  );
  return {
    kernel: 'conv2d_quads_f32',
    operands: ['x', 'dy', 'mask', 'xQuads', 'dyQuads'],
    params: { images, batch, groups, begin, ...Object.fromEntries(each) },
    constants: { MASKED: hasMask },
    units: begin + unitsOf(dy),
  };
}
