import { fail, messageOf } from '../errors.js';
import { type DecodedImage, type ImageMode, toImage } from './pixels.js';

/**
 * An image file's pixels, decoded by the page: PNG, JPEG and whatever else it knows. In Node, `weft/node` has a function
 * of this name. Raises a WeftError for a damaged file, and where there is no canvas.
 * @param name the file's name, for errors
 */
export async function decodeImage(
  file: Uint8Array | Blob,
  name = 'image',
  { mode = 'RGB' }: { readonly mode?: ImageMode } = {},
): Promise<DecodedImage> {
  if (typeof createImageBitmap === 'undefined' || typeof OffscreenCanvas === 'undefined') {
    return fail(name, 'images are decoded by a page; in Node take decodeImage of weft/node');
  }
  let bitmap: ImageBitmap;
  try {
    const blob = file instanceof Blob ? file : new Blob([new Uint8Array(file)]);
    bitmap = await createImageBitmap(blob, { premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
  } catch (error) {
    return fail(name, `can't be decoded as an image (${messageOf(error)})`);
  }
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context) return fail(name, 'the page gives no 2d canvas to read pixels from');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return toImage(name, { data, width, height, channels: 4 }, mode);
}
