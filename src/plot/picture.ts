import { rasterise } from './raster.js';
import { svgDocument } from './svg.js';

export interface PngOptions {
  /** Pixels of the PNG for each of the picture's own, default 2, which is sharp on dense screens too. */
  readonly scale?: number;
}

/** A finished drawing; sizes in pixels of CSS. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** An SVG document on white. */
  svg(): string;
  /** A PNG of `scale` times the size. In Node it needs `@resvg/resvg-wasm` and `@expo-google-fonts/arimo`. */
  png(options?: PngOptions): Promise<Uint8Array>;
}

/** A picture of SVG elements; `title` is read out to those who can't see it. */
export function picture(width: number, height: number, title: string, body: string): Picture {
  const svg = () => svgDocument(width, height, title, body);
  return { width, height, svg, png: ({ scale = 2 } = {}) => rasterise(svg(), width, height, scale) };
}
