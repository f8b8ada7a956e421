import type { Device, Tensor } from 'weft';
import type { Run } from '../support/example.js';
import { claimEqual, claimNumbers, inDouble } from '../support/worked.js';

/** Numbers that a section works out, by their names. */
export type Numbers<K extends string> = Readonly<Record<K, readonly number[]>>;

export const listOf = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** The derivative of a scalar, or of an element that a seed chooses, by the list x. */
export async function slope(
  device: Device,
  x: readonly number[],
  f: (x: Tensor) => Tensor,
  seed?: readonly number[],
): Promise<number[]> {
  const at = device.tensor(x);
  at.requiresGrad = true;
  f(at).backward(seed && device.tensor(seed));
  return listOf(at.grad!);
}

/** A few roundings of numbers up to 10, where 1 - .99 cancels to a hundredth. */
const ROUNDINGS = 200;

/**
 * The numbers in double precision, after a claim that the run's device has the same but for f32's roundings, and a function
 * that claims what they are.
 */
export async function workedOut<K extends string>(
  run: Run,
  section: string,
  work: (device: Device) => Promise<Numbers<K>>,
) {
  const numbers = await inDouble(work);
  const here = await work(run.device);
  const flat = (all: Numbers<K>) => (Object.values(all) as (readonly number[])[]).flat();
  claimEqual(run, `${section}: in f32 the same numbers`, flat(here), flat(numbers), ROUNDINGS * 2 ** -24);
  const told = (text: string, name: K, ...written: readonly string[]) =>
    claimNumbers(
      run,
      `${section}: ${text}`,
      written.map((one, i) => [one, numbers[name][i]!]),
      ROUNDINGS * 2 ** -53,
    );
  return { numbers, told };
}
