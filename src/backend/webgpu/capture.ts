import { BYTES_PER_ELEMENT } from '../../dtype.js';
import type { DeviceBuffer } from '../backend.js';
import type { BufferPool } from './buffers.js';
import { BufferUsage, MAP_READ } from './constants.js';

/** Contents pass through buffers of at most this size. */
const CHUNK_BYTES = 1 << 26;

/** A part of a source and its place in a chunk, in bytes. */
interface Slice {
  readonly source: number;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

interface Chunk {
  bytes: number;
  readonly slices: Slice[];
}

/** Packs sources of these sizes into chunks of at most `limit` bytes, a multiple of 4; large ones are cut. */
function chunksOf(sizes: readonly number[], limit: number): Chunk[] {
  const chunks: Chunk[] = [];
  sizes.forEach((size, source) => {
    for (let from = 0; from < size; ) {
      if ((chunks.at(-1)?.bytes ?? limit) === limit) chunks.push({ bytes: 0, slices: [] });
      const chunk = chunks.at(-1)!;
      const bytes = Math.min(size - from, limit - chunk.bytes);
      chunk.slices.push({ source, from, to: chunk.bytes, bytes });
      chunk.bytes += bytes;
      from += bytes;
    }
  });
  return chunks;
}

/** Copies whole buffers in one submit, at once, and gives their words when these have arrived; the GPU goes on meanwhile. */
export async function captureBuffers(
  pool: BufferPool,
  sources: readonly DeviceBuffer[],
): Promise<Int32Array<ArrayBuffer>[]> {
  const { health } = pool;
  health.check();
  const buffers = sources.map((source) => pool.own(source));
  const sizes = buffers.map(({ bytes }) => bytes);
  const words = sizes.map((bytes) => new Int32Array(bytes / BYTES_PER_ELEMENT));
  const chunks = chunksOf(sizes, Math.min(CHUNK_BYTES, pool.maxBytes));
  if (chunks.length === 0) return words;
  const stagings: GPUBuffer[] = [];
  let mapped: Promise<unknown>[] = [];
  const submit = () => {
    const { device } = health;
    const encoder = device.createCommandEncoder({ label: 'snapshot' });
    const usage = BufferUsage.mapRead | BufferUsage.copyDst;
    for (const { bytes, slices } of chunks) {
      const staging = device.createBuffer({ label: 'snapshot', size: bytes, usage });
      stagings.push(staging);
      for (const { source, from, to, bytes } of slices) {
        const { buffer, offset } = buffers[source]!.range;
        encoder.copyBufferToBuffer(buffer, offset + from, staging, to, bytes);
      }
    }
    device.queue.submit([encoder.finish()]);
  };
  try {
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    // Asked for at once, so that it arrives before what is asked for later.
    await health.attempt(`webgpu: a snapshot of ${total} bytes`, () => {
      submit();
      mapped = stagings.map((staging) => health.guard(staging.mapAsync(MAP_READ)));
      for (const one of mapped) one.catch(() => {});
    });
    await Promise.all(mapped);
    for (const [i, { slices }] of chunks.entries()) {
      const chunk = new Int32Array(stagings[i]!.getMappedRange());
      for (const { source, from, to, bytes } of slices)
        words[source]!.set(
          chunk.subarray(to / BYTES_PER_ELEMENT, (to + bytes) / BYTES_PER_ELEMENT),
          from / BYTES_PER_ELEMENT,
        );
    }
    return words;
  } finally {
    for (const staging of stagings) staging.destroy();
  }
}
