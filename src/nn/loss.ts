import { functional as F } from '../functional.js';
import type {
  CosineEmbeddingLossOptions,
  CrossEntropyOptions,
  GaussianNllLossOptions,
  HuberLossOptions,
  KlDivOptions,
  LabelOptions,
  MarginOptions,
  PoissonNllLossOptions,
  ReductionOptions,
  SmoothL1LossOptions,
  TripletMarginLossOptions,
} from '../index.js';
import { type AnyKinds, expectOptions, flag, number, object, orNull } from '../kinds.js';
import * as ops from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';
import { checkLayer } from './sizes.js';

/** A loss with the options of its function. */
abstract class Loss<O = ReductionOptions> extends Module {
  constructor(
    name: string,
    kinds: AnyKinds,
    readonly options: O = {} as O,
  ) {
    super();
    expectOptions(name, options, kinds);
  }
}

/** |x - target| */
export class L1Loss extends Loss {
  constructor(options?: ReductionOptions) {
    super('L1Loss', ops.l1Loss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.l1Loss(x, target, this.options);
  }
}

/** (x - target)² */
export class MSELoss extends Loss {
  constructor(options?: ReductionOptions) {
    super('MSELoss', ops.mseLoss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.mseLoss(x, target, this.options);
  }
}

/** Quadratic up to beta, linear beyond. */
export class SmoothL1Loss extends Loss<SmoothL1LossOptions> {
  constructor(options?: SmoothL1LossOptions) {
    super('SmoothL1Loss', ops.smoothL1Loss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(x, target, this.options);
  }
}

/** Quadratic up to delta, linear beyond. */
export class HuberLoss extends Loss<HuberLossOptions> {
  constructor(options?: HuberLossOptions) {
    super('HuberLoss', ops.huberLoss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.huberLoss(x, target, this.options);
  }
}

interface Weighted {
  /** Of each class, f32 [classes]. */
  readonly weight?: Tensor | null;
}

const weightKind = orNull(object('a tensor'));

/** Softmax and negative log-likelihood of logits [batch, classes, ...] and labels or probabilities. */
export class CrossEntropyLoss extends Loss<CrossEntropyOptions & Weighted> {
  constructor(options?: CrossEntropyOptions & Weighted) {
    super('CrossEntropyLoss', { ...ops.crossEntropy.op.kinds, weight: weightKind }, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, ...options } = this.options;
    return F.crossEntropy(x, target, weight, options);
  }
}

/** Negative log-likelihood of log-probabilities [batch, classes, ...] and labels. */
export class NLLLoss extends Loss<LabelOptions & Weighted> {
  constructor(options?: LabelOptions & Weighted) {
    super('NLLLoss', { ...ops.nllLoss.op.kinds, weight: weightKind }, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, ...options } = this.options;
    return F.nllLoss(x, target, weight, options);
  }
}

/** Cross-entropy of probabilities and targets between 0 and 1. */
export class BCELoss extends Loss<ReductionOptions & Weighted> {
  constructor(options?: ReductionOptions & Weighted) {
    super('BCELoss', { ...ops.binaryCrossEntropy.op.kinds, weight: weightKind }, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, ...options } = this.options;
    return F.binaryCrossEntropy(x, target, weight, options);
  }
}

interface PositiveWeighted extends ReductionOptions, Weighted {
  /** Weight of the positive part. */
  readonly posWeight?: Tensor | null;
}

/** Cross-entropy of the sigmoids of logits and targets between 0 and 1. */
export class BCEWithLogitsLoss extends Loss<PositiveWeighted> {
  constructor(options?: PositiveWeighted) {
    const kinds = { ...ops.bceWithLogits.op.kinds, weight: weightKind, posWeight: weightKind };
    super('BCEWithLogitsLoss', kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, posWeight = null, ...options } = this.options;
    return F.bceWithLogits(x, target, weight, posWeight, options);
  }
}

/** target (ln target - x): x are log-probabilities. */
export class KLDivLoss extends Loss<KlDivOptions> {
  constructor(options?: KlDivOptions) {
    super('KLDivLoss', ops.klDiv.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.klDiv(x, target, this.options);
  }
}

/** Negative log-likelihood of counts under a Poisson rate. */
export class PoissonNLLLoss extends Loss<PoissonNllLossOptions> {
  constructor(options?: PoissonNllLossOptions) {
    super('PoissonNLLLoss', ops.poissonNllLoss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.poissonNllLoss(x, target, this.options);
  }
}

/** Negative log-likelihood under normal distributions of given variances. */
export class GaussianNLLLoss extends Loss<GaussianNllLossOptions> {
  constructor(options?: GaussianNllLossOptions) {
    super('GaussianNLLLoss', ops.gaussianNllLoss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor, variance: Tensor): Tensor {
    return F.gaussianNllLoss(x, target, variance, this.options);
  }
}

/** x where the target is 1, max(0, margin - x) where it is -1. */
export class HingeEmbeddingLoss extends Loss<MarginOptions> {
  constructor(options?: MarginOptions) {
    super('HingeEmbeddingLoss', ops.hingeEmbeddingLoss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(x, target, this.options);
  }
}

/** ln(1 + e^(-target x)) */
export class SoftMarginLoss extends Loss {
  constructor(options?: ReductionOptions) {
    super('SoftMarginLoss', ops.softMarginLoss.op.kinds, options);
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(x, target, this.options);
  }
}

/** max(0, -target (x1 - x2) + margin) */
export class MarginRankingLoss extends Loss<MarginOptions> {
  constructor(options?: MarginOptions) {
    super('MarginRankingLoss', ops.marginRankingLoss.op.kinds, options);
  }

  override forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(x1, x2, target, this.options);
  }
}

/** 1 - cos(a, b) where the target is 1, max(0, cos(a, b) - margin) where it is -1. */
export class CosineEmbeddingLoss extends Loss<CosineEmbeddingLossOptions> {
  constructor(options?: CosineEmbeddingLossOptions) {
    super('CosineEmbeddingLoss', ops.cosineEmbeddingLoss.op.kinds, options);
  }

  override forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(a, b, target, this.options);
  }
}

/** max(0, ‖anchor - positive‖ - ‖anchor - negative‖ + margin) */
export class TripletMarginLoss extends Loss<TripletMarginLossOptions> {
  constructor(options?: TripletMarginLossOptions) {
    super('TripletMarginLoss', ops.tripletMarginLoss.op.kinds, options);
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginLoss(anchor, positive, negative, this.options);
  }
}

/** The cosine of the angle between a and b along an axis. */
export class CosineSimilarity extends Module {
  constructor(
    readonly axis = 1,
    readonly eps = 1e-8,
  ) {
    super();
    checkLayer('CosineSimilarity', ops.cosineSimilarity.op.kinds, { axis, eps });
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return F.cosineSimilarity(a, b, { axis: this.axis, eps: this.eps });
  }
}

/** The norm of a - b + eps along the last axis. */
export class PairwiseDistance extends Module {
  constructor(
    readonly p = 2,
    readonly eps = 1e-6,
    readonly keepDims = false,
  ) {
    super();
    checkLayer('PairwiseDistance', { p: number, eps: number, keepDims: flag }, { p, eps, keepDims });
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return F.norm(a.sub(b).add(this.eps), { p: this.p, axes: -1, keepDims: this.keepDims });
  }
}
