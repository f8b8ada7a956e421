import type { Element } from './elements.js';
import { FONT, INK } from './style.js';

/** What echarts gives a custom series to place its elements by. */
interface Api {
  value(dimension: number): number;
  coord(point: readonly number[]): number[];
  barLayout(options: object): { readonly offsetCenter: number; readonly width: number }[];
}

/** How echarts lays out bars of as many series side by side. */
export interface BarGaps {
  readonly count: number;
  readonly barGap: string;
  readonly barCategoryGap: string;
}

/** What stands on one bar; `low` and `high` are the whisker's ends. */
export interface Whisker {
  readonly low: number;
  readonly high: number;
  /** Past the bar and its whisker, on horizontal bars. */
  readonly text?: string;
}

type Point = [number, number];

const line = ([x1, y1]: Point, [x2, y2]: Point) => ({
  type: 'line',
  shape: { x1, y1, x2, y2 },
  style: { stroke: INK, lineWidth: 1.2 },
});

/**
 * Whiskers over a series of bars: a line from `low` to `high` with a stroke across either end, none where they are equal.
 * @param list one for each category, null where nothing stands
 * @param index which of the series that stand side by side
 */
export function whiskers(
  list: readonly (Whisker | null)[],
  index: number,
  gaps: BarGaps,
  horizontal: boolean,
): Element {
  const renderItem = (_: unknown, api: Api) => {
    const [category, low, high] = [api.value(0), api.value(1), api.value(2)];
    const { offsetCenter, width } = api.barLayout(gaps)[index]!;
    const half = Math.min(5, width / 3);
    const at = (value: number, across: number): Point => {
      const [x, y] = api.coord(horizontal ? [value, category] : [category, value]) as Point;
      return horizontal ? [x, y + offsetCenter + across] : [x + offsetCenter + across, y];
    };
    const end = (value: number) => line(at(value, -half), at(value, half));
    const [x, y] = at(high, 0);
    const style = { text: list[category]?.text, x: x + 6, y, verticalAlign: 'middle', fill: INK };
    const rim = { stroke: '#ffffff', lineWidth: 2 };
    const font = { fontSize: 10, fontFamily: FONT, lineHeight: 10 };
    return {
      type: 'group',
      children: [
        ...(low < high ? [line(at(low, 0), at(high, 0)), end(low), end(high)] : []),
        ...(style.text ? [{ type: 'text', style: { ...style, ...font, ...rim } }] : []),
      ],
    };
  };
  return {
    ...{ type: 'custom', silent: true, clip: false, z: 5, renderItem },
    encode: horizontal ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    data: list.flatMap((one, i) => (one ? [[i, one.low, one.high]] : [])),
  };
}
