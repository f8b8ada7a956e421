import { fail } from '../../errors.js';
import { anyNumber, expectOptions, type Kinds } from '../../kinds.js';

export interface Chance {
  /** How often, from 0 to 1; default 0.5. */
  readonly p?: number;
}

export const chanceKinds: Kinds<Chance> = { p: anyNumber };

export function checkProbability(where: string, p: number): void {
  if (!(p >= 0 && p <= 1)) fail(where, `p must be a probability, from 0 to 1, got ${p}`);
}

/** The probability among options that have nothing else. */
export function chanceOf(where: string, options: Chance, usual: number): number {
  expectOptions(where, options, chanceKinds);
  const { p = usual } = options;
  checkProbability(where, p);
  return p;
}
