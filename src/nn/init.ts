import type { Generator } from '../random.js';
import { type Shape, sizeOf } from '../shape.js';

/** Fills a new parameter of a shape with numbers from a generator. */
export type Initializer = (shape: Shape, generator: Generator) => Float32Array;

export const zeros: Initializer = (shape) => new Float32Array(sizeOf(shape));
export const ones: Initializer = (shape) => new Float32Array(sizeOf(shape)).fill(1);

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, generator) =>
    Float32Array.from({ length: sizeOf(shape) }, () => generator.uniform(low, high));

/** Normal with this mean and standard deviation. */
export const normal =
  (mean = 0, deviation = 1): Initializer =>
  (shape, generator) =>
    Float32Array.from({ length: sizeOf(shape) }, () => generator.normal(mean, deviation));

/** Uniform in ±1 / √fanIn: what PyTorch's Linear and Conv2d start from, for weights and biases. */
export const fanIn = (inputs: number): Initializer => uniform(-1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs));
