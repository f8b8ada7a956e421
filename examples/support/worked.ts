import { type Device, open } from 'weft';
import type { Run } from './example.js';

/** A number as a text writes it, and what came out: `['.4969218', 0.49692184]`. */
export type Worked = readonly [written: string, value: number];

/** The decimal places of a number as it is written: 7 of '.4969218', 6 of '2.06e-4'. */
function places(written: string): number {
  const [, fraction = '', exponent = '0'] = /^[-−]?\d*\.?(\d*)(?:e([-+]?\d+))?$/.exec(written) ?? [];
  return fraction.length - Number(exponent);
}

const show = (written: string, value: number): string =>
  written.includes('e')
    ? value.toExponential(/\.(\d*)e/.exec(written)?.[1]?.length ?? 0)
    : value.toFixed(places(written));

/**
 * Claims that each value is what is written, to its last digit; a whole number is meant exactly.
 *
 * @param slack what roundings in f32 may add to half a unit of the last digit.
 */
export function claimNumbers({ claim }: Run, told: string, numbers: readonly Worked[], slack = 0): void {
  const half = (written: string) =>
    Number.isInteger(Number(written)) ? 0 : 0.5 * 10 ** -places(written) * (1 + 1e-9);
  const right = ([written, value]: Worked) => Math.abs(value - Number(written)) <= half(written) + slack;
  claim({
    told: `${told}: ${numbers.map(([written]) => written).join(', ')}`,
    reached: numbers.map(([written, value]) => show(written, value)).join(', '),
    holds: numbers.every(right),
  });
}

/** Claims that values are what they should be, to the bit. */
export function claimExact(
  { claim }: Run,
  told: string,
  values: ArrayLike<number>,
  expected: readonly number[],
): void {
  const list = Array.from(values);
  const holds = list.length === expected.length && expected.every((value, i) => value === list[i]);
  claim({ told: `${told}: ${expected.join(', ')}`, reached: list.join(', '), holds });
}

/** Claims that values are equal but for an absolute `tolerance`. */
export function claimEqual(
  { claim }: Run,
  told: string,
  values: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  const worst = largestDifference(values, expected);
  claim({
    told,
    reached: `difference ${worst.toPrecision(2)}, ${tolerance.toPrecision(2)} allowed`,
    holds: worst <= tolerance,
  });
}

/** Not a number where one list is longer or holds one. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** The same on a device that computes in double precision, for digits that f32 can't hold. */
export async function inDouble<T>(work: (device: Device) => Promise<T>): Promise<T> {
  const device = await open('reference');
  try {
    return await work(device);
  } finally {
    device.dispose();
  }
}
