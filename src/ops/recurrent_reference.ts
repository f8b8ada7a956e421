import type { RefTensor } from '../op.js';
import {
  exact,
  gruPoint,
  gruPointBackward,
  type Inexact,
  lstmPoint,
  lstmPointBackward,
  rnnPoint,
  total,
} from './recurrent_math.js';

type Row = readonly Inexact[];

/** Numbers with their errors, in rows of equal width. */
export class Tracked {
  constructor(
    readonly value: Float64Array,
    readonly error: Float64Array = new Float64Array(value.length),
  ) {}

  static zeros(size: number): Tracked {
    return new Tracked(new Float64Array(size));
  }

  row(index: number, width: number): Row {
    const at = index * width;
    return Array.from({ length: width }, (_, i) => ({
      value: this.value[at + i]!,
      error: this.error[at + i]!,
    }));
  }

  put(index: number, row: Row): void {
    row.forEach(({ value, error }, i) => {
      this.value[index * row.length + i] = value;
      this.error[index * row.length + i] = error;
    });
  }
}

/** W x + b. A sum of k products is off by k units of its absolute terms, in any order, and a bias adds one more. */
export function affine(weight: RefTensor, x: Row, bias: RefTensor | null): Inexact[] {
  const [rows, k] = weight.shape as [number, number];
  return Array.from({ length: rows }, (_, j) => {
    const b = bias ? bias.data[j]! : 0;
    let [value, size, error] = [0, Math.abs(b), 0];
    x.forEach((term, i) => {
      const w = weight.data[j * k + i]!;
      value += w * term.value;
      size += Math.abs(w * term.value);
      error += Math.abs(w) * term.error;
    });
    return { value: value + b, error: error + (k + 1) * size };
  });
}

export const sumRows = (a: Row, b: Row): Inexact[] => a.map((term, i) => total(term, b[i]!));

/** Element j of each of `count` gates. */
const gatesOf = (row: Row, hidden: number, j: number) => {
  const at = (k: number) => row[k * hidden + j] ?? exact(0);
  return [at(0), at(1), at(2), at(3)] as const;
};

/** Gates one after the other, as a row: the inverse of {@link gatesOf}. */
const layOut = <T>(points: readonly (readonly T[])[]): T[] =>
  points[0]!.flatMap((_, k) => points.map((point) => point[k]!));

export const rnnStep = (pre: Row, relu: boolean): Inexact[] => pre.map((x) => rnnPoint(x, relu));

export function lstmStep(pre: Row, c: Row) {
  const points = c.map((value, j) => lstmPoint(gatesOf(pre, c.length, j), value));
  return {
    h: points.map((point) => point.h),
    c: points.map((point) => point.c),
    gates: layOut(points.map((point) => point.gates)),
  };
}

export function gruStep(x: Row, m: Row, h: Row) {
  const points = h.map((value, j) => {
    const [xr, xz, xn] = gatesOf(x, h.length, j);
    const [mr, mz, mn] = gatesOf(m, h.length, j);
    const point = gruPoint([xr, xz, xn], [mr, mz, mn], value);
    return { h: point.h, kept: [...point.gates, mn] };
  });
  return { h: points.map((point) => point.h), kept: layOut(points.map((point) => point.kept)) };
}

/** What every sequence has: sizes, how many steps of each sequence count, and the direction. */
export interface Walk {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly lengths: Float64Array | null;
  readonly reverse: boolean;
}

/** The steps of sequence b that count, in the order in which they are taken. */
function stepsOf({ steps, lengths, reverse }: Walk, b: number): number[] {
  const count = lengths ? lengths[b]! : steps;
  return Array.from({ length: count }, (_, k) => (reverse ? count - 1 - k : k));
}

/** Takes every step of every sequence; gives the states after the last. `step` gets the place of the step's rows. */
function walk(
  sizes: Walk,
  initial: readonly Tracked[],
  step: (index: number, states: readonly Row[]) => readonly Row[],
): Tracked[] {
  const final = initial.map(() => Tracked.zeros(sizes.batch * sizes.hidden));
  for (let b = 0; b < sizes.batch; b++) {
    let states: readonly Row[] = initial.map((state) => state.row(b, sizes.hidden));
    for (const t of stepsOf(sizes, b)) states = step(t * sizes.batch + b, states);
    states.forEach((state, k) => {
      final[k]!.put(b, state);
    });
  }
  return final;
}

/** y, hn. */
export function rnnRun(sizes: Walk, projected: Tracked, weight: RefTensor, h0: Tracked, relu: boolean) {
  const { steps, batch, hidden } = sizes;
  const y = Tracked.zeros(steps * batch * hidden);
  const final = walk(sizes, [h0], (index, [h]) => {
    const next = rnnStep(sumRows(projected.row(index, hidden), affine(weight, h!, null)), relu);
    y.put(index, next);
    return [next];
  });
  return [y, ...final];
}

