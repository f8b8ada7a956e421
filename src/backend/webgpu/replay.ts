import { fail } from '../../errors.js';
import type { CopyCommand, DeviceBuffer, LaunchTimes, Location, Prepared } from '../backend.js';
import { type BufferPool, bindingBytes, type WebGPUBuffer } from './buffers.js';
import type { Health } from './health.js';
import type { Kernel } from './pipelines.js';
import type { LaunchClock, Timestamps } from './timing.js';
import type { Workgroups } from './workgroups.js';

/** A dispatch made ready, but for the bind group where it has external operands. */
export interface DispatchStep {
  readonly kind: 'dispatch';
  readonly label: string;
  /** In binding order. */
  readonly operands: readonly Location[];
  readonly kernel: Kernel;
  readonly workgroups: Workgroups;
  /** Where its parameter block lies. */
  readonly paramsOffset: number;
}

export interface CopyStep {
  readonly kind: 'copy';
  readonly command: CopyCommand;
}

/** The buffers of a program, all but the external ones. */
export interface ProgramBuffers {
  readonly regions: readonly WebGPUBuffer[];
  readonly params: WebGPUBuffer | null;
  /** Bound for operands that are left out: one to be read, one with a slot per binding to be written. */
  readonly dummies: { readonly read: GPUBuffer; readonly write: GPUBuffer };
  /** What copies within one buffer pass through; null where there is none. */
  readonly temporary: WebGPUBuffer | null;
}

/** What a program's externals are, and the workgroups of its commands. */
export interface Roles {
  readonly externals: number;
  /** Those that a run changes; all, where that is not known. */
  readonly written: readonly number[];
  /** Small ones among them, which are copied with each run for whoever reads them. */
  readonly staged: readonly number[];
  readonly workgroups: readonly (Workgroups | null)[];
}

/** Distance of the slots of `dummies.write`: the strictest alignment of storage bindings. */
export const DUMMY_SLOT = 256;

interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/** A command list that is replayed: one encoder, one submit, one compute pass between copies. */
export class Replay implements Prepared {
  readonly workgroups: readonly (Workgroups | null)[];
  readonly #groups: (GPUBindGroup | null)[];
  readonly #bound: (WebGPUBuffer | null)[];
  readonly #dependents: number[][];
  readonly #needed: number[];
  /** Whether the list was submitted once with its own bind groups under watch. */
  #ran = false;
  #released = false;

