import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { anyNumber, expectOptions } from '../kinds.js';
import type { Tensor } from '../tensor.js';

export interface ClipGradNormOptions {
  /** The largest norm that all gradients together keep. */
  readonly maxNorm: number;
  /** p of the norm: 2 by default, Infinity for the largest absolute value. */
  readonly normType?: number;
}

/** What torch.nn.utils.clip_grad_norm_ adds to the norm before it divides. */
const EPS = 1e-6;

function gradientsOf(where: string, parameters: readonly Tensor[]): Tensor[] {
  const due = parameters.filter(({ grad }) => grad !== null);
  if (due.length === 0) fail(where, 'no parameter has a gradient; call backward() on a loss first');
  return due;
}

/**
 * Scales all gradients so that their norm, taken together, is at most `maxNorm`; smaller ones stay as they are. As
 * torch.nn.utils.clip_grad_norm_; inside a compiled function it becomes part of it.
 *
 * @returns the norm before, a scalar.
 */
export function clipGradNorm(parameters: readonly Tensor[], options: ClipGradNormOptions): Tensor {
  expectOptions('clipGradNorm', options, { maxNorm: anyNumber, normType: anyNumber });
  const { maxNorm, normType: p = 2 } = options;
  if (!(maxNorm >= 0)) fail('clipGradNorm', `maxNorm must be a number of at least 0, got ${maxNorm}`);
  if (!(p > 0)) fail('clipGradNorm', `normType must be positive, got ${p}`);
  const due = gradientsOf('clipGradNorm', parameters);
  const total = F.norm(F.stack(due.map(({ grad }) => F.norm(grad!, { p }))), { p });
  const factor = F.clamp(F.div(maxNorm, total.add(EPS)), { max: 1 });
  for (const parameter of due) parameter.grad = parameter.grad!.mul(factor);
  return total;
}

/** Clamps every element of every gradient to [-value, value], as torch.nn.utils.clip_grad_value_. */
export function clipGradValue(parameters: readonly Tensor[], value: number): void {
  if (typeof value !== 'number' || !(value >= 0))
    fail('clipGradValue', `value must be a number of at least 0, got ${value}`);
  for (const parameter of gradientsOf('clipGradValue', parameters)) {
    parameter.grad = parameter.grad!.clamp({ min: -value, max: value });
  }
}
