import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fail } from '../errors.js';
import { importTool, packageRoot } from './tools.js';

/** What is used of the npm package assemblyscript. */
interface Compiler {
  main(
    args: string[],
    host: {
      readFile(name: string, folder: string): Promise<string | null>;
      writeFile(name: string, contents: Uint8Array | string): void;
      listFiles(): string[];
    },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

/** As Weft's own kernels are compiled: no allocator, the device's memory, -O2 (-O3 slows unrolled loops). */
const FLAGS = [
  ...['--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--noAssert', '-O2'],
  ...['--runPasses', 'coalesce-locals'],
];
const OUT = 'kernels.wasm';

/** Compiles `file` for both feature sets, as base64. Imports from `weft/assembly/` are those of this package. */
export async function compileKernels(
  file: string,
  memoryBase: number,
): Promise<{ simd: string; relaxed: string }> {
  const compiler = await importTool<Compiler>('weft kernels', 'assemblyscript/asc');
  const compile = async (features: string): Promise<string> => {
    let binary: Uint8Array | null = null;
    const { error, stderr } = await compiler.main(
      [file, '--outFile', OUT, '--memoryBase', String(memoryBase), '--enable', features, ...FLAGS],
      {
        readFile: readSource,
        writeFile(name, contents) {
          if (name === OUT && typeof contents !== 'string') binary = contents;
        },
        listFiles: () => [],
      },
    );
    if (error || !binary)
      fail(file, `AssemblyScript refuses it: ${stderr.toString().trim() || error?.message}`);
    return Buffer.from(binary!).toString('base64');
  };
  return { simd: await compile('simd'), relaxed: await compile('simd,relaxed-simd') };
}

/** A source file; null where there is none. Settings of the user's other AssemblyScript are left aside. */
async function readSource(name: string, folder: string): Promise<string | null> {
  if (name === 'asconfig.json') return null;
  const own = /(?:^|[\\/])node_modules[\\/]weft[\\/](assembly[\\/].*)$/.exec(name)?.[1];
  return readFile(own ? join(packageRoot(), own) : resolve(folder, name), 'utf8').catch(() => null);
}
