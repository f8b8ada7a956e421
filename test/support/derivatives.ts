import { expect } from 'vitest';
import { type Device, functional as F, type Shape, type Tensor } from '../../src/index.js';
import { sizeOf } from '../../src/shape.js';

/** 1, 2, 3, ... */
export const counted = (device: Device, shape: Shape): Tensor =>
  device.tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
    shape,
  );

/** Rows of numbers as a tensor [rows, columns]. */
export const rowsOf = (device: Device, rows: readonly (readonly number[])[]): Tensor =>
  device.tensor(Float32Array.from(rows.flat()), [rows.length, rows[0]!.length]);

/** Rows of numbers as one plane [1, 1, height, width]. */
export const planeOf = (device: Device, rows: readonly (readonly number[])[]): Tensor =>
  device.tensor(Float32Array.from(rows.flat()), [1, 1, rows.length, rows[0]!.length]);

/** y = f(inputs), and the gradients of Σ seed · y with respect to each input; the seed is 1, 2, 3, ... if none is given. */
export async function derivatives(
  inputs: readonly Tensor[],
  f: (...inputs: Tensor[]) => Tensor,
  seed?: Tensor,
): Promise<{ shape: Shape; y: number[]; gradients: number[][] }> {
  for (const input of inputs) input.requiresGrad = true;
  const y = f(...inputs);
  F.sum(F.mul(y, seed ?? counted(y.device, y.shape))).backward();
  const read = async (tensor: Tensor) => [...(await tensor.data())];
  return {
    shape: y.shape,
    y: await read(y),
    gradients: await Promise.all(inputs.map((input) => read(input.grad!))),
  };
}

/** Equal within `tolerance` of the number, or of 1 where that is more; infinities and lengths are equal. */
export function expectClose(found: readonly number[], wanted: readonly number[], tolerance = 1e-6): void {
  const close = (value: number, i: number) =>
    Math.abs(value - wanted[i]!) <= tolerance * Math.max(1, Math.abs(wanted[i]!)) ? wanted[i]! : value;
  expect(found.map(close)).toEqual([...wanted]);
}
