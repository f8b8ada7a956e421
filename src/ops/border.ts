import { fail } from '../errors.js';
import type { Launch, TensorType } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { eight, elementUnits } from './common.js';

/** Where an element beyond x's edge comes from: its mirror image, the edge itself, or the other end. */
export const BORDERS = ['reflect', 'replicate', 'circular'] as const;
export type Border = (typeof BORDERS)[number];
/** The number of a border of one value, in parameters. */
const CONSTANT = BORDERS.length;

/** A tensor with a border: along each axis x, `before` elements before it and `after` behind it, of either sign. */
export interface Bordered {
  /** Of x. */
  readonly shape: Shape;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly border: Border | 'constant';
  /** The bits of a constant border. */
  readonly word?: number;
}

const borderedShape = ({ shape, before, after }: Bordered): number[] =>
  shape.map((size, axis) => before[axis]! + size + after[axis]!);

/** The index of x along an axis that lies at `position`, counted from x's first element; negative where there is none. */
function sourceIndex(border: Bordered['border'], position: number, size: number): number {
  if (border === 'constant') return position < size ? position : -1;
  if (border === 'replicate') return Math.min(Math.max(position, 0), size - 1);
  if (border === 'circular') return (position + size) % size;
  const mirrored = Math.abs(position);
  return mirrored < size ? mirrored : 2 * (size - 1) - mirrored;
}

/** Neighbouring axes without a border become one, so that a kernel has fewer to walk. */
function merged({ shape, before, after, ...rest }: Bordered): Bordered {
  const plain = (axis: number) => before[axis] === 0 && after[axis] === 0;
  const sizes: number[] = [];
  const first: number[] = [];
  const last: number[] = [];
  shape.forEach((size, axis) => {
    if (axis > 0 && plain(axis) && plain(axis - 1)) {
      sizes.push(sizes.pop()! * size);
      return;
    }
    sizes.push(size);
    first.push(before[axis]!);
    last.push(after[axis]!);
  });
  return sizes.length > 0
    ? { shape: sizes, before: first, after: last, ...rest }
    : { shape: [1], before: [0], after: [0], ...rest };
}

/** Parameters of the kernels in shaders/pad.wgsl; `size` elements are worked on. */
export function borderParams(bordered: Bordered, size: number): Record<string, number | number[]> {
  const { shape, before, after, border, word = 0 } = merged(bordered);
  return {
    size,
    rank: shape.length,
    border: border === 'constant' ? CONSTANT : BORDERS.indexOf(border),
    value: word,
    shape: eight(shape),
    before: eight(before),
    after: eight(after),
  };
}

/** Calls `visit` with the place of each element of the bordered tensor and the place in x where it comes from, if any. */
export function forEachSource(bordered: Bordered, visit: (at: number, source: number) => void): void {
  const { shape, before, border } = bordered;
  const outer = borderedShape(bordered);
  const total = sizeOf(outer);
  for (let at = 0; at < total; at++) {
    let rest = at;
    let source = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const position = (rest % outer[axis]!) - before[axis]!;
      rest = Math.floor(rest / outer[axis]!);
      const index = sourceIndex(border, position, shape[axis]!);
      source = index < 0 ? -Infinity : source + stride * index;
      stride *= shape[axis]!;
    }
    if (source >= 0) visit(at, source);
  }
}

/** How many elements of the bordered tensor come from one of x at most. */
export function mostReaders({ shape, before, after, border }: Bordered): number {
  return shape.reduce((most, size, axis) => {
    const [b, a] = [before[axis]!, after[axis]!];
    const replicated = size === 1 ? 1 + b + a : 1 + Math.max(b, a);
    return most * (border === 'replicate' ? replicated : 1 + Number(b > 0) + Number(a > 0));
  }, 1);
}

/** Every element of a bordered tensor from where it comes from. */
export function borderLaunch(backend: 'wasm' | 'webgpu', from: Bordered, output: TensorType): Launch {
  const size = sizeOf(output.shape);
  return {
    kernel: 'pad__border',
    operands: ['x', 'output'],
    params: borderParams(from, size),
    units: elementUnits(size, backend),
  };
}

/** Refuses what is not one whole number per axis before and after. */
export function expectAmounts(
  name: string,
  shape: Shape,
  before: readonly number[],
  after: readonly number[],
): void {
  if (!Array.isArray(before) || !Array.isArray(after))
    fail(
      name,
      `needs options { before, after }, each a list of one whole number per axis of ${showShape(shape)}`,
    );
  const whole = [...before, ...after].every(Number.isInteger);
  if (before.length === shape.length && after.length === shape.length && whole) return;
  const given = `before [${before.join(',')}] and after [${after.join(',')}]`;
  fail(name, `${given} must have one whole number per axis of ${showShape(shape)}`);
}

/** Refuses a border that x is too small for. */
export function expectBorder(name: string, x: string, { shape, before, after, border }: Bordered): void {
  const [word, most] = border === 'reflect' ? ['less than', -1] : ['at most', 0];
  shape.forEach((size, axis) => {
    const amounts = [before[axis]!, after[axis]!];
    const where = `[${amounts.join(',')}] along axis ${axis} of ${x} ${showShape(shape)}`;
    if (Math.min(...amounts) < 0)
      fail(name, `mode '${border}' can't take away, it is told to pad by ${where}`);
    const padded = Math.max(...amounts) > 0;
    if (border === 'replicate') {
      if (size === 0 && padded) fail(name, `mode 'replicate' needs an element to repeat for ${where}`);
    } else if (padded && Math.max(...amounts) > size + most) {
      fail(name, `mode '${border}' can pad by ${word} the axis's size, it is told to pad by ${where}`);
    }
  });
}
