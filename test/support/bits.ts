import { expect } from 'vitest';

/** Expects equal words; `toEqual`, which is slow on arrays, is left to show those that differ. */
export function expectSameBits(actual: Uint32Array, expected: Uint32Array, where: string): void {
  const same = actual.length === expected.length && actual.every((word, i) => word === expected[i]);
  if (!same) expect(actual, where).toEqual(expected);
}
