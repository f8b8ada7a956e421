import type { DType, TypedArray } from '../../dtype.js';
import { DeviceLostError, fail, type Recovered, WeftError } from '../../errors.js';
import type { Features } from '../../op.js';
import type {
  Backend,
  BackendInfo,
  DeviceBuffer,
  GroupRules,
  HostState,
  LaunchTimes,
  Prepared,
  PrepareRequest,
  Recovery,
  SharedMemory,
} from '../backend.js';
import type { KernelSet } from '../kernels.js';
import { Handle, Handles } from './handles.js';
import { openWebGPU, type WebGPUBackend, type WebGPUOptions } from './index.js';
import { Patience } from './patience.js';
import type { RecoverOptions } from './recover.js';
import { Snapshots } from './snapshots.js';

type Settings = Required<Pick<RecoverOptions, 'every' | 'tries'>> & RecoverOptions;

type Rest<A extends readonly unknown[]> = A extends readonly [unknown, ...infer R] ? R : never;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A program that is prepared anew on each device. */
class RecoveringProgram implements Prepared {
  constructor(
    readonly backend: RecoveringBackend,
    readonly request: PrepareRequest,
    public inner: Prepared,
  ) {}

  get workgroups() {
    return this.inner.workgroups;
  }

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): void {
    this.backend.launch(this.request, externals, (buffers) => this.inner.run(buffers, times));
  }

  encode(encoder: GPUCommandEncoder, externals: readonly DeviceBuffer[]): void {
    this.backend.launch(this.request, externals, (buffers) => this.inner.encode!(encoder, buffers));
  }

  release(): void {
    this.backend.programs.delete(this);
    this.inner.release();
  }
}

/**
 * A WebGPU backend whose GPU device may be replaced: buffers are handles that get other memory, programs are kept as what they
 * were prepared from.
 */
export class RecoveringBackend implements Backend, Recovery {
  readonly kind = 'webgpu';
  readonly recovery = this;
  readonly programs = new Set<RecoveringProgram>();
  losses = 0;
  readonly #handles = new Handles();
  readonly #snapshots: Snapshots;
  readonly #options: WebGPUOptions;
  readonly #sets: readonly KernelSet[];
  readonly #settings: Settings;
  readonly #patience: Patience;
  /** Takes allocations and writes; null from a loss until there is a new one. */
  #inner: WebGPUBackend | null = null;
  /** The one that all calls may use. */
  #ready: WebGPUBackend | null = null;
  #first!: WebGPUBackend;
  #info!: BackendInfo;
  #onLaunch: LaunchTimes | null = null;
  #recovering: Promise<unknown> | null = null;
  /** The latest loss, and whether a call has raised it. */
  #error: WeftError | null = null;
  #told = true;
  /** What else the next call has to raise. */
  #problem: WeftError | null = null;
  /** Why it can't be used any more. */
  #ended: WeftError | null = null;

  constructor(options: WebGPUOptions, sets: readonly KernelSet[], settings: Settings) {
    this.#options = options;
    this.#sets = sets;
    this.#settings = settings;
    this.#patience = new Patience(settings.tries);
    this.#snapshots = new Snapshots(this.#handles, settings.every, settings.state);
  }

  async open(): Promise<void> {
    this.#first = await this.#openInner(this.#options);
    this.#use(this.#first);
    this.#ready = this.#first;
  }

  async #openInner(options: WebGPUOptions): Promise<WebGPUBackend> {
    let inner: WebGPUBackend | null = null;
    inner = await openWebGPU(options, this.#sets, (why) => this.#lose(inner, why));
    return inner;
  }

