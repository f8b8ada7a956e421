import { fail } from '../../errors.js';
import { BufferUsage, SHADER_STAGE_COMPUTE } from './constants.js';
import type { Health } from './health.js';

/** What a tensor's memory is used for. */
const NEEDED = {
  STORAGE: BufferUsage.storage,
  COPY_SRC: BufferUsage.copySrc,
  COPY_DST: BufferUsage.copyDst,
};

/**
 * Refuses a buffer of the caller's that can't be a tensor's memory: what it says of itself by hand, for clear words, what only
 * WebGPU knows (its device, whether it was destroyed) by binding and submitting it.
 *
 * @param sizes the tensor's bytes, those of a binding of it, and the most that the device binds.
 */
export async function checkLent(
  health: Health,
  gpu: GPUBuffer,
  { bytes, size, most }: { readonly bytes: number; readonly size: number; readonly most: number },
): Promise<void> {
  const refuse = (what: string) => fail('fromGPUBuffer', what);
  if (typeof gpu?.size !== 'number' || typeof gpu.usage !== 'number')
    refuse(`takes a GPUBuffer, got ${gpu === null ? 'null' : typeof gpu}`);
  const name = `buffer '${gpu.label}'`;
  if (gpu.size < size)
    refuse(`${name} has ${gpu.size} bytes, a tensor of ${bytes} bytes takes ${size}, a multiple of 16`);
  if (size > most) refuse(`a tensor of ${bytes} bytes is larger than the device binds, ${most} bytes`);
  const missing = Object.entries(NEEDED).filter(([, flag]) => (gpu.usage & flag) === 0);
  if (missing.length > 0)
    refuse(`${name} was made without the usage ${missing.map(([usage]) => usage).join(', ')}`);
  if (gpu.mapState !== 'unmapped') refuse(`${name} is mapped; unmap it first`);
  const { device } = health;
  await health.attempt(`fromGPUBuffer: binding ${name}`, () => {
    const label = `check of ${name}`;
    const entry = { binding: 0, visibility: SHADER_STAGE_COMPUTE, buffer: { type: 'storage' } } as const;
    const layout = device.createBindGroupLayout({ label, entries: [entry] });
    device.createBindGroup({ label, layout, entries: [{ binding: 0, resource: { buffer: gpu, size } }] });
    const encoder = device.createCommandEncoder({ label });
    encoder.clearBuffer(gpu, 0, 0);
    device.queue.submit([encoder.finish({ label })]);
  });
}
