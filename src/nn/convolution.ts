import { functional as F } from '../functional.js';
import type {
  Conv1dOptions,
  Conv2dOptions,
  ConvTranspose1dOptions,
  ConvTranspose2dOptions,
  FoldOptions,
  Pair,
  UnfoldOptions,
} from '../index.js';
import { expectOptions } from '../kinds.js';
import * as ops from '../ops/index.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Layer } from './containers.js';
import { fanIn } from './init.js';
import { Parameter } from './parameter.js';
import { biasKinds, checkGroups, checkLayer, checkSizes, sides } from './sizes.js';

interface Bias {
  /** Default true. */
  readonly bias?: boolean;
}

/** Weight [outer, inner / groups, ...kernel] and bias of a convolution, checked; they start as PyTorch's. */
abstract class Convolution extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(
    weight: readonly [outer: number, inner: number, ...kernel: number[]],
    out: number,
    bias = true,
  ) {
    super();
    const init = fanIn(sizeOf(weight.slice(1)));
    this.weight = new Parameter(weight, init);
    this.bias = bias ? new Parameter([out], init) : null;
  }
}

/** Convolution of x [batch, inChannels, length] with weight [outChannels, inChannels / groups, kernel]. */
export class Conv1d extends Convolution {
  readonly #options: Conv1dOptions;

  constructor(inChannels: number, outChannels: number, kernel: number, options: Conv1dOptions & Bias = {}) {
    expectOptions('Conv1d', options, { ...ops.conv1d.op.kinds, ...biasKinds });
    const { bias, ...rest } = options;
    const { groups = 1 } = rest;
    checkSizes('Conv1d', { inChannels, outChannels, kernel });
    checkGroups('Conv1d', groups, { inChannels, outChannels });
    super([outChannels, inChannels / groups, kernel], outChannels, bias);
    this.#options = rest;
  }

  override forward(x: Tensor): Tensor {
    return F.conv1d(x, this.weight.tensor, this.bias?.tensor ?? null, this.#options);
  }
}

/** Convolution of x [batch, inChannels, height, width] with weight [outChannels, inChannels / groups, r, s]. */
export class Conv2d extends Convolution {
  readonly #options: Conv2dOptions;

  constructor(inChannels: number, outChannels: number, kernel: Pair, options: Conv2dOptions & Bias = {}) {
    expectOptions('Conv2d', options, { ...ops.conv2d.op.kinds, ...biasKinds });
    const { bias, ...rest } = options;
    const { groups = 1 } = rest;
    const [height, width] = sides(kernel);
    checkSizes('Conv2d', { inChannels, outChannels, 'kernel height': height, 'kernel width': width });
    checkGroups('Conv2d', groups, { inChannels, outChannels });
    super([outChannels, inChannels / groups, height, width], outChannels, bias);
    this.#options = rest;
  }

  override forward(x: Tensor): Tensor {
    return F.conv2d(x, this.weight.tensor, this.bias?.tensor ?? null, this.#options);
  }
}

/** The input-gradient of a Conv1d as a layer: weight [inChannels, outChannels / groups, kernel]. */
export class ConvTranspose1d extends Convolution {
  readonly #options: ConvTranspose1dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: number,
    options: ConvTranspose1dOptions & Bias = {},
  ) {
    expectOptions('ConvTranspose1d', options, { ...ops.convTranspose1d.op.kinds, ...biasKinds });
    const { bias, ...rest } = options;
    const { groups = 1 } = rest;
    checkSizes('ConvTranspose1d', { inChannels, outChannels, kernel });
    checkGroups('ConvTranspose1d', groups, { inChannels, outChannels });
    super([inChannels, outChannels / groups, kernel], outChannels, bias);
    this.#options = rest;
  }

  override forward(x: Tensor): Tensor {
    return F.convTranspose1d(x, this.weight.tensor, this.bias?.tensor ?? null, this.#options);
  }
}

/** The input-gradient of a Conv2d as a layer: weight [inChannels, outChannels / groups, r, s]. */
export class ConvTranspose2d extends Convolution {
  readonly #options: ConvTranspose2dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: Pair,
    options: ConvTranspose2dOptions & Bias = {},
  ) {
    expectOptions('ConvTranspose2d', options, { ...ops.convTranspose2d.op.kinds, ...biasKinds });
    const { bias, ...rest } = options;
    const { groups = 1 } = rest;
    const [height, width] = sides(kernel);
    checkSizes('ConvTranspose2d', {
      inChannels,
      outChannels,
      'kernel height': height,
      'kernel width': width,
    });
    checkGroups('ConvTranspose2d', groups, { inChannels, outChannels });
    super([inChannels, outChannels / groups, height, width], outChannels, bias);
    this.#options = rest;
  }

  override forward(x: Tensor): Tensor {
    return F.convTranspose2d(x, this.weight.tensor, this.bias?.tensor ?? null, this.#options);
  }
}

export interface LocallyConnected2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
}

/**
 * A convolution whose weights differ from place to place: x [batch, inChannels, height, width], weight [places,
 * outChannels, inChannels r s] with a place for each output, bias [outChannels, outHeight, outWidth]. `inputSize` is [height, width].
 */
export class LocallyConnected2d extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #options: LocallyConnected2dOptions & { readonly kernel: Pair };

  constructor(
    inChannels: number,
    outChannels: number,
    inputSize: Pair,
    kernel: Pair,
    options: LocallyConnected2dOptions & Bias = {},
  ) {
    super();
    expectOptions('LocallyConnected2d', options, { ...ops.locallyConnected2d.op.kinds, ...biasKinds });
    const { bias, ...rest } = options;
    const size = sides(inputSize);
    const window = sides(kernel);
    checkSizes('LocallyConnected2d', { inChannels, outChannels, height: size[0], width: size[1] });
    checkSizes('LocallyConnected2d', { 'kernel height': window[0], 'kernel width': window[1] });
    const [stride, padding, dilation] = [rest.stride ?? 1, rest.padding ?? 0, rest.dilation ?? 1].map(sides);
    const out = size.map((length, i) =>
      Math.floor((length + 2 * padding![i]! - dilation![i]! * (window[i]! - 1) - 1) / stride![i]! + 1),
    );
    checkSizes('LocallyConnected2d', { 'output height': out[0]!, 'output width': out[1]! });
    const places = sizeOf(out);
    const inputs = inChannels * sizeOf(window);
    this.#options = { ...rest, kernel };
    this.weight = new Parameter([places, outChannels, inputs], fanIn(inputs));
    this.bias = bias === false ? null : new Parameter([outChannels, ...out], fanIn(inputs));
  }

  override forward(x: Tensor): Tensor {
    return F.locallyConnected2d(x, this.weight.tensor, this.bias?.tensor ?? null, this.#options);
  }
}

/** Windows of x [batch, channels, height, width] as columns [batch, channels r s, places]. */
export class Unfold extends Layer {
  constructor(
    readonly kernel: Pair,
    readonly options: Omit<UnfoldOptions, 'kernel'> = {},
  ) {
    super();
    checkLayer('Unfold', ops.unfold.op.kinds, { kernel }, options);
  }

  override forward(x: Tensor): Tensor {
    return F.unfold(x, { kernel: this.kernel, ...this.options });
  }
}

/** Columns [batch, channels r s, places] added up where their windows lie: the adjoint of Unfold. */
export class Fold extends Layer {
  constructor(readonly options: FoldOptions) {
    super();
    checkLayer('Fold', ops.fold.op.kinds, {}, options);
  }

  override forward(x: Tensor): Tensor {
    return F.fold(x, this.options);
  }
}
