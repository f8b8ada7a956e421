import { fail } from '../../errors.js';
import type { CopyCommand, DeviceBuffer, Location } from '../backend.js';
import type { BufferPool, WebGPUBuffer } from './buffers.js';
import type { Health } from './health.js';
import {
  areTogether,
  bindingBytes,
  type Moved,
  moveTogether,
  type Range,
  withCompanions,
} from './neighbours.js';
import type { Kernel } from './pipelines.js';
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
  /** Where that tells the places of what is joined, and what it says: of a launch that goes through many tensors. */
  readonly places?: { readonly offset: number; readonly words: Uint32Array<ArrayBuffer> };
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
  /** Lists of those that must lie side by side. */
  readonly neighbours: readonly (readonly number[])[];
  /** Those that a run changes; all, where that is not known. */
  readonly written: readonly number[];
  /** Small ones among them, which are copied with each run for whoever reads them. */
  readonly staged: readonly number[];
  readonly workgroups: readonly (Workgroups | null)[];
}

/** Distance of the slots of `dummies.write`: the strictest alignment of storage bindings. */
export const DUMMY_SLOT = 256;

/** What a program's memory comes from. */
export interface BindingHost {
  readonly health: Health;
  readonly pool: BufferPool;
}

/** Which buffers the dispatches of a program are bound to: made once, and anew for those whose externals lie elsewhere. */
export class Bindings {
  /** By step; null for copies, and before the first run where a step has externals. */
  readonly groups: (GPUBindGroup | null)[];
  readonly #bound: (WebGPUBuffer | null)[];
  /** Where the externals lay when the bind groups were made; null where these must be made anew. */
  readonly #ranges: (Range | null)[];
  readonly #dependents: number[][];
  readonly #needed: number[];
  /** Stand-ins, beside their neighbours, for what can't be moved as its memory is the caller's. */
  readonly #doubles = new Map<number, WebGPUBuffer>();
  /** Whether all groups were made, and submitted under watch. */
  #ran = false;

  constructor(
    readonly host: BindingHost,
    readonly steps: readonly (DispatchStep | CopyStep)[],
    readonly buffers: ProgramBuffers,
    readonly roles: Roles,
  ) {
    const { externals } = roles;
    this.groups = steps.map(() => null);
    this.#bound = new Array<WebGPUBuffer | null>(externals).fill(null);
    this.#ranges = new Array<Range | null>(externals).fill(null);
    this.#dependents = Array.from({ length: externals }, () => []);
    this.#needed = new Array<number>(externals).fill(0);
    steps.forEach((step, i) => {
      const copied = step.kind === 'copy' ? [step.command.from, step.command.to] : [];
      const operands = step.kind === 'dispatch' ? step.operands : copied;
      const { label } = step.kind === 'dispatch' ? step : step.command;
      const used = operands.flatMap(externalsOf);
      for (const { index, bytes } of used) {
        if (!(index < externals)) fail(label, `external ${index} is named, there are ${externals}`);
        this.#needed[index] = Math.max(this.#needed[index]!, bytes);
        if (this.#dependents[index]!.at(-1) !== i) this.#dependents[index]!.push(i);
      }
      if (step.kind === 'dispatch' && used.length === 0) this.groups[i] = this.#bind(step);
    });
  }

  /** Whether something stands in for what can't be moved. */
  get doubles(): boolean {
    return this.#doubles.size > 0;
  }

  /** Takes the external buffers of this run; whether all lie where they lay when the bind groups were made. */
  take(externals: readonly DeviceBuffer[]): boolean {
    const bound = this.#bound;
    if (externals.length !== bound.length) {
      fail('webgpu', `the program takes ${bound.length} external buffers, ${externals.length} are given`);
    }
    let same = this.#ran;
    for (let index = 0; index < externals.length; index++) {
      const buffer = this.host.pool.own(externals[index]!);
      bound[index] = buffer;
      if (buffer.range === this.#ranges[index]) continue;
      same = false;
      const needed = this.#needed[index]!;
      if (buffer.bytes >= needed) continue;
      const has = `buffer '${buffer.label}' has ${buffer.bytes}`;
      fail('webgpu', `external ${index} needs ${needed} bytes, ${has}`);
    }
    return same;
  }

  /** Makes the bind groups of what lies elsewhere than before. */
  rebind(encoder: GPUCommandEncoder, moved: Moved[]): void {
    for (const list of this.roles.neighbours) {
      const buffers = list.map((index) => this.#placed(index));
      if (areTogether(buffers)) continue;
      const { health, pool } = this.host;
      moved.push(moveTogether(health.device, encoder, withCompanions(buffers, pool.maxBytes)));
    }
    for (const step of this.steps) {
      if (step.kind === 'dispatch' && step.places) this.#part(step, encoder, moved);
    }
    const stale = new Set<number>();
    this.#bound.forEach((buffer, index) => {
      if (buffer!.range !== this.#ranges[index]) for (const step of this.#dependents[index]!) stale.add(step);
    });
    for (const i of stale) {
      const step = this.steps[i]!;
      if (step.kind === 'dispatch') this.groups[i] = this.#bind(step);
    }
    this.#bound.forEach((buffer, index) => {
      this.#ranges[index] = buffer!.range;
    });
    this.#ran = true;
  }

