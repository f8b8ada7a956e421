import type { Backend, DeviceBuffer } from '../index.js';
import { measure } from './measure.js';

/** What a device reaches at most: f32 arithmetic from registers, by one of its threads, and a copy through memory (read plus write). */
export interface Peak {
  readonly gflops: number;
  readonly copyGBps: number;
}

const COPY_BYTES = 1 << 26;

/** Rounds of one call and floating-point operations of one round, by backend. */
const ARITHMETIC = {
  wasm: { count: 1000, units: 20, flopsPerUnit: 1000 * 12 * 8 },
  webgpu: { count: 4096, units: 1 << 16, flopsPerUnit: 4096 * 64 },
} as const;

type Command = Parameters<Backend['prepare']>[0]['commands'][number];

const dispatch = (kernel: string, bytes: readonly number[], count: number, units: number): Command => ({
  kind: 'dispatch',
  label: kernel,
  kernel,
  operands: bytes.map((size, index) => ({ kind: 'external', index, bytes: size })),
  params: { count },
  units,
  scratch: 0,
  // Worth splitting over threads, whatever it takes.
  cost: Number.POSITIVE_INFINITY,
});

/** What one thread of a CPU, or a whole GPU, reaches on arithmetic from registers, and the device on a copy of 64 MiB. */
export async function measurePeak(backend: Backend): Promise<Peak> {
  if (backend.kind === 'reference') throw new Error('measurePeak: the reference backend has no kernels');
  const { count, units, flopsPerUnit } = ARITHMETIC[backend.kind];
  const { threads } = backend.info;
  const data = backend.allocate(4096, 'peak');
  // x = 0.5 and y = 0.5 keep every chain near 1.
  backend.write(data, new Float32Array(1024).fill(0.5), 'f32');
  const [from, to] = [
    backend.allocate(COPY_BYTES, 'copy source'),
    backend.allocate(COPY_BYTES, 'copy target'),
  ];
  const blocks = COPY_BYTES / 16;
  const prepare = (command: Command, externals: number) =>
    backend.prepare({ commands: [command], regions: [], externals });
  const work = units * threads;
  const arithmetic = await prepare(dispatch('peak_f32', [4096], count, work), 1);
  const pages = backend.kind === 'wasm' ? COPY_BYTES >> 14 : blocks;
  const copy = await prepare(dispatch('copy_f32', [COPY_BYTES, COPY_BYTES], blocks, pages), 2);
  const finish = () => (backend.kind === 'webgpu' ? backend.read(data, 'f32', 1).then(() => {}) : undefined);
  const contestant = (name: string, program: typeof copy, buffers: readonly DeviceBuffer[]) => ({
    name,
    run() {
      program.run(buffers);
      return finish();
    },
  });
  const outcome = await measure([
    contestant('arithmetic', arithmetic, [data]),
    contestant('copy', copy, [from, to]),
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
  for (const program of [arithmetic, copy]) program.release();
  for (const buffer of [data, from, to]) buffer.free();
  return peak;
}
