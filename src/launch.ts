// How kernels are called: what a variant of an op lays out, and the same with its operands resolved.
import type { Named, TensorType } from './op.js';

/** How fast a kernel of tiles is, in GFLOP/s: with the whole device busy, and one workgroup of it alone. */
export interface TileRate {
  readonly all: number;
  readonly one: number;
}

/** What a device offers to kernels: names that variants may ask for. */
export interface Features extends ReadonlySet<string> {
  /** webgpu: rates of the products' tiles by their names, as `64x64`, where they were measured or given. */
  rates?: Readonly<Record<string, TileRate>>;
}

/** What a kernel variant may look at when it lays out its launches. Optional inputs that are left out are null. */
export interface KernelCall<N extends string, A> {
  readonly types: Named<N, TensorType>;
  readonly output: TensorType;
  readonly outputs: readonly TensorType[];
  readonly attrs: A;
  readonly features: Features;
}

/** Fields of the kernel's parameter struct, by the names that its WGSL declares. Arrays fill array fields. */
export type Params = Readonly<Record<string, number | readonly number[]>>;

/** One kernel call, planned: which kernel, on which operands, with which parameters, over how much work. */
export interface Launch {
  /** Name of the wasm export and of the WGSL entry point. */
  readonly kernel: string;
  /** In the kernel's binding order: names of inputs, outputs, temporaries, or `fault`; null for an input left out. */
  readonly operands: readonly (string | null)[];
  readonly params: Params;
  /** wasm: work units to be split over threads. webgpu: invocations, or workgroups when a triple is given. */
  readonly units: number | readonly [number, number, number];
  /** webgpu: values of the kernel's `override`s, for what is known before it is compiled; the others keep their own. */
  readonly constants?: Readonly<Record<string, number>>;
  /** wasm: private bytes that one thread needs while it runs the kernel. */
  readonly scratch?: number;
  /**
   * wasm: the launch reads inputs only and writes temporaries that no other launch writes, so that it need not run again
   * while those inputs keep their bytes: packed weights of inference.
   */
  readonly once?: boolean;
  /**
   * Elementwise: element i of the output depends, of every operand that has as many elements as the output, on element i
   * alone. On wasm unit u computes elements [512 u, 512 (u + 1)), on webgpu invocation i element i.
   */
  readonly flat?: boolean;
}

/** One way to compute an op on a backend. */
export interface Variant<N extends string, A> {
  /** `what__how`, as in `matmul_f32__6x8`. */
  readonly name: string;
  readonly when?: (call: KernelCall<N, A>) => boolean;
  /** What it takes, in any unit that all variants of the op share. */
  readonly cost?: (call: KernelCall<N, A>) => number;
  /** Bytes of buffers that live only while the op runs, by name. */
  readonly temporaries?: (call: KernelCall<N, A>) => Readonly<Record<string, number>>;
  readonly launches: (call: KernelCall<N, A>) => readonly Launch[];
}

/**
 * Any number of tensors that one launch goes through. The operands that it names are null: buffers that hold many tensors take
 * their place. Its parameters get `count`, `groups`, `rows` and `places`, as shaders/common/tensor_walk.wgsl has them.
 */
export interface Walk<Operand> {
  /**
   * As parameters, which are written, and their gradients: the operands for their buffers, and where there are several, the
   * constant that says how many are in use.
   */
  readonly roles: readonly { readonly slots: readonly number[]; readonly constant?: string }[];
  readonly items: readonly {
    /** One of each role. */
    readonly operands: readonly Operand[];
    readonly elements: number;
    /** What `rows` tells of it beside its place. */
    readonly at: number;
  }[];
  /** Elements that a workgroup takes, all of one tensor, and that an invocation takes. */
  readonly block: number;
  readonly vector: number;
  /** Room of `rows` and `places`. */
  readonly most: number;
}

/** A launch whose operands are resolved to positions. */
export interface LoweredLaunch extends Omit<Launch, 'operands'> {
  readonly operands: readonly OperandRef[];
  /** webgpu: tensors that the launch goes through, wherever they lie. */
  readonly walk?: Walk<OperandRef>;
}

export type OperandRef =
  | { readonly from: 'input' | 'output' | 'temporary'; readonly index: number }
  | { readonly from: 'fault' | 'none' };

export interface Lowered {
  readonly variant: string;
  /** Those of the temporaries that hold floats of 16 bits. */
  readonly half?: ReadonlySet<number>;
  readonly temporaries: readonly number[];
  readonly launches: readonly LoweredLaunch[];
}
