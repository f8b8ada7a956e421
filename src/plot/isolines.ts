import type { Matrix } from './values.js';

type Point = readonly [number, number];

/** Where the level lies between two nodes, as a part of the way. */
const cross = (a: number, b: number, level: number) => (level - a) / (b - a);

/** Pieces of the iso-line within one cell; a saddle is cut as the mean of its corners says. */
function pieces(
  a: number,
  b: number,
  c: number,
  d: number,
  level: number,
  x: number,
  y: number,
): [Point, Point][] {
  // Corners: a at (x, y), b at (x+1, y), c at (x+1, y+1), d at (x, y+1).
  const low = (): Point => [x + cross(a, b, level), y];
  const right = (): Point => [x + 1, y + cross(b, c, level)];
  const high = (): Point => [x + cross(d, c, level), y + 1];
  const left = (): Point => [x, y + cross(a, d, level)];
  const kind = (a > level ? 1 : 0) + (b > level ? 2 : 0) + (c > level ? 4 : 0) + (d > level ? 8 : 0);
  const middle = (a + b + c + d) / 4 > level;
  switch (kind) {
    case 1:
    case 14:
      return [[left(), low()]];
    case 2:
    case 13:
      return [[low(), right()]];
    case 3:
    case 12:
      return [[left(), right()]];
    case 4:
    case 11:
      return [[right(), high()]];
    case 6:
    case 9:
      return [[low(), high()]];
    case 7:
    case 8:
      return [[left(), high()]];
    case 5:
      return middle
        ? [
            [left(), high()],
            [low(), right()],
          ]
        : [
            [left(), low()],
            [right(), high()],
          ];
    case 10:
      return middle
        ? [
            [left(), low()],
            [right(), high()],
          ]
        : [
            [left(), high()],
            [low(), right()],
          ];
    default:
      return [];
  }
}

const keyOf = ([x, y]: Point) => `${x.toFixed(6)},${y.toFixed(6)}`;

/** Joins pieces that share an end to lines as long as they go. */
function join(all: readonly [Point, Point][]): Point[][] {
  const ends = new Map<string, number[]>();
  for (const [i, piece] of all.entries())
    for (const end of piece) ends.set(keyOf(end), [...(ends.get(keyOf(end)) ?? []), i]);
  const used = new Set<number>();
  const grow = (line: Point[]) => {
    for (;;) {
      const key = keyOf(line.at(-1)!);
      const next = ends.get(key)?.find((i) => !used.has(i));
      if (next === undefined) return;
      used.add(next);
      const [p, q] = all[next]!;
      line.push(keyOf(p) === key ? q : p);
    }
  };
  return all.flatMap((piece, i) => {
    if (used.has(i)) return [];
    used.add(i);
    const line: Point[] = [...piece];
    grow(line);
    line.reverse();
    grow(line);
    return [line];
  });
}

/**
 * Lines along which a table of values at the nodes of a grid has the value `level`, by marching squares; points are [column,
 * row], between nodes by linear interpolation. Cells with a value that is not finite have none.
 */
export function isolines({ rows, columns, data }: Matrix, level: number): Point[][] {
  const all: [Point, Point][] = [];
  for (let y = 0; y + 1 < rows; y++) {
    for (let x = 0; x + 1 < columns; x++) {
      const at = y * columns + x;
      const corners = [data[at]!, data[at + 1]!, data[at + columns + 1]!, data[at + columns]!] as const;
      if (corners.every(Number.isFinite)) all.push(...pieces(...corners, level, x, y));
    }
  }
  return join(all);
}
