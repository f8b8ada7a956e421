/**
 * Second derivatives of the gates, as graphs of ordinary ops. With a prime for the slope of a gate's function (i' = i (1 -
 * i), g' = 1 - g²), L is the sum of all results of the backward op times their gradients, and each function here gives the
 * derivative of L with respect to one input.
 */
import type { Value } from '../op.js';
import { sigmoid, tanh } from './activation.js';
import { add, mul, sub } from './binary.js';
import { concat } from './concat.js';
import { scalar, zerosLike } from './fill.js';
import { slice } from './slice.js';

const times = (...factors: readonly Value[]): Value => factors.reduce((a, b) => mul(a, b));
const plus = (...terms: readonly Value[]): Value => terms.reduce((a, b) => add(a, b));
const oneMinus = (x: Value): Value => sub(scalar(1), x);
/** s' of a logistic function from its value, and its slope's slope per s', 1 - 2 s. */
const slope = (s: Value): Value => mul(s, oneMinus(s));
const bend = (s: Value): Value => oneMinus(mul(s, scalar(2)));
const tanhSlope = (t: Value): Value => oneMinus(mul(t, t));

/** The `count` parts of x [batch, count hidden]. */
function parts(x: Value, count: number): Value[] {
  const [batch, width] = x.shape as [number, number];
  const hidden = width / count;
  return Array.from({ length: count }, (_, k) =>
    slice(x, { start: [0, k * hidden], end: [batch, (k + 1) * hidden] }),
  );
}
const join = (list: readonly Value[]): Value => concat(list, { axis: 1 });

interface LstmContext {
  readonly gates: Value;
  readonly c: Value;
  readonly dh: Value;
  readonly dc: Value;
  readonly grads: readonly (Value | null)[];
}

/**
 * L = d s + dh t o' aₒ with d = dc + dh o t', t = tanh c', and s = i' g aᵢ + f' c a_f + i g' a_g + f b, where a and b are
 * the gradients of dgates and of the previous c.
 */
export function lstmSecondOrder({ gates, c, dh, dc, grads }: LstmContext) {
  const pre = parts(gates, 4) as [Value, Value, Value, Value];
  const [i, f, g, o] = [sigmoid(pre[0]), sigmoid(pre[1]), tanh(pre[2]), sigmoid(pre[3])];
  const [i1, f1, g1, o1] = [slope(i), slope(f), tanhSlope(g), slope(o)];
  const t = tanh(add(mul(f, c), mul(i, g)));
  const t1 = tanhSlope(t);
  const [ai, af, ag, ao] = parts(grads[0] ?? zerosLike(gates), 4) as [Value, Value, Value, Value];
  const b = grads[1] ?? zerosLike(c);
  const d = add(dc, times(dh, o, t1));
  const s = plus(times(i1, g, ai), times(f1, c, af), times(i, g1, ag), times(f, b));
  // By way of c': t' has the slope -2 t t'.
  const q = () => times(dh, t1, sub(mul(o1, ao), times(scalar(2), o, t, s)));
  return {
    gates(): Value {
      const through = q();
      return join([
        plus(times(d, i1, add(times(g, ai, bend(i)), mul(g1, ag))), times(through, g, i1)),
        plus(times(d, f1, add(times(c, af, bend(f)), b)), times(through, c, f1)),
        plus(times(d, g1, sub(mul(i1, ai), times(scalar(2), i, g, ag))), times(through, i, g1)),
        times(dh, o1, add(mul(s, t1), times(t, ao, bend(o)))),
      ]);
    },
    c: (): Value => add(times(d, f1, af), mul(q(), f)),
    dh: (): Value => add(times(s, o, t1), times(t, o1, ao)),
    dc: (): Value => s,
  };
}

interface GruContext {
  readonly x: Value;
  readonly m: Value;
  readonly h: Value;
  readonly dy: Value;
  readonly grads: readonly (Value | null)[];
}

/**
 * L = dy ((1 - z) n' s + (h - n) z' a_z + z b) with s = aₙ + r eₙ + mₙ r' aᵣ, where a is the gradient of dx plus that of
 * dm for r and z, which get the same, aₙ and eₙ are those for n, and b is that of dh.
 */
export function gruSecondOrder({ x, m, h, dy, grads }: GruContext) {
  const [xr, xz, xn] = parts(x, 3) as [Value, Value, Value];
  const [mr, mz, mn] = parts(m, 3) as [Value, Value, Value];
  const [r, z] = [sigmoid(add(xr, mr)), sigmoid(add(xz, mz))];
  const n = tanh(add(xn, mul(r, mn)));
  const [r1, z1, n1] = [slope(r), slope(z), tanhSlope(n)];
  const ofX = parts(grads[0] ?? zerosLike(x), 3) as [Value, Value, Value];
  const ofM = parts(grads[1] ?? zerosLike(x), 3) as [Value, Value, Value];
  const [ar, az, an, en] = [add(ofX[0], ofM[0]), add(ofX[1], ofM[1]), ofX[2], ofM[2]];
  const b = grads[2] ?? zerosLike(h);
  const s = plus(an, mul(r, en), times(mn, r1, ar));
  const open = mul(oneMinus(z), n1);
  // By way of n before its tanh: n' has the slope -2 n n'.
  const through = () => times(scalar(-1), dy, n1, add(times(scalar(2), oneMinus(z), n, s), mul(z1, az)));
  const sums = (p: Value): [Value, Value] => [
    add(times(p, mn, r1), times(dy, open, r1, add(en, times(mn, bend(r), ar)))),
    times(dy, z1, plus(times(scalar(-1), n1, s), times(sub(h, n), bend(z), az), b)),
  ];
  return {
    x(): Value {
      const p = through();
      return join([...sums(p), p]);
    },
    m(): Value {
      const p = through();
      return join([...sums(p), add(mul(p, r), times(dy, open, r1, ar))]);
    },
    h: (): Value => times(dy, z1, az),
    dy: (): Value => plus(mul(open, s), times(sub(h, n), z1, az), mul(z, b)),
  };
}
