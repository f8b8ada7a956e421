import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { checkProbability } from './sizes.js';

/** A layer that draws while training, where p is above 0, and passes everything on otherwise. */
abstract class Drop extends Layer {
  constructor(
    name: string,
    readonly p = 0.5,
  ) {
    super();
    checkProbability(name, p);
  }

  override forward(x: Tensor): Tensor {
    return x.device.observe(() => this.training) && this.p > 0 ? this.drop(x) : x;
  }

  protected abstract drop(x: Tensor): Tensor;
}

/** Zeroes elements with probability p and scales the others by 1 / (1 - p). */
export class Dropout extends Drop {
  constructor(p?: number) {
    super('Dropout', p);
  }

  protected override drop(x: Tensor): Tensor {
    return F.dropout(x, { p: this.p });
  }
}

/** Zeroes whole channels alike. */
abstract class FeatureDrop extends Drop {
  protected override drop(x: Tensor): Tensor {
    return F.featureDropout(x, { p: this.p });
  }
}

/** Dropout of whole channels of x [batch, channels, length]. */
export class Dropout1d extends FeatureDrop {
  constructor(p?: number) {
    super('Dropout1d', p);
  }
}

/** Dropout of whole channels of x [batch, channels, height, width]. */
export class Dropout2d extends FeatureDrop {
  constructor(p?: number) {
    super('Dropout2d', p);
  }
}

/** Dropout for SELU, which keeps mean and deviation. */
export class AlphaDropout extends Drop {
  constructor(p?: number) {
    super('AlphaDropout', p);
  }

  protected override drop(x: Tensor): Tensor {
    return F.alphaDropout(x, { p: this.p });
  }
}
