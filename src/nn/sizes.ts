import { fail } from '../errors.js';
import type { Pair } from '../index.js';
import { type AnyKinds, expectKind, expectOptions, flag, type Kinds } from '../kinds.js';

/** Refuses sizes that are no whole numbers of at least 1, naming the first. */
export function checkSizes(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1)
      fail(layer, `${name} must be a whole number of at least 1, got ${size}`);
  }
}

export function checkProbability(layer: string, p: number): void {
  if (typeof p !== 'number' || !(p >= 0 && p <= 1)) fail(layer, `p must be between 0 and 1, got ${p}`);
}

/**
 * Refuses what an op would not take, when its layer is made: options of the op that the layer takes by position, by their
 * names, and the others.
 */
export function checkLayer(
  layer: string,
  kinds: AnyKinds,
  own: Readonly<Record<string, unknown>>,
  options: unknown = {},
): void {
  for (const [name, value] of Object.entries(own)) expectKind(layer, name, value, kinds[name]!);
  const others = Object.entries(kinds).filter(([name]) => !Object.hasOwn(own, name));
  expectOptions(layer, options, Object.fromEntries(others));
}

/** Of layers that learn a bias unless told otherwise. */
export const biasKinds: Kinds<{ bias?: boolean }> = { bias: flag };

/** [height, width] of a kernel. */
export const sides = (kernel: Pair): readonly [number, number] =>
  typeof kernel === 'number' ? [kernel, kernel] : kernel;

/** Refuses channels that don't divide into groups. */
export function checkGroups(layer: string, groups: number, channels: Readonly<Record<string, number>>): void {
  checkSizes(layer, { ...channels, groups });
  for (const [name, count] of Object.entries(channels))
    if (count % groups !== 0) fail(layer, `${name} ${count} don't divide into ${groups} groups`);
}
