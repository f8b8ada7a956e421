import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { constant } from './init.js';
import { Parameter } from './parameter.js';
import { checkSizes } from './sizes.js';

/** max(x, 0) */
export class ReLU extends Layer {
  override forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** min(max(x, 0), 6) */
export class ReLU6 extends Layer {
  override forward(x: Tensor): Tensor {
    return F.relu6(x);
  }
}

/** x where it is positive, else negativeSlope · x */
export class LeakyReLU extends Layer {
  constructor(readonly negativeSlope = 0.01) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}

/** x where it is positive, else weight · x, with one slope that is learned, or one for each channel of axis 1. */
export class PReLU extends Layer {
  readonly weight: Parameter;

  constructor(channels = 1, init = 0.25) {
    super();
    checkSizes('PReLU', { channels });
    this.weight = new Parameter([channels], constant(init));
  }

  override forward(x: Tensor): Tensor {
    const [channels] = this.weight.shape as readonly [number];
    const { tensor } = this.weight;
    const slope = channels === 1 ? tensor : tensor.reshape([channels, ...x.shape.slice(2).map(() => 1)]);
    return F.relu(x).sub(slope.mul(F.relu(F.neg(x))));
  }
}

/** x where it is positive, else alpha (e^x - 1) */
export class ELU extends Layer {
  constructor(readonly alpha = 1) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.elu(x, { alpha: this.alpha });
  }
}

/** x where it is positive, else alpha (e^(x / alpha) - 1) */
export class CELU extends Layer {
  constructor(readonly alpha = 1) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.celu(x, { alpha: this.alpha });
  }
}

/** ELU scaled so that mean and deviation stay (Klambauer et al., 2017) */
export class SELU extends Layer {
  override forward(x: Tensor): Tensor {
    return F.selu(x);
  }
}

/** x Φ(x), exactly or by tanh */
export class GELU extends Layer {
  constructor(readonly approximate: 'none' | 'tanh' = 'none') {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.gelu(x, { approximate: this.approximate });
  }
}

/** x sigmoid(x) */
export class SiLU extends Layer {
  override forward(x: Tensor): Tensor {
    return F.silu(x);
  }
}

/** x tanh(softplus(x)) */
export class Mish extends Layer {
  override forward(x: Tensor): Tensor {
    return F.mish(x);
  }
}

/** 1 / (1 + e^-x) */
export class Sigmoid extends Layer {
  override forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** ln(1 / (1 + e^-x)) */
export class LogSigmoid extends Layer {
  override forward(x: Tensor): Tensor {
    return F.logSigmoid(x);
  }
}

export class Tanh extends Layer {
  override forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** x - tanh(x) */
export class Tanhshrink extends Layer {
  override forward(x: Tensor): Tensor {
    return x.sub(F.tanh(x));
  }
}

/** x / (1 + |x|) */
export class Softsign extends Layer {
  override forward(x: Tensor): Tensor {
    return F.softsign(x);
  }
}

/** ln(1 + e^(beta x)) / beta, or x where beta x is above the threshold */
export class Softplus extends Layer {
  constructor(
    readonly beta = 1,
    readonly threshold = 20,
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.softplus(x, { beta: this.beta, threshold: this.threshold });
  }
}

/** x moved towards 0 by lambda, and 0 within it */
export class Softshrink extends Layer {
  constructor(readonly lambda = 0.5) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return x.sub(F.clamp(x, { min: -this.lambda, max: this.lambda }));
  }
}

/** x, or 0 where |x| is at most lambda */
export class Hardshrink extends Layer {
  constructor(readonly lambda = 0.5) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.where(F.greater(F.abs(x), this.lambda), x, 0);
  }
}

/** min(max(x + 3, 0), 6) / 6 */
export class Hardsigmoid extends Layer {
  override forward(x: Tensor): Tensor {
    return F.hardsigmoid(x);
  }
}

/** x min(max(x + 3, 0), 6) / 6 */
export class Hardswish extends Layer {
  override forward(x: Tensor): Tensor {
    return F.hardswish(x);
  }
}

/** min(max(x, minVal), maxVal) */
export class Hardtanh extends Layer {
  constructor(
    readonly minVal = -1,
    readonly maxVal = 1,
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.hardtanh(x, { minVal: this.minVal, maxVal: this.maxVal });
  }
}

/** x where it is above the threshold, else a value */
export class Threshold extends Layer {
  constructor(
    readonly threshold: number,
    readonly value: number,
  ) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.where(F.greater(x, this.threshold), x, this.value);
  }
}

/** e^x / Σ e^x along an axis, default the last */
export class Softmax extends Layer {
  constructor(readonly axis = -1) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.softmax(x, { axis: this.axis });
  }
}

/** The softmax of -x along an axis, default the last */
export class Softmin extends Layer {
  constructor(readonly axis = -1) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.softmax(F.neg(x), { axis: this.axis });
  }
}

/** The softmax over axis 1 of [batch, channels, height, width] */
export class Softmax2d extends Layer {
  override forward(x: Tensor): Tensor {
    return F.softmax(x, { axis: -3 });
  }
}

/** x - ln Σ e^x along an axis, default the last */
export class LogSoftmax extends Layer {
  constructor(readonly axis = -1) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return F.logSoftmax(x, { axis: this.axis });
  }
}

/** One half of an axis times the sigmoid of the other (Dauphin et al., 2017) */
export class GLU extends Layer {
  constructor(readonly axis = -1) {
    super();
  }

  override forward(x: Tensor): Tensor {
    const [a, b] = x.chunk(2, this.axis) as [Tensor, Tensor];
    return a.mul(F.sigmoid(b));
  }
}
