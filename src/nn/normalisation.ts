import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { anyNumber, expectOptions, flag, type Kinds, number, orNull } from '../kinds.js';
import { showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { ones, zeros } from './init.js';
import { Buffer, Parameter } from './parameter.js';
import { checkGroups, checkSizes } from './sizes.js';

export interface BatchNormOptions {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Share of the newest batch in the running statistics, default 0.1; null: the mean over all batches. */
  readonly momentum?: number | null;
  /** Whether weight and bias are learned, default true. */
  readonly affine?: boolean;
  /** Default true; false: the batch's own statistics count in evaluation too. */
  readonly trackRunningStats?: boolean;
}

const batchNormKinds: Kinds<BatchNormOptions> = {
  eps: number,
  momentum: orNull(anyNumber),
  affine: flag,
  trackRunningStats: flag,
};

interface Running {
  readonly mean: Buffer;
  readonly variance: Buffer;
  readonly batches: Buffer;
}

/** Normalisation by mean and variance of each channel, axis 1 (Ioffe and Szegedy, 2015). */
abstract class BatchNorm extends Layer {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly #eps: number;
  readonly #momentum: number | null;

  readonly #ranks: readonly number[];

  constructor(
    readonly name: string,
    ranks: readonly number[],
    readonly channels: number,
    options: BatchNormOptions = {},
  ) {
    super();
    expectOptions(name, options, batchNormKinds);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    checkSizes(name, { channels });
    this.#ranks = ranks;
    if (momentum !== null && !(momentum >= 0 && momentum <= 1))
      fail(name, `momentum must be null or between 0 and 1, got ${momentum}`);
    this.#eps = eps;
    this.#momentum = momentum;
    this.weight = affine ? new Parameter([channels], ones) : null;
    this.bias = affine ? new Parameter([channels], zeros) : null;
    this.runningMean = trackRunningStats ? new Buffer([channels], 0) : null;
    this.runningVar = trackRunningStats ? new Buffer([channels], 1) : null;
    this.numBatchesTracked = trackRunningStats ? new Buffer([], 0, 'i32') : null;
  }

  override forward(x: Tensor): Tensor {
    if (!this.#ranks.includes(x.shape.length) || x.shape[1] !== this.channels) {
      const wanted = `${this.#ranks.join(' or ')} axes and ${this.channels} channels in axis 1`;
      fail(this.name, `x must have ${wanted}, it is ${showShape(x.shape)}`);
    }
    const training = x.device.observe(() => this.training);
    const weight = this.weight?.tensor ?? null;
    const bias = this.bias?.tensor ?? null;
    const options = { eps: this.#eps };
    const running = this.#running();
    if (running && !training)
      return F.batchNormInference(x, running.mean.tensor, running.variance.tensor, weight, bias, options);
    const [y, mean, variance] = F.batchNorm(x, weight, bias, options) as [Tensor, Tensor, Tensor];
    if (running && training) this.#track(running, x, mean, variance);
    return y;
  }

  #running(): Running | null {
    const { runningMean: mean, runningVar: variance, numBatchesTracked: batches } = this;
    return mean && variance && batches ? { mean, variance, batches } : null;
  }

  #track({ mean, variance, batches }: Running, x: Tensor, batchMean: Tensor, batchVariance: Tensor): void {
    const { device } = x;
    const count = batches.tensor.add(1);
    const momentum =
      this.#momentum === null
        ? F.reciprocal(F.cast(count, { dtype: 'f32' })).reshape([1])
        : device.full([1], this.#momentum);
    const [newMean, newVariance] = F.batchNormUpdate(
      ...[mean.tensor, variance.tensor, batchMean.detach(), batchVariance.detach(), momentum],
      { count: sizeOf(x.shape) / this.channels },
    ) as [Tensor, Tensor];
    device.stage([
      [mean.tensor, newMean],
      [variance.tensor, newVariance],
      [batches.tensor, count],
    ]);
  }

  /** PyTorch's names of the buffers. */
  protected override partName(key: string): string {
    const names: Readonly<Record<string, string>> = {
      runningMean: 'running_mean',
      runningVar: 'running_var',
      numBatchesTracked: 'num_batches_tracked',
    };
    return names[key] ?? key;
  }
}

/** BatchNorm of x [batch, channels] or [batch, channels, length]. */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options?: BatchNormOptions) {
    super('BatchNorm1d', [2, 3], channels, options);
  }
}

/** BatchNorm of x [batch, channels, height, width]. */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options?: BatchNormOptions) {
    super('BatchNorm2d', [4], channels, options);
  }
}

export interface LayerNormLayerOptions {
  readonly eps?: number;
  /** Whether weight and bias are learned, default true. */
  readonly elementwiseAffine?: boolean;
  /** Default true. */
  readonly bias?: boolean;
}

const layerNormKinds: Kinds<LayerNormLayerOptions> = { eps: number, elementwiseAffine: flag, bias: flag };

