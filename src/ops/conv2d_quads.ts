/** Planes by fours, as the weight-gradients on webgpu read them: shaders/conv2d_quads.wgsl. */
import type { Launch } from '../op.js';

/** Bytes that every device binds. */
export const MOST_BYTES = 2 ** 27;

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
