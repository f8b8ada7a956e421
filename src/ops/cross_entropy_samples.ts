/** Samples of cross-entropy: rows of one class, of a vector's lanes and their tail, strided rows, every option. */
import type { Sample } from '../op.js';
import type { Shape } from '../shape.js';
import { type CrossEntropyOptions, geometry, rowShape } from './class_rows.js';

interface Case {
  readonly logits: Shape;
  readonly shares?: boolean;
  readonly weighted?: boolean;
  /** How far from 0 the logits lie, default 4. */
  readonly spread?: number;
  readonly options?: CrossEntropyOptions;
}

const CASES: readonly Case[] = [
  { logits: [1, 1] },
  { logits: [3, 10], options: { reduction: 'sum' } },
  { logits: [7, 17] },
  { logits: [65, 4], options: { ignoreIndex: 2 } },
  { logits: [3, 66], weighted: true, options: { labelSmoothing: 0.25, ignoreIndex: 5 } },
  { logits: [5], options: { reduction: 'none', labelSmoothing: 0.25 } },
  { logits: [2, 5, 3, 2], weighted: true, options: { labelSmoothing: 0.125, ignoreIndex: 1 } },
  { logits: [5, 7], weighted: true, options: { reduction: 'none', ignoreIndex: 3 } },
  { logits: [3, 5], shares: true },
  { logits: [2, 6, 3], shares: true, weighted: true, options: { reduction: 'none', labelSmoothing: 0.25 } },
  { logits: [7, 9], shares: true, weighted: true, options: { reduction: 'sum' } },
  { logits: [5, 19], spread: 30, options: { labelSmoothing: 0.25 } },
  { logits: [4, 11], spread: 30, shares: true },
  { logits: [2, 37], shares: true, options: { labelSmoothing: 0.25 } },
  { logits: [3, 136], weighted: true, options: { labelSmoothing: 0.25 } },
  { logits: [3, 12], shares: true, weighted: true },
  { logits: [4, 35], spread: 60, options: { ignoreIndex: 1 } },
];

function inputsOf({ logits, shares, weighted, spread = 4 }: Case) {
  const { classes } = geometry(logits);
  return {
    logits: { shape: logits, domain: [-spread, spread] as [number, number] },
    target: shares
      ? { shape: logits, domain: [0, 1] as [number, number] }
      : { shape: rowShape(logits), dtype: 'i32' as const, domain: [0, classes - 1] as [number, number] },
    ...(weighted ? { weight: { shape: [classes], domain: [0.5, 2] as [number, number] } } : {}),
  };
}

export const crossEntropySamples: readonly Sample<'logits' | 'target' | 'weight?', CrossEntropyOptions>[] =
  CASES.map((one) => ({ inputs: inputsOf(one), options: one.options }));
