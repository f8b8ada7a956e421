import type { DType, TypedArray } from '../../dtype.js';
import { fail, WeftError } from '../../errors.js';
import type {
  BackendCore,
  BackendInfo,
  DeviceBuffer,
  HostState,
  LaunchTimes,
  Prepared,
  Recovery,
  RunChanges,
  SharedMemory,
} from '../backend.js';
import { Handle, Handles } from './handles.js';
import type { Settings } from './options.js';
import { Snapshots } from './snapshots.js';
import { type Open, type Renewable, Succession } from './succession.js';

type Rest<A extends readonly unknown[]> = A extends readonly [unknown, ...infer R] ? R : never;

/** How a program runs on some buffers, in front of which a snapshot may have to be made. */
type Launch = (
  changes: RunChanges,
  externals: readonly DeviceBuffer[],
  run: (buffers: readonly DeviceBuffer[]) => void | Promise<void>,
) => void | Promise<void>;

/** A program that is prepared anew on each backend. */
class RecoveringProgram<Request extends RunChanges> implements Prepared {
  constructor(
    readonly request: Request,
    public inner: Prepared,
    readonly launch: Launch,
    readonly forget: (program: RecoveringProgram<Request>) => void,
  ) {}

  get workgroups() {
    return this.inner.workgroups;
  }

  get parts() {
    return this.inner.parts;
  }

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): void | Promise<void> {
    return this.launch(this.request, externals, (buffers) => this.inner.run(buffers, times));
  }

  get encode(): Prepared['encode'] {
    if (!this.inner.encode) return undefined;
    return (encoder, externals) =>
      void this.launch(this.request, externals, (buffers) => this.inner.encode!(encoder, buffers));
  }

  release(): void {
    this.forget(this);
    this.inner.release();
  }
}

/**
 * A backend whose GPU may be lost: another one takes its place. Buffers are handles that get other memory, programs are kept
 * as what they were prepared from.
 */
export abstract class Recovering<Request extends RunChanges, Core extends Renewable<Request>>
  implements BackendCore, Recovery
{
  abstract readonly kind: BackendCore['kind'];
  readonly recovery = this;
  protected readonly succession: Succession<Core>;
  readonly #programs = new Set<RecoveringProgram<Request>>();
  readonly #handles = new Handles();
  readonly #snapshots: Snapshots;

  constructor(open: Open<Core>, settings: Settings) {
    const { every, state } = settings;
    this.#snapshots = new Snapshots(this.#handles, every, state);
    const rebuild = (core: Core) => this.#rebuild(core);
    this.succession = new Succession(open, settings, this.#handles, this.#snapshots, rebuild);
  }

  /** Opens the first one. */
  open(): Promise<void> {
    return this.succession.open();
  }

  get losses(): number {
    return this.succession.losses;
  }

  get info(): BackendInfo {
    return this.succession.info;
  }

  get maxBufferBytes(): number {
    return this.succession.first.maxBufferBytes;
  }

  get onLaunch(): LaunchTimes | null {
    return this.succession.onLaunch;
  }

  set onLaunch(listener: LaunchTimes | null) {
    this.succession.onLaunch = listener;
  }

  timed(): Promise<void> {
    return this.succession.need().timed();
  }

  takeFault() {
    return this.succession.current?.takeFault() ?? null;
  }

  memory() {
    return this.succession.current?.memory() ?? { buffers: 0, bytes: 0 };
  }

  get host(): HostState | null {
    return this.#snapshots.host;
  }

  set host(host: HostState | null) {
    this.#snapshots.host = host;
  }

  /** Without a device, it gets its memory with the next one. */
  allocate(bytes: number, label: string, transient = false): DeviceBuffer {
    const { ended, current } = this.succession;
    if (ended) throw ended;
    const inner = current?.allocate(bytes, label) ?? null;
    return this.#handles.add(inner, bytes, label, transient ? 'transient' : 'kept');
  }

  write(buffer: DeviceBuffer, data: TypedArray, dtype: DType): void {
    const { ended, current } = this.succession;
    if (ended) throw ended;
    const handle = this.#own(buffer);
    if (handle.inner) current?.write(handle.inner, data, dtype);
    this.#handles.written(handle, data, dtype);
  }

  read(buffer: DeviceBuffer, ...rest: Rest<Parameters<BackendCore['read']>>): Promise<TypedArray> {
    const { succession } = this;
    return succession.surviving(async () => {
      const data = await succession.need().read(this.memoryOf(buffer), ...rest);
      succession.progressed();
      return data;
    });
  }

  async prepare(request: Request): Promise<Prepared> {
    const inner = await this.succession.need().prepare(request);
    const program = new RecoveringProgram(request, inner, this.#launch, (one) => this.#programs.delete(one));
    this.#programs.add(program);
    return program;
  }

  async #rebuild(core: Core): Promise<void> {
    const programs = [...this.#programs];
    const prepared = await Promise.all(programs.map(({ request }) => core.prepare(request)));
    programs.forEach((program, i) => {
      program.inner = prepared[i]!;
      if (!this.#programs.has(program)) program.inner.release();
    });
  }

  /** Calls `run` with the memory of these buffers, behind a snapshot if one is due. */
  readonly #launch: Launch = ({ written, inputs = 0 }, externals, run) => {
    const { succession } = this;
    const core = succession.need();
    const buffers = externals.map((buffer) => this.memoryOf(buffer));
    const changed = written ?? externals.map((_, i) => i);
    const updates = changed.some((index) => index < inputs);
    if (updates) this.#snapshots.beforeUpdate(core)?.catch((error) => succession.miss(error));
    const running = run(buffers);
    for (const index of changed) this.#handles.computed(externals[index] as Handle);
    if (updates) this.#snapshots.updates++;
    return running;
  };

  get shared(): SharedMemory {
    const { succession } = this;
    return {
      adopt: async (gpu, bytes) => {
        await succession.ready(succession.losses);
        const inner = await succession.need().shared!.adopt(gpu, bytes);
        return this.#handles.add(inner, bytes, gpu.label, 'borrowed');
      },
      bufferOf: (buffer) => succession.need().shared!.bufferOf(this.memoryOf(buffer)),
    };
  }

  #own(buffer: DeviceBuffer): Handle {
    if (buffer instanceof Handle && buffer.table === this.#handles) return buffer;
    return fail(
      this.kind,
      'a buffer of another device is used; copy it through the host with read and write',
    );
  }

  /** The memory behind a handle, as it is now. */
  protected memoryOf(buffer: DeviceBuffer): DeviceBuffer {
    const { inner, lost, label } = this.#own(buffer);
    return inner ?? fail(this.kind, `buffer '${label}' ${lost}`);
  }

  begin(): void {
    this.#snapshots.begin();
  }

  snapshot(state: unknown): Promise<void> {
    const { succession } = this;
    return succession.surviving(() => this.#snapshots.take(() => succession.need(), state));
  }

  ready(losses: number): Promise<void> {
    return this.succession.ready(losses);
  }

  dispose(): void {
    this.succession.end(new WeftError(`${this.kind}: the device was disposed; open a new one`));
  }
}
