import type { DType, TypedArray } from '../dtype.js';
import { fail } from '../errors.js';
import type { Features } from '../op.js';
import type {
  Backend,
  BackendCore,
  BackendInfo,
  DeviceBuffer,
  Fault,
  LaunchTimes,
  Losable,
  Prepared,
} from './backend.js';
import { prepareWoven, type WovenRequest } from './woven-program.js';

/** The backends that are woven. */
export interface Sides {
  readonly wasm: Backend;
  readonly webgpu: Backend & Losable;
}

export type Side = keyof Sides;

const SIDES = ['wasm', 'webgpu'] as const;

/**
 * Memory of one tensor on up to two backends. A copy is made where the tensor is used, and again when the other one has
 * changed since.
 */
export class WovenBuffer implements DeviceBuffer {
  readonly copies: Record<Side, DeviceBuffer | null> = { wasm: null, webgpu: null };
  /** Where its contents are up to date. */
  readonly fresh: Record<Side, boolean> = { wasm: false, webgpu: false };
  /** Where programs have read it. */
  readonly used: Record<Side, boolean> = { wasm: false, webgpu: false };
  /** Whether the caller holds its GPU buffer, and may write there at any time. */
  exposed = false;
  #freed = false;

  constructor(
    readonly owner: WovenBackend,
    readonly bytes: number,
    readonly label: string,
  ) {}

  get freed(): boolean {
    return this.#freed;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.owner.whenIdle(() => {
      for (const side of SIDES) this.drop(side);
    });
  }

  drop(side: Side): void {
    this.copies[side]?.free();
    this.copies[side] = null;
    this.fresh[side] = false;
  }
}

/** What graphs are placed on and prepared by. */
export interface WovenCore extends BackendCore {
  readonly sides: Sides;
  /** The one side on which a tensor's contents are; null where both have them. */
  homeOf(buffer: DeviceBuffer): Side | null;
  prepare(request: WovenRequest): Promise<Prepared>;
}

/** A wasm and a webgpu backend as one: whose memory holds what, and how it passes between them. */
export class WovenBackend implements WovenCore, Losable {
  readonly kind = 'woven';
  readonly info: BackendInfo;
  readonly features: Features;
  readonly maxBufferBytes: number;
  readonly shared: NonNullable<Backend['shared']>;
  onLaunch: LaunchTimes | null = null;
  #fault: Fault | null = null;
  #disposed = false;
  /** Runs under way, and what waits for their end. */
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(readonly sides: Sides) {
    const { wasm, webgpu } = sides;
    this.info = {
      backend: 'woven',
      description: `webgpu (${webgpu.info.description}) and wasm (${wasm.info.description})`,
      threads: wasm.info.threads,
      notes: SIDES.flatMap((side) => sides[side].info.notes.map((note) => `${side}: ${note}`)),
    };
    this.features = webgpu.features;
    this.maxBufferBytes = Math.max(wasm.maxBufferBytes, webgpu.maxBufferBytes);
    this.shared = {
      adopt: async (gpu, bytes) => {
        const buffer = new WovenBuffer(this, bytes, gpu.label || "the caller's buffer");
        buffer.copies.webgpu = await webgpu.shared!.adopt(gpu, bytes);
        buffer.fresh.webgpu = true;
        buffer.exposed = true;
        return buffer;
      },
      bufferOf: (given) => {
        const buffer = this.own(given);
        void this.bring(buffer, 'webgpu');
        buffer.exposed = true;
        return webgpu.shared!.bufferOf(buffer.copies.webgpu!);
      },
    };
  }

  #refuseDisposed(): void {
    if (this.#disposed) fail('woven', 'the device was disposed; open a new one');
  }

  allocate(bytes: number, label: string): WovenBuffer {
    this.#refuseDisposed();
    if (!(bytes >= 0 && bytes <= this.maxBufferBytes))
      fail(
        'woven',
        `buffer '${label}' of ${bytes} bytes is larger than the device allows, ${this.maxBufferBytes} bytes`,
      );
    return new WovenBuffer(this, bytes, label);
  }

  /** `buffer` as one of this device, or an error. */
  own(buffer: DeviceBuffer | undefined): WovenBuffer {
    this.#refuseDisposed();
    if (!(buffer instanceof WovenBuffer) || buffer.owner !== this)
      return fail(
        'woven',
        'a buffer of another device is used; copy it through the host with read and write',
      );
    if (buffer.freed) fail('woven', `buffer '${buffer.label}' is used after it was freed`);
    return buffer;
  }

  /** A buffer's copy on a side, whose contents may be old. */
  copyOn(buffer: WovenBuffer, side: Side): DeviceBuffer {
    buffer.copies[side] ??= this.sides[side].allocate(buffer.bytes, buffer.label);
    return buffer.copies[side];
  }

