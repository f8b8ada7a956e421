import { DeviceLostError, fail, messageOf, type Recovered, WeftError } from '../../errors.js';
import type { Features } from '../../op.js';
import type { BackendCore, BackendInfo, LaunchTimes, Losable, OnLost, Prepared } from '../backend.js';
import type { Handles } from './handles.js';
import type { Settings } from './options.js';
import { Patience } from './patience.js';
import type { Snapshots } from './snapshots.js';

/** What recovery asks of a backend: it is opened anew, and prepares again what `Request` says. */
export interface Renewable<Request> extends BackendCore, Losable {
  readonly features: Features;
  prepare(request: Request): Promise<Prepared>;
}

/** Opens a backend, on the caller's next GPU device where the caller gives them. */
export type Open<Core> = (lost: OnLost, device?: GPUDevice) => Promise<Core>;

/** Backends, one after the other as their GPUs are lost, and what calls are told of it. */
export class Succession<Core extends Renewable<never>> {
  /** How many were lost. */
  losses = 0;
  /** Takes allocations and writes; null from a loss until there is a new one. */
  current: Core | null = null;
  first!: Core;
  /** Of the latest. */
  info!: BackendInfo;
  /** Why there is none any more, and won't be. */
  ended: WeftError | null = null;
  /** The one that all calls may use. */
  #ready: Core | null = null;
  #onLaunch: LaunchTimes | null = null;
  #recovering: Promise<unknown> | null = null;
  /** The latest loss, and whether a call has raised it. */
  #error: WeftError | null = null;
  #told = true;
  /** What else the next call has to raise. */
  #problem: WeftError | null = null;
  readonly #patience: Patience;

  /** @param rebuild makes programs ready on a new backend. */
  constructor(
    readonly opener: Open<Core>,
    readonly settings: Settings,
    readonly handles: Handles,
    readonly snapshots: Snapshots,
    readonly rebuild: (core: Core) => Promise<void>,
  ) {
    this.#patience = new Patience(settings.tries);
  }

  async open(): Promise<void> {
    this.first = await this.#open();
    this.#use(this.first);
    this.#ready = this.first;
  }

  async #open(device?: GPUDevice): Promise<Core> {
    let core: Core | null = null;
    core = await this.opener((why) => this.#lose(core, why), device);
    return core;
  }

  #use(core: Core): void {
    this.current = core;
    this.info = core.info;
    core.onLaunch = this.#onLaunch;
  }

  get onLaunch(): LaunchTimes | null {
    return this.#onLaunch;
  }

  set onLaunch(listener: LaunchTimes | null) {
    this.#onLaunch = listener;
    if (this.current) this.current.onLaunch = listener;
  }

  /** The backend for work that needs its device. */
  need(): Core {
    return this.#ready ?? this.refuse();
  }

  refuse(): never {
    throw this.ended ?? this.#error!;
  }

  /** A call that finds the device lost when it ends waits until it is told so. */
  async surviving<T>(work: () => Promise<T>): Promise<T> {
    const { losses } = this;
    try {
      return await work();
    } finally {
      if (losses !== this.losses) await this.ready(losses);
    }
  }

  /** Notes that the device answered. */
  progressed(): void {
    this.#patience.progressed(this.snapshots.updates);
  }

  /** Notes that a snapshot was not made. */
  miss(error: unknown): void {
    if (error instanceof DeviceLostError || this.ended) return;
    this.#problem = new WeftError(`${messageOf(error)}; ${this.snapshots.name} stays, training can go on`);
  }

  /** See {@link Recovery}. */
  async ready(losses: number): Promise<void> {
    if (losses !== this.losses || !this.#told) {
      this.#told = true;
      throw this.#error!;
    }
    if (this.ended) this.refuse();
    await this.#recovering;
    const problem = this.#problem;
    this.#problem = null;
    if (problem) throw problem;
  }

  /** Called by a backend whose GPU is lost; gives the error of every call that is under way. */
  #lose(core: Core | null, why: string): WeftError {
    if (!core || core !== this.#ready) return new WeftError(`webgpu: the device was lost (${why})`);
    this.losses++;
    this.#told = false;
    this.current = null;
    this.#ready = null;
    this.snapshots.interrupt();
    this.handles.detach();
    const recovered = this.#patience.recover(this.snapshots.updates, () => this.#reopen());
    const advice = `a new one is asked for, and tensors go back to ${this.snapshots.name}: await error.recovered`;
    const error = new DeviceLostError(`webgpu: the device was lost (${why}); ${advice}`, recovered);
    this.#error = error;
    this.#recovering = recovered;
    recovered.then(
      () => {
        if (this.#recovering === recovered) this.#recovering = null;
      },
      (reason: WeftError) => {
        this.ended ??= reason;
      },
    );
    // When its calls have failed: what is left of it waits for its last answers.
    queueMicrotask(() => core.dispose());
    return error;
  }

  async #reopen(): Promise<Recovered> {
    const { device } = this.settings;
    const core = await this.#open(await device?.());
    try {
      const missing = [...this.first.features].filter((name) => !core.features.has(name));
      if (missing.length > 0)
        fail('webgpu', `the new device lacks ${missing.join(', ')}, which programs may use`);
      await this.rebuild(core);
      return await this.#restore(core);
    } catch (error) {
      this.current = null;
      this.handles.detach();
      core.dispose();
      throw error;
    }
  }

  async #restore(core: Core): Promise<Recovered> {
    if (this.ended) this.refuse();
    this.#use(core);
    this.handles.attach(core, this.snapshots.name);
    await core.alive();
    if (this.ended) this.refuse();
    const recovered = this.snapshots.restore();
    this.#ready = core;
    return recovered;
  }

  end(why: WeftError): void {
    const { current } = this;
    this.ended = why;
    this.#ready = null;
    this.current = null;
    this.#patience.end(why);
    current?.dispose();
  }
}
