import { type Device, functional as F, type Tensor, type TensorLike } from 'weft';
import { descent } from 'weft/plot';
import type { Run } from './example.js';

/** What a learning rate may depend on. */
export interface Moment {
  /** The guesses [starts] or [starts, 2], f there [starts], and its gradient. */
  readonly x: Tensor;
  readonly y: Tensor;
  readonly gradient: Tensor;
  /** The part of all steps that is done with this one, [1]. */
  readonly done: Tensor;
}

export interface DescentOptions {
  readonly steps: number;
  /** A number, one for each guess, or computed anew in each step. */
  readonly lr: TensorLike | ((now: Moment) => TensorLike);
}

/**
 * Gradient descent from many starts at once: guess -= lr · df.
 *
 * @param f of guesses [starts] or [starts, 2], gives [starts].
 * @returns the guesses before the first step and after each, as flat lists.
 */
export async function descend(
  device: Device,
  f: (x: Tensor) => Tensor,
  start: Tensor,
  { steps, lr }: DescentOptions,
): Promise<number[][]> {
  const x = start.clone();
  await device.realize([x]);
  x.requiresGrad = true;
  const step = device.compile((done: Tensor) => {
    const y = f(x);
    y.sum().backward();
    const gradient = x.grad!;
    const rate = typeof lr === 'function' ? lr({ x, y, gradient, done }) : lr;
    const next = x.sub(F.mul(gradient, rate));
    x.assign(next);
    return next;
  });
  const path = [Array.from(await x.data())];
  for (let i = 1; i <= steps; i++) {
    const next = await step({ data: Float32Array.of(i / steps), shape: [1], dtype: 'f32' });
    path.push(Array.from(await next.data()));
  }
  step.dispose();
  return path;
}

/** Where a descent ended, as a flat list. */
export const endOf = (path: readonly (readonly number[])[]): readonly number[] => path.at(-1)!;

/** The path of one start alone. */
export const pathOf = (path: readonly (readonly number[])[], start: number): number[] =>
  path.map((guesses) => guesses[start]!);

/** Saves the curve of f over a range, with ways down it: the guesses of each, by its name. */
export async function drawDescent(
  { device, picture }: Run,
  f: (x: Tensor) => Tensor,
  [low, high]: readonly [number, number],
  ways: Readonly<Record<string, readonly number[]>>,
  title: string,
): Promise<void> {
  const over = async (x: readonly number[], name: string) => ({
    x,
    y: Array.from(await f(device.tensor(x)).data()),
    name,
  });
  const curve = Array.from({ length: 401 }, (_, i) => low + ((high - low) * i) / 400);
  const paths = await Promise.all(Object.entries(ways).map(([name, x]) => over(x, name)));
  const axes = { x: { label: 'x' }, y: { label: 'f(x)' } };
  await picture('descent', descent(await over(curve, 'f'), paths, { title, ...axes }));
}
