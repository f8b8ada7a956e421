import type { DType, TypedArray } from '../dtype.js';
import type { WeftError } from '../errors.js';
import type { BackendKind, Features, Params, RefTensor, TensorType, Walk } from '../op.js';

/** Memory of a device, owned by whoever allocated it. */
export interface DeviceBuffer {
  readonly bytes: number;
  /** Why its contents are gone, where the device was lost and they could not be restored. */
  readonly lost?: string | null;
  /** Gives the memory back; a second call does nothing. */
  free(): void;
}

/** Where an operand lies: in a region of the program's arena, in a buffer bound at each run, in a tile, or nowhere. */
export type Location =
  | {
      readonly kind: 'arena';
      readonly region: number;
      readonly offset: number;
      readonly bytes: number;
      /** Floats of 16 bits: only where the backend says that the kernel takes them there. */
      readonly half?: boolean;
    }
  | { readonly kind: 'external'; readonly index: number; readonly bytes: number }
  /** webgpu: externals that lie in one buffer; where each begins, in vectors, goes to a word of the parameter `places`. */
  | {
      readonly kind: 'joined';
      readonly parts: readonly { readonly index: number; readonly bytes: number; readonly place: number }[];
    }
  /** A block of a value that is never whole: only in groups. */
  | { readonly kind: 'tile'; readonly index: number }
  | { readonly kind: 'fault' }
  | { readonly kind: 'none' };

/** Whether what lies there are floats of 16 bits. */
export const isHalf = (at: Location): boolean => at.kind === 'arena' && at.half === true;

/** Arithmetic of a launch, and bytes that it reads and writes: for descriptions alone. */
export interface Counts {
  readonly flops: number;
  readonly bytes: number;
}

/** One entry of a program's flat command list. */
export type Command = DispatchCommand | GroupCommand | CopyCommand | EvaluateCommand;

export interface DispatchCommand {
  readonly kind: 'dispatch';
  /** The op and variant, for labels and profiles. */
  readonly label: string;
  readonly kernel: string;
  readonly operands: readonly Location[];
  readonly params: Params;
  /** Of the kernel's `override`s, on webgpu. */
  readonly constants?: Readonly<Record<string, number>>;
  readonly units: number | readonly [number, number, number];
  readonly scratch: number;
  /** Nanoseconds that one thread of a CPU may take, by the op's cost: what is worth splitting over threads. */
  readonly cost?: number;
  readonly counts?: Counts;
  /** Before {@link PrepareRequest}: tensors that it goes through. */
  readonly walk?: Walk<Location>;
  /** Reads these externals and nothing else that changes: it may be left out while they keep their bytes. */
  readonly once?: readonly number[] | null;
}

/**
 * Elementwise launches of one size: all of them on unit 0, then all on unit 1, and so on, so that what they pass on stays in
 * the cache; on webgpu one kernel, which keeps it in registers. What is in a tile is read and written at the unit's own
 * place in it.
 */
export interface GroupCommand {
  readonly kind: 'group';
  readonly label: string;
  readonly dispatches: readonly DispatchCommand[];
  readonly units: number;
  /** wasm: tiles of one unit's bytes, private to a thread. */
  readonly tiles: number;
  /** As of a dispatch, of all of them. */
  readonly cost?: number;
  readonly counts?: Counts;
}

export interface CopyCommand {
  readonly kind: 'copy';
  readonly label: string;
  readonly from: Location;
  readonly to: Location;
  readonly bytes: number;
}

/** A call of an op's f64 reference; only the reference backend takes these. */
export interface EvaluateCommand {
  readonly kind: 'evaluate';
  readonly label: string;
  readonly counts?: Counts;
  readonly inputs: readonly ({ readonly at: Location; readonly type: TensorType } | null)[];
  readonly outputs: readonly Location[];
  readonly evaluate: (inputs: readonly (RefTensor | null)[]) => readonly Float64Array[];
}

