import type { Op } from '../src/op.ts';
import type { VerifyResult } from '../src/verify/result.ts';

/** An error and what is allowed, in units of 2^-24 of a magnitude. */
export type Measure = readonly [error: number, allowed: number];

export interface Entry {
  readonly gradient?: number;
  readonly secondOrder?: number;
  readonly wasm: Readonly<Record<string, Measure>>;
  readonly webgpu: Readonly<Record<string, Measure | null>>;
}

/** What `docs/ops-measured.json` holds. */
export interface Measured {
  /** The day of the last measurement, as 2026-01-31. */
  readonly date: string;
  readonly devices: Readonly<Record<string, string>>;
  readonly ops: Readonly<Record<string, Entry>>;
}

export function gradientInputs(op: Op): readonly string[];
export function entryOf(op: Op, results: readonly VerifyResult[]): Entry;
export function mismatches(ops: readonly Op[], measured: Measured): string[];
export function textOf(measured: Measured): string;
export function measure(ops: readonly Op[]): Promise<Measured>;
