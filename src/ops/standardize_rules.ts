import type { BackwardContext, Value } from '../op.js';
import { add, div, mul, sub } from './binary.js';
import { scalar } from './fill.js';
import { broadcastTo, reshape } from './layout.js';
import { mean as average, sum } from './reduce.js';
import { layoutOf, type StandardizeAttrs } from './standardize_layout.js';
import { sqrt } from './unary.js';

/** A row's statistic beside every element of x. */
export function statisticsView(statistic: Value, x: Value, { overBatch }: StandardizeAttrs): Value {
  const { batch, groups } = layoutOf(x.shape, overBatch);
  return reshape(statistic, { shape: [overBatch ? 1 : batch, groups, 1, 1] });
}

interface Inputs {
  readonly dy: Value;
  readonly x: Value;
  readonly mean: Value;
  readonly variance: Value;
  readonly weight: Value | null;
}

type Context<A> = Inputs & BackwardContext<A>;

/** dx alone, without weights. */
type Project<A> = (dy: Value, x: Value, mean: Value, variance: Value, attrs: A) => readonly Value[];

/** What the rules below have in common; g, h and s are those of the op's formula. */
function parts<A extends StandardizeAttrs>({ dy, x, mean, variance, weight, attrs, grads }: Context<A>) {
  const { groups, channels } = layoutOf(x.shape, attrs.overBatch);
  const byChannel = (value: Value) => reshape(value, { shape: [1, groups, channels, 1] });
  const rows = { axes: attrs.overBatch ? [0, 2, 3] : [2, 3], keepDims: true };
  const scale = weight && byChannel(weight);
  const distance = sub(x, statisticsView(mean, x, attrs));
  const s = div(scalar(1), sqrt(add(statisticsView(variance, x, attrs), scalar(attrs.eps))));
  const [grad, dweight, dbias] = grads as readonly (Value | null | undefined)[];
  return {
    grad: grad ?? null,
    dweight: dweight ? byChannel(dweight) : null,
    dbias: dbias ? byChannel(dbias) : null,
    scale,
    g: scale ? mul(dy, scale) : dy,
    distance,
    s,
    h: mul(distance, s),
    averaged: (value: Value) => average(value, rows),
    summed: (value: Value) => sum(value, rows),
  };
}

const total = (terms: readonly (Value | null)[]): Value | null => {
  const [first, ...rest] = terms.filter((term) => term !== null);
  return first ? rest.reduce((a, b) => add(a, b), first) : null;
};

/** The loss by h, s held fixed: -s (G avg (g h) + g avg (G h)) + dy · Gw for the gradients G of dx and Gw of dweight. */
function byDistance<A extends StandardizeAttrs>(context: Context<A>): Value | null {
  const { grad, dweight, g, h, s, averaged } = parts(context);
  const ofRows =
    grad && mul(mul(add(mul(grad, averaged(mul(g, h))), mul(g, averaged(mul(grad, h)))), s), scalar(-1));
  return total([ofRows, dweight && mul(context.dy, dweight)]);
}

/** The rules of the backward op, by ordinary ops. `project` is the op itself without weights. */
export const backwardRules = <A extends StandardizeAttrs>(project: Project<A>) => ({
  // dx is self-adjoint in g; dweight and dbias are linear in dy.
  dy(context: Context<A>): Value | null {
    const { x, mean, variance, attrs } = context;
    const { grad, scale, dweight, dbias, h } = parts(context);
    const projected = grad && project(grad, x, mean, variance, attrs)[0]!;
    return total([
      projected && (scale ? mul(projected, scale) : projected),
      dweight && mul(h, dweight),
      dbias && broadcastTo(dbias, { shape: x.shape }),
    ]);
  },
  x(context: Context<A>): Value | null {
    const change = byDistance(context);
    return change && mul(change, parts(context).s);
  },
  mean(context: Context<A>): Value | null {
    const change = byDistance(context);
    const { s, summed } = parts(context);
    return change && reshape(mul(mul(summed(change), s), scalar(-1)), { shape: context.mean.shape });
  },
  // By s: Σ (x - mean) dL/dh + Σ G dx / s; ds = -s³ / 2 dvariance.
  variance(context: Context<A>): Value | null {
    const change = byDistance(context);
    if (!change) return null;
    const { grad, g, h, s, distance, averaged, summed } = parts(context);
    const level = context.attrs.centred ? sub(g, averaged(g)) : g;
    const direct = grad && summed(mul(grad, sub(level, mul(h, averaged(mul(g, h))))));
    const byScale = total([summed(mul(change, distance)), direct])!;
    const cubed = mul(mul(s, s), mul(s, scalar(-0.5)));
    return reshape(mul(byScale, cubed), { shape: context.variance.shape });
  },
  weight(context: Context<A>): Value | null {
    const { dy, x, mean, variance, weight, attrs } = context;
    const { grad } = parts(context);
    if (!grad) return null;
    const projected = project(grad, x, mean, variance, attrs)[0]!;
    return reshape(sum(mul(dy, projected), { axes: [0, 3] }), { shape: weight!.shape });
  },
});
