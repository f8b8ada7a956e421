import type { Op } from '../src/op.ts';
import type { Measured } from './docs-measure.mjs';

export function pageOf(given: {
  readonly groups: ReadonlyMap<string, readonly Op[]>;
  readonly measured: Measured;
  readonly update: string;
}): string;
