import { functional as F } from '../functional.js';
import type {
  AdaptivePool2dOptions,
  AvgPool1dOptions,
  AvgPool2dOptions,
  LpPool1dOptions,
  LpPool2dOptions,
  MaxUnpool1dOptions,
  MaxUnpool2dOptions,
  Pair,
  Pool1dOptions,
  Pool2dOptions,
} from '../index.js';
import type { AnyKinds } from '../kinds.js';
import * as ops from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { Module } from './module.js';
import { checkLayer } from './sizes.js';

/** A layer over windows: their size, and the op's other options. */
abstract class Windows<K, O> extends Layer {
  constructor(
    name: string,
    kinds: AnyKinds,
    readonly kernel: K,
    readonly options: Omit<O, 'kernel'> = {} as Omit<O, 'kernel'>,
  ) {
    super();
    checkLayer(name, kinds, { kernel }, options);
  }
}

/** The largest element of each window of a line. */
export class MaxPool1d extends Windows<number, Pool1dOptions> {
  constructor(kernel: number, options?: Omit<Pool1dOptions, 'kernel'>) {
    super('MaxPool1d', ops.maxPool1d.op.kinds, kernel, options);
  }

  override forward(x: Tensor): Tensor {
    return F.maxPool1d(x, { kernel: this.kernel, ...this.options });
  }
}

/** The largest element of each window. */
export class MaxPool2d extends Windows<Pair, Pool2dOptions> {
  constructor(kernel: Pair, options?: Omit<Pool2dOptions, 'kernel'>) {
    super('MaxPool2d', ops.maxPool2d.op.kinds, kernel, options);
  }

  override forward(x: Tensor): Tensor {
    return F.maxPool2d(x, { kernel: this.kernel, ...this.options });
  }
}

/** The mean of each window of a line. */
export class AvgPool1d extends Windows<number, AvgPool1dOptions> {
  constructor(kernel: number, options?: Omit<AvgPool1dOptions, 'kernel'>) {
    super('AvgPool1d', ops.avgPool1d.op.kinds, kernel, options);
  }

  override forward(x: Tensor): Tensor {
    return F.avgPool1d(x, { kernel: this.kernel, ...this.options });
  }
}

/** The mean of each window. */
export class AvgPool2d extends Windows<Pair, AvgPool2dOptions> {
  constructor(kernel: Pair, options?: Omit<AvgPool2dOptions, 'kernel'>) {
    super('AvgPool2d', ops.avgPool2d.op.kinds, kernel, options);
  }

  override forward(x: Tensor): Tensor {
    return F.avgPool2d(x, { kernel: this.kernel, ...this.options });
  }
}

/** (Σ x^p)^(1/p) of each window of a line. */
export class LPPool1d extends Layer {
  constructor(
    readonly p: number,
    readonly kernel: number,
    readonly options: Omit<LpPool1dOptions, 'p' | 'kernel'> = {},
  ) {
    super();
    checkLayer('LPPool1d', ops.lpPool1d.op.kinds, { p, kernel }, options);
  }

  override forward(x: Tensor): Tensor {
    return F.lpPool1d(x, { p: this.p, kernel: this.kernel, ...this.options });
  }
}

/** (Σ x^p)^(1/p) of each window. */
export class LPPool2d extends Layer {
  constructor(
    readonly p: number,
    readonly kernel: Pair,
    readonly options: Omit<LpPool2dOptions, 'p' | 'kernel'> = {},
  ) {
    super();
    checkLayer('LPPool2d', ops.lpPool2d.op.kinds, { p, kernel }, options);
  }

  override forward(x: Tensor): Tensor {
    return F.lpPool2d(x, { p: this.p, kernel: this.kernel, ...this.options });
  }
}

/** Puts each element where a max pooling with indices took it from, zeros elsewhere. */
export class MaxUnpool1d extends Module {
  constructor(
    readonly kernel: number,
    readonly options: Omit<MaxUnpool1dOptions, 'kernel'> = {},
  ) {
    super();
    checkLayer('MaxUnpool1d', ops.maxUnpool1d.op.kinds, { kernel }, options);
  }

  override forward(x: Tensor, indices: Tensor): Tensor {
    return F.maxUnpool1d(x, indices, { kernel: this.kernel, ...this.options });
  }
}

/** Puts each element where a max pooling with indices took it from, zeros elsewhere. */
export class MaxUnpool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: Omit<MaxUnpool2dOptions, 'kernel'> = {},
  ) {
    super();
    checkLayer('MaxUnpool2d', ops.maxUnpool2d.op.kinds, { kernel }, options);
  }

  override forward(x: Tensor, indices: Tensor): Tensor {
    return F.maxUnpool2d(x, indices, { kernel: this.kernel, ...this.options });
  }
}

/** As many windows of a line as are asked for; their means. */
export class AdaptiveAvgPool1d extends Layer {
  constructor(readonly outputSize: number) {
    super();
    checkLayer('AdaptiveAvgPool1d', ops.adaptiveAvgPool1d.op.kinds, { outputSize });
  }

  override forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool1d(x, { outputSize: this.outputSize });
  }
}

/** As many windows as are asked for; their means. */
export class AdaptiveAvgPool2d extends Layer {
  constructor(readonly outputSize: AdaptivePool2dOptions['outputSize']) {
    super();
    checkLayer('AdaptiveAvgPool2d', ops.adaptiveAvgPool2d.op.kinds, { outputSize });
  }

  override forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, { outputSize: this.outputSize });
  }
}

/** As many windows of a line as are asked for; their largest elements. */
export class AdaptiveMaxPool1d extends Layer {
  constructor(readonly outputSize: number) {
    super();
    checkLayer('AdaptiveMaxPool1d', ops.adaptiveMaxPool1d.op.kinds, { outputSize });
  }

  override forward(x: Tensor): Tensor {
    return F.adaptiveMaxPool1d(x, { outputSize: this.outputSize });
  }
}

/** As many windows as are asked for; their largest elements. */
export class AdaptiveMaxPool2d extends Layer {
  constructor(readonly outputSize: AdaptivePool2dOptions['outputSize']) {
    super();
    checkLayer('AdaptiveMaxPool2d', ops.adaptiveMaxPool2d.op.kinds, { outputSize });
  }

  override forward(x: Tensor): Tensor {
    return F.adaptiveMaxPool2d(x, { outputSize: this.outputSize });
  }
}
