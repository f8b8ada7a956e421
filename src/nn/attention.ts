import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { expectOptions, flag, type Kinds, object, orNull } from '../kinds.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Dropout } from './dropout.js';
import { xavierUniform, zeros } from './init.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { LayerNorm } from './normalisation.js';
import { Parameter } from './parameter.js';
import { biasKinds, checkProbability, checkSizes } from './sizes.js';

export interface AttentionCallOptions {
  /** Whether a query sees only keys up to its own place. */
  readonly causal?: boolean;
  /** bool, true where a key is seen, or f32 that is added to the scores; broadcast to [batch, heads, queries, keys]. */
  readonly mask?: Tensor | null;
}

const callKinds: Kinds<AttentionCallOptions> = { causal: flag, mask: orNull(object('a tensor')) };

/**
 * Attention of several heads over [batch, length, features] (Vaswani et al., 2017), as torch.nn.MultiheadAttention with
 * batch_first; weights under its names.
 */
export class MultiheadAttention extends Module {
  readonly in_proj_weight: Parameter;
  readonly in_proj_bias: Parameter | null;
  readonly out_proj: Linear;

  constructor(
    readonly features: number,
    readonly heads: number,
    options: { readonly bias?: boolean } = {},
  ) {
    super();
    expectOptions('MultiheadAttention', options, biasKinds);
    checkSizes('MultiheadAttention', { features, heads });
    if (features % heads !== 0)
      fail('MultiheadAttention', `features ${features} don't divide into ${heads} heads`);
    const { bias = true } = options;
    this.in_proj_weight = new Parameter([3 * features, features], xavierUniform());
    this.in_proj_bias = bias ? new Parameter([3 * features], zeros) : null;
    this.out_proj = new Linear(features, features, { bias });
    void this.out_proj.bias?.initialize(zeros);
  }

  override forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    options: AttentionCallOptions = {},
  ): Tensor {
    expectOptions('MultiheadAttention', options, callKinds);
    const given = [query, key, value];
    for (const [i, x] of given.entries()) {
      if (x.shape.length === 3 && x.shape[2] === this.features) continue;
      const name = ['query', 'key', 'value'][i]!;
      fail(
        'MultiheadAttention',
        `${name} must be [batch,length,${this.features}], it is ${showShape(x.shape)}`,
      );
    }
    const { features, heads } = this;
    const weights = this.in_proj_weight.tensor.chunk(3);
    const biases = this.in_proj_bias?.tensor.chunk(3);
    const [q, k, v] = given.map((x, i) => {
      const [batch, length] = x.shape as readonly [number, number];
      const y = F.linear(x, weights[i]!, biases?.[i] ?? null);
      return y.reshape([batch, length, heads, features / heads]).permute([0, 2, 1, 3]);
    }) as [Tensor, Tensor, Tensor];
    const { causal = false, mask = null } = options;
    const seen = F.scaledDotProductAttention(q, k, v, mask, { causal });
    return this.out_proj.forward(seen.permute([0, 2, 1, 3]).reshape([...query.shape]));
  }
}

export interface TransformerLayerOptions {
  /** Width of the layer between, default 2048. */
  readonly feedforward?: number;
  /** Default 0.1. */
  readonly dropout?: number;
  /** Default 'relu'. */
  readonly activation?: 'relu' | 'gelu';
  /** Normalises before attention and feed-forward instead of after them, default false. */
  readonly normFirst?: boolean;
}

/** Self-attention and two linear layers, each added to its input and normalised: torch.nn.TransformerEncoderLayer. */
export class TransformerEncoderLayer extends Module {
  readonly self_attn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;
  readonly #activation: 'relu' | 'gelu';
  readonly #normFirst: boolean;

  constructor(features: number, heads: number, options: TransformerLayerOptions = {}) {
    super();
    const { feedforward = 2048, dropout = 0.1, activation = 'relu', normFirst = false } = options;
    checkSizes('TransformerEncoderLayer', { feedforward });
    checkProbability('TransformerEncoderLayer', dropout);
    this.self_attn = new MultiheadAttention(features, heads);
    this.linear1 = new Linear(features, feedforward);
    this.linear2 = new Linear(feedforward, features);
    this.norm1 = new LayerNorm(features);
    this.norm2 = new LayerNorm(features);
    this.dropout = new Dropout(dropout);
    this.#activation = activation;
    this.#normFirst = normFirst;
  }

  override forward(x: Tensor, options: AttentionCallOptions = {}): Tensor {
    const attend = (at: Tensor) => this.dropout.forward(this.self_attn.forward(at, at, at, options));
    const feed = (at: Tensor) => {
      const inner = this.linear1.forward(at);
      const active = this.#activation === 'relu' ? F.relu(inner) : F.gelu(inner);
      return this.dropout.forward(this.linear2.forward(this.dropout.forward(active)));
    };
    if (this.#normFirst) {
      const y = x.add(attend(this.norm1.forward(x)));
      return y.add(feed(this.norm2.forward(y)));
    }
    const y = this.norm1.forward(x.add(attend(x)));
    return this.norm2.forward(y.add(feed(y)));
  }
}
