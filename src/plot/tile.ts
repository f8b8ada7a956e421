import { encode } from './engine.js';
import { mix, type Rgb } from './style.js';

/** Pixels as a PNG in a data URI, one for each element, row by row from the top. */
export function tile(width: number, height: number, colour: (index: number) => Rgb): string {
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) data.set(colour(i), 3 * i);
  const png = encode({ width, height, data, channels: 3, depth: 8 });
  let text = '';
  for (let i = 0; i < png.length; i += 4096) text += String.fromCharCode(...png.subarray(i, i + 4096));
  return `data:image/png;base64,${btoa(text)}`;
}

/**
 * An image of a grid whose colours run into each other between its nodes; the outer nodes lie on the edges. Row 0 is at the
 * bottom.
 */
export function smoothTile(columns: number, rows: number, colour: (node: number) => Rgb): string {
  const nodes = Array.from({ length: rows * columns }, (_, i) => colour(i));
  const times = (n: number) => Math.max(1, Math.round(240 / (n - 1)));
  const [width, height] = [(columns - 1) * times(columns), (rows - 1) * times(rows)];
  return tile(width, height, (i) => {
    const x = ((i % width) + 0.5) / times(columns);
    const y = rows - 1 - (Math.floor(i / width) + 0.5) / times(rows);
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const at = row * columns + column;
    const low = mix(nodes[at]!, nodes[at + 1]!, x - column);
    const high = mix(nodes[at + columns]!, nodes[at + columns + 1]!, x - column);
    return mix(low, high, y - row);
  });
}