/** y, hn, cn, the gates after their functions, and c before each step. */
export function lstmRun(sizes: Walk, projected: Tracked, weight: RefTensor, h0: Tracked, c0: Tracked) {
  const { steps, batch, hidden } = sizes;
  const [y, cells] = [Tracked.zeros(steps * batch * hidden), Tracked.zeros(steps * batch * hidden)];
  const gates = Tracked.zeros(steps * batch * 4 * hidden);
  const final = walk(sizes, [h0, c0], (index, [h, c]) => {
    const next = lstmStep(sumRows(projected.row(index, 4 * hidden), affine(weight, h!, null)), c!);
    y.put(index, next.h);
    gates.put(index, next.gates);
    cells.put(index, c!);
    return [next.h, next.c];
  });
  return [y, ...final, gates, cells];
}

/** y, hn, and r, z, n with the hidden part of the new gate. */
export function gruRun(
  sizes: Walk,
  projected: Tracked,
  weight: RefTensor,
  bias: RefTensor | null,
  h0: Tracked,
) {
  const { steps, batch, hidden } = sizes;
  const y = Tracked.zeros(steps * batch * hidden);
  const kept = Tracked.zeros(steps * batch * 4 * hidden);
  const final = walk(sizes, [h0], (index, [h]) => {
    const next = gruStep(projected.row(index, 3 * hidden), affine(weight, h!, bias), h!);
    y.put(index, next.h);
    kept.put(index, next.kept);
    return [next.h];
  });
  return [y, ...final, kept];
}

/** The gradients of one step of one cell, of what its gates got (for W) and of the previous state but by way of W. */
interface StepGradient {
  readonly projected: readonly number[];
  readonly hidden: readonly number[];
  readonly states: readonly number[][];
}

/**
 * Walks every sequence back: `step` gets the place of the step's rows, the gradients of the states after it (the first
 * with that of the step's result in it) and the state before it. Gives the gradients of the projected inputs, of their
 * hidden parts, of the initial states, and the states before the steps.
 */
export function walkBack(
  sizes: Walk,
  gates: number,
  dy: Float64Array,
  final: readonly Float64Array[],
  { weight, h0, y }: { weight: Float64Array; h0: Float64Array; y: Float64Array },
  step: (index: number, states: readonly number[][], previous: readonly number[]) => StepGradient,
) {
  const { steps, batch, hidden } = sizes;
  const wide = gates * hidden;
  const rowOf = (data: Float64Array, index: number, width: number) =>
    Array.from(data.subarray(index * width, (index + 1) * width));
  const [projected, hiddenPart] = [
    new Float64Array(steps * batch * wide),
    new Float64Array(steps * batch * wide),
  ];
  const initial = final.map(() => new Float64Array(batch * hidden));
  const previous = new Float64Array(steps * batch * hidden);
  for (let b = 0; b < batch; b++) {
    let states = final.map((data) => rowOf(data, b, hidden));
    const order = stepsOf(sizes, b);
    for (let k = order.length - 1; k >= 0; k--) {
      const index = order[k]! * batch + b;
      const before = k === 0 ? rowOf(h0, b, hidden) : rowOf(y, order[k - 1]! * batch + b, hidden);
      previous.set(before, index * hidden);
      const dh = states[0]!.map((value, j) => value + dy[index * hidden + j]!);
      const gradient = step(index, [dh, ...states.slice(1)], before);
      projected.set(gradient.projected, index * wide);
      hiddenPart.set(gradient.hidden, index * wide);
      // dh += Wᵀ of the gates' hidden parts.
      const through = gradient.states[0]!.map((own, j) =>
        gradient.hidden.reduce((sum, d, row) => sum + d * weight[row * hidden + j]!, own),
      );
      states = [through, ...gradient.states.slice(1)];
    }
    states.forEach((state, k) => {
      initial[k]!.set(state, b * hidden);
    });
  }
  return { projected, hidden: hiddenPart, initial, previous };
}

export function rnnStepBackward(y: readonly number[], dh: readonly number[], relu: boolean): StepGradient {
  const pre = y.map((h, j) => dh[j]! * (relu ? Number(h > 0) : 1 - h * h));
  return { projected: pre, hidden: pre, states: [y.map(() => 0)] };
}

export function lstmStepBackward(
  gates: readonly number[],
  c: readonly number[],
  dh: readonly number[],
  dc: readonly number[],
  positive: boolean,
): StepGradient {
  const hidden = c.length;
  const points = c.map((value, j) => {
    const [i, f, g, o] = [0, 1, 2, 3].map((k) => gates[k * hidden + j]!) as [number, number, number, number];
    return lstmPointBackward([i, f, g, o], value, dh[j]!, dc[j]!, positive);
  });
  const pre = layOut(points.map((point) => point.gates));
  return { projected: pre, hidden: pre, states: [c.map(() => 0), points.map((point) => point.c)] };
}

export function gruStepBackward(
  kept: readonly number[],
  h: readonly number[],
  dy: readonly number[],
  positive: boolean,
): StepGradient {
  const hidden = h.length;
  const points = h.map((value, j) => {
    const [r, z, n, m] = [0, 1, 2, 3].map((k) => kept[k * hidden + j]!) as [number, number, number, number];
    return gruPointBackward([r, z, n], m, value, dy[j]!, positive);
  });
  return {
    projected: layOut(points.map((point) => point.gates)),
    hidden: layOut(points.map(({ gates: [r, z], m }) => [r, z, m])),
    states: [points.map((point) => point.h)],
  };
}
