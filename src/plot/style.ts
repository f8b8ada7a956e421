import { fail } from '../errors.js';

/** Arimo has the widths of Arial and Helvetica: text takes the same room whichever of them a machine has. */
export const FONT = 'Arimo, Arial, Helvetica, sans-serif';

export const INK = '#2b2b2b';
export const FAINT_INK = '#5f5f5f';
export const GRID = '#e4e4e4';
export const AXIS = '#8a8a8a';
export const MARGIN = 16;
export const TEXT_SIZE = 12;
export const LINE_HEIGHT = 17;

/** Okabe & Ito (2008), Color Universal Design, without its black and its yellow, which is too light for lines. */
const SEVEN = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#6b6b6b'];

/** Petroff (2021), Accessible Color Sequences for Data Visualization. */
const TEN = [
  '#3f90da',
  '#ffa90e',
  '#bd1f01',
  '#94a4a2',
  '#832db6',
  '#a96b59',
  '#e76300',
  '#b9ac70',
  '#717581',
  '#92dadd',
];

/** As many colours as asked for, told apart by colour-blind readers; past the tenth they begin again. */
export function palette(count: number): string[] {
  const colours = count <= SEVEN.length ? SEVEN : TEN;
  return Array.from({ length: count }, (_, i) => colours[i % colours.length]!);
}

/** Shapes that go with the colours, so that a class is known without them too. */
const SHAPES = ['circle', 'triangle', 'rect', 'diamond'] as const;
export type Shape = (typeof SHAPES)[number];
export const shapeOf = (index: number): Shape => SHAPES[index % SHAPES.length]!;

/** Advance widths of Arial for U+0020 to U+007E, in thousandths of the font's size. */
const WIDTHS = [
  ...[278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278],
  ...[556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556],
  ...[1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778],
  ...[667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556],
  ...[333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556],
  ...[556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584],
];

/** Width of a line of text in pixels; characters outside ASCII count as wide as a capital. */
export function widthOf(text: string, size = TEXT_SIZE, bold = false): number {
  let sum = 0;
  for (const character of text) sum += WIDTHS[character.codePointAt(0)! - 32] ?? 700;
  return (sum * size * (bold ? 1.08 : 1)) / 1000;
}

/** Words in lines of at most `room` pixels; a word that is longer has a line of its own. */
export function wrap(text: string, room: number, size = TEXT_SIZE, bold = false): string[] {
  const lines: string[] = [];
  for (const part of text.split('\n')) {
    let line = '';
    for (const word of part.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && widthOf(longer, size, bold) > room) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines;
}

/** `text`, its end cut off with an ellipsis where it is wider than `room` pixels. */
export function shorten(text: string, room: number, size = TEXT_SIZE): string {
  if (widthOf(text, size) <= room) return text;
  let end = text.length;
  while (end > 1 && widthOf(`${text.slice(0, end)}…`, size) > room) end--;
  return `${text.slice(0, end).trimEnd()}…`;
}

export type Rgb = readonly [number, number, number];

export const hex = (colour: string): Rgb => [
  Number.parseInt(colour.slice(1, 3), 16),
  Number.parseInt(colour.slice(3, 5), 16),
  Number.parseInt(colour.slice(5, 7), 16),
];

export const css = ([r, g, b]: Rgb): string => `rgb(${r},${g},${b})`;

/** `part` of the way from `a` to `b`. */
export const mix = (a: Rgb, b: Rgb, part: number): Rgb => [
  Math.round(a[0] + (b[0] - a[0]) * part),
  Math.round(a[1] + (b[1] - a[1]) * part),
  Math.round(a[2] + (b[2] - a[2]) * part),
];

/** Black or white, whichever is read better on `colour` (relative luminance of WCAG 2). */
export function inkOn(colour: Rgb): string {
  const [r, g, b] = colour.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.179 ? '#000000' : '#ffffff';
}

/** Every sixteenth colour of matplotlib's viridis (Smith & van der Walt 2015): even steps for the eye. */
const VIRIDIS = [
  ...['#440154', '#481a6c', '#472f7d', '#414487', '#39568c', '#31688e', '#2a788e', '#23888e'],
  ...['#1f988b', '#22a884', '#35b779', '#54c568', '#7ad151', '#a5db36', '#d2e21b', '#fde725'],
].map(hex);

/** ColorBrewer's RdBu turned round: blue below zero, white at it, red above. */
const RD_BU = [
  ...['#053061', '#2166ac', '#4393c3', '#92c5de', '#d1e5f0', '#f7f7f7'],
  ...['#fddbc7', '#f4a582', '#d6604d', '#b2182b', '#67001f'],
].map(hex);

/** White to a dark blue, for counts (ColorBrewer's Blues). */
const BLUES = [
  ...['#f7fbff', '#deebf7', '#c6dbef', '#9ecae1', '#6baed6', '#4292c6', '#2171b5', '#08519c', '#08306b'],
].map(hex);

const GREYS = ['#000000', '#ffffff'].map(hex);

const MAPS = { viridis: VIRIDIS, diverging: RD_BU, blues: BLUES, grey: GREYS } as const;

/**
 * Colours of numbers: `viridis` and `blues` from low to high, `diverging` from blue through white at the middle to red,
 * `grey` from black to white.
 */
export type ColourMap = keyof typeof MAPS;

export function checkColours(where: string, name: ColourMap): ColourMap {
  if (Object.hasOwn(MAPS, name)) return name;
  return fail(where, `colours must be one of ${Object.keys(MAPS).join(', ')}, it is '${String(name)}'`);
}

/** The colour at `part` of a map, 0 to 1; outside it the ends. */
export function colourAt(map: ColourMap, part: number): Rgb {
  const stops = MAPS[map];
  const at = Math.min(1, Math.max(0, part)) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return mix(stops[low]!, stops[low + 1]!, at - low);
}

/** What stands for a value that is not finite. */
export const MISSING: Rgb = [208, 208, 208];
