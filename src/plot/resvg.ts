import { fail, messageOf } from '../errors.js';
import { PIXELATED } from './engine.js';

interface Rendered {
  asPng(): Uint8Array;
  free(): void;
}
interface Resvg {
  render(): Rendered;
  free(): void;
}
interface ResvgPackage {
  initWasm(binary: Uint8Array): Promise<void>;
  Resvg: new (svg: string, options: object) => Resvg;
}
interface Files {
  readFile(path: string): Promise<Uint8Array>;
}
interface Modules {
  createRequire(from: string): { resolve(path: string): string };
}

const RESVG = '@resvg/resvg-wasm';
const ARIMO = '@expo-google-fonts/arimo';
const FONTS = ['400Regular/Arimo_400Regular.ttf', '700Bold/Arimo_700Bold.ttf'];

/** In a variable so that bundlers for browsers don't follow it. */
const load = async <T>(specifier: string): Promise<T> =>
  (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as T;

async function need<T>(name: string, what: () => Promise<T>): Promise<T> {
  try {
    return await what();
  } catch (error) {
    return fail(
      'png',
      `needs the package ${name} in Node (${messageOf(error)}); run 'npm install ${name}', or take svg()`,
    );
  }
}

const { readFile } = await load<Files>('node:fs/promises');
const { createRequire } = await load<Modules>('node:module');
const { resolve } = createRequire(import.meta.url);

const { initWasm, Resvg } = await need(RESVG, () => load<ResvgPackage>(RESVG));
const fontBuffers = await need(ARIMO, () =>
  Promise.all(FONTS.map(async (file) => new Uint8Array(await readFile(resolve(`${ARIMO}/${file}`))))),
);
try {
  await initWasm(await readFile(resolve(`${RESVG}/index_bg.wasm`)));
} catch (error) {
  // Somebody else in this process has done it already, which is as good.
  if (!/already initialized/i.test(String(error))) throw error;
}

/** An SVG as PNG, `scale` pixels for each of its own, with the widths of Arial for any font. */
export function render(svg: string, scale: number): Uint8Array {
  const font = { fontBuffers, defaultFontFamily: 'Arimo', sansSerifFamily: 'Arimo' };
  // resvg knows the older attribute beside it, and not this style, which would win.
  const picture = new Resvg(svg.replaceAll(PIXELATED, ''), { font, fitTo: { mode: 'zoom', value: scale } });
  try {
    const rendered = picture.render();
    const png = rendered.asPng();
    rendered.free();
    return png;
  } finally {
    picture.free();
  }
}
