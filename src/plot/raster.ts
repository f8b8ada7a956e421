import { fail } from '../errors.js';

const inNode = (): boolean => typeof process === 'object' && process.versions?.node !== undefined;

/** An SVG as PNG, `scale` pixels for each of its own: by resvg in Node, by the page's canvas in a page. */
export async function rasterise(
  svg: string,
  width: number,
  height: number,
  scale: number,
): Promise<Uint8Array> {
  if (!Number.isFinite(scale) || scale <= 0) fail('png', `scale must be a number above 0, it is ${scale}`);
  if (inNode()) return (await import('./resvg.js')).render(svg, scale);
  if (typeof document === 'undefined')
    fail(
      'png',
      'needs Node or a page with a canvas; in a worker take svg() and turn it into PNG in the page',
    );
  return inPage(svg, Math.round(width * scale), Math.round(height * scale));
}

async function inPage(svg: string, width: number, height: number): Promise<Uint8Array> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  try {
    await image.decode();
  } catch (error) {
    fail('png', `the page can't show the SVG (${String(error)}); its policy must allow data: in img-src`);
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d') ?? fail('png', 'this page has no 2d canvas; take svg()');
  context.drawImage(image, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (!blob) return fail('png', `the page can't make a canvas of ${width} x ${height}; take a smaller scale`);
  return new Uint8Array(await blob.arrayBuffer());
}
