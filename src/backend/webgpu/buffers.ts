import { BYTES_PER_ELEMENT, type DType, type TypedArray } from '../../dtype.js';
import { fail } from '../../errors.js';
import type { DeviceBuffer, Fault } from '../backend.js';
import { BufferUsage, MAP_READ, SHADER_STAGE_COMPUTE } from './constants.js';
import { type Health, refuseFreed } from './health.js';

const FAULT_BYTES = 16;
/** What a tensor's memory is used for. */
const NEEDED = {
  STORAGE: BufferUsage.storage,
  COPY_SRC: BufferUsage.copySrc,
  COPY_DST: BufferUsage.copyDst,
};
const STAGING_KEPT = 4;
const STAGING_KEPT_BYTES = 1 << 26;

/** Bytes of a storage binding: a multiple of the largest element that a kernel binds, vec4, and never none. */
export const bindingBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

/** A buffer that its owner gives back. */
export class WebGPUBuffer implements DeviceBuffer {
  #freed = false;

  constructor(
    readonly gpu: GPUBuffer,
    readonly bytes: number,
    readonly label: string,
    readonly pool: BufferPool,
    /** Whether it is the caller's. */
    readonly borrowed = false,
  ) {}

  get freed(): boolean {
    return this.#freed;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.pool.forget(this);
  }
}

/** The words that a device keeps for `data`. */
export function toWords(data: TypedArray, dtype: DType): Float32Array | Int32Array | Uint32Array {
  if (dtype === 'f32') return data instanceof Float32Array ? data : new Float32Array(data);
  if (dtype === 'bool' && data instanceof Uint8Array)
    return Uint32Array.from(data, (value) => (value === 0 ? 0 : 1));
  if (dtype === 'i32' && (data instanceof Int32Array || data instanceof Uint8Array)) {
    return data instanceof Int32Array ? data : new Int32Array(data);
  }
  return fail('webgpu', `a ${data.constructor.name} can't be written as ${dtype}`);
}

/** Node's WebGPU takes no shared memory. */
const unshared = (words: Float32Array | Int32Array | Uint32Array) =>
  (words.buffer instanceof ArrayBuffer ? words : words.slice()) as Float32Array<ArrayBuffer>;

function fromWords(bytes: ArrayBuffer, dtype: DType, length: number): TypedArray {
  if (dtype === 'f32') return new Float32Array(bytes, 0, length);
  if (dtype === 'i32') return new Int32Array(bytes, 0, length);
  return Uint8Array.from(new Uint32Array(bytes, 0, length));
}

/** All storage of one device: what was allocated, the fault word, and the staging buffers that reads pass through. */
export class BufferPool {
  /** `[id, detail, detail, 0]`; a kernel claims it by an atomic exchange of word 0. */
  readonly fault: GPUBuffer;
  readonly #live = new Set<WebGPUBuffer>();
  #staging: GPUBuffer[] = [];
  #bytes = 0;
  #fault: Fault | null = null;

  constructor(
    readonly health: Health,
    readonly maxBytes: number,
  ) {
    const usage = BufferUsage.storage | BufferUsage.copySrc | BufferUsage.copyDst;
    this.fault = health.device.createBuffer({ label: 'fault', size: FAULT_BYTES, usage });
  }

