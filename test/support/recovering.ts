import { expect } from 'vitest';
import {
  type Device,
  DeviceLostError,
  functional as F,
  nn,
  optim,
  type Recovered,
  type Tensor,
} from '../../src/index.js';
import type { Breakable } from './breakable.js';

export const STEPS = 12;

/** What a call was rejected with. */
export const lossOf = async (call: Promise<unknown>): Promise<DeviceLostError> => {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeviceLostError);
  return error as DeviceLostError;
};

const batch = (i: number) => {
  const data = Float32Array.from({ length: 4 * 6 }, (_, k) => Math.sin(3 * i + k));
  return [
    { data, shape: [4, 6], dtype: 'f32' },
    { data: Int32Array.from({ length: 4 }, (_, k) => (i + k) % 3), shape: [4], dtype: 'i32' },
  ] as const;
};

/** A model with all that a snapshot must hold: weights, running statistics, seeds, optimiser, schedule, average. */
function prepare(device: Device) {
  const model = new nn.Sequential(
    new nn.Linear(6, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Dropout(0.3),
    new nn.Linear(8, 3),
  ).to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
  const scheduler = new optim.ExponentialLR(optimizer, { gamma: 0.9 });
  const average = new optim.ExponentialMovingAverage(model, { decay: 0.8 });
  const compute = (x: Tensor, y: Tensor) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    return loss;
  };
  const compiled = device.compile((x: Tensor, y: Tensor) => {
    const loss = compute(x, y);
    optimizer.step();
    average.update();
    return loss;
  });
  const recorded = async (x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = compute(x, y);
    await optimizer.step();
    await average.update();
    return loss;
  };
  return { model, scheduler, average, compiled, recorded };
}

/** Trains, and destroys the device once when `breakAt` steps are made; goes on where the error says. */
export async function train(
  device: Device,
  { compiled = true, breakAt = -1, broken }: { compiled?: boolean; breakAt?: number; broken?: Breakable },
) {
  const parts = prepare(device);
  const losses: number[] = [];
  const made: number[] = [];
  const recoveries: Recovered[] = [];
  let waiting = broken ?? null;
  /** Updates of a step: an eager step and its average are two. */
  const each = compiled ? 1 : 2;
  for (let i = 0; i < STEPS; ) {
    try {
      const [x, y] = batch(i);
      made.push(i);
      const loss = compiled
        ? await parts.compiled(x, y)
        : await parts.recorded(device.tensor(x), device.tensor(y));
      const read = loss.item();
      if (waiting && i === breakAt) {
        const lost = waiting.destroy();
        waiting = null;
        await Promise.all([read, lost]);
      }
      losses[i] = await read;
      parts.scheduler.step();
      i++;
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      const recovered = await error.recovered!;
      recoveries.push(recovered);
      i = recovered.updates / each;
    }
  }
  const state = await parts.average.stateDict();
  const average = Object.entries(state.tensors).map(([name, { data }]) => [name, [...data]]);
  const weights = await parts.model.stateDict();
  return {
    losses,
    made,
    recoveries,
    updates: state.updates,
    average,
    weights: Object.entries(weights).map(([name, { data }]) => [name, [...data]]),
    lr: parts.scheduler.lastLr,
  };
}

/** A step that adds 1 to a counter and gives it: each update shows. */
export function counter(device: Device) {
  const count = device.tensor([0, 0]);
  const step = device.compile(() => {
    const next = count.add(1);
    void count.assign(next);
    return next;
  });
  const first = async (tensor: Tensor) => (await tensor.data())[0];
  return { count, step, first };
}
