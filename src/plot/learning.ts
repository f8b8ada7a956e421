import { fail } from '../errors.js';
import type { FrameOptions } from './frame.js';
import { type Curve, checkGuides, coloursOf, drawCurves, type LineSeries, readCurve } from './line.js';
import { panels } from './panels.js';
import type { Picture } from './picture.js';
import type { AxisOptions } from './scale.js';
import type { Numbers } from './values.js';

/** Curves by their names, as `{ train: [...], test: [...] }`: a value for each epoch, or a curve with an x of its own. */
export type NamedCurves = Readonly<Record<string, Numbers | LineSeries>>;

export interface LearningData {
  readonly loss?: NamedCurves;
  /** From 0 to 1; drawn in percent. */
  readonly accuracy?: NamedCurves;
}

export interface LearningOptions extends FrameOptions {
  /** Default label: `epoch`. */
  readonly x?: AxisOptions;
  /** Default label: `loss`. */
  readonly loss?: AxisOptions;
  /** In percent; default label: `accuracy (%)`. */
  readonly accuracy?: AxisOptions;
  /** An epoch marked by a line, as the one whose weights were kept. */
  readonly best?: number;
}

const asSeries = (value: Numbers | LineSeries): LineSeries => ('y' in value ? value : { y: value });

function readCurves(argument: string, named: NamedCurves, colours: ReadonlyMap<string, string>): Curve[] {
  return Object.entries(named).map(([name, value]) =>
    readCurve('learningCurves', `${argument}.${name}`, { name, ...asSeries(value) }, colours.get(name)!),
  );
}

function inPercent(curve: Curve): Curve {
  for (const [i, value] of curve.y.entries())
    if (value < 0 || value > 1)
      fail('learningCurves', `accuracy.${curve.name}[${i}] is ${value}; give accuracies from 0 to 1`);
  return {
    ...curve,
    y: curve.y.map((value) => 100 * value),
    spread: curve.spread?.map((value) => 100 * value) ?? null,
  };
}

/**
 * How a training went: losses on the left, accuracies on the right, or one of the two; a name has the same colour in both.
 * Values that are not finite, as those of a loss that diverged, are gaps, which a note tells.
 * @throws WeftError naming the curve: no curve, an empty one, an accuracy outside [0, 1], no finite value
 */
export function learningCurves(data: LearningData, options: LearningOptions = {}): Picture {
  const where = 'learningCurves';
  const { loss = {}, accuracy = {} } = data;
  const all = new Map(
    Object.entries({ ...accuracy, ...loss }).map(([name, value]) => [name, asSeries(value)]),
  );
  if (all.size === 0)
    fail(where, 'there is no curve; give loss or accuracy at least one, as { train: [...] }');
  const order = [...new Set([...Object.keys(loss), ...Object.keys(accuracy)])];
  const own = coloursOf(order.map((name) => all.get(name)!));
  const colours = new Map(order.map((name, i) => [name, own[i]!]));
  const { best, title, subtitle, width = 860, height = 340 } = options;
  if (best !== undefined && !Number.isFinite(best)) fail(where, `best must be an epoch, it is ${best}`);
  const guides = checkGuides(where, best === undefined ? [] : [{ x: best, label: 'best' }]);
  const x = { label: 'epoch', ...options.x };
  const sides = [
    { curves: readCurves('loss', loss, colours), y: { label: 'loss', ...options.loss } },
    {
      curves: readCurves('accuracy', accuracy, colours).map(inPercent),
      y: { label: 'accuracy (%)', ...options.accuracy },
    },
  ].filter(({ curves }) => curves.length > 0);
  const head = { ...(title ? { title } : {}), ...(subtitle ? { subtitle } : {}) };
  if (sides.length === 1) {
    const [{ curves, y }] = sides as [(typeof sides)[number]];
    return drawCurves(
      where,
      curves,
      { ...head, width: options.width ?? 600, height, x, y, guides },
      'learning curves',
    );
  }
  const each = Math.floor(width / 2);
  return panels(
    sides.map(({ curves, y }) => drawCurves(where, curves, { width: each, height, x, y, guides }, y.label)),
    { columns: 2, ...head },
  );
}
