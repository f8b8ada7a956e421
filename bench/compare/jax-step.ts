import {
  blockUntilReady,
  type Array as JaxArray,
  jit,
  lax,
  nn,
  numpy as np,
  valueAndGrad,
} from '@jax-js/jax';
import type { StepCase } from '../cases.js';
import { ADAM, type CaseInputs, operand, PARAMETERS, STEP_LOSSES } from '../inputs.js';
import { pool, upload } from './jax-common.js';
import type { Prepared } from './peer.js';

/** Parameters, first and second moments, each in the order of `PARAMETERS`. */
type State = [parameters: JaxArray[], first: JaxArray[], second: JaxArray[]];

/** x W^T + b for a weight of [out, in]. */
function linear(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
  return np.add(lax.dot(x, weight, { lhsContractingDims: [1], rhsContractingDims: [1] }), bias);
}

function convolution(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
  const y = lax.conv(x, weight, [1, 1], 'VALID');
  return nn.relu(np.add(y, bias.reshape([1, -1, 1, 1])));
}

/** Mean cross-entropy of the network, for labels as one-hot rows. Consumes its arguments. */
function lossOf(c: StepCase, parameters: JaxArray[], x: JaxArray, target: JaxArray): JaxArray {
  const p = [...parameters];
  const next = () => p.shift()!;
  let h = x;
  if (c.net === 'cnn') {
    h = pool('max', convolution(h, next(), next()), 2, 2);
    h = pool('max', convolution(h, next(), next()), 2, 2).reshape([c.batch, 512]);
  }
  h = nn.relu(linear(h, next(), next()));
  const logits = linear(h, next(), next());
  return np.sum(np.multiply(nn.logSoftmax(logits, -1), target)).mul(-1 / c.batch);
}

/** Adam on one parameter; `correction` is [1 - beta1^t, 1 - beta2^t]. */
function adam(
  p: JaxArray,
  g: JaxArray,
  m: JaxArray,
  v: JaxArray,
  first: JaxArray,
  second: JaxArray,
): JaxArray[] {
  const m1 = m.mul(ADAM.beta1).add(g.ref.mul(1 - ADAM.beta1));
  const v1 = v.mul(ADAM.beta2).add(np.square(g).mul(1 - ADAM.beta2));
  const denominator = np.sqrt(v1.ref.div(second)).add(ADAM.eps);
  return [p.sub(m1.ref.div(first).div(denominator).mul(ADAM.lr)), m1, v1];
}

/** The whole step as one jitted function: loss, gradients, update. */
function compileStep(c: StepCase) {
  return jit(
    (
      [parameters, first, second]: State,
      x: JaxArray,
      target: JaxArray,
      correction1: JaxArray,
      correction2: JaxArray,
    ) => {
      const differentiate = valueAndGrad((p: JaxArray[]) => lossOf(c, p, x, target));
      const [loss, gradients] = differentiate(parameters.map((p) => p.ref));
      const updated = parameters.map((p, i) =>
        adam(p, (gradients as JaxArray[])[i]!, first[i]!, second[i]!, correction1.ref, correction2.ref),
      );
      correction1.dispose();
      correction2.dispose();
      const part = (k: number) => updated.map((triple) => triple[k]!);
      return [loss, part(0), part(1), part(2)] as [JaxArray, JaxArray[], JaxArray[], JaxArray[]];
    },
  );
}

export async function prepareStep(c: StepCase, inputs: CaseInputs): Promise<Prepared> {
  const names = Object.keys(PARAMETERS[c.net]);
  const initial = (): State => {
    const zeros = () => names.map((name) => np.zeros([...operand(inputs, name).shape]));
    return [names.map((name) => upload(inputs, name)), zeros(), zeros()];
  };
  const x = upload(inputs, 'input');
  const labels = operand(inputs, 'labels').data;
  const oneHot = Float32Array.from({ length: c.batch * 10 }, (_, i) =>
    Number(labels[Math.floor(i / 10)] === i % 10),
  );
  const target = np.array(oneHot, { shape: [c.batch, 10] });
  const compute = compileStep(c);
  let state = initial();
  let count = 0;
  const release = () => {
    for (const array of state.flat()) array.dispose();
  };
  /** Resolves to the loss once the whole new state exists. */
  const step = async (): Promise<JaxArray> => {
    count++;
    const corrections = [1 - ADAM.beta1 ** count, 1 - ADAM.beta2 ** count].map((value) => np.array(value));
    const [loss, ...updated] = compute(state, x.ref, target.ref, corrections[0]!, corrections[1]!);
    state = updated;
    await blockUntilReady([loss, ...state.flat()]);
    return loss;
  };
  (await step()).dispose(); // traces and compiles; what jax-js can't do shows here
  return {
    async run() {
      (await step()).dispose();
    },
    async output() {
      release();
      state = initial();
      count = 0;
      const losses: number[] = [];
      for (let i = 0; i < STEP_LOSSES; i++) losses.push((await (await step()).data())[0]!);
      return Float32Array.from(losses);
    },
    dispose() {
      release();
      compute.dispose();
      x.dispose();
      target.dispose();
    },
  };
}
