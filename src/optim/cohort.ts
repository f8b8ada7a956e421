// What an optimiser keeps for parameters that began together, and how a step of theirs is recorded.
import type { TypedArray } from '../dtype.js';
import { functional as F } from '../functional.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { ParameterGroup, Progress, Rule, Settings } from './group.js';
import type { Kept } from './state.js';

/**
 * Parameters of a group that began together and have taken the same number of steps since. What is kept for each of
 * their elements stands in `state`, f32 [rows, elements], from the parameter's offset on; others may share it.
 */
export interface Cohort extends Progress {
  /** Its progress when it was made: what it goes back to with the first contents of its state. */
  readonly first: Progress;
  readonly parameters: readonly Tensor[];
  readonly state: Tensor | null;
  readonly offsets: ReadonlyMap<Tensor, number>;
}

/**
 * Makes room for what is kept for parameters of a group.
 *
 * @param kept what those parameters that took steps before have kept; either all or none did.
 */
export function beginCohort<O extends Settings>(
  rule: Rule<O>,
  group: ParameterGroup<O>,
  parameters: readonly Tensor[],
  kept: ReadonlyMap<Tensor, Kept> = new Map(),
): Cohort {
  const options = group as unknown as O;
  const rows = rule.kept(options).length;
  const offsets = new Map<Tensor, number>();
  let total = 0;
  for (const tensor of parameters) {
    offsets.set(tensor, total);
    // As the update op has it: each begins at a multiple of 4.
    total += Math.ceil(sizeOf(tensor.shape) / 4) * 4;
  }
  // In double precision for the reference device; the others round.
  const words = new Float64Array(rows * total).fill(rule.initial?.(options) ?? 0);
  for (const [tensor, at] of offsets) {
    for (const [row, data] of kept.get(tensor)?.rows.entries() ?? []) words.set(data, row * total + at);
  }
  const { device } = parameters[0]!;
  // A step within a scope may be the first one of parameters that were frozen.
  const make = () => device.tensor(words, [rows, total], 'f32');
  const state = rows === 0 ? null : device.outsideScopes(make);
  if (state) state.label = `${rule.name}.state`;
  const { steps = 0, carried = {} } = kept.get(parameters[0]!) ?? {};
  const first = { steps, carried };
  return { first, parameters, state, offsets, steps, carried: { ...carried } };
}

/**
 * Records the step of one cohort: puts the parameters and what is kept for them, as they are after it, into `pairs`. Where
 * `where` is false they are as before.
 */
export function recordStep<O extends Settings>(
  rule: Rule<O>,
  group: ParameterGroup<O>,
  cohort: Cohort,
  where: Tensor | undefined,
  pairs: Map<Tensor, Tensor>,
): void {
  const { parameters, state, offsets } = cohort;
  const { update, idle } = rule;
  const { device } = parameters[0]!;
  const next = device.feed([idle.length], 'f32', () => {
    cohort.steps++;
    // In double precision for the reference device; the others round.
    return new Float64Array(rule.hyper(group as unknown as O, cohort));
  });
  const none = () => device.feed([idle.length], 'f32', () => Float64Array.from(idle));
  const hyper = where ? F.where(where, next, none()) : next;
  const held = state && (pairs.get(state) ?? state);
  const inputs = [hyper, held, ...parameters.flatMap((tensor) => [tensor, tensor.grad])];
  const moved = update(inputs, { offsets: parameters.map((tensor) => offsets.get(tensor)!) });
  parameters.forEach((tensor, i) => void pairs.set(tensor, moved[i]!));
  if (state) pairs.set(state, moved[parameters.length]!);
}

/** What the rows of a cohort's state, read as `words`, hold for one of its parameters. */
export function keptFor(tensor: Tensor, cohort: Cohort, words: ReadonlyMap<Tensor, TypedArray>): Kept {
  const { steps, carried, state, offsets } = cohort;
  if (!state) return { steps, carried, rows: [] };
  const [rows, total] = state.shape as [number, number];
  const at = offsets.get(tensor)!;
  const row = (_: unknown, i: number) =>
    words.get(state)!.slice(i * total + at, i * total + at + sizeOf(tensor.shape));
  return { steps, carried, rows: Array.from({ length: rows }, row) };
}
