import type { Backend, BackendCore, Recovery } from './backend/backend.js';
import type { CompileHost } from './compile.js';
import { Contents } from './contents.js';
import type { Device } from './device.js';
import { fail } from './errors.js';
import { FaultMessages, Program } from './executor.js';
import { GPUBuffers } from './gpu-buffers.js';
import { Gradients } from './gradients.js';
import { HostParts } from './host-state.js';
import type { CheckNumerics } from './numerics.js';
import type { Value } from './op.js';
import { copied } from './ops/gradient_ops.js';
import { Generator } from './random.js';
import { type Compile, Runner } from './runner.js';
import { Sides } from './sides.js';
import { Snapshots } from './snapshots.js';
import { Store } from './store.js';
import type { Tuned } from './tune.js';
import { Turns } from './turns.js';
import type { Weaving } from './weaving.js';

export interface DeviceSettings {
  readonly seed?: number;
  readonly checkNumerics?: CheckNumerics;
  readonly tuned?: Tuned | null;
}

/** What a device is made of, each part given those that it works with. */
export class DeviceParts {
  readonly core: BackendCore;
  /** The one backend, or that which parts graphs between two; the other is null. */
  readonly backend: Backend | null;
  readonly weaving: Weaving | null;
  readonly tuned: Tuned | null;
  readonly recovery: Recovery | null;
  readonly generator: Generator;
  readonly sides: Sides;
  readonly store: Store;
  readonly runner: Runner;
  readonly gradients: Gradients;
  readonly hostParts: HostParts;
  readonly turns: Turns;
  readonly contents: Contents;
  readonly buffers: GPUBuffers;
  readonly snapshots: Snapshots;
  readonly compileHost: CompileHost;
  readonly #faults = new FaultMessages();
  #disposed = false;

  constructor(device: Device, engine: Backend | Weaving, settings: DeviceSettings) {
    const { seed = 0, checkNumerics = null, tuned = null } = settings;
    if (checkNumerics !== null && checkNumerics !== 'nan' && checkNumerics !== 'nonfinite')
      fail('open', `checkNumerics must be 'nan' or 'nonfinite', got '${String(checkNumerics)}'`);
    this.weaving = 'rates' in engine ? engine : null;
    this.backend = 'rates' in engine ? null : engine;
    const core: BackendCore = 'rates' in engine ? engine.backend : engine;
    this.core = core;
    this.tuned = tuned;
    this.recovery = core.recovery ?? null;
    this.generator = new Generator(seed);
    this.sides = new Sides(this.weaving ? null : core.info.backend);
    const store = new Store(core, () => this.runner.evict());
    this.store = store;
    this.gradients = new Gradients(device, store);
    const runner = new Runner(core, store, this.#faults, {
      keepsHistory: (value) => this.gradients.leadTo(value),
      compile: this.#compiler(engine, checkNumerics),
    });
    this.runner = runner;
    this.hostParts = new HostParts(this.generator, () => {
      runner.unstage();
      this.gradients.forgetLosses();
    });
    if (this.recovery) this.recovery.host = this.hostParts;
    const turns = new Turns(this.recovery, () => this.refuseDisposed('device'));
    this.turns = turns;
    this.contents = new Contents({
      core,
      store,
      runner,
      gradients: this.gradients,
      faults: this.#faults,
      turns,
    });
    this.buffers = new GPUBuffers({ core, store, runner, turns });
    const hasGPU = this.weaving !== null || core.info.backend === 'webgpu';
    this.snapshots = new Snapshots({ recovery: this.recovery, runner, turns, hasGPU });
    this.compileHost = {
      device,
      store,
      runner,
      enqueue: (work) =>
        turns.take(async () => {
          if (runner.hasStaged()) await runner.compute([]);
          return work();
        }),
    };
  }

  #compiler(engine: Backend | Weaving, checkNumerics: CheckNumerics | null): Compile {
    const options = { checkNumerics, copied };
    return 'rates' in engine
      ? (graph, given) => engine.compile(graph, given, this.#faults, options)
      : (graph, given) => {
          const kept = (input: Value) => given(input) === 'kept';
          return Program.compile(graph, engine, this.#faults, { ...options, kept });
        };
  }

  refuseDisposed(where: string): void {
    if (this.#disposed) fail(where, 'the device was disposed; open a new one');
  }

  /** Gives all memory back. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.runner.evict();
    this.store.releaseAll();
    this.core.dispose();
  }
}
