import { BYTES_PER_ELEMENT, type DType, type TypedArray } from '../../dtype.js';
import { fail } from '../../errors.js';
import type { DeviceBuffer, Fault } from '../backend.js';
import { fromWords, toWords, unshared } from '../words.js';
import { BufferUsage } from './constants.js';
import { type Health, refuseFreed } from './health.js';
import { checkLent } from './lent.js';
import { bindingBytes, type Moved, moveTogether, type Range, retire, settle } from './neighbours.js';
import { FAULT_BYTES, type Snapshot, Staged } from './staging.js';

const STAGING_KEPT = 8;
const STAGING_KEPT_BYTES = 1 << 26;

/** A buffer that its owner gives back. */
export class WebGPUBuffer implements DeviceBuffer {
  #freed = false;
  /** What it holds as of the last run, on its way to the host; null once it may hold something else. */
  snapshot: Snapshot | null = null;

  constructor(
    gpu: GPUBuffer,
    readonly bytes: number,
    readonly label: string,
    readonly pool: BufferPool,
    /** Whether its memory is the caller's, or another buffer's. */
    readonly borrowed = false,
    offset = 0,
  ) {
    this.exposed = borrowed;
    this.range = { buffer: gpu, offset };
  }

  /** Where it begins: another object where it was moved. */
  range: Range;

  get gpu(): GPUBuffer {
    return this.range.buffer;
  }

  /** Whether the caller may write to it. */
  exposed: boolean;

  get freed(): boolean {
    return this.#freed;
  }

  /** Notes that its contents change. */
  changed(): void {
    this.snapshot?.release();
    this.snapshot = null;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.changed();
    this.pool.forget(this);
  }
}

/** All storage of one device: what was allocated, the fault word, and the staging buffers that reads pass through. */
export class BufferPool {
  /** `[id, detail, detail, 0]`; a kernel claims it by an atomic exchange of word 0. */
  readonly fault: GPUBuffer;
  readonly #live = new Set<WebGPUBuffer>();
  #staging: GPUBuffer[] = [];
  #bytes = 0;
  #fault: Fault | null = null;
  /** Counts how often the fault word was cleared; a fault is told once in each epoch. */
  #epoch = 1;
  readonly #claimed = new Set<number>();
  #lends = false;

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
    await checkLent(this.health, gpu, { bytes, size: bindingBytes(bytes), most: this.maxBytes });
    this.#lends = true;
    return new WebGPUBuffer(gpu, bytes, gpu.label || "the caller's buffer", this, true);
  }

  /** Whether the caller knows any of its buffers, and may destroy or map it between two runs. */
  get lends(): boolean {
    return this.#lends;
  }

  /** Called by a buffer when it is freed. */
  forget(buffer: WebGPUBuffer): void {
    if (buffer.borrowed) return;
    if (this.#live.delete(buffer)) this.#bytes -= bindingBytes(buffer.bytes);
    retire(buffer, buffer.range);
  }

  /** The GPU's buffer, for the caller, who may write to it from now on. */
  expose(buffer: DeviceBuffer): GPUBuffer {
    const own = this.own(buffer);
    if (own.range.shared && !own.exposed) {
      const { device } = this.health;
      let moved: Moved | null = null;
      const move = () => {
        const encoder = device.createCommandEncoder({ label: 'expose' });
        moved = moveTogether(device, encoder, [own]);
        device.queue.submit([encoder.finish()]);
      };
      this.health.defer(describe(own.bytes, own.label), move, (failed) => {
        if (moved) settle(moved, failed);
      });
    }
    own.changed();
    own.exposed = true;
    this.#lends = true;
    return own.gpu;
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
    buffer.changed();
    const words = unshared(toWords(data, dtype));
    this.health.device.queue.writeBuffer(buffer.gpu, buffer.range.offset, words);
  }

  async read(
    source: DeviceBuffer,
    dtype: DType,
    length: number,
    faulted?: (fault: Fault) => void,
  ): Promise<TypedArray> {
    this.health.check();
    const buffer = this.own(source);
    const bytes = length * BYTES_PER_ELEMENT;
    if (bytes > buffer.bytes)
      fail('webgpu', `read of ${bytes} bytes from buffer '${buffer.label}' of ${buffer.bytes}`);
    const keep = (fault: Fault) => {
      this.#fault ??= fault;
    };
    const { staged, offset } = buffer.snapshot ?? this.#copyOut(buffer, bytes);
    const read = staged.bytes(faulted ?? keep);
    await read.catch(() => {});
    await this.health.settle();
    return fromWords((await read).slice(offset, offset + bytes), dtype, length);
  }

  /** Submits a copy of a buffer and of the fault word, which is 0 from then on. */
  #copyOut(buffer: WebGPUBuffer, bytes: number): Pick<Snapshot, 'staged' | 'offset'> {
    const size = FAULT_BYTES + bytes;
    const staged = new Staged(this, this.#takeStaging(size), size, this.#epoch++);
    this.health.defer(`read of buffer '${buffer.label}'`, () => {
      const encoder = this.health.device.createCommandEncoder({ label: 'read' });
      encoder.copyBufferToBuffer(this.fault, 0, staged.staging, 0, FAULT_BYTES);
      encoder.clearBuffer(this.fault);
      const { buffer: from, offset } = buffer.range;
      if (bytes > 0) encoder.copyBufferToBuffer(from, offset, staged.staging, FAULT_BYTES, bytes);
      this.health.device.queue.submit([encoder.finish()]);
    });
    return { staged, offset: 0 };
  }

  /**
   * Copies small buffers and the fault word where they can be read, behind what `encoder` holds: reading them takes no further
   * submit, until they change.
   */
  stage(encoder: GPUCommandEncoder, buffers: readonly WebGPUBuffer[]): void {
    const size = FAULT_BYTES + buffers.reduce((sum, { bytes }) => sum + bindingBytes(bytes), 0);
    const staged = new Staged(this, this.#takeStaging(size), size, this.#epoch);
    encoder.copyBufferToBuffer(this.fault, 0, staged.staging, 0, FAULT_BYTES);
    let offset = 0;
    for (const buffer of buffers) {
      const at = offset;
      const { buffer: from, offset: begin } = buffer.range;
      encoder.copyBufferToBuffer(from, begin, staged.staging, FAULT_BYTES + at, bindingBytes(buffer.bytes));
      buffer.changed();
      buffer.snapshot = { staged: staged.hold(), offset: at, release: () => staged.release() };
      offset += bindingBytes(buffer.bytes);
    }
  }

  /** Whether a fault that was copied in some epoch is news. Where it still stands there, it is cleared. */
  claimFault(epoch: number): boolean {
    if (this.#claimed.has(epoch)) return false;
    this.#claimed.add(epoch);
    if (epoch < this.#epoch) return true;
    this.#epoch++;
    this.health.defer('clearing a data error', () => {
      const encoder = this.health.device.createCommandEncoder({ label: 'clear' });
      encoder.clearBuffer(this.fault);
      this.health.device.queue.submit([encoder.finish()]);
    });
    return true;
  }

  takeFault(): Fault | null {
    const fault = this.#fault;
    this.#fault = null;
    return fault;
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

  giveStaging(staging: GPUBuffer): void {
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
