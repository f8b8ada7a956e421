import { box, type Element, image, polyline, text } from './elements.js';
import { AXIS, type ColourMap, colourAt, INK, type Rgb, widthOf } from './style.js';
import { formatNumber, formatTick, multiples, niceStep } from './ticks.js';
import { tile } from './tile.js';

/** The colours of a picture with the numbers that they stand for. */
export interface ColourBar {
  readonly low: number;
  readonly high: number;
  readonly label?: string | undefined;
  /** The colour at 0 to 1 of the way from low to high. */
  readonly colour: (part: number) => Rgb;
  readonly ticks?: readonly number[];
  /** Whether its ticks are whole numbers. */
  readonly whole?: boolean;
  /** Values marked by a line across the bar, as the levels of iso-lines are. */
  readonly levels?: readonly number[];
}

export const barOf = (map: ColourMap, low: number, high: number, label?: string): ColourBar => ({
  low,
  high,
  label,
  colour: (part) => colourAt(map, part),
});

const WIDTH = 14;

function ticksOf({ low, high, ticks, whole }: ColourBar): { at: number; text: string }[] {
  if (ticks) return ticks.map((at) => ({ at, text: formatNumber(at) }));
  const step = niceStep(high - low, 5, whole);
  return multiples(low, high, step).map((at) => ({ at, text: formatTick(at, step) }));
}

export const widthOfBar = (bar: ColourBar): number =>
  14 + WIDTH + 8 + Math.max(0, ...ticksOf(bar).map((tick) => widthOf(tick.text))) + (bar.label ? 22 : 0);

/** Upright, its lowest value at the bottom. */
export function colourBar(bar: ColourBar, left: number, top: number, height: number): Element[] {
  const steps = 128;
  const uri = tile(1, steps, (i) => bar.colour(1 - i / (steps - 1)));
  const at = (value: number) => top + height * (1 - (value - bar.low) / (bar.high - bar.low));
  const ticks = ticksOf(bar);
  const wide = Math.max(0, ...ticks.map((tick) => widthOf(tick.text)));
  const right = left + WIDTH;
  return [
    image(uri, left, top, WIDTH, height),
    box(left, top, WIDTH, height, { stroke: AXIS }),
    ...(bar.levels ?? []).map((level) =>
      polyline(
        [
          [left, at(level)],
          [right, at(level)],
        ],
        { stroke: INK, lineWidth: 1 },
      ),
    ),
    ...ticks.flatMap((tick) => [
      polyline(
        [
          [right, at(tick.at)],
          [right + 4, at(tick.at)],
        ],
        { stroke: AXIS },
      ),
      text(tick.text, right + 7, at(tick.at)),
    ]),
    ...(bar.label
      ? [
          text(bar.label, right + 8 + wide + 13, top + height / 2, {
            align: 'center',
            size: 13,
            turned: true,
          }),
        ]
      : []),
  ];
}