  /** Buffers not yet freed and their sizes; the fault word and staging, which the device owns, are left out. */
  memory(): { buffers: number; bytes: number } {
    return { buffers: this.#live.size, bytes: this.#bytes };
  }

  /** A zeroed storage buffer. An error that WebGPU finds later is raised by the next call that waits. */
  allocate(bytes: number, label: string): WebGPUBuffer {
    return this.health.defer(describe(bytes, label), () => this.#create(bytes, label, 0));
  }

  /** A zeroed storage buffer, once WebGPU has agreed to it. `usage` is added to that of storage. */
  async allocateNow(bytes: number, label: string, usage = 0): Promise<WebGPUBuffer> {
    let made: WebGPUBuffer | null = null;
    try {
      return await this.health.attempt(describe(bytes, label), () => {
        made = this.#create(bytes, label, usage);
        return made;
      });
    } catch (error) {
      (made as WebGPUBuffer | null)?.free();
      throw error;
    }
  }

  #create(bytes: number, label: string, usage: number): WebGPUBuffer {
    if (!(bytes >= 0) || bindingBytes(bytes) > this.maxBytes) {
      fail(
        'webgpu',
        `buffer '${label}' of ${bytes} bytes is larger than the device allows, ${this.maxBytes} bytes`,
      );
    }
    const size = bindingBytes(bytes);
    const all = BufferUsage.storage | BufferUsage.copySrc | BufferUsage.copyDst | usage;
    const buffer = new WebGPUBuffer(
      this.health.device.createBuffer({ label, size, usage: all }),
      bytes,
      label,
      this,
    );
    this.#live.add(buffer);
    this.#bytes += size;
    return buffer;
  }

  /** The caller's buffer, which is neither counted nor destroyed. */
  async adopt(gpu: GPUBuffer, bytes: number): Promise<WebGPUBuffer> {
    const name = `buffer '${gpu.label}'`;
    const size = bindingBytes(bytes);
    if (gpu.size < size)
      fail(
        'webgpu',
        `${name} has ${gpu.size} bytes, a tensor of ${bytes} bytes takes ${size}, a multiple of 16`,
      );
    const missing = Object.entries(NEEDED).filter(([, flag]) => (gpu.usage & flag) === 0);
    if (missing.length > 0)
      fail('webgpu', `${name} was made without the usage ${missing.map(([usage]) => usage).join(', ')}`);
    if (gpu.mapState !== 'unmapped') fail('webgpu', `${name} is mapped; unmap it first`);
    const { device } = this.health;
    await this.health.attempt(`webgpu: binding ${name}`, () => {
      const entry = { binding: 0, visibility: SHADER_STAGE_COMPUTE, buffer: { type: 'storage' } } as const;
      const layout = device.createBindGroupLayout({ entries: [entry] });
      device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: gpu, size } }] });
    });
    return new WebGPUBuffer(gpu, bytes, gpu.label || "the caller's buffer", this, true);
  }

  /** Called by a buffer when it is freed. */
  forget(buffer: WebGPUBuffer): void {
    if (buffer.borrowed) return;
    if (this.#live.delete(buffer)) this.#bytes -= bindingBytes(buffer.bytes);
    buffer.gpu.destroy();
  }

  /** `buffer` as one of this device, or an error. */
  own(buffer: DeviceBuffer): WebGPUBuffer {
    if (!(buffer instanceof WebGPUBuffer) || buffer.pool !== this) {
      return fail(
        'webgpu',
        'a buffer of another device is used; copy it through the host with read and write',
      );
    }
    return buffer.freed ? refuseFreed(buffer.label) : buffer;
  }

  write(target: DeviceBuffer, data: TypedArray, dtype: DType): void {
    this.health.check();
    const buffer = this.own(target);
    const bytes = data.length * BYTES_PER_ELEMENT;
    if (bytes > buffer.bytes) {
      fail('webgpu', `write of ${bytes} bytes into buffer '${buffer.label}' of ${buffer.bytes}`);
    }
    if (bytes === 0) return;
    const words = unshared(toWords(data, dtype));
    this.health.device.queue.writeBuffer(buffer.gpu, 0, words);
  }

  async read(source: DeviceBuffer, dtype: DType, length: number): Promise<TypedArray> {
    this.health.check();
    const buffer = this.own(source);
    const bytes = length * BYTES_PER_ELEMENT;
    if (bytes > buffer.bytes)
      fail('webgpu', `read of ${bytes} bytes from buffer '${buffer.label}' of ${buffer.bytes}`);
    const staging = this.#takeStaging(FAULT_BYTES + bytes);
    this.health.defer(`read of buffer '${buffer.label}'`, () => {
      const encoder = this.health.device.createCommandEncoder({ label: 'read' });
      encoder.copyBufferToBuffer(this.fault, 0, staging, 0, FAULT_BYTES);
      encoder.clearBuffer(this.fault);
      if (bytes > 0) encoder.copyBufferToBuffer(buffer.gpu, 0, staging, FAULT_BYTES, bytes);
      this.health.device.queue.submit([encoder.finish()]);
    });
    try {
      await this.health.guard(staging.mapAsync(MAP_READ, 0, FAULT_BYTES + bytes));
      this.#keepFault(new Int32Array(staging.getMappedRange(0, FAULT_BYTES)));
      await this.health.settle();
      const range = bytes > 0 ? staging.getMappedRange(FAULT_BYTES, bytes).slice(0) : new ArrayBuffer(0);
      staging.unmap();
      this.#giveStaging(staging);
      return fromWords(range, dtype, length);
    } catch (error) {
      staging.destroy();
      throw error;
    }
  }

  takeFault(): Fault | null {
    const fault = this.#fault;
    this.#fault = null;
    return fault;
  }

  #keepFault([id, ...detail]: Int32Array): void {
    if (id) this.#fault ??= { id, detail: [detail[0]!, detail[1]!] };
  }

  #takeStaging(bytes: number): GPUBuffer {
    const found = this.#staging.findIndex(({ size }) => size >= bytes);
    if (found >= 0) return this.#staging.splice(found, 1)[0]!;
    const size = Math.ceil(bytes / 4096) * 4096;
    return this.health.defer(`read of ${bytes} bytes`, () =>
      this.health.device.createBuffer({
        label: 'staging',
        size,
        usage: BufferUsage.mapRead | BufferUsage.copyDst,
      }),
    );
  }

  #giveStaging(staging: GPUBuffer): void {
    if (staging.size > STAGING_KEPT_BYTES || this.#staging.length >= STAGING_KEPT) staging.destroy();
    else this.#staging.push(staging);
  }

  dispose(): void {
    for (const buffer of [...this.#live]) buffer.free();
    for (const staging of this.#staging) staging.destroy();
    this.#staging = [];
    this.fault.destroy();
  }
}

const describe = (bytes: number, label: string): string => `webgpu: allocating ${bytes} bytes for '${label}'`;
