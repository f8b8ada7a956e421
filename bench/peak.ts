import type { Command } from '../src/backend/backend.js';
import { measure } from '../src/cli/measure.js';
import type { Backend } from '../src/index.js';
import type { Peak } from './report.js';

const COPY_BYTES = 1 << 26;

/** Rounds of one call and floating-point operations of one round, by backend. */
const ARITHMETIC = {
  wasm: { count: 1000, units: 20, flopsPerUnit: 1000 * 12 * 8 },
  webgpu: { count: 4096, units: 1 << 16, flopsPerUnit: 4096 * 64 },
} as const;

/** What one thread of a CPU, or a whole GPU, reaches on arithmetic from registers and on a copy of 64 MiB. */
export async function measurePeak(backend: Backend): Promise<Peak> {
  if (backend.kind === 'reference') throw new Error('measurePeak: the reference backend has no kernels');
  const { count, units, flopsPerUnit } = ARITHMETIC[backend.kind];
  const data = backend.allocate(4096, 'peak');
  // x = 0.5 and y = 0.5 keep every chain near 1.
  backend.write(data, new Float32Array(1024).fill(0.5), 'f32');
  const [from, to] = [
    backend.allocate(COPY_BYTES, 'copy source'),
    backend.allocate(COPY_BYTES, 'copy target'),
  ];
  const at = (index: number, bytes: number) => ({ kind: 'external', index, bytes }) as const;
  const blocks = COPY_BYTES / 16;
  const commands: Record<'arithmetic' | 'copy', Command> = {
    arithmetic: {
      kind: 'dispatch',
      label: 'peak',
      kernel: 'peak_f32',
      operands: [at(0, 4096)],
      params: { count },
      units,
      scratch: 0,
    },
    copy: {
      kind: 'dispatch',
      label: 'copy',
      kernel: 'copy_f32',
      operands: [at(0, COPY_BYTES), at(1, COPY_BYTES)],
      params: { count: blocks },
      units: backend.kind === 'wasm' ? COPY_BYTES >> 14 : blocks,
      scratch: 0,
    },
  };
  const arithmetic = await backend.prepare({ commands: [commands.arithmetic], regions: [], externals: 1 });
  const copy = await backend.prepare({ commands: [commands.copy], regions: [], externals: 2 });
  const finish = () => (backend.kind === 'webgpu' ? backend.read(data, 'f32', 1).then(() => {}) : undefined);
  const outcome = await measure([
    {
      name: 'arithmetic',
      run() {
        arithmetic.run([data]);
        return finish();
      },
    },
    {
      name: 'copy',
      run() {
        copy.run([from, to]);
        return finish();
      },
    },
  ]);
  const fastest = (name: string): number => {
    const result = outcome.get(name)!;
    if ('error' in result) throw new Error(`measurePeak: ${name}: ${result.error}`);
    return result.minMs;
  };
  const peak = {
    gflops: (units * flopsPerUnit) / fastest('arithmetic') / 1e6,
    copyGBps: (2 * COPY_BYTES) / fastest('copy') / 1e6,
  };
  arithmetic.release();
  copy.release();
  for (const buffer of [data, from, to]) buffer.free();
  return peak;
}