  /**
   * Sends the contents to a side where they are not up to date: to webgpu at once, to wasm when what the promise gives is
   * called. Null where they need not be sent, or are.
   */
  bring(buffer: WovenBuffer, side: Side): Promise<() => void> | null {
    const { fresh, exposed, bytes } = buffer;
    buffer.used[side] = true;
    const target = this.copyOn(buffer, side);
    const current = fresh[side] && !(exposed && side === 'wasm');
    const known = fresh.wasm || fresh.webgpu;
    if (current || !known || bytes === 0) return null;
    if (side === 'webgpu') {
      this.upload(buffer.copies.wasm!, target, bytes);
      fresh.webgpu = true;
      return null;
    }
    return this.download(buffer.copies.webgpu!, target, bytes).then((arrive) => () => {
      arrive();
      fresh.wasm = true;
    });
  }

  /** Copies wasm's memory to webgpu's, before what is submitted next. */
  upload(from: DeviceBuffer, to: DeviceBuffer, bytes: number): void {
    const words = this.sides.wasm.view!(from, bytes / 4);
    this.sides.webgpu.write(to, words, 'i32');
  }

  /** Fetches webgpu's memory as it is behind what was submitted; the result, called, puts it into wasm's. */
  async download(from: DeviceBuffer, to: DeviceBuffer, bytes: number): Promise<() => void> {
    const { wasm, webgpu } = this.sides;
    const words = await webgpu.read(from, 'i32', bytes / 4);
    this.noteFault('webgpu');
    return () => wasm.write(to, words, 'i32');
  }

  /** New contents on these sides alone. */
  written(buffer: WovenBuffer, sides: readonly Side[]): void {
    for (const side of SIDES) buffer.fresh[side] = sides.includes(side);
    if (buffer.exposed) void this.bring(buffer, 'webgpu');
  }

  write(target: DeviceBuffer, data: TypedArray, dtype: DType): void {
    const buffer = this.own(target);
    const { used, exposed } = buffer;
    const side = exposed || (used.webgpu && !used.wasm) ? 'webgpu' : 'wasm';
    this.sides[side].write(this.copyOn(buffer, side), data, dtype);
    this.written(buffer, [side]);
  }

  read(
    source: DeviceBuffer,
    dtype: DType,
    length: number,
    faulted?: (fault: Fault) => void,
  ): Promise<TypedArray> {
    const buffer = this.own(source);
    const side = buffer.exposed || (buffer.fresh.webgpu && !buffer.fresh.wasm) ? 'webgpu' : 'wasm';
    return this.sides[side].read(this.copyOn(buffer, side), dtype, length, faulted);
  }

  homeOf(buffer: DeviceBuffer): Side | null {
    const { fresh } = this.own(buffer);
    if (fresh.webgpu) return fresh.wasm ? null : 'webgpu';
    return 'wasm';
  }

  async prepare(request: WovenRequest): Promise<Prepared> {
    this.#refuseDisposed();
    return prepareWoven(this, request);
  }

  /** What webgpu has is copied there behind all that was submitted, what wasm has now. */
  async capture(buffers: readonly DeviceBuffer[]): Promise<Int32Array<ArrayBuffer>[]> {
    const { wasm, webgpu } = this.sides;
    const own = buffers.map((buffer) => this.own(buffer));
    const there = own.filter(({ fresh, exposed }) => exposed || (fresh.webgpu && !fresh.wasm));
    const coming = webgpu.capture(there.map((buffer) => this.copyOn(buffer, 'webgpu')));
    const words = own.map((buffer) =>
      there.includes(buffer)
        ? null
        : new Int32Array(wasm.view!(this.copyOn(buffer, 'wasm'), buffer.bytes / 4)),
    );
    const arrived = await coming;
    return words.map((one) => one ?? arrived.shift()!);
  }

  alive(): Promise<unknown> {
    return this.sides.webgpu.alive();
  }

  /** Keeps the first fault that either side reports. */
  noteFault(side: Side): void {
    const fault = this.sides[side].takeFault();
    this.#fault ??= fault;
  }

  takeFault(): Fault | null {
    for (const side of SIDES) this.noteFault(side);
    const fault = this.#fault;
    this.#fault = null;
    return fault;
  }

  async timed(): Promise<void> {
    await Promise.all(SIDES.map((side) => this.sides[side].timed()));
  }

  memory() {
    const [a, b] = SIDES.map((side) => this.sides[side].memory());
    return { buffers: a!.buffers + b!.buffers, bytes: a!.bytes + b!.bytes };
  }

  /** Lets memory be freed only when no run uses it any more. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await run();
    } finally {
      this.#running--;
      if (this.#running === 0) for (const free of this.#waiting.splice(0)) free();
    }
  }

  whenIdle(free: () => void): void {
    if (this.#running === 0) free();
    else this.#waiting.push(free);
  }

  dispose(): void {
    this.#disposed = true;
    for (const side of SIDES) this.sides[side].dispose();
  }
}