  #use(inner: WebGPUBackend): void {
    this.#inner = inner;
    this.#info = inner.info;
    inner.onLaunch = this.#onLaunch;
  }

  get info(): BackendInfo {
    return this.#info;
  }

  get features(): Features {
    return this.#first.features;
  }

  get alignment(): number {
    return this.#first.alignment;
  }

  get sharesRegions(): boolean {
    return this.#first.sharesRegions;
  }

  get fuses(): boolean {
    return this.#first.fuses;
  }

  get groups(): GroupRules | undefined {
    return this.#first.groups;
  }

  get takesHalf(): Backend['takesHalf'] {
    return this.#first.takesHalf;
  }

  get maxBufferBytes(): number {
    return this.#first.maxBufferBytes;
  }

  get onLaunch(): LaunchTimes | null {
    return this.#onLaunch;
  }

  set onLaunch(listener: LaunchTimes | null) {
    this.#onLaunch = listener;
    if (this.#inner) this.#inner.onLaunch = listener;
  }

  timed(): Promise<void> {
    return this.#need().timed();
  }

  takeFault() {
    return this.#inner?.takeFault() ?? null;
  }

  memory() {
    return this.#inner?.memory() ?? { buffers: 0, bytes: 0 };
  }

  get host(): HostState | null {
    return this.#snapshots.host;
  }

  set host(host: HostState | null) {
    this.#snapshots.host = host;
  }

  /** The backend for work that needs its device. */
  #need(): WebGPUBackend {
    return this.#ready ?? this.#refuse();
  }

  #refuse(): never {
    throw this.#ended ?? this.#error!;
  }

  /** Without a device, it gets its memory with the next one. */
  allocate(bytes: number, label: string, transient = false): DeviceBuffer {
    if (this.#ended) this.#refuse();
    const inner = this.#inner?.allocate(bytes, label) ?? null;
    return this.#handles.add(inner, bytes, label, transient ? 'transient' : 'kept');
  }

  write(buffer: DeviceBuffer, data: TypedArray, dtype: DType): void {
    if (this.#ended) this.#refuse();
    const handle = this.#own(buffer);
    if (handle.inner) this.#inner?.write(handle.inner, data, dtype);
    this.#handles.written(handle, data, dtype);
  }

  async read(buffer: DeviceBuffer, ...rest: Rest<Parameters<Backend['read']>>): Promise<TypedArray> {
    const { losses } = this;
    try {
      const data = await this.#need().read(this.#memoryOf(buffer), ...rest);
      this.#patience.progressed(this.#snapshots.updates);
      return data;
    } finally {
      if (losses !== this.losses) await this.ready(losses);
    }
  }

  async prepare(request: PrepareRequest): Promise<Prepared> {
    const program = new RecoveringProgram(this, request, await this.#need().prepare(request));
    this.programs.add(program);
    return program;
  }

  /** Calls `run` with the memory of these buffers, behind a snapshot if one is due. */
  launch(
    { written, inputs = 0 }: PrepareRequest,
    externals: readonly DeviceBuffer[],
    run: (buffers: readonly DeviceBuffer[]) => void,
  ): void {
    const inner = this.#need();
    const buffers = externals.map((buffer) => this.#memoryOf(buffer));
    const changed = written ?? externals.map((_, i) => i);
    const updates = changed.some((index) => index < inputs);
    if (updates) this.#snapshots.beforeUpdate(inner)?.catch((error) => this.#miss(error));
    run(buffers);
    for (const index of changed) this.#handles.computed(externals[index] as Handle);
    if (updates) this.#snapshots.updates++;
  }

  readonly shared: SharedMemory = {
    adopt: async (gpu, bytes) => {
      await this.ready(this.losses);
      const inner = await this.#need().shared!.adopt(gpu, bytes);
      return this.#handles.add(inner, bytes, gpu.label, 'borrowed');
    },
    bufferOf: (buffer) => this.#need().shared!.bufferOf(this.#memoryOf(buffer)),
  };

  #own(buffer: DeviceBuffer): Handle {
    if (buffer instanceof Handle && buffer.table === this.#handles) return buffer;
    return fail('webgpu', 'a buffer of another device is used; copy it through the host with read and write');
  }

  #memoryOf(buffer: DeviceBuffer): DeviceBuffer {
    const { inner, lost, label } = this.#own(buffer);
    return inner ?? fail('webgpu', `buffer '${label}' ${lost}`);
  }

  begin(): void {
    this.#snapshots.begin();
  }

  async snapshot(state: unknown): Promise<void> {
    const { losses } = this;
    try {
      await this.#snapshots.take(() => this.#need(), state);
    } finally {
      if (losses !== this.losses) await this.ready(losses);
    }
  }

  /** Notes that a snapshot was not made. */
  #miss(error: unknown): void {
    if (error instanceof DeviceLostError || this.#ended) return;
    this.#problem = new WeftError(`${messageOf(error)}; ${this.#snapshots.name} stays, training can go on`);
  }

  async ready(losses: number): Promise<void> {
    if (losses !== this.losses || !this.#told) {
      this.#told = true;
      throw this.#error!;
    }
    if (this.#ended) this.#refuse();
    await this.#recovering;
    const problem = this.#problem;
    this.#problem = null;
    if (problem) throw problem;
  }

  /** Called by a backend whose device is lost; gives the error of every call that is under way. */
  #lose(inner: WebGPUBackend | null, why: string): WeftError {
    if (!inner || inner !== this.#ready) return new WeftError(`webgpu: the device was lost (${why})`);
    this.losses++;
    this.#told = false;
    this.#inner = null;
    this.#ready = null;
    this.#snapshots.interrupt();
    this.#handles.detach();
    const recovered = this.#patience.recover(this.#snapshots.updates, () => this.#reopen());
    const advice = `a new one is asked for, and tensors go back to ${this.#snapshots.name}: await error.recovered`;
    const error = new DeviceLostError(`webgpu: the device was lost (${why}); ${advice}`, recovered);
    this.#error = error;
    this.#recovering = recovered;
    recovered.then(
      () => {
        if (this.#recovering === recovered) this.#recovering = null;
      },
      (reason: WeftError) => {
        this.#ended ??= reason;
      },
    );
    // When its calls have failed: what is left of it waits for its last answers.
    queueMicrotask(() => inner.dispose());
    return error;
  }

  async #reopen(): Promise<Recovered> {
    const { device } = this.#settings;
    const inner = await this.#openInner(device ? { device: await device() } : this.#options);
    try {
      const missing = [...this.features].filter((name) => !inner.features.has(name));
      if (missing.length > 0)
        fail('webgpu', `the new device lacks ${missing.join(', ')}, which programs may use`);
      const programs = [...this.programs];
      const prepared = await Promise.all(programs.map(({ request }) => inner.prepare(request)));
      programs.forEach((program, i) => {
        program.inner = prepared[i]!;
        if (!this.programs.has(program)) program.inner.release();
      });
      return await this.#restore(inner);
    } catch (error) {
      this.#inner = null;
      this.#handles.detach();
      inner.dispose();
      throw error;
    }
  }

  async #restore(inner: WebGPUBackend): Promise<Recovered> {
    if (this.#ended) this.#refuse();
    this.#use(inner);
    this.#handles.attach(inner, this.#snapshots.name);
    // Answered only by a device that is alive, after the errors of all that was asked of it.
    const probe = inner.allocate(4, 'probe');
    await inner.read(probe, 'i32', 1);
    probe.free();
    if (this.#ended) this.#refuse();
    const recovered = this.#snapshots.restore();
    this.#ready = inner;
    return recovered;
  }

  dispose(): void {
    const inner = this.#inner;
    this.#ended = new WeftError('webgpu: the device was disposed; open a new one');
    this.#ready = null;
    this.#inner = null;
    this.#patience.end(this.#ended);
    inner?.dispose();
  }
}
