import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import type { AvgPool2dOptions, Conv2dOptions, Pair, Pool2dOptions } from '../index.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { fanIn } from './init.js';
import { Module, Parameter } from './module.js';

/** A module of one input. */
export abstract class Layer extends Module {
  abstract override forward(x: Tensor): Tensor;
}

function whole(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1)
      fail(layer, `${name} must be a whole number of at least 1, got ${size}`);
  }
}

/** y = x weightᵀ + bias over the last axis: x [.., inFeatures], weight [outFeatures, inFeatures]. */
export class Linear extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    whole('Linear', { inFeatures, outFeatures });
    this.weight = new Parameter([outFeatures, inFeatures], fanIn(inFeatures));
    this.bias = options.bias === false ? null : new Parameter([outFeatures], fanIn(inFeatures));
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight.tensor, this.bias?.tensor ?? null);
  }
}

/** Convolution of x [batch, inChannels, height, width] with weight [outChannels, inChannels / groups, r, s]. */
export class Conv2d extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #options: Conv2dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: Pair,
    options: Conv2dOptions & { readonly bias?: boolean } = {},
  ) {
    super();
    const { bias, ...rest } = options;
    const { groups = 1 } = rest;
    const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
    whole('Conv2d', { inChannels, outChannels, 'kernel height': height, 'kernel width': width, groups });
    if (inChannels % groups !== 0)
      fail('Conv2d', `inChannels ${inChannels} don't divide into ${groups} groups`);
    const shape = [outChannels, inChannels / groups, height, width];
    const init = fanIn(sizeOf(shape.slice(1)));
    this.weight = new Parameter(shape, init);
    this.bias = bias === false ? null : new Parameter([outChannels], init);
    this.#options = rest;
  }

  forward(x: Tensor): Tensor {
    return F.conv2d(x, this.weight.tensor, this.bias?.tensor ?? null, this.#options);
  }
}

export class ReLU extends Layer {
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

export class Tanh extends Layer {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

export class Sigmoid extends Layer {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** The largest element of each window. */
export class MaxPool2d extends Layer {
  constructor(
    readonly kernel: Pair,
    readonly options: Omit<Pool2dOptions, 'kernel'> = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, { kernel: this.kernel, ...this.options });
  }
}

/** The mean of each window. */
export class AvgPool2d extends Layer {
  constructor(
    readonly kernel: Pair,
    readonly options: Omit<AvgPool2dOptions, 'kernel'> = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, { kernel: this.kernel, ...this.options });
  }
}

/** Joins all axes from `startAxis` on (default 1: all but the batch). */
export class Flatten extends Layer {
  constructor(readonly startAxis = 1) {
    super();
  }

  forward(x: Tensor): Tensor {
    const kept = x.shape.slice(0, this.startAxis);
    return x.reshape([...kept, sizeOf(x.shape.slice(this.startAxis))]);
  }
}

/** Zeroes elements with probability p while training; passes everything on otherwise. */
export class Dropout extends Layer {
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) fail('Dropout', `p must be between 0 and 1, got ${p}`);
  }

  forward(x: Tensor): Tensor {
    return x.device.observe(() => this.training) ? F.dropout(x, { p: this.p }) : x;
  }
}

/** Modules one after the other. */
export class Sequential extends Layer {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }

  protected override childName(key: string): string {
    return key.replace('layers.', '');
  }
}
