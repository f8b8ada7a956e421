import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { anyNumber, expectOptions, type Kinds } from '../kinds.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { fanIn, normal } from './init.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { biasKinds, checkSizes } from './sizes.js';

/** y = x weightᵀ + bias over the last axis: x [.., inFeatures], weight [outFeatures, inFeatures], bias [outFeatures]. */
export class Linear extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    expectOptions('Linear', options, biasKinds);
    checkSizes('Linear', { inFeatures, outFeatures });
    this.weight = new Parameter([outFeatures, inFeatures], fanIn(inFeatures));
    this.bias = options.bias === false ? null : new Parameter([outFeatures], fanIn(inFeatures));
  }

  override forward(x: Tensor): Tensor {
    return F.linear(x, this.weight.tensor, this.bias?.tensor ?? null);
  }
}

/** y_k = aᵀ weight_k b + bias_k over the last axes: a [.., in1], b [.., in2], weight [out, in1, in2], bias [out]. */
export class Bilinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options: { readonly bias?: boolean } = {},
  ) {
    super();
    expectOptions('Bilinear', options, biasKinds);
    checkSizes('Bilinear', { in1Features, in2Features, outFeatures });
    const init = fanIn(in1Features);
    this.weight = new Parameter([outFeatures, in1Features, in2Features], init);
    this.bias = options.bias === false ? null : new Parameter([outFeatures], init);
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    const lead = a.shape.slice(0, -1);
    const [out, in1, in2] = this.weight.shape as readonly [number, number, number];
    const rows = sizeOf(lead);
    // [rows, in1] x [in1, out in2], then for each row and output its product with b.
    const matrix = this.weight.tensor.permute([1, 0, 2]).reshape([in1, out * in2]);
    const left = a.reshape([rows, in1]).matmul(matrix).reshape([rows, out, in2]);
    const y = left.matmul(b.reshape([rows, in2, 1])).reshape([...lead, out]);
    return this.bias ? y.add(this.bias.tensor) : y;
  }
}

/** Passes its input on. */
export class Identity extends Layer {
  override forward(x: Tensor): Tensor {
    return x;
  }
}

/** Joins the axes from `startAxis` to `endAxis` (default: all but the batch). */
export class Flatten extends Layer {
  constructor(
    readonly startAxis = 1,
    readonly endAxis = -1,
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return x.flatten(this.startAxis, this.endAxis);
  }
}

/** Makes one axis several; one of the sizes may be -1. */
export class Unflatten extends Layer {
  constructor(
    readonly axis: number,
    readonly shape: Shape,
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.unflatten(x, { axis: this.axis, shape: this.shape });
  }
}

export interface EmbeddingLayerOptions {
  /** A row that stays zero, for padding; negative ones count from the end. */
  readonly paddingIndex?: number;
}

const embeddingKinds: Kinds<EmbeddingLayerOptions> = { paddingIndex: anyNumber };

/** Rows of weight [count, features] by whole numbers: x i32 [..] to [.., features]. */
export class Embedding extends Layer {
  readonly weight: Parameter;
  readonly #paddingIndex: number | null;

  constructor(count: number, features: number, options: EmbeddingLayerOptions = {}) {
    super();
    expectOptions('Embedding', options, embeddingKinds);
    const { paddingIndex } = options;
    checkSizes('Embedding', { count, features });
    const row = paddingIndex === undefined || paddingIndex >= 0 ? paddingIndex : paddingIndex + count;
    if (row !== undefined && !(Number.isInteger(row) && row >= 0 && row < count))
      fail('Embedding', `paddingIndex ${paddingIndex} is outside the ${count} rows`);
    this.#paddingIndex = row ?? null;
    this.weight = new Parameter([count, features], (shape, generator) => {
      const data = normal()(shape, generator);
      return row === undefined ? data : data.fill(0, row * features, (row + 1) * features);
    });
  }

  override forward(x: Tensor): Tensor {
    if (x.dtype !== 'i32') fail('Embedding', `x must be i32, it is ${x.dtype}${showShape(x.shape)}`);
    return F.embedding(x, this.weight.tensor, { paddingIndex: this.#paddingIndex });
  }
}
