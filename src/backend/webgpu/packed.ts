import type { DType } from '../../dtype.js';
import type { Packed } from '../backend.js';
import { toWords } from '../words.js';
import { type BufferPool, WebGPUBuffer } from './buffers.js';

/** Alignment of the parts of a buffer: the strictest of storage bindings. */
const PART = 256;

/** Small inputs side by side in one buffer, which one write fills. */
export function packed(
  pool: BufferPool,
  types: readonly { readonly bytes: number; readonly dtype: DType }[],
  label: string,
): Packed {
  const slot = (bytes: number) => Math.ceil(Math.max(bytes, 1) / PART) * PART;
  const offsets = types.map((_, i) => types.slice(0, i).reduce((sum, { bytes }) => sum + slot(bytes), 0));
  const whole = pool.allocate(
    types.reduce((sum, { bytes }) => sum + slot(bytes), 0),
    label,
  );
  const words = new Uint32Array(whole.bytes / 4);
  return {
    parts: types.map(({ bytes }, i) => new WebGPUBuffer(whole.gpu, bytes, label, pool, true, offsets[i])),
    write(data) {
      data.forEach((one, i) => {
        const { buffer, byteOffset, length } = toWords(one, types[i]!.dtype);
        words.set(new Uint32Array(buffer, byteOffset, length), offsets[i]! / 4);
      });
      pool.write(whole, new Int32Array(words.buffer), 'i32');
    },
    free: () => whole.free(),
  };
}
