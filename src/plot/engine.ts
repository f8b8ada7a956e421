import { fail } from '../errors.js';

const why = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** An optional package's part of this library; whoever imports `weft/plot` without the package is told so. */
async function need<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    return fail(
      'weft/plot',
      `needs the package ${name}, whose import failed (${why(error)}); run 'npm install ${name}', or name it in the page's import map`,
    );
  }
}

export const { draw, PIXELATED } = await need('echarts', () => import('./echarts.js'));
export const { encode } = await need('fast-png', () => import('fast-png'));