/** A data error that a kernel left behind: the `faultId` of its parameters and two words of detail. */
export interface Fault {
  readonly id: number;
  readonly detail: readonly [number, number];
}

/** Gives ids to the messages of data errors; a message is made of what a kernel left behind. */
export interface FaultIds {
  register(message: (detail: Fault['detail']) => string): number;
}

/**
 * Is told the label of each launch that a run made, its milliseconds, and when it began by the device's own clock, also in
 * milliseconds. On webgpu a pass of its own is timed by timestamp queries, and told when the GPU has run it. A woven device
 * has a clock for each side.
 */
export type LaunchTimes = (label: string, ms: number, start: number, clock?: string) => void;

/** Buffers that are parts of one. They are read by programs, and neither read back nor freed by themselves. */
export interface Packed {
  readonly parts: readonly DeviceBuffer[];
  /** Gives every part its contents, by one write. */
  write(data: readonly TypedArray[]): void;
  free(): void;
}

/** A command list made ready: parameter blocks written, pipelines compiled, arena allocated. */
export interface Prepared {
  /** Replays the list once on these external buffers; with `times`, launch by launch. A promise on a woven device. */
  run(externals: readonly DeviceBuffer[], times?: LaunchTimes | null): void | Promise<void>;
  /** Writes one run into the caller's encoder instead of submitting it: on webgpu alone. */
  encode?(encoder: GPUCommandEncoder, externals: readonly DeviceBuffer[]): void;
  /** webgpu: the workgroups of each command, null for what is no dispatch or has nothing to do. */
  readonly workgroups?: readonly (readonly number[] | null)[];
  /** On a woven device: what each side runs, and the bytes that lie between. */
  readonly parts?: readonly Prepared[];
  readonly bytesBetween?: number;
  release(): void;
}

/** Which buffers a run takes and changes. */
export interface RunChanges {
  readonly externals: number;
  /** The externals that a run may change; left out, any. */
  readonly written?: readonly number[];
  /** How many of the externals come first and are inputs; those behind are outputs. Left out, all. */
  readonly inputs?: number;
}

export interface PrepareRequest extends RunChanges {
  readonly commands: readonly Command[];
  /** Sizes of the arena's regions in bytes. */
  readonly regions: readonly number[];
  /** webgpu: lists of externals that shall lie side by side in one buffer. */
  readonly neighbours?: readonly (readonly number[])[];
  /** Those among them that are there to be read: on webgpu small ones come with the run's own submit. */
  readonly outputs?: readonly { readonly index: number; readonly bytes: number }[];
}

/** What a device says of itself. */
export interface BackendInfo {
  readonly backend: BackendKind | 'woven';
  /** The adapter, or the wasm binary in use; of a woven device, both. */
  readonly description: string;
  readonly threads: number;
  /** What is off, and why. */
  readonly notes: readonly string[];
}

/** GPU buffers that pass between the caller and a device without a copy. */
export interface SharedMemory {
  /** A buffer that stays the caller's: giving it back does nothing. Fails where it can't hold `bytes` or be bound. */
  adopt(buffer: GPUBuffer, bytes: number): Promise<DeviceBuffer>;
  bufferOf(buffer: DeviceBuffer): GPUBuffer;
}

/** What the host keeps beside the tensors, and what goes back with them to a snapshot. */
export interface HostState {
  /** As it is now. */
  capture(): unknown;
  /** @param state as captured with the snapshot; undefined where there was none. */
  restore(state: unknown): void;
}

/** Makes the error of a loss of what WebGPU says about it. */
export type OnLost = (why: string) => WeftError;

/** What is asked of a backend that may be lost, to go on by another one. */
export interface Losable {
  /** The words of buffers as they are when all submitted so far has run; what comes later doesn't change them. */
  capture(buffers: readonly DeviceBuffer[]): Promise<Int32Array<ArrayBuffer>[]>;
  /** Resolves when the GPU has answered, behind the errors of all that was asked of it. */
  alive(): Promise<unknown>;
}

