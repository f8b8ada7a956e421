import { blockUntilReady, type Array as JaxArray, jit, numpy as np, valueAndGrad } from '@jax-js/jax';
import {
  ADAM,
  type OptimizerName,
  parametersOf,
  STEP_LOSSES,
  type StepCase,
  UPDATE,
  type UpdateCase,
} from '../case.js';
import { type CaseInputs, joined, operand } from '../inputs.js';
import { JaxNet, upload } from './jax-net.js';
import type { Prepared } from './peer.js';

/** Work that was started, and is waited for all at once. */
export class Waits {
  readonly #under: Promise<void>[] = [];

  /** Resolves when jax-js has handed the work on, which it does some microtasks after it is asked. */
  async add(work: Promise<void>): Promise<void> {
    work.catch(() => {}); // told by all()
    this.#under.push(work);
    for (let i = 0; i < 16; i++) await null;
  }

  async all(): Promise<void> {
    await Promise.all(this.#under.splice(0));
  }
}

/** Parameters, and what the optimiser keeps for each: first and second moments. */
type State = [parameters: JaxArray[], first: JaxArray[], second: JaxArray[]];

/** Parameter, gradient, two moments, 1 - beta1^t, 1 - beta2^t: the new parameter and moments. Consumes its arguments. */
type Rule = (p: JaxArray, g: JaxArray, m: JaxArray, v: JaxArray, c1: JaxArray, c2: JaxArray) => JaxArray[];

const release = (...arrays: JaxArray[]) => {
  for (const array of arrays) array.dispose();
};

const adam: Rule = (p, g, m, v, c1, c2) => {
  const m1 = m.mul(ADAM.beta1).add(g.ref.mul(1 - ADAM.beta1));
  const v1 = v.mul(ADAM.beta2).add(np.square(g).mul(1 - ADAM.beta2));
  const denominator = np.sqrt(v1.ref.div(c2)).add(ADAM.eps);
  return [p.sub(m1.ref.div(c1).div(denominator).mul(ADAM.lr)), m1, v1];
};

const RULES: Readonly<Record<OptimizerName, Rule>> = {
  sgd(p, g, m, v, c1, c2) {
    release(c1, c2);
    return [p.sub(g.mul(UPDATE.lr)), m, v];
  },
  momentum(p, g, m, v, c1, c2) {
    release(c1, c2);
    const m1 = m.mul(UPDATE.momentum).add(g);
    return [p.sub(m1.ref.mul(UPDATE.lr)), m1, v];
  },
  adam,
  adamw: (p, ...rest) => adam(p.mul(1 - ADAM.lr * UPDATE.weightDecay), ...rest),
  rmsprop(p, g, m, v, c1, c2) {
    release(c1, c2);
    const v1 = v.mul(UPDATE.alpha).add(np.square(g.ref).mul(1 - UPDATE.alpha));
    return [p.sub(g.div(np.sqrt(v1.ref).add(UPDATE.eps)).mul(UPDATE.lr)), m, v1];
  },
};

/** Every parameter's update; consumes state, gradients and corrections. */
function update(rule: Rule, [parameters, first, second]: State, gradients: JaxArray[], c: JaxArray[]): State {
  const updated = parameters.map((p, i) =>
    rule(p, gradients[i]!, first[i]!, second[i]!, c[0]!.ref, c[1]!.ref),
  );
  release(...c);
  return [0, 1, 2].map((k) => updated.map((triple) => triple[k]!)) as State;
}

/** The training state of a case, and how it moves on. */
function training(
  c: StepCase | UpdateCase,
  inputs: CaseInputs,
  advance: (state: State, c: JaxArray[]) => State,
) {
  const names = parametersOf(c);
  const initial = (): State => {
    const zeros = () => names.map((name) => np.zeros([...operand(inputs, name).shape]));
    return [names.map((name) => upload(inputs, name)), zeros(), zeros()];
  };
  let state = initial();
  let count = 0;
  return {
    parameters: () => state[0],
    async step() {
      this.start();
      await this.finish();
    },
    /** A step that nobody waits for. */
    start() {
      count++;
      const corrections = [1 - ADAM.beta1 ** count, 1 - ADAM.beta2 ** count].map((value) => np.array(value));
      state = advance(state, corrections);
    },
    async finish() {
      await blockUntilReady(state.flat());
    },
    restart() {
      release(...state.flat());
      state = initial();
      count = 0;
    },
    dispose: () => release(...state.flat()),
  };
}

/** With `later`, a run starts what `finish` waits for. */
export async function prepareStep(c: StepCase, inputs: CaseInputs, later: boolean): Promise<Prepared> {
  const names = parametersOf(c);
  const [x, labels] = [upload(inputs, 'input'), upload(inputs, 'labels')];
  const compute = jit((state: State, input: JaxArray, target: JaxArray, corrections: JaxArray[]) => {
    const net = new JaxNet();
    const lossOf = (parameters: JaxArray[]): JaxArray => {
      const at = (name: string) =>
        name === 'input' ? input : name === 'labels' ? target : parameters[names.indexOf(name)]!;
      const loss = c.compute(net, at).ref;
      net.release([]);
      release(...parameters);
      return loss;
    };
    const [loss, gradients] = valueAndGrad(lossOf)(state[0].map((p) => p.ref));
    release(input, target);
    return [loss, ...update(adam, state, gradients as JaxArray[], corrections)] as [JaxArray, ...State];
  });
  let loss: JaxArray | null = null;
  const train = training(c, inputs, (state, corrections) => {
    loss?.dispose();
    const [value, ...next] = compute(state, x.ref, labels.ref, corrections);
    loss = value;
    return next;
  });
  const waits = new Waits();
  /** A step by its loss alone: the state goes into the next one. */
  const start = () => {
    train.start();
    const own = loss!.ref;
    return waits.add(own.blockUntilReady().then(() => own.dispose()));
  };
  await train.step(); // traces and compiles; what jax-js can't do shows here
  return {
    run: () => (later ? start() : train.step()),
    ...(later && { finish: () => waits.all() }),
    async output() {
      train.restart();
      const losses = new Float32Array(STEP_LOSSES);
      for (let i = 0; i < STEP_LOSSES; i++) {
        await train.step();
        losses[i] = (await loss!.ref.data())[0]!;
      }
      return losses;
    },
    dispose() {
      loss?.dispose();
      train.dispose();
      compute.dispose();
      release(x, labels);
    },
  };
}

/** An optimiser's step on gradients that are there. */
export async function prepareUpdate(c: UpdateCase, inputs: CaseInputs, later: boolean): Promise<Prepared> {
  const gradients = parametersOf(c).map((name) => upload(inputs, `${name}.gradient`));
  const compute = jit((state: State, given: JaxArray[], corrections: JaxArray[]) =>
    update(RULES[c.optimizer], state, given, corrections),
  );
  const refs = () => gradients.map((array) => array.ref);
  const train = training(c, inputs, (state, corrections) => compute(state, refs(), corrections));
  await train.step();
  return {
    run: () => (later ? train.start() : train.step()),
    ...(later && { finish: () => train.finish() }),
    async output() {
      train.restart();
      for (let i = 0; i < STEP_LOSSES; i++) await train.step();
      const parts = [];
      for (const array of train.parameters()) parts.push((await array.ref.data()) as Float32Array);
      return joined(parts);
    },
    dispose() {
      train.dispose();
      compute.dispose();
      release(...gradients);
    },
  };
}
