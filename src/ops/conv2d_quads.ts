/** Planes by fours, as the weight-gradients on webgpu read them: shaders/conv2d_quads.wgsl. */
import type { Features, Launch } from '../op.js';

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

/** [images, groups, planes, height, width] in frames of `batch` images; [top, left] is where an image begins. */
interface Frames {
  readonly images: number;
  readonly batch: number;
  readonly groups: number;
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly frameHeight: number;
  readonly frameWidth: number;
  readonly top: number;
  readonly left: number;
}

/** The launch that lays an operand out; `operands` are it, a mask or null, and the quads. */
export const byQuads = (operands: Launch['operands'], frames: Frames, masked = 0): Launch => ({
  kernel: 'conv2d_quads_f32',
  operands,
  params: { ...frames },
  constants: { MASKED: masked },
  units:
    frames.batch *
    frames.frameHeight *
    Math.ceil(frames.frameWidth / 4) *
    frames.groups *
    Math.ceil(frames.planes / 4),
});
