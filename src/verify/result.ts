import type { BackendKind, Op } from '../index.js';

export type Check = 'forward' | 'gradient' | 'adjoint' | 'second-order' | 'error-case';

/** What a check found: the error in units in which `tolerance` is the limit; `problem` says what is wrong, or null. */
export interface Finding {
  readonly error: number;
  readonly tolerance: number;
  readonly problem: string | null;
  /**
   * Of a kernel against the reference: what the bound allows beside its floor, in units of 2^-24 of a magnitude; null for
   * other checks and on the reference.
   */
  readonly ulps?: number | null;
}

/** A derivative at one place, by reverse mode and by central differences. */
export interface Disagreement {
  /** Indices along the input's axes. */
  readonly coordinate: readonly number[];
  /** Indices along the output's axes, where single outputs were looked at. */
  readonly output?: readonly number[];
  readonly analytic: number;
  readonly numeric: number;
}

/** A finding about one input. */
export interface InputFinding extends Finding {
  /** The input's position. */
  readonly index: number;
  /** Where the two derivatives differ most; null unless the check failed. */
  readonly worst: Disagreement | null;
}

/** One line of `npm run gradcheck -- --json FILE`. */
export interface VerifyResult {
  readonly op: string;
  readonly backend: BackendKind;
  /** The adapter, or the wasm binary and tile. */
  readonly device: string;
  readonly variant: string | null;
  readonly sample: number | null;
  readonly check: Check;
  /** The input that the derivative is taken with respect to. */
  readonly input: string | null;
  readonly error: number;
  readonly tolerance: number;
  /** On a kernel: the units of 2^-24 of a magnitude that a share of 1 stands for; null for other checks. */
  readonly ulps: number | null;
  readonly ok: boolean;
  readonly problem: string | null;
  /** Where a derivative is wrong, and both values of it; null unless such a check failed. */
  readonly worst: Disagreement | null;
  /** The command that runs this check alone. */
  readonly reproduce: string;
}

/** The command that runs these checks of one op again. */
export function reproduceLine(
  op: Op,
  backend: BackendKind,
  variant: string | null,
  sample: number | null,
): string {
  const parts = [`npm run gradcheck -- --op ${op.name} --backend ${backend}`];
  if (variant !== null && backend !== 'reference') parts.push(`--variant ${variant}`);
  if (sample !== null) parts.push(`--sample ${sample}`);
  return parts.join(' ');
}
