import { fail } from '../../errors.js';
import type { CopyCommand, DeviceBuffer, LaunchTimes, Prepared } from '../backend.js';
import {
  type BindingHost,
  Bindings,
  type CopyStep,
  type DispatchStep,
  type ProgramBuffers,
  type Roles,
} from './bindings.js';
import { type Moved, settle } from './neighbours.js';
import type { LaunchClock, Timestamps } from './timing.js';
import type { Workgroups } from './workgroups.js';

/** A command list that is replayed: one encoder, one submit, one compute pass between copies. */
export class Replay implements Prepared {
  readonly workgroups: readonly (Workgroups | null)[];
  readonly #bindings: Bindings;
  #released = false;

  constructor(
    readonly host: BindingHost & { readonly clock: LaunchClock },
    readonly steps: readonly (DispatchStep | CopyStep)[],
    readonly buffers: ProgramBuffers,
    readonly roles: Roles,
  ) {
    this.workgroups = roles.workgroups;
    this.#bindings = new Bindings(host, steps, buffers, roles);
  }

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): void {
    const { health } = this.host;
    health.check();
    if (this.#released) fail('webgpu', 'a program is run after it was released');
    const ready = this.#bindings.take(externals);
    // Without new bind groups nothing can be refused that was not refused, and reported, before; but what the caller knows.
    if (ready && !this.host.pool.lends) this.#submit(times, null);
    else
      this.#watched(
        'webgpu: running a program',
        (moved) => this.#submit(times, ready ? null : moved),
        settle,
      );
  }

  encode(encoder: GPUCommandEncoder, externals: readonly DeviceBuffer[]): void {
    const { health } = this.host;
    health.check();
    if (this.#released) fail('webgpu', 'a program is encoded after it was released');
    const ready = this.#bindings.take(externals);
    const encode = (moved: Moved[]) => {
      // The caller may drop what is recorded: nothing must lie elsewhere because of that.
      const own = ready ? null : health.device.createCommandEncoder({ label: 'moving' });
      if (own) this.#bindings.rebind(own, moved);
      if (own && moved.length > 0) health.device.queue.submit([own.finish()]);
      this.#bindings.changed();
      this.#encode(encoder, null);
    };
    // What the caller has recorded may read memory from which something was moved: that is left to the garbage collector.
    this.#watched('webgpu: encoding a program', encode, (one, failed) => {
      if (failed) one.undo();
    });
  }

  /** Calls `make`, which notes what it moves; where it fails, now or by WebGPU's verdict, all is where it was. */
  #watched(where: string, make: (moved: Moved[]) => void, end: typeof settle): void {
    const moved: Moved[] = [];
    const judged = (failed: boolean) => {
      for (const one of moved.reverse()) end(one, failed);
      if (failed) this.#bindings.forget();
    };
    const attempt = () => {
      try {
        make(moved);
      } catch (error) {
        judged(true);
        throw error;
      }
    };
    this.host.health.defer(where, attempt, judged);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    for (const region of this.buffers.regions) region.free();
    this.buffers.params?.free();
    this.buffers.temporary?.free();
    this.host.clock.forget(this);
    this.#bindings.release();
  }

  /** With `times`, every dispatch has a pass of its own, between two timestamps. `moved` is told what is moved for it. */
  #submit(times: LaunchTimes | null, moved: Moved[] | null): void {
    const { health, clock, pool } = this.host;
    const timestamps = times && clock.timestamps(this, () => this.#labels());
    const encoder = health.device.createCommandEncoder(ENCODER);
    if (moved) this.#bindings.rebind(encoder, moved);
    this.#encode(encoder, timestamps);
    this.#bindings.changed();
    const staged = this.#bindings.staged();
    if (staged.length > 0) pool.stage(encoder, staged);
    const staging = timestamps?.resolve(encoder);
    health.device.queue.submit([encoder.finish()]);
    if (times && timestamps && staging) clock.expect(timestamps, staging, times);
  }

  #labels(): string[] {
    return this.steps.flatMap((step) => (step.kind === 'dispatch' ? [step.label] : []));
  }

  #encode(encoder: GPUCommandEncoder, timestamps: Timestamps | null): void {
    const { steps } = this;
    const { groups, doubles } = this.#bindings;
    let pass: GPUComputePassEncoder | null = null;
    let pipeline: GPUComputePipeline | null = null;
    let dispatched = 0;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      const apart = timestamps !== null || (doubles && step.kind === 'dispatch' && step.places !== undefined);
      if (pass && (apart || step.kind === 'copy')) {
        pass.end();
        pass = null;
      }
      if (step.kind === 'copy') {
        this.#copy(encoder, step.command);
        continue;
      }
      if (apart && doubles) this.#bindings.copyDoubles(encoder, step, true);
      if (!pass) {
        pass = encoder.beginComputePass(
          timestamps ? { timestampWrites: timestamps.writes(dispatched) } : PASS,
        );
        pipeline = null;
      }
      dispatched++;
      if (pipeline !== step.kernel.pipeline) {
        pipeline = step.kernel.pipeline;
        pass.setPipeline(pipeline);
      }
      pass.setBindGroup(0, groups[i]!);
      const { workgroups } = step;
      if (workgroups[1] === 1 && workgroups[2] === 1) pass.dispatchWorkgroups(workgroups[0]);
      else pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
      if (apart && doubles) {
        pass.end();
        pass = null;
        this.#bindings.copyDoubles(encoder, step, false);
      }
    }
    pass?.end();
  }

  #copy(encoder: GPUCommandEncoder, command: CopyCommand): void {
    const from = this.#bindings.locate(command.from, 0, 'read');
    const to = this.#bindings.locate(command.to, 0, 'read_write');
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

const ENCODER = { label: 'program' };
const PASS = {};
