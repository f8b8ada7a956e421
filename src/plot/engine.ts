import { fail, messageOf } from '../errors.js';

/** An optional package's part of this library; whoever imports `weft/plot` without the package is told so. */
async function need<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    return fail(
      'weft/plot',
      `needs the package ${name}, whose import failed (${messageOf(error)}); run 'npm install ${name}', or name it in the page's import map`,
    );
  }
}

export const { draw, PIXELATED } = await need('echarts', () => import('./echarts.js'));
export const { encode } = await need('fast-png', () => import('fast-png'));
