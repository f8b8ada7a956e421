import { type Array as JaxArray, lax, nn, numpy as np } from '@jax-js/jax';
import type { ConvOptions, Net, PoolOptions } from '../case.js';
import { type CaseInputs, operand } from '../inputs.js';

/** Uploads the named operand. */
export function upload(inputs: CaseInputs, name: string): JaxArray {
  const { data, shape, kind } = operand(inputs, name);
  if (kind === 'labels') return np.array(Int32Array.from(data), { shape: [...shape] });
  return np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] });
}

/**
 * Cases in jax-js's functions. There every function consumes its operands; this keeps each array that it makes until
 * `release`, so that cases may use a value as often as they like.
 */
export class JaxNet implements Net<JaxArray> {
  readonly #made: JaxArray[] = [];

  #keep(made: JaxArray): JaxArray {
    this.#made.push(made);
    return made;
  }

  /** Frees all but `kept`. */
  release(kept: readonly JaxArray[]): void {
    for (const array of this.#made.splice(0)) if (!kept.includes(array)) array.dispose();
  }

  add = (a: JaxArray, b: JaxArray) => this.#keep(np.add(a.ref, b.ref));
  mul = (a: JaxArray, b: JaxArray) => this.#keep(np.multiply(a.ref, b.ref));
  relu = (x: JaxArray) => this.#keep(nn.relu(x.ref));
  exp = (x: JaxArray) => this.#keep(np.exp(x.ref));
  tanh = (x: JaxArray) => this.#keep(np.tanh(x.ref));
  sigmoid = (x: JaxArray) => this.#keep(nn.sigmoid(x.ref));
  gelu = (x: JaxArray) => this.#keep(nn.gelu(x.ref, { approximate: false }));

  matmul(a: JaxArray, b: JaxArray, { transposeA = false, transposeB = false } = {}): JaxArray {
    if (a.ndim > 2) {
      const right = transposeB ? np.swapaxes(b.ref, -1, -2) : b.ref;
      return this.#keep(np.matmul(transposeA ? np.swapaxes(a.ref, -1, -2) : a.ref, right));
    }
    const contraction = {
      lhsContractingDims: [transposeA ? 0 : 1],
      rhsContractingDims: [transposeB ? 1 : 0],
    };
    return this.#keep(lax.dot(a.ref, b.ref, contraction));
  }

  linear(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
    const contraction = { lhsContractingDims: [x.ndim - 1], rhsContractingDims: [1] };
    return this.#keep(np.add(lax.dot(x.ref, weight.ref, contraction), bias.ref));
  }

  linearRelu = (x: JaxArray, weight: JaxArray, bias: JaxArray) => this.relu(this.linear(x, weight, bias));
  convRelu = (x: JaxArray, weight: JaxArray, bias: JaxArray, options: ConvOptions) =>
    this.relu(this.conv2d(x, weight, bias, options));

  conv2d(
    x: JaxArray,
    weight: JaxArray,
    bias: JaxArray | null,
    { stride, padding, groups }: ConvOptions,
  ): JaxArray {
    const pads: [number, number][] = [
      [padding, padding],
      [padding, padding],
    ];
    const options = groups > 1 ? { featureGroupCount: groups } : {};
    const y = lax.convGeneralDilated(x.ref, weight.ref, [stride, stride], pads, options);
    return this.#keep(bias ? np.add(y, bias.ref.reshape([1, -1, 1, 1])) : y);
  }

  pool2d(x: JaxArray, { kind, kernel, stride }: PoolOptions): JaxArray {
    const reduce = kind === 'max' ? np.max : np.mean;
    const size = [kernel, kernel];
    return this.#keep(lax.reduceWindow(x.ref, (window) => reduce(window), size, [stride, stride]));
  }

  softmax = (x: JaxArray) => this.#keep(nn.softmax(x.ref, -1));
  logSoftmax = (x: JaxArray) => this.#keep(nn.logSoftmax(x.ref, -1));

  crossEntropy(logits: JaxArray, labels: JaxArray): JaxArray {
    const [rows, classes] = logits.shape as [number, number];
    const target = nn.oneHot(labels.ref, classes);
    const picked = np.multiply(nn.logSoftmax(logits.ref, -1), target);
    return this.#keep(np.sum(picked).mul(-1 / rows));
  }

  /** (x - mean) / √(variance + eps). */
  #normalized(x: JaxArray, axes: number[]): JaxArray {
    const mean = np.mean(x.ref, axes, { keepdims: true });
    const centred = np.subtract(x.ref, mean);
    const variance = np.mean(np.square(centred.ref), axes, { keepdims: true });
    return np.divide(centred, np.sqrt(variance.add(1e-5)));
  }

  layerNorm(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
    return this.#keep(np.add(np.multiply(this.#normalized(x, [x.ndim - 1]), weight.ref), bias.ref));
  }

  #perChannel(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
    const shaped = (one: JaxArray) => one.ref.reshape([1, -1, 1, 1]);
    return this.#keep(np.add(np.multiply(x, shaped(weight)), shaped(bias)));
  }

  batchNorm(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
    return this.#perChannel(this.#normalized(x, [0, 2, 3]), weight, bias);
  }

  groupNorm(x: JaxArray, weight: JaxArray, bias: JaxArray, groups: number): JaxArray {
    const grouped = x.ref.reshape([x.shape[0]!, groups, -1]);
    const y = this.#normalized(grouped, [2]).reshape([...x.shape]);
    grouped.dispose();
    return this.#perChannel(y, weight, bias);
  }

  sum = (x: JaxArray, axes: readonly number[]) => this.#keep(np.sum(x.ref, [...axes]));
  mean = (x: JaxArray, axes: readonly number[]) => this.#keep(np.mean(x.ref, [...axes]));
  max = (x: JaxArray, axes: readonly number[]) => this.#keep(np.max(x.ref, [...axes]));
  transpose = (x: JaxArray, axes: readonly number[]) => this.#keep(np.transpose(x.ref, [...axes]));
  reshape = (x: JaxArray, shape: readonly number[]) => this.#keep(x.ref.reshape([...shape]));
  flatten = (x: JaxArray) => this.#keep(x.ref.reshape([x.shape[0]!, -1]));

  attention(q: JaxArray, k: JaxArray, v: JaxArray): JaxArray {
    const scores = np.matmul(q.ref, np.swapaxes(k.ref, -1, -2)).mul(1 / Math.sqrt(q.shape.at(-1)!));
    return this.#keep(np.matmul(nn.softmax(scores, -1), v.ref));
  }

  /** The inputs' products for all steps at once, then step by step: jax-js has no scan. Gates are i, f, g, o. */
  lstm(x: JaxArray, weights: readonly JaxArray[], hidden: number): JaxArray {
    const [steps, batch] = x.shape as [number, number];
    let y = x;
    for (let layer = 0; layer < weights.length; layer += 4) {
      const [wih, whh, bih, bhh] = weights.slice(layer, layer + 4) as [
        JaxArray,
        JaxArray,
        JaxArray,
        JaxArray,
      ];
      const given = this.linear(y, wih, this.add(bih, bhh));
      let h = this.#keep(np.zeros([batch, hidden]));
      let c = this.#keep(np.zeros([batch, hidden]));
      const states: JaxArray[] = [];
      for (let t = 0; t < steps; t++) {
        const part = this.#keep(given.ref.slice(t));
        const all = this.add(part, this.matmul(h, whh, { transposeB: true }));
        const gate = (k: number) => this.#keep(all.ref.slice([], [k * hidden, (k + 1) * hidden]));
        const [i, f, o] = [gate(0), gate(1), gate(3)].map(this.sigmoid) as [JaxArray, JaxArray, JaxArray];
        c = this.add(this.mul(f, c), this.mul(i, this.tanh(gate(2))));
        h = this.mul(o, this.tanh(c));
        states.push(h);
      }
      y = this.#keep(np.stack(states.map((state) => state.ref)));
    }
    return y;
  }
}