  constructor(
    readonly host: { readonly health: Health; readonly pool: BufferPool; readonly clock: LaunchClock },
    readonly steps: readonly (DispatchStep | CopyStep)[],
    readonly buffers: ProgramBuffers,
    readonly roles: Roles,
  ) {
    const { externals, workgroups } = roles;
    this.workgroups = workgroups;
    this.#groups = steps.map(() => null);
    this.#bound = new Array<WebGPUBuffer | null>(externals).fill(null);
    this.#dependents = Array.from({ length: externals }, () => []);
    this.#needed = new Array<number>(externals).fill(0);
    steps.forEach((step, i) => {
      const copied = step.kind === 'copy' ? [step.command.from, step.command.to] : [];
      const operands = step.kind === 'dispatch' ? step.operands : copied;
      const { label } = step.kind === 'dispatch' ? step : step.command;
      let external = false;
      for (const operand of operands) {
        if (operand.kind !== 'external') continue;
        const { index, bytes } = operand;
        if (!(index < externals)) fail(label, `external ${index} is named, there are ${externals}`);
        external = true;
        this.#needed[index] = Math.max(this.#needed[index]!, bytes);
        if (this.#dependents[index]!.at(-1) !== i) this.#dependents[index]!.push(i);
      }
      if (step.kind === 'dispatch' && !external) this.#groups[i] = this.#bind(step);
    });
  }

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): void {
    const { health } = this.host;
    health.check();
    if (this.#released) fail('webgpu', 'a program is run after it was released');
    const rebound = this.#takeExternals(externals);
    // Without new bind groups nothing can be refused that was not refused, and reported, before; but what the caller knows.
    if (!rebound && !this.host.pool.lends) this.#submit(times);
    else {
      const bindAndSubmit = () => {
        if (rebound) this.#rebind(rebound);
        this.#submit(times);
      };
      health.defer('webgpu: running a program', bindAndSubmit, () => this.#bound.fill(null));
    }
  }

  encode(encoder: GPUCommandEncoder, externals: readonly DeviceBuffer[]): void {
    this.host.health.check();
    if (this.#released) fail('webgpu', 'a program is encoded after it was released');
    const rebound = this.#takeExternals(externals);
    const encode = () => {
      if (rebound) this.#rebind(rebound);
      this.#change();
      this.#encode(encoder, null);
    };
    this.host.health.defer('webgpu: encoding a program', encode, () => this.#bound.fill(null));
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    for (const region of this.buffers.regions) region.free();
    this.buffers.params?.free();
    this.buffers.temporary?.free();
    this.host.clock.forget(this);
    this.#groups.fill(null);
    this.#bound.fill(null);
  }

  /** Takes the external buffers of this run; the steps whose bind groups must be made, null if all are as before. */
  #takeExternals(externals: readonly DeviceBuffer[]): ReadonlySet<number> | null {
    if (externals.length !== this.#bound.length) {
      fail(
        'webgpu',
        `the program takes ${this.#bound.length} external buffers, ${externals.length} are given`,
      );
    }
    const stale = new Set<number>();
    const buffers = externals.map((given, index) => {
      const buffer = this.host.pool.own(given);
      const needed = this.#needed[index]!;
      if (buffer.bytes < needed) {
        fail(
          'webgpu',
          `external ${index} needs ${needed} bytes, buffer '${buffer.label}' has ${buffer.bytes}`,
        );
      }
      return buffer;
    });
    buffers.forEach((buffer, index) => {
      if (buffer === this.#bound[index]) return;
      this.#bound[index] = buffer;
      for (const step of this.#dependents[index]!) stale.add(step);
    });
    return this.#ran && stale.size === 0 ? null : stale;
  }

  #rebind(steps: ReadonlySet<number>): void {
    try {
      for (const i of steps) {
        const step = this.steps[i]!;
        if (step.kind === 'dispatch') this.#groups[i] = this.#bind(step);
      }
    } catch (error) {
      this.#bound.fill(null);
      throw error;
    }
    this.#ran = true;
  }

  #locate(at: Location, binding: number, writes: boolean): Range {
    switch (at.kind) {
      case 'arena':
        return { buffer: this.buffers.regions[at.region]!.gpu, offset: at.offset };
      case 'external':
        return this.#bound[at.index]!.range;
      case 'fault':
        return { buffer: this.host.pool.fault, offset: 0 };
      case 'none':
        return writes
          ? { buffer: this.buffers.dummies.write, offset: binding * DUMMY_SLOT }
          : { buffer: this.buffers.dummies.read, offset: 0 };
      case 'tile':
        return fail('webgpu', 'an operand lies in a tile, which only groups have');
    }
  }

  #bind({ label, operands, kernel, paramsOffset }: DispatchStep): GPUBindGroup {
    const uses = new Map<GPUBuffer, 'read' | 'read_write'>();
    const entries: GPUBindGroupEntry[] = operands.map((operand, binding) => {
      const access = kernel.info.access[binding]!;
      const { buffer, offset } = this.#locate(operand, binding, access === 'read_write');
      if ((uses.get(buffer) ?? access) !== access) {
        const what = `operand ${binding} writes a buffer that another operand reads (${buffer.label})`;
        fail(label, `${what}; WebGPU forbids both in one dispatch, give them buffers of their own`);
      }
      uses.set(buffer, access);
      const size = bindingBytes('bytes' in operand ? operand.bytes : 0);
      return { binding, resource: { buffer, offset, size } };
    });
    const size = kernel.info.paramsBytes;
    const resource = { buffer: this.buffers.params!.gpu, offset: paramsOffset, size };
    entries.push({ binding: entries.length, resource });
    return this.host.health.device.createBindGroup({ label, layout: kernel.layout, entries });
  }

  /** Notes that a run changes what it writes. */
  #change(): void {
    for (const index of this.roles.written) this.#bound[index]!.changed();
  }

  /** With `times`, every dispatch has a pass of its own, between two timestamps. */
  #submit(times: LaunchTimes | null): void {
    const { health, clock } = this.host;
    const timestamps = times && clock.timestamps(this, () => this.#labels());
    const encoder = health.device.createCommandEncoder({ label: 'program' });
    this.#encode(encoder, timestamps);
    this.#change();
    const staged = this.roles.staged.map((index) => this.#bound[index]!).filter(({ exposed }) => !exposed);
    if (staged.length > 0) this.host.pool.stage(encoder, staged);
    const staging = timestamps?.resolve(encoder);
    health.device.queue.submit([encoder.finish()]);
    if (times && timestamps && staging) clock.expect(timestamps, staging, times);
  }

  #labels(): string[] {
    return this.steps.flatMap((step) => (step.kind === 'dispatch' ? [step.label] : []));
  }

  #encode(encoder: GPUCommandEncoder, timestamps: Timestamps | null): void {
    let pass: GPUComputePassEncoder | null = null;
    let pipeline: GPUComputePipeline | null = null;
    let dispatched = 0;
    for (let i = 0; i < this.steps.length; i++) {
      const step = this.steps[i]!;
      if (step.kind === 'copy' || timestamps) {
        pass?.end();
        pass = null;
        pipeline = null;
      }
      if (step.kind === 'copy') {
        this.#copy(encoder, step.command);
        continue;
      }
      pass ??= encoder.beginComputePass(timestamps ? { timestampWrites: timestamps.writes(dispatched) } : {});
      dispatched++;
      if (pipeline !== step.kernel.pipeline) {
        pipeline = step.kernel.pipeline;
        pass.setPipeline(pipeline);
      }
      pass.setBindGroup(0, this.#groups[i]!);
      pass.dispatchWorkgroups(step.workgroups[0], step.workgroups[1], step.workgroups[2]);
    }
    pass?.end();
  }

  #copy(encoder: GPUCommandEncoder, command: CopyCommand): void {
    const from = this.#locate(command.from, 0, false);
    const to = this.#locate(command.to, 0, true);
    const bytes = Math.ceil(command.bytes / 4) * 4;
    if (from.buffer !== to.buffer) {
      encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
    } else if (from.offset !== to.offset) {
      const temporary = this.buffers.temporary!.gpu;
      encoder.copyBufferToBuffer(from.buffer, from.offset, temporary, 0, bytes);
      encoder.copyBufferToBuffer(temporary, 0, to.buffer, to.offset, bytes);
    }
  }
}