  /** Moves what a step writes away from what it reads, where another program brought them together. */
  #part({ operands, kernel }: DispatchStep, encoder: GPUCommandEncoder, moved: Moved[]): void {
    const placed = (at: Location): WebGPUBuffer[] => {
      if (at.kind === 'joined') return at.parts.map(({ index }) => this.#placed(index));
      return at.kind === 'external' ? [this.#bound[at.index]!] : [];
    };
    const writes = (_: Location, binding: number) => kernel.info.access[binding] === 'read_write';
    const read = new Set(operands.filter((at, i) => !writes(at, i)).flatMap(placed));
    for (const operand of operands.filter(writes)) {
      const written = placed(operand);
      if ([...read].some(({ gpu }) => gpu === written[0]?.gpu))
        moved.push(moveTogether(this.host.health.device, encoder, written));
    }
  }

  /** An external, or what stands in for it among its neighbours. */
  #placed(index: number): WebGPUBuffer {
    const buffer = this.#bound[index]!;
    if (!buffer.exposed) return buffer;
    const { pool } = this.host;
    const double = this.#doubles.get(index) ?? pool.allocate(this.#needed[index]!, `${buffer.label}, moved`);
    this.#doubles.set(index, double);
    return double;
  }

  /** Where an operand lies. */
  locate(at: Location, binding: number, access: 'read' | 'read_write'): Required<GPUBufferBinding> {
    const size = bindingBytes('bytes' in at ? at.bytes : 0);
    switch (at.kind) {
      case 'arena':
        return { buffer: this.buffers.regions[at.region]!.gpu, offset: at.offset, size };
      case 'external': {
        const { buffer, offset } = this.#bound[at.index]!.range;
        return { buffer, offset, size };
      }
      case 'joined':
        return this.#span(at.parts);
      case 'fault':
        return { buffer: this.host.pool.fault, offset: 0, size };
      case 'none':
        return access === 'read_write'
          ? { buffer: this.buffers.dummies.write, offset: binding * DUMMY_SLOT, size }
          : { buffer: this.buffers.dummies.read, offset: 0, size };
      case 'tile':
        return fail('webgpu', 'an operand lies in a tile, which only groups have');
    }
  }

  /** The stretch of a buffer in which externals lie side by side. */
  #span(parts: Joined['parts']): Required<GPUBufferBinding> {
    const ranges = parts.map(({ index }) => this.#placed(index).range);
    const offset = Math.min(...ranges.map((range) => range.offset));
    const end = Math.max(...ranges.map((range, i) => range.offset + bindingBytes(parts[i]!.bytes)));
    return { buffer: ranges[0]!.buffer, offset, size: end - offset };
  }

  #bind(step: DispatchStep): GPUBindGroup {
    const { label, operands, kernel, paramsOffset, places } = step;
    const uses = new Map<GPUBuffer, 'read' | 'read_write'>();
    const entries: GPUBindGroupEntry[] = operands.map((operand, binding) => {
      const access = kernel.info.access[binding]!;
      const resource = this.locate(operand, binding, access);
      const { buffer } = resource;
      if ((uses.get(buffer) ?? access) !== access) {
        const what = `operand ${binding} writes a buffer that another operand reads (${buffer.label})`;
        fail(label, `${what}; WebGPU forbids both in one dispatch, give them buffers of their own`);
      }
      uses.set(buffer, access);
      return { binding, resource };
    });
    const { device } = this.host.health;
    const params = this.buffers.params!.gpu;
    if (places && this.#tellPlaces(step, places.words))
      device.queue.writeBuffer(params, places.offset, places.words);
    const resource = { buffer: params, offset: paramsOffset, size: kernel.info.paramsBytes };
    entries.push({ binding: entries.length, resource });
    return device.createBindGroup({ label, layout: kernel.layout, entries });
  }

  /** Writes where the parts of joined operands begin, in vectors of four words; whether that is new. */
  #tellPlaces({ operands }: DispatchStep, words: Uint32Array): boolean {
    let changed = false;
    for (const operand of operands) {
      if (operand.kind !== 'joined') continue;
      const { offset } = this.#span(operand.parts);
      for (const { index, place } of operand.parts) {
        const at = (this.#placed(index).range.offset - offset) / 16;
        changed ||= words[place] !== at;
        words[place] = at;
      }
    }
    return changed;
  }

  /** Notes that a run changes what it writes. */
  changed(): void {
    for (const index of this.roles.written) this.#bound[index]!.changed();
  }

  /** The outputs that are copied with a run for whoever reads them. */
  staged(): WebGPUBuffer[] {
    const staged: WebGPUBuffer[] = [];
    for (const index of this.roles.staged) {
      const buffer = this.#bound[index]!;
      if (!buffer.exposed) staged.push(buffer);
    }
    return staged;
  }

  /** Gives stand-ins the contents of what they stand for, before a launch, or takes over what it made of them. */
  copyDoubles(encoder: GPUCommandEncoder, { operands, kernel }: DispatchStep, before: boolean): void {
    operands.forEach((operand, binding) => {
      if (operand.kind !== 'joined' || (!before && kernel.info.access[binding] === 'read')) return;
      for (const { index, bytes } of operand.parts) {
        const [own, placed] = [this.#bound[index]!, this.#placed(index)];
        if (own === placed) continue;
        const [from, to] = before ? [own.range, placed.range] : [placed.range, own.range];
        encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bindingBytes(bytes));
      }
    });
  }

  /** Lets all bind groups be made anew. */
  forget(): void {
    this.#ranges.fill(null);
  }

  release(): void {
    for (const double of this.#doubles.values()) double.free();
    this.groups.fill(null);
    this.#bound.fill(null);
    this.forget();
  }
}

type Joined = Extract<Location, { kind: 'joined' }>;

/** The externals in which an operand lies. */
const externalsOf = (at: Location): readonly { readonly index: number; readonly bytes: number }[] => {
  if (at.kind === 'joined') return at.parts;
  return at.kind === 'external' ? [at] : [];
};
