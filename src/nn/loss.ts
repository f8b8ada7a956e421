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
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** A loss of an input and a target, with the options of its function. */
abstract class Loss<O = ReductionOptions> extends Module {
  constructor(readonly options: O = {} as O) {
    super();
  }

  abstract override forward(x: Tensor, target: Tensor): Tensor;
}

/** |x - target| */
export class L1Loss extends Loss {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.l1Loss(x, target, this.options);
  }
}

/** (x - target)² */
export class MSELoss extends Loss {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.mseLoss(x, target, this.options);
  }
}

/** Quadratic up to beta, linear beyond. */
export class SmoothL1Loss extends Loss<SmoothL1LossOptions> {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(x, target, this.options);
  }
}

/** Quadratic up to delta, linear beyond. */
export class HuberLoss extends Loss<HuberLossOptions> {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.huberLoss(x, target, this.options);
  }
}

interface Weighted {
  /** Of each class, f32 [classes]. */
  readonly weight?: Tensor | null;
}

/** Softmax and negative log-likelihood of logits [batch, classes, ...] and labels or probabilities. */
export class CrossEntropyLoss extends Loss<CrossEntropyOptions & Weighted> {
  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, ...options } = this.options;
    return F.crossEntropy(x, target, weight, options);
  }
}

/** Negative log-likelihood of log-probabilities [batch, classes, ...] and labels. */
export class NLLLoss extends Loss<LabelOptions & Weighted> {
  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, ...options } = this.options;
    return F.nllLoss(x, target, weight, options);
  }
}

/** Cross-entropy of probabilities and targets between 0 and 1. */
export class BCELoss extends Loss<ReductionOptions & Weighted> {
  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, ...options } = this.options;
    return F.binaryCrossEntropy(x, target, weight, options);
  }
}

/** Cross-entropy of the sigmoids of logits and targets between 0 and 1. */
export class BCEWithLogitsLoss extends Loss<
  ReductionOptions & Weighted & { /** Weight of the positive part. */ readonly posWeight?: Tensor | null }
> {
  override forward(x: Tensor, target: Tensor): Tensor {
    const { weight = null, posWeight = null, ...options } = this.options;
    return F.bceWithLogits(x, target, weight, posWeight, options);
  }
}

/** target (ln target - x): x are log-probabilities. */
export class KLDivLoss extends Loss<KlDivOptions> {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.klDiv(x, target, this.options);
  }
}

/** Negative log-likelihood of counts under a Poisson rate. */
export class PoissonNLLLoss extends Loss<PoissonNllLossOptions> {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.poissonNllLoss(x, target, this.options);
  }
}

/** Negative log-likelihood under normal distributions of given variances. */
export class GaussianNLLLoss extends Module {
  constructor(readonly options: GaussianNllLossOptions = {}) {
    super();
  }

  override forward(x: Tensor, target: Tensor, variance: Tensor): Tensor {
    return F.gaussianNllLoss(x, target, variance, this.options);
  }
}

/** x where the target is 1, max(0, margin - x) where it is -1. */
export class HingeEmbeddingLoss extends Loss<MarginOptions> {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(x, target, this.options);
  }
}

/** ln(1 + e^(-target x)) */
export class SoftMarginLoss extends Loss {
  override forward(x: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(x, target, this.options);
  }
}

/** max(0, -target (x1 - x2) + margin) */
export class MarginRankingLoss extends Module {
  constructor(readonly options: MarginOptions = {}) {
    super();
  }

  override forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(x1, x2, target, this.options);
  }
}

/** 1 - cos(a, b) where the target is 1, max(0, cos(a, b) - margin) where it is -1. */
export class CosineEmbeddingLoss extends Module {
  constructor(readonly options: CosineEmbeddingLossOptions = {}) {
    super();
  }

  override forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(a, b, target, this.options);
  }
}

/** max(0, ‖anchor - positive‖ - ‖anchor - negative‖ + margin) */
export class TripletMarginLoss extends Module {
  constructor(readonly options: TripletMarginLossOptions = {}) {
    super();
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
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return F.norm(a.sub(b).add(this.eps), { p: this.p, axes: -1, keepDims: this.keepDims });
  }
}
