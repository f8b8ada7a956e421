import { fail, WeftError } from '../../errors.js';
import type { Backend, Losable, OnLost } from '../backend.js';
import type { KernelSet } from '../kernels.js';
import { DUMMY_SLOT } from './bindings.js';
import { BufferPool } from './buffers.js';
import { captureBuffers } from './capture.js';
import { composes, elementOf, elementTakesHalf } from './compose.js';
import { BufferUsage } from './constants.js';
import { Health } from './health.js';
import { type DeviceOptions, type OpenedDevice, openDevice } from './open.js';
import { packed } from './packed.js';
import { Pipelines, takesHalf } from './pipelines.js';
import { type Host, prepareReplay } from './prepare.js';
import { proveSubgroups } from './subgroups.js';
import { mergeTables } from './tables.js';
import { LaunchClock } from './timing.js';

export type WebGPUOptions = DeviceOptions;

/** Whether kernels may take operands in half precision. */
interface Precision {
  readonly mixed?: boolean;
}

export type WebGPUBackend = Backend & Losable;

/** Offsets of storage and uniform bindings are multiples of this on every device. */
const ALIGNMENT = 256;
const MAX_STORAGE_BUFFERS = 8;

/**
 * Opens the WebGPU backend on the caller's device or adapter, on `navigator.gpu`, or in Node on the npm package
 * `webgpu`. Fails where there is no implementation, no adapter or no device, and says what to do. `sets` are kernels
 * beyond Weft's own, `onLost` makes the error of a loss.
 */
export async function openWebGPU(
  { mixed = false, ...options }: WebGPUOptions & Precision = {},
  sets: readonly KernelSet[] = [],
  onLost?: OnLost,
): Promise<WebGPUBackend> {
  const { kernels, modules } = mergeTables(sets);
  const opened = await openDevice(options);
  const { device } = opened;
  if (mixed && !opened.features.has('shader-f16')) {
    if (opened.owned) device.destroy();
    fail(
      'open',
      `precision 'mixed' needs shader-f16, which is off on ${opened.description}; leave precision out to compute in f32`,
    );
  }
  const health = new Health(opened, onLost);
  const pipelines = new Pipelines(health, kernels, modules);
  const limits = [device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize];
  const maxBufferBytes = Math.floor(Math.min(...limits) / ALIGNMENT) * ALIGNMENT;
  const { pool, dummies } = await health.attempt('webgpu: opening', () => ({
    pool: new BufferPool(health, maxBufferBytes),
    dummies: {
      read: device.createBuffer({ label: 'none', size: 16, usage: BufferUsage.storage }),
      write: device.createBuffer({
        label: 'none, written',
        size: MAX_STORAGE_BUFFERS * DUMMY_SLOT,
        usage: BufferUsage.storage,
      }),
    },
  }));
  const clock = new LaunchClock(health, opened.features.has('timestamp-query'));
  const host = { health, pool, pipelines, dummies, clock, alignment: ALIGNMENT };
  await proveSubgroups(host, opened);
  if (mixed) opened.features.add('mixed-precision');
  const backend = createBackend(opened, host, maxBufferBytes);
  return mixed
    ? { ...backend, takesHalf: (kernel, operand) => mayBeHalf(pipelines, kernel, operand) }
    : backend;
}

function mayBeHalf({ kernels }: Pipelines, kernel: string, operand: number): boolean {
  const element = elementOf(kernel);
  if (element) return elementTakesHalf(element, operand);
  return Object.hasOwn(kernels, kernel) && takesHalf(kernels[kernel]!, operand);
}

function createBackend(opened: OpenedDevice, host: Host, maxBufferBytes: number): WebGPUBackend {
  const { health, pool } = host;
  let disposed = false;
  return {
    kind: 'webgpu',
    info: { backend: 'webgpu', description: opened.description, threads: 1, notes: opened.notes },
    features: opened.features,
    alignment: ALIGNMENT,
    sharesRegions: false,
    fuses: true,
    groups: { buffers: MAX_STORAGE_BUFFERS, takes: composes },
    maxBufferBytes,
    allocate(bytes, label) {
      health.check();
      return pool.allocate(bytes, label);
    },
    pack: (types, label) => packed(pool, types, label),
    write: (buffer, data, dtype) => pool.write(buffer, data, dtype),
    capture: (buffers) => captureBuffers(pool, buffers),
    async alive() {
      const probe = pool.allocate(4, 'probe');
      await pool.read(probe, 'i32', 1);
      probe.free();
    },
    read: (buffer, dtype, length, faulted) => pool.read(buffer, dtype, length, faulted),
    async prepare(request) {
      const replay = await prepareReplay(host, request);
      try {
        await health.settle();
      } catch (error) {
        replay.release();
        throw error;
      }
      return replay;
    },
    shared: {
      adopt: (buffer, bytes) => pool.adopt(buffer, bytes),
      bufferOf: (buffer) => pool.expose(buffer),
    },
    takeFault: () => pool.takeFault(),
    onLaunch: null,
    timed: () => host.clock.settle(),
    memory: () => pool.memory(),
    dispose() {
      if (disposed) return;
      disposed = true;
      health.lose(new WeftError('webgpu: the device was disposed; open a new one'));
      pool.dispose();
      host.dummies.read.destroy();
      host.dummies.write.destroy();
      if (opened.owned) void health.quiet().then(() => opened.device.destroy());
    },
  };
}
