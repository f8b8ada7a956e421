import type { Launch } from '../op.js';
import { sumLaunch } from './reduce_rows.js';

/** The launch that makes a loss of `count` sums. */
export const lossTotal = (
  backend: 'wasm' | 'webgpu',
  operands: readonly [sums: string, output: string],
  count: number,
  scale: number,
): Launch =>
  backend === 'webgpu'
    ? sumLaunch(operands, count, scale)
    : { kernel: 'loss_total_f32', operands, params: { count, scale }, units: 1 };
