import type { Device } from '../device.js';
import { fail } from '../errors.js';
import { expectOptions, type Kinds, object } from '../kinds.js';
import type { Module } from '../nn/index.js';
import type { Tensor } from '../tensor.js';
import type { Result } from './callback.js';
import {
  type Computed,
  computeOf,
  inEvaluation,
  type Loader,
  Meter,
  type Metrics,
  type Objective,
  objectiveKinds,
} from './pass.js';

export interface EvaluateOptions extends Objective {
  readonly loader: Loader;
  readonly metrics?: Metrics;
}

const kinds: Kinds<EvaluateOptions> = {
  ...objectiveKinds,
  loader: object('a loader'),
  metrics: object('an object of metrics'),
};

/** A pass over batches without training, compiled once. */
export interface Evaluator {
  run(loader: Loader): Promise<Result>;
  dispose(): void;
}

/** The device that a model is on. */
export function deviceOf(where: string, model: Module): Device {
  const [held] = [...model.namedParameters(), ...model.namedBuffers()];
  return held ? held[1].device : fail(where, 'the model has neither parameters nor buffers');
}

export function createEvaluator(
  where: string,
  model: Module,
  compute: (...batch: Tensor[]) => Computed,
  metrics: Metrics,
): Evaluator {
  const device = deviceOf(where, model);
  const meter = new Meter(where, device, metrics);
  const step = device.compile((...batch: Tensor[]) => meter.record(compute(...batch), batch[0]!));
  return {
    run: (loader) =>
      inEvaluation(model, async () => {
        await meter.reset();
        for await (const batch of loader) await meter.count(batch, await step(...batch));
        return meter.result();
      }),
    dispose() {
      step.dispose();
      meter.dispose();
    },
  };
}

/** The mean loss and the metrics of a model in evaluation mode, over one pass through a loader. */
export async function evaluate(model: Module, options: EvaluateOptions): Promise<Result> {
  expectOptions('evaluate', options, kinds);
  const compute = computeOf('evaluate', model, options);
  const evaluator = createEvaluator('evaluate', model, compute, options.metrics ?? {});
  try {
    return await evaluator.run(options.loader);
  } finally {
    evaluator.dispose();
  }
}
