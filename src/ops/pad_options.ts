import { fail } from '../errors.js';
import { type Kinds, number, oneOf, wholes } from '../kinds.js';
import type { TensorType } from '../op.js';
import { showShape } from '../shape.js';
import { type Border, expectAmounts, expectBorder } from './border.js';

export type PadMode = 'constant' | Border;

export interface PadOptions {
  /** Elements added before the first along each axis; with mode 'constant', a negative number takes some away. */
  readonly before: readonly number[];
  /** Elements added after the last along each axis, or taken away. */
  readonly after: readonly number[];
  /**
   * What is added: one value (the default), x mirrored at its first and last element, those elements repeated, or x
   * itself from its other end on.
   */
  readonly mode?: PadMode;
  /** What mode 'constant' adds, default 0. */
  readonly value?: number;
}

export const padKinds: Kinds<PadOptions> = {
  before: wholes,
  after: wholes,
  mode: oneOf('constant', 'reflect', 'replicate', 'circular'),
  value: number,
};

export interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  readonly value: number;
}

export function padAttributes(options: PadOptions | undefined, { x }: { x: TensorType }): PadAttrs {
  const {
    before,
    after,
    mode = 'constant',
    value,
  } = options ?? fail('pad', 'needs options { before, after }');
  expectAmounts('pad', x.shape, before, after);
  if (mode === 'constant') {
    const left = x.shape.map((size, axis) => size + Math.min(before[axis]!, 0) + Math.min(after[axis]!, 0));
    if (left.some((size) => size < 0)) {
      fail(
        'pad',
        `before [${before.join(',')}] and after [${after.join(',')}] take away more than x ${showShape(x.shape)} has`,
      );
    }
    if (x.dtype === 'i32' && value !== undefined && (value | 0) !== value)
      fail('pad', `value ${value} is not a whole number of 32 bits, but x is i32`);
    if (x.dtype === 'bool' && ![0, 1].includes(value ?? 0))
      fail('pad', `value ${value} is neither 0 nor 1, but x is bool`);
  } else {
    if (value !== undefined) fail('pad', `value is for mode 'constant' alone, mode is '${mode}'`);
    expectBorder('pad', 'x', { shape: x.shape, before, after, border: mode });
  }
  return { before, after, mode, value: value ?? 0 };
}
