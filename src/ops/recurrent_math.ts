/**
 * The arithmetic of recurrent cells in f64, one element at a time, for the references, each with the error that an f32
 * kernel may make of it (running error analysis: Higham, "Accuracy and stability of numerical algorithms", 2002, 3.3).
 *
 * Errors are in units of 2^-24. A rounding is off by 1 unit of its result, the logistic function and tanh by FUNCTION
 * units of 1: 3/4 of e^x's error and two roundings, or tanh's 6 units (assembly/curves.ts). In WGSL, where e^x may be off
 * by 2 (3 + 2 |x|) units and a quotient by 5, both stay below twice that, since |x| e^-|x| < 0.37. Slopes are at most 1/4
 * and 1; terms of second order fit into what these bounds give away.
 */
const FUNCTION = 8;

/** FUNCTION on a backend, for bounds that count it by itself. */
export const functionUnits = { wasm: FUNCTION, webgpu: 2 * FUNCTION } as const;

/** What the errors of this file are to be multiplied by. */
export const errorTolerance = {
  wasm: { ulps: 1, magnitude: 'declared' },
  webgpu: { ulps: 2, magnitude: 'declared' },
} as const;

/** A number with the error that a kernel's may have. */
export interface Inexact {
  readonly value: number;
  readonly error: number;
}

export const exact = (value: number): Inexact => ({ value, error: 0 });
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const logistic = ({ value, error }: Inexact): Inexact => ({
  value: sigmoid(value),
  error: error / 4 + FUNCTION,
});
const hyperbolic = ({ value, error }: Inexact): Inexact => ({
  value: Math.tanh(value),
  error: error + FUNCTION,
});
const product = (a: Inexact, b: Inexact): Inexact => ({
  value: a.value * b.value,
  error: Math.abs(a.value) * b.error + Math.abs(b.value) * a.error + Math.abs(a.value * b.value),
});
export const total = (a: Inexact, b: Inexact): Inexact => ({
  value: a.value + b.value,
  error: a.error + b.error + Math.abs(a.value) + Math.abs(b.value),
});
const opposite = ({ value, error }: Inexact): Inexact => ({ value: -value, error });

/** h' of a plain cell from what goes into its nonlinearity. */
export const rnnPoint = (pre: Inexact, relu: boolean): Inexact =>
  relu ? { value: Math.max(pre.value, 0), error: pre.error } : hyperbolic(pre);

/** i, f, g, o from what goes into them, c' = f c + i g, h' = o tanh c'. */
export function lstmPoint(pre: readonly [Inexact, Inexact, Inexact, Inexact], c: Inexact) {
  const [i, f, g, o] = [logistic(pre[0]), logistic(pre[1]), hyperbolic(pre[2]), logistic(pre[3])];
  const next = total(product(f, c), product(i, g));
  return { gates: [i, f, g, o] as const, c: next, h: product(o, hyperbolic(next)) };
}

/** r, z, n from the three gates' input parts x and hidden parts m: n = tanh(x + r m), h' = n + z (h - n). */
export function gruPoint(
  x: readonly [Inexact, Inexact, Inexact],
  m: readonly [Inexact, Inexact, Inexact],
  h: Inexact,
) {
  const [r, z] = [logistic(total(x[0], m[0])), logistic(total(x[1], m[1]))];
  const n = hyperbolic(total(x[2], product(r, m[2])));
  return { gates: [r, z, n] as const, h: total(n, product(z, total(h, opposite(n)))) };
}

/**
 * The gradients of an LSTM's gates before their functions, and of c, from those of h' and c' (dh, dc), the gates after
 * their functions, and c. `positive` adds up the terms instead, for inputs that are: with t = tanh c' and 1 - t² measured
 * by 1 + |f c| + |i g|, the sum of all that t's error depends on.
 */
export function lstmPointBackward(
  [i, f, g, o]: readonly [number, number, number, number],
  c: number,
  dh: number,
  dc: number,
  positive = false,
): { gates: [number, number, number, number]; c: number } {
  const size = 1 + Math.abs(f * c) + Math.abs(i * g);
  const t = positive ? size : Math.tanh(f * c + i * g);
  const slope = positive ? size : 1 - t * t;
  const d = dc + dh * o * slope;
  const gates: [number, number, number, number] = [
    d * g * i * (1 - i),
    d * c * f * (1 - f),
    d * i * (1 - g * g),
    dh * t * o * (1 - o),
  ];
  return { gates, c: d * f };
}

/**
 * The gradients of a GRU's gates before their functions, of the new gate's hidden part m, and of h by way of z, from that
 * of h', the gates after their functions, m and h. `positive` adds up the terms instead.
 */
export function gruPointBackward(
  [r, z, n]: readonly [number, number, number],
  m: number,
  h: number,
  dy: number,
  positive = false,
): { gates: [number, number, number]; m: number; h: number } {
  const dn = dy * (1 - z) * (1 - n * n);
  const difference = positive ? h + n : h - n;
  return { gates: [dn * m * r * (1 - r), dy * difference * z * (1 - z), dn], m: dn * r, h: dy * z };
}
