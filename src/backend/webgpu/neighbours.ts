/** Buffers that lie side by side in one, so that a kernel which goes through all of them binds it alone. */
import { BufferUsage } from './constants.js';

/** Alignment of the parts of a buffer: the strictest of storage bindings. */
const PART = 256;

/** Bytes of a storage binding: a multiple of the largest element that a kernel binds, vec4, and never none. */
export const bindingBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

/** Where something begins. */
export interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  /** Those that lie in the same buffer, where it holds several. */
  readonly shared?: Set<Placed>;
}

/** What lies in a GPU buffer, by itself or beside others. */
interface Placed {
  readonly bytes: number;
  readonly label: string;
  range: Range;
}

/** What was moved, until WebGPU has agreed to it. */
export interface Moved {
  /** Destroys the memory that nobody needs any more. */
  finish(): void;
  /** Lets everything lie where it lay. */
  undo(): void;
}

/** Gives up a buffer's place: destroys the memory where nobody else lies in it. */
export function retire(buffer: Placed, { buffer: gpu, shared }: Range): void {
  shared?.delete(buffer);
  if (!shared || shared.size === 0) gpu.destroy();
}

/** Whether buffers are parts of one. */
export const areTogether = ([first, ...others]: readonly Placed[]): boolean =>
  others.every(({ range }) => range.buffer === first!.range.buffer);

/**
 * Buffers with those that lie beside them, as far as one of so many bytes holds them: programs that go through overlapping
 * lists then find all of theirs together.
 */
export function withCompanions(buffers: readonly Placed[], most: number): readonly Placed[] {
  // A set loses what was moved away when WebGPU has agreed to that, which may come later.
  const beside = ({ range: { buffer: gpu, shared } }: Placed) =>
    [...(shared ?? [])].filter(({ range }) => range.buffer === gpu);
  const all = new Set(buffers.flatMap((buffer) => [buffer, ...beside(buffer)]));
  const bytes = [...all].reduce((sum, one) => sum + Math.ceil(bindingBytes(one.bytes) / PART) * PART, 0);
  return bytes <= most ? [...all] : buffers;
}

/** Records the copies by which buffers move into one, which is new. From now on they are there. */
export function moveTogether(
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  buffers: readonly Placed[],
): Moved {
  const offsets: number[] = [];
  let size = 0;
  for (const { bytes } of buffers) {
    offsets.push(Math.ceil(size / PART) * PART);
    size = offsets.at(-1)! + bindingBytes(bytes);
  }
  const gpu = device.createBuffer({
    label: buffers.length === 1 ? buffers[0]!.label : 'side by side',
    size,
    usage: BufferUsage.storage | BufferUsage.copySrc | BufferUsage.copyDst,
  });
  const shared = new Set(buffers);
  const before = buffers.map(({ range }) => range);
  buffers.forEach((buffer, i) => {
    const { buffer: from, offset } = buffer.range;
    encoder.copyBufferToBuffer(from, offset, gpu, offsets[i]!, bindingBytes(buffer.bytes));
    buffer.range = { buffer: gpu, offset: offsets[i]!, shared };
  });
  return {
    finish() {
      buffers.forEach((buffer, i) => {
        retire(buffer, before[i]!);
      });
    },
    undo() {
      buffers.forEach((buffer, i) => {
        if (buffer.range.buffer === gpu) buffer.range = before[i]!;
      });
    },
  };
}

/** Ends a move, by WebGPU's verdict. */
export function settle(moved: Moved, failed: boolean): void {
  if (failed) moved.undo();
  else moved.finish();
}
