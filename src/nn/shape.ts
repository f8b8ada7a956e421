import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import type { InterpolateOptions, PadMode } from '../index.js';
import * as ops from '../ops/index.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { checkLayer } from './sizes.js';

/** The same amount on all sides, or [left, right], or [left, right, top, bottom]. */
export type PaddingAmounts = number | readonly number[];

/** Pads the last one or two axes, as torch.nn's padding layers: amounts are [left, right] or [left, right, top, bottom]. */
abstract class Pad extends Layer {
  readonly #amounts: readonly number[];

  constructor(
    readonly name: string,
    axes: 1 | 2,
    padding: PaddingAmounts,
    readonly mode: PadMode,
    readonly value = 0,
  ) {
    super();
    const amounts = typeof padding === 'number' ? new Array<number>(2 * axes).fill(padding) : padding;
    if (amounts.length !== 2 * axes || !amounts.every(Number.isInteger))
      fail(name, `padding must be a whole number or ${2 * axes} of them, got [${amounts.join()}]`);
    this.#amounts = amounts;
  }

  override forward(x: Tensor): Tensor {
    const { length } = x.shape;
    const padded = this.#amounts.length / 2;
    if (length < padded + 1)
      fail(this.name, `x must have ${padded + 1} axes or more, it is ${showShape(x.shape)}`);
    const side = (which: 0 | 1) =>
      x.shape.map((_, axis) =>
        axis < length - padded ? 0 : this.#amounts[2 * (length - 1 - axis) + which]!,
      );
    const amounts = { before: side(0), after: side(1), mode: this.mode };
    return F.pad(x, this.mode === 'constant' ? { ...amounts, value: this.value } : amounts);
  }
}

/** Adds a value on both sides of the last axis; negative amounts crop. */
export class ConstantPad1d extends Pad {
  constructor(padding: PaddingAmounts, value: number) {
    super('ConstantPad1d', 1, padding, 'constant', value);
  }
}

/** Adds a value round the last two axes; negative amounts crop. */
export class ConstantPad2d extends Pad {
  constructor(padding: PaddingAmounts, value: number) {
    super('ConstantPad2d', 2, padding, 'constant', value);
  }
}

/** Adds zeros on both sides of the last axis; negative amounts crop. */
export class ZeroPad1d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('ZeroPad1d', 1, padding, 'constant');
  }
}

/** Adds zeros round the last two axes; negative amounts crop. */
export class ZeroPad2d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('ZeroPad2d', 2, padding, 'constant');
  }
}

/** Mirrors x at its first and last elements. */
export class ReflectionPad1d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('ReflectionPad1d', 1, padding, 'reflect');
  }
}

/** Mirrors x at its first and last elements. */
export class ReflectionPad2d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('ReflectionPad2d', 2, padding, 'reflect');
  }
}

/** Repeats the first and last elements. */
export class ReplicationPad1d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('ReplicationPad1d', 1, padding, 'replicate');
  }
}

/** Repeats the first and last elements. */
export class ReplicationPad2d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('ReplicationPad2d', 2, padding, 'replicate');
  }
}

/** Continues x from its other end. */
export class CircularPad1d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('CircularPad1d', 1, padding, 'circular');
  }
}

/** Continues x from its other end. */
export class CircularPad2d extends Pad {
  constructor(padding: PaddingAmounts) {
    super('CircularPad2d', 2, padding, 'circular');
  }
}

/** x [batch, channels, ...] at another size. */
export class Upsample extends Layer {
  constructor(readonly options: InterpolateOptions) {
    super();
    checkLayer('Upsample', ops.interpolate.op.kinds, {}, options);
  }

  override forward(x: Tensor): Tensor {
    return F.interpolate(x, this.options);
  }
}

/** factor² channels as factor x factor pixels (Shi et al., 2016). */
export class PixelShuffle extends Layer {
  constructor(readonly factor: number) {
    super();
    checkLayer('PixelShuffle', ops.pixelShuffle.op.kinds, { factor });
  }

  override forward(x: Tensor): Tensor {
    return F.pixelShuffle(x, { factor: this.factor });
  }
}

/** factor x factor pixels as factor² channels. */
export class PixelUnshuffle extends Layer {
  constructor(readonly factor: number) {
    super();
    checkLayer('PixelUnshuffle', ops.pixelUnshuffle.op.kinds, { factor });
  }

  override forward(x: Tensor): Tensor {
    return F.pixelUnshuffle(x, { factor: this.factor });
  }
}