/** Normalisation over the last axes, whose shape is given (Ba, Kiros and Hinton, 2016). */
export class LayerNorm extends Layer {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly normalizedShape: readonly number[];
  readonly #eps: number;

  constructor(normalizedShape: number | readonly number[], options: LayerNormLayerOptions = {}) {
    super();
    expectOptions('LayerNorm', options, layerNormKinds);
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    shape.forEach((size, axis) => {
      checkSizes('LayerNorm', { [`normalizedShape[${axis}]`]: size });
    });
    this.normalizedShape = shape;
    this.#eps = eps;
    this.weight = elementwiseAffine ? new Parameter(shape, ones) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(shape, zeros) : null;
  }

  override forward(x: Tensor): Tensor {
    const options = { normalizedShape: this.normalizedShape, eps: this.#eps };
    return F.layerNorm(x, this.weight?.tensor ?? null, this.bias?.tensor ?? null, options);
  }
}

/** x / √(mean x² + eps) · weight over the last axes (Zhang and Sennrich, 2019). */
export class RMSNorm extends Layer {
  readonly weight: Parameter | null;
  readonly normalizedShape: readonly number[];
  readonly #eps: number | undefined;

  constructor(
    normalizedShape: number | readonly number[],
    options: Omit<LayerNormLayerOptions, 'bias'> = {},
  ) {
    super();
    expectOptions('RMSNorm', options, { eps: number, elementwiseAffine: flag });
    const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    shape.forEach((size, axis) => {
      checkSizes('RMSNorm', { [`normalizedShape[${axis}]`]: size });
    });
    this.normalizedShape = shape;
    this.#eps = options.eps;
    this.weight = (options.elementwiseAffine ?? true) ? new Parameter(shape, ones) : null;
  }

  override forward(x: Tensor): Tensor {
    const options = {
      normalizedShape: this.normalizedShape,
      ...(this.#eps === undefined ? {} : { eps: this.#eps }),
    };
    return F.rmsNorm(x, this.weight?.tensor ?? null, options);
  }
}

export interface GroupNormLayerOptions {
  readonly eps?: number;
  /** Whether weight and bias are learned, default true. */
  readonly affine?: boolean;
}

const groupNormKinds: Kinds<GroupNormLayerOptions> = { eps: number, affine: flag };

/** Normalisation over groups of neighbouring channels (Wu and He, 2018). */
export class GroupNorm extends Layer {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly #eps: number;

  constructor(
    readonly groups: number,
    channels: number,
    options: GroupNormLayerOptions = {},
  ) {
    super();
    expectOptions('GroupNorm', options, groupNormKinds);
    const { eps = 1e-5, affine = true } = options;
    checkGroups('GroupNorm', groups, { channels });
    this.#eps = eps;
    this.weight = affine ? new Parameter([channels], ones) : null;
    this.bias = affine ? new Parameter([channels], zeros) : null;
  }

  override forward(x: Tensor): Tensor {
    const options = { groups: this.groups, eps: this.#eps };
    return F.groupNorm(x, this.weight?.tensor ?? null, this.bias?.tensor ?? null, options);
  }
}

/** Normalisation of each plane by itself (Ulyanov, Vedaldi and Lempitsky, 2016). */
abstract class InstanceNorm extends Layer {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly #eps: number;

  constructor(name: string, channels: number, options: GroupNormLayerOptions = {}) {
    super();
    expectOptions(name, options, groupNormKinds);
    const { eps = 1e-5, affine = false } = options;
    checkSizes(name, { channels });
    this.#eps = eps;
    this.weight = affine ? new Parameter([channels], ones) : null;
    this.bias = affine ? new Parameter([channels], zeros) : null;
  }

  override forward(x: Tensor): Tensor {
    return F.instanceNorm(x, this.weight?.tensor ?? null, this.bias?.tensor ?? null, { eps: this.#eps });
  }
}

/** InstanceNorm of x [batch, channels, length]; without weights unless `affine`. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(channels: number, options?: GroupNormLayerOptions) {
    super('InstanceNorm1d', channels, options);
  }
}

/** InstanceNorm of x [batch, channels, height, width]; without weights unless `affine`. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(channels: number, options?: GroupNormLayerOptions) {
    super('InstanceNorm2d', channels, options);
  }
}

/** x / (k + alpha / size Σ x²)^beta over neighbouring channels (Krizhevsky, Sutskever and Hinton, 2012). */
export class LocalResponseNorm extends Layer {
  constructor(
    readonly size: number,
    readonly options: { readonly alpha?: number; readonly beta?: number; readonly k?: number } = {},
  ) {
    super();
    expectOptions('LocalResponseNorm', options, { alpha: number, beta: number, k: number });
    checkSizes('LocalResponseNorm', { size });
  }

  override forward(x: Tensor): Tensor {
    return F.localResponseNorm(x, { size: this.size, ...this.options });
  }
}
