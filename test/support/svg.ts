import { decode } from 'fast-png';

export interface SvgElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** What stands between its tags where that is text alone. */
  text: string;
}

const TAG = /<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g;

/** The elements of an SVG in order; throws where tags don't close each other or text holds a bare `<` or `&`. */
export function parseSvg(svg: string): SvgElement[] {
  const found: SvgElement[] = [];
  const open: SvgElement[] = [];
  let end = 0;
  for (const match of svg.matchAll(TAG)) {
    const between = svg.slice(end, match.index);
    if (/<|&(?!(amp|lt|gt|quot|#\d+);)/.test(between)) throw new Error(`not XML: '${between}'`);
    if (open.length > 0) open.at(-1)!.text += between;
    end = match.index + match[0].length;
    const [, closing, name, rest, empty] = match;
    if (closing) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const pairs = [...rest!.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]);
    const element = { name: name!, attributes: Object.fromEntries(pairs), text: '' };
    found.push(element);
    if (!empty) open.push(element);
  }
  if (open.length > 0 || svg.slice(end).trim()) throw new Error('the document is not closed');
  return found;
}

export const textsOf = (svg: string): string[] =>
  parseSvg(svg).flatMap(({ name, text }) => (name === 'text' ? [text] : []));

/** Where a text is anchored. */
export function placeOf(svg: string, text: string): [number, number] {
  const one = parseSvg(svg).find((element) => element.name === 'text' && element.text === text);
  if (!one) throw new Error(`no text '${text}' among ${textsOf(svg).join(' | ')}`);
  const moved = /(?:translate\(|matrix\(.*,.*,.*,.*,)([-\d.]+)[ ,]([-\d.]+)\)/.exec(
    one.attributes.transform ?? '',
  );
  const own = (key: 'x' | 'y') => Number(one.attributes[key] ?? 0);
  return [own('x') + Number(moved?.[1] ?? 0), own('y') + Number(moved?.[2] ?? 0)];
}

/** All numbers of a path's or polyline's points, in pairs. */
export function pointsOf({ attributes }: SvgElement): [number, number][] {
  const numbers = (attributes.points ?? attributes.d ?? '').match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]);
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of a pixel, from the top left. */
  at(x: number, y: number): [number, number, number];
}

export function pixelsOf(png: Uint8Array): Pixels {
  const { width, height, data, channels } = decode(png);
  return {
    width,
    height,
    at: (x, y) => [0, 1, 2].map((c) => data[(y * width + x) * channels + c]!) as [number, number, number],
  };
}

/** The pixels of the images in an SVG, in order, but for those of colour bars, which are one pixel wide. */
export const imagesOf = (svg: string): Pixels[] =>
  parseSvg(svg)
    .filter(({ name }) => name === 'image')
    .map(({ attributes }) => pixelsOf(Buffer.from((attributes.href ?? '').replace(/^.*,/, ''), 'base64')))
    .filter(({ width }) => width > 1);
