import type { StepCase } from './cases.js';
import { ADAM, type CaseInputs, operand, PARAMETERS, STEP_LOSSES } from './inputs.js';

/** A parameter with its gradient and Adam's moments. */
interface Parameter {
  readonly value: Float64Array;
  readonly gradient: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** Maps a layer's input to its output and returns what maps the output's gradient to the input's. */
interface Layer {
  readonly output: Float64Array;
  backward(gradient: Float64Array): Float64Array;
}

type Forward = (x: Float64Array) => Layer;

/**
 * Mean cross-entropy before each of the first `STEP_LOSSES` Adam steps, by hand-written backpropagation in
 * f64.
 */
export function referenceLosses(c: StepCase, inputs: CaseInputs): Float64Array {
  const parameters = new Map(
    Object.keys(PARAMETERS[c.net]).map((name) => {
      const value = Float64Array.from(operand(inputs, name).data);
      const zeros = () => new Float64Array(value.length);
      return [name, { value, gradient: zeros(), first: zeros(), second: zeros() }];
    }),
  );
  const layers = network(c, (name) => parameters.get(name)!);
  const images = Float64Array.from(operand(inputs, 'input').data);
  const labels = operand(inputs, 'labels').data;
  return Float64Array.from({ length: STEP_LOSSES }, (_, step) => {
    const trace: Layer[] = [];
    for (const layer of layers) trace.push(layer(trace.at(-1)?.output ?? images));
    const { loss, gradient } = crossEntropy(trace.at(-1)!.output, labels);
    for (const { gradient } of parameters.values()) gradient.fill(0);
    trace.reduceRight((g, layer) => layer.backward(g), gradient);
    for (const parameter of parameters.values()) adam(parameter, step + 1);
    return loss;
  });
}

function network(c: StepCase, at: (name: string) => Parameter): Forward[] {
  const classifier = (features: number): Forward[] => [
    linear(at('fc1.weight'), at('fc1.bias'), c.batch, features, 128),
    relu,
    linear(at('fc2.weight'), at('fc2.bias'), c.batch, 128, 10),
  ];
  if (c.net === 'mlp') return classifier(784);
  return [
    convolution5(at('conv1.weight'), at('conv1.bias'), c.batch, 1, 16, 28),
    relu,
    maxPool2(24),
    convolution5(at('conv2.weight'), at('conv2.bias'), c.batch, 16, 32, 12),
    relu,
    maxPool2(8),
    ...classifier(512),
  ];
}

function linear(weight: Parameter, bias: Parameter, batch: number, inner: number, outer: number): Forward {
  const each = (visit: (n: number, o: number, i: number) => void) => {
    for (let n = 0; n < batch; n++)
      for (let o = 0; o < outer; o++) for (let i = 0; i < inner; i++) visit(n, o, i);
  };
  return (x) => {
    const output = Float64Array.from({ length: batch * outer }, (_, i) => bias.value[i % outer]!);
    each((n, o, i) => {
      output[n * outer + o]! += x[n * inner + i]! * weight.value[o * inner + i]!;
    });
    const backward = (dy: Float64Array) => {
      const dx = new Float64Array(x.length);
      each((n, o, i) => {
        dx[n * inner + i]! += dy[n * outer + o]! * weight.value[o * inner + i]!;
        weight.gradient[o * inner + i]! += dy[n * outer + o]! * x[n * inner + i]!;
      });
      dy.forEach((g, i) => {
        bias.gradient[i % outer]! += g;
      });
      return dx;
    };
    return { output, backward };
  };
}

/** 5x5, stride 1, no padding, on square maps of `size`. */
function convolution5(
  weight: Parameter,
  bias: Parameter,
  batch: number,
  channels: number,
  outChannels: number,
  size: number,
): Forward {
  const out = size - 4;
  const each = (visit: (output: number, input: number, tap: number) => void) => {
    for (let n = 0; n < batch; n++)
      for (let f = 0; f < outChannels; f++)
        for (let pixel = 0; pixel < out * out; pixel++)
          for (let tap = 0; tap < channels * 25; tap++) {
            const row = Math.floor(pixel / out) + Math.floor((tap % 25) / 5);
            const column = (pixel % out) + (tap % 5);
            const plane = n * channels + Math.floor(tap / 25);
            visit(
              (n * outChannels + f) * out * out + pixel,
              (plane * size + row) * size + column,
              f * channels * 25 + tap,
            );
          }
  };
  const channelOf = (index: number) => Math.floor(index / (out * out)) % outChannels;
  return (x) => {
    const length = batch * outChannels * out * out;
    const output = Float64Array.from({ length }, (_, i) => bias.value[channelOf(i)]!);
    each((o, i, w) => {
      output[o]! += x[i]! * weight.value[w]!;
    });
    const backward = (dy: Float64Array) => {
      const dx = new Float64Array(x.length);
      each((o, i, w) => {
        dx[i]! += dy[o]! * weight.value[w]!;
        weight.gradient[w]! += dy[o]! * x[i]!;
      });
      dy.forEach((g, i) => {
        bias.gradient[channelOf(i)]! += g;
      });
      return dx;
    };
    return { output, backward };
  };
}

const relu: Forward = (x) => ({
  output: x.map((value) => Math.max(value, 0)),
  backward: (dy) => dy.map((g, i) => (x[i]! > 0 ? g : 0)),
});

/** 2x2, stride 2, on square maps of even `size`. */
function maxPool2(size: number): Forward {
  const half = size / 2;
  return (x) => {
    const source = Int32Array.from({ length: x.length / 4 }, (_, o) => {
      const plane = Math.floor(o / (half * half));
      const corner = (plane * size + 2 * (Math.floor(o / half) % half)) * size + 2 * (o % half);
      return [corner, corner + 1, corner + size, corner + size + 1].reduce((best, i) =>
        x[i]! > x[best]! ? i : best,
      );
    });
    const backward = (dy: Float64Array) => {
      const dx = new Float64Array(x.length);
      source.forEach((i, o) => {
        dx[i]! += dy[o]!;
      });
      return dx;
    };
    return { output: Float64Array.from(source, (i) => x[i]!), backward };
  };
}

/** Mean over the rows of 10 logits, and its gradient. */
function crossEntropy(logits: Float64Array, labels: Float32Array): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(logits.length);
  let loss = 0;
  labels.forEach((label, n) => {
    const row = logits.subarray(10 * n, 10 * n + 10);
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    loss += (Math.log(sum) - row[label]!) / labels.length;
    row.forEach((value, k) => {
      gradient[10 * n + k] = (Math.exp(value) / sum - Number(k === label)) / labels.length;
    });
  });
  return { loss, gradient };
}

function adam({ value, gradient, first, second }: Parameter, step: number): void {
  const { lr, beta1, beta2, eps } = ADAM;
  for (let i = 0; i < value.length; i++) {
    first[i] = beta1 * first[i]! + (1 - beta1) * gradient[i]!;
    second[i] = beta2 * second[i]! + (1 - beta2) * gradient[i]! ** 2;
    const root = Math.sqrt(second[i]! / (1 - beta2 ** step));
    value[i]! -= (lr * first[i]!) / (1 - beta1 ** step) / (root + eps);
  }
}
