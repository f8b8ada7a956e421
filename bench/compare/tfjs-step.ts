import * as tf from '@tensorflow/tfjs-core';
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
import type { Prepared } from './peer.js';
import { download, tfjsNet, upload } from './tfjs-net.js';

/** Parameters as variables that can start anew. */
function variablesOf(c: StepCase | UpdateCase, inputs: CaseInputs) {
  const initial = new Map(parametersOf(c).map((name) => [name, upload(operand(inputs, name))]));
  // tfjs's optimisers find their state by the names of variables, which live as long as the engine.
  const variables = new Map([...initial].map(([name, value]) => [name, tf.variable(value)]));
  return {
    variables,
    restart() {
      for (const [name, value] of initial) variables.get(name)!.assign(value);
    },
    dispose: () => tf.dispose([...initial.values(), ...variables.values()]),
  };
}

function makeOptimizer(name: OptimizerName): tf.Optimizer {
  switch (name) {
    case 'sgd':
      return tf.train.sgd(UPDATE.lr);
    case 'momentum':
      return tf.train.momentum(UPDATE.lr, UPDATE.momentum);
    case 'adam':
      return tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps);
    case 'rmsprop':
      // tfjs adds its epsilon under the root.
      return tf.train.rmsprop(UPDATE.lr, UPDATE.alpha, 0, UPDATE.eps ** 2);
    case 'adamw':
      throw new Error('tfjs has no AdamW');
  }
}

/** A training step by tf.train.adam on variables. */
export function prepareStep(c: StepCase, inputs: CaseInputs, enter: () => void): Prepared {
  const { variables, restart, dispose: release } = variablesOf(c, inputs);
  const given = new Map(['input', 'labels'].map((name) => [name, upload(operand(inputs, name))]));
  const at = (name: string): tf.Tensor => variables.get(name) ?? given.get(name)!;
  let optimizer = makeOptimizer('adam');
  const loss = () => c.compute(tfjsNet, at) as tf.Scalar;
  const step = (): tf.Scalar => optimizer.minimize(loss, true, [...variables.values()])!;
  const dispose = () => {
    optimizer.dispose();
    tf.dispose([...given.values()]);
    release();
  };
  try {
    step().dispose(); // a gradient kernel that tfjs lacks shows here
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    enter,
    run: () => step().dispose(),
    async output() {
      enter();
      optimizer.dispose();
      optimizer = makeOptimizer('adam');
      restart();
      const losses = new Float32Array(STEP_LOSSES);
      for (let i = 0; i < STEP_LOSSES; i++) {
        const value = step();
        losses[i] = (await value.data())[0]!;
        value.dispose();
      }
      return losses;
    },
    dispose,
  };
}

/** An optimiser's step on gradients that are there. */
export function prepareUpdate(c: UpdateCase, inputs: CaseInputs, enter: () => void): Prepared {
  let optimizer = makeOptimizer(c.optimizer);
  const { variables, restart, dispose } = variablesOf(c, inputs);
  const gradients = new Map(
    [...variables.keys()].map((name) => [name, upload(operand(inputs, `${name}.gradient`))]),
  );
  const byVariable = Object.fromEntries(
    [...variables].map(([name, variable]) => [variable.name, gradients.get(name)!]),
  );
  const step = () => tf.tidy(() => optimizer.applyGradients(byVariable));
  return {
    enter,
    run: step,
    async output() {
      enter();
      optimizer.dispose();
      optimizer = makeOptimizer(c.optimizer);
      restart();
      for (let i = 0; i < STEP_LOSSES; i++) step();
      const parts = [];
      for (const [name, variable] of variables) parts.push(await download(variable, c.operands[name]!.kind));
      return joined(parts);
    },
    dispose() {
      optimizer.dispose();
      tf.dispose([...gradients.values()]);
      dispose();
    },
  };
}