/** How a backend goes on when its GPU is lost. */
export interface Recovery {
  /** Set by the device before it is used. */
  host: HostState | null;
  /** Grows with each loss. */
  readonly losses: number;
  /**
   * Waits until the device can be used.
   *
   * @param losses as they were when the call was made.
   * @throws DeviceLostError where the device was lost since, or before and no call has told yet.
   */
  ready(losses: number): Promise<void>;
  /** An update begins: captures the host's state if a snapshot is due. Called before the host draws what the update takes. */
  begin(): void;
  /** Copies everything as it is now, and resolves when the copy is safe on the host. */
  snapshot(state: unknown): Promise<void>;
}

/** Which groups a device takes whose kernel for a group is one of its own. */
export interface GroupRules {
  /** Buffers that a group may read and write. */
  readonly buffers: number;
  /** Whether a kernel may be in a group, by the elements of its operands, 0 for one that is left out. */
  takes(kernel: string, elements: readonly number[]): boolean;
}

/** What a device's memory and reports are asked by; {@link Backend} adds the running of kernels. */
export interface BackendCore {
  readonly kind: BackendKind | 'woven';
  readonly info: BackendInfo;
  /** The largest size of one region or buffer in bytes. */
  readonly maxBufferBytes: number;
  /** @param transient its contents last until the next run: nothing restores them. */
  allocate(bytes: number, label: string, transient?: boolean): DeviceBuffer;
  /** One buffer for several small inputs of a program that change together; left out, each takes one of its own. */
  pack?(types: readonly { readonly bytes: number; readonly dtype: DType }[], label: string): Packed;
  /** Copies `data` into the start of `buffer`. */
  write(buffer: DeviceBuffer, data: TypedArray, dtype: DType): void;
  /**
   * The first `length` elements, once all work submitted before has ended. A data error that comes with them goes to
   * `faulted`, where that is left out to `takeFault`.
   */
  read(
    buffer: DeviceBuffer,
    dtype: DType,
    length: number,
    faulted?: (fault: Fault) => void,
  ): Promise<TypedArray>;
  /** Memory that is the caller's: on webgpu alone, by itself or woven. */
  readonly shared?: SharedMemory;
  /** Where it was opened to recover. */
  readonly recovery?: Recovery;
  /**
   * The first data error that a kernel reported since the last call: known after a run on wasm, and on webgpu after a
   * read, which brings it along.
   */
  takeFault(): Fault | null;
  /** Where it is set, programs without a listener of their own tell it their launches. */
  onLaunch: LaunchTimes | null;
  /** Resolves when the launches of all runs before have been told. */
  timed(): Promise<void>;
  memory(): { readonly buffers: number; readonly bytes: number };
  dispose(): void;
}

/** What a device must do. It sees launches and bytes; never an op, never a graph. */
export interface Backend extends BackendCore {
  readonly kind: BackendKind;
  /** Names that kernel variants may ask for in `when`. */
  readonly features: Features;
  /** Alignment of arena offsets in bytes. */
  readonly alignment: number;
  /** Whether one launch may read and write the same region (a GPU buffer can't be both in one dispatch). */
  readonly sharesRegions: boolean;
  /** Whether it takes group commands. */
  readonly fuses: boolean;
  /** What groups must be; left out, as suits a CPU. */
  readonly groups?: GroupRules;
  /** Whether an operand of a kernel may be floats of 16 bits: where precision is mixed. */
  readonly takesHalf?: (kernel: string, operand: number) => boolean;
  prepare(request: PrepareRequest): Promise<Prepared>;
  /** The words of a buffer where this thread can see them, until memory grows: on wasm alone. */
  view?(buffer: DeviceBuffer, length: number): Int32Array;
}
