import type { Backend, DeviceBuffer } from '../index.js';
import { type Contestant, measure } from './measure.js';

/** What a device reaches at most: f32 arithmetic from registers, by one of its threads, and a copy through memory (read plus write). */
export interface Peak {
  readonly gflops: number;
  readonly copyGBps: number;
}

const COPY_BYTES = 1 << 26;

/** Rounds of one call, floating-point operations of one of its units, and how many units there are at first, by backend. */
const ARITHMETIC = {
  wasm: { count: 1000, flopsPerUnit: 1000 * 12 * 8, units: 20 },
  webgpu: { count: 4096, flopsPerUnit: 4096 * 64, units: 1 << 8 },
} as const;

/**
 * A GPU's units are made more until a call takes so long: between one that computes in software and a fast one lies a
 * factor of ten thousand.
 */
const LONG_ENOUGH_MS = 5;
const MOST_UNITS = 1 << 20;

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

type Program = Awaited<ReturnType<Backend['prepare']>>;

/** A kernel alone, on these buffers. */
interface Lone extends Omit<Contestant, 'name'> {
  readonly program: Program;
}

async function lone(
  backend: Backend,
  kernel: string,
  buffers: readonly DeviceBuffer[],
  count: number,
  units: number,
): Promise<Lone> {
  const sizes = buffers.map(({ bytes }) => bytes);
  const commands = [dispatch(kernel, sizes, count, units)];
  const program = await backend.prepare({ commands, regions: [], externals: buffers.length });
  return {
    program,
    run: () => program.run(buffers),
    ...(backend.kind === 'webgpu' && {
      finish: () => backend.read(buffers[0]!, 'f32', 1).then(() => {}),
    }),
  };
}

/** As many units of arithmetic as a call needs to be worth timing. */
async function unitsFor(backend: Backend, data: DeviceBuffer, count: number, units: number): Promise<number> {
  if (backend.kind !== 'webgpu') return units;
  for (let work = units; work < MOST_UNITS; work *= 4) {
    const { program, run, finish } = await lone(backend, 'peak_f32', [data], count, work);
    await run();
    await finish?.();
    const before = performance.now();
    await run();
    await finish?.();
    const ms = performance.now() - before;
    program.release();
    if (ms > LONG_ENOUGH_MS) return work;
  }
  return MOST_UNITS;
}

/** Work of a known amount that a device does as fast as it can. */
export interface Yardstick extends Contestant {
  /** Of one execution: floating-point operations of one thread, or bytes read and written. */
  readonly amount: number;
}

/** What a device is held against; they go with their devices. */
export interface Yardsticks {
  readonly arithmetic: Yardstick;
  readonly copy: Yardstick;
}

function kindOf({ kind }: Backend): 'wasm' | 'webgpu' {
  if (kind === 'reference') throw new Error('the reference backend has no kernels that could reach a peak');
  return kind;
}

/** Arithmetic from registers, on all threads of a CPU or a whole GPU. */
export async function arithmeticOf(backend: Backend): Promise<Yardstick> {
  const { count, flopsPerUnit, units } = ARITHMETIC[kindOf(backend)];
  const data = backend.allocate(4096, 'peak');
  // x = 0.5 and y = 0.5 keep every chain near 1.
  backend.write(data, new Float32Array(1024).fill(0.5), 'f32');
  const work = await unitsFor(backend, data, count, units);
  const run = await lone(backend, 'peak_f32', [data], count, backend.info.threads * work);
  return { ...run, name: 'arithmetic', amount: work * flopsPerUnit };
}

/** A copy of 64 MiB. */
export async function copyOf(backend: Backend): Promise<Yardstick> {
  const blocks = COPY_BYTES / 16;
  const units = kindOf(backend) === 'wasm' ? blocks >> 10 : blocks;
  const buffers = ['source', 'target'].map((name) => backend.allocate(COPY_BYTES, `copy ${name}`));
  const run = await lone(backend, 'copy_f32', buffers, blocks, units);
  return { ...run, name: 'copy', amount: 2 * COPY_BYTES };
}

/** The most that a device reached on its yardsticks. */
export async function measurePeak({ arithmetic, copy }: Yardsticks): Promise<Peak> {
  const outcome = await measure([arithmetic, copy]);
  const fastest = ({ name, amount }: Yardstick): number => {
    const result = outcome.get(name)!;
    if ('error' in result) throw new Error(`measurePeak: ${name}: ${result.error}`);
    return amount / result.minMs / 1e6;
  };
  return { gflops: fastest(arithmetic), copyGBps: fastest(copy) };
}
