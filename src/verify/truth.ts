import type { Attrs, BackendKind, HostTensor, Op, RefTensor, Value } from '../index.js';

/** One call of an op on given inputs, null for those left out. */
export interface KernelCase {
  readonly op: Op;
  readonly inputs: readonly (HostTensor | null)[];
  readonly options: unknown;
  /** Complete attributes, in place of the options. */
  readonly attrs?: Attrs;
}

export const attributesOf = ({ op, inputs, options, attrs }: KernelCase): Attrs =>
  attrs ?? op.attributes(inputs, options);

/** 2^-53 / 2^-24: roundings of double precision in units of those of f32. */
const DOUBLE = 2 ** -29;

/** What an op's reference makes of a call, and how far off a kernel may be. */
class Truth {
  readonly attrs: Attrs;
  readonly expected: readonly Float64Array[];
  readonly #exact: readonly (RefTensor | null)[];
  readonly #bounds = new Map<BackendKind, readonly Float64Array[]>();

  constructor(
    readonly call: KernelCase,
    outputs: readonly Value[],
  ) {
    this.attrs = attributesOf(call);
    this.#exact = call.inputs.map((tensor) => tensor && { ...tensor, data: Float64Array.from(tensor.data) });
    this.expected = call.op.reference(this.#exact, this.attrs, outputs);
  }

  /** Whether `call` has the same; an op that only launches other kernels does. */
  holdsFor({ op, inputs, options, attrs }: KernelCase): boolean {
    const { call } = this;
    const same = call.inputs === inputs && call.options === options && call.attrs === attrs;
    const rules = ['attributes', 'reference', 'bounds', 'compose'] as const;
    if (!same || rules.some((rule) => call.op[rule] !== op[rule])) return false;
    // The caller may have written to its arrays.
    return inputs.every(
      (tensor, i) => this.#exact[i]?.data.every((value, k) => Object.is(value, tensor!.data[k])) ?? true,
    );
  }

  /** An op of its own is its reference; one that is composed may add in another order, in double precision. */
  boundsOn(kind: BackendKind): readonly Float64Array[] {
    const known = this.#bounds.get(kind);
    if (known) return known;
    const { op } = this.call;
    const inUnits = () =>
      op.bounds(kind === 'reference' ? 'wasm' : kind, this.#exact, this.attrs, this.expected);
    const bounds =
      kind !== 'reference'
        ? inUnits()
        : op.compose
          ? inUnits().map((bound) => bound.map((value) => DOUBLE * value))
          : this.expected.map(({ length }) => new Float64Array(length));
    this.#bounds.set(kind, bounds);
    return bounds;
  }
}

/** Of the latest calls: every variant and device is held to the same truth. */
const latest: Truth[] = [];
const MOST = 128;

/** The truth of a call, computed once for those that follow each other. */
export function truthOf(call: KernelCase, outputs: readonly Value[]): Truth {
  const known = latest.find((truth) => truth.holdsFor(call));
  if (known) return known;
  const made = new Truth(call, outputs);
  latest.push(made);
  if (latest.length > MOST) latest.shift();
  return made;
}
