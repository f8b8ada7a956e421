import { fail } from '../errors.js';
import type { Element } from './elements.js';
import type { Area } from './frame.js';
import { mark } from './legend.js';
import { type Curve, curveSeries } from './line.js';
import { type Numbers, numbers } from './values.js';

/** A way, step by step; steps that are not finite, as where a descent diverged, are left out. */
export interface DescentPath {
  readonly x: Numbers;
  readonly y: Numbers;
  /** For the legend. */
  readonly name?: string;
  /** Default: the next of the palette. */
  readonly colour?: string;
}

/** More steps than this are a line without a dot for each. */
const DOTS = 60;

export function readPath(where: string, argument: string, path: DescentPath, colour: string): Curve {
  const x = numbers(where, `${argument}.x`, path.x, { gaps: true });
  const y = numbers(where, `${argument}.y`, path.y, { gaps: true, length: x.length, like: `${argument}.x` });
  if (!Number.isFinite(x[0]!) || !Number.isFinite(y[0]!))
    fail(where, `${argument} starts at (${x[0]}, ${y[0]}); give a finite start`);
  return {
    ...{ name: path.name, colour: path.colour ?? colour, dash: undefined, faint: false, x, spread: null },
    points: x.length <= DOTS,
    // A step without a finite place is a gap in either coordinate.
    y: y.map((value, i) => (Number.isFinite(x[i]!) ? value : Number.NaN)),
  };
}

/** A line on a wider white one, which parts it from whatever it runs over. */
export function pathSeries(path: Curve): Element[] {
  const [line, dots] = curveSeries(path, false, false, 6) as [Element, Element];
  return [
    { ...line, z: 5, lineStyle: { color: '#ffffff', width: 4, type: 'solid', opacity: 0.8 } },
    line,
    { ...dots, symbolSize: 4.5 },
  ];
}

/** A ring at the start, a diamond at the last finite step; neither where it lies outside the axes. */
export function pathElements(path: Curve, area: Area): Element[] {
  const last = path.y.findLastIndex((value, i) => Number.isFinite(value) && Number.isFinite(path.x[i]!));
  const at = (i: number) => [area.x(path.x[i]!), area.y(path.y[i]!)] as const;
  const inside = ([x, y]: readonly [number, number]) =>
    x >= area.left - 1 &&
    x <= area.left + area.width + 1 &&
    y >= area.top - 1 &&
    y <= area.top + area.height + 1;
  const [start, end] = [at(0), at(last)];
  const ring = { fill: '#ffffff', stroke: path.colour, lineWidth: 2 };
  return [
    ...(inside(start) ? [mark('circle', ...start, 9, ring)] : []),
    ...(last > 0 && inside(end)
      ? [mark('diamond', ...end, 13, { fill: path.colour, stroke: '#ffffff', lineWidth: 1.2 })]
      : []),
  ];
}
