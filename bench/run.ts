/** Runs cases on devices and peers: the part of the benchmark that needs no Node, so that a page runs it, too. */
import { type Contestant, measure } from '../src/cli/measure.js';
import { arithmeticOf, copyOf, measurePeak, type Peak, type Yardsticks } from '../src/cli/peak.js';
import { messageOf } from '../src/errors.js';
import { type Device, type DeviceOptions, open } from '../src/index.js';
import { type BenchCase, SUITE_NAMES, type Suite, type SuiteName, titleOf } from './case.js';
import { type CaseInputs, caseInputs } from './inputs.js';
import { profile } from './profile.js';
import { type BenchResult, boundOf, type Measured, onGPU, toResult } from './report.js';
import { SUITES } from './suites/index.js';
import { prepareWeft, type WeftCase } from './weft.js';

export type BenchBackend = 'wasm' | 'webgpu';

/** A device that takes part. */
export interface Lane {
  readonly device: Device;
  readonly threads: number;
  /** Of one thread, while the others rest; the copy's is the whole device's. */
  readonly peak: Peak;
  readonly yardsticks: Yardsticks;
  dispose(): void;
}

/** The peers that stand ready for one case. */
export interface PeerField {
  readonly names: readonly string[];
  readonly contestants: readonly Contestant[];
  /** Why a peer can't run the case, in its own words, or how far its result is off; by name. */
  readonly errors: ReadonlyMap<string, string>;
  dispose(): void;
}

/** Prepares the peers for a case; `expected` is Weft's result. */
export type PrepareField = (
  c: BenchCase,
  inputs: CaseInputs,
  expected: ArrayLike<number>,
) => Promise<PeerField>;

/**
 * The cases of these suites whose titles contain one of the texts; all without texts. On webgpu alone suites have cases of
 * their own.
 */
export function chooseCases(
  suites: readonly SuiteName[] = SUITE_NAMES,
  texts: readonly string[] = [],
  backends: readonly BenchBackend[] = ['wasm'],
): BenchCase[] {
  const wanted = (c: BenchCase) =>
    texts.length === 0 || texts.some((text) => `${titleOf(c)} ${c.pass}`.includes(text));
  const gpu = backends.every((one) => one === 'webgpu');
  const of = ({ cases, webgpu }: Suite) => (gpu ? (webgpu ?? cases) : cases);
  const cases = suites.flatMap((suite) => of(SUITES[suite])).filter(wanted);
  if (cases.length === 0) throw new RangeError(`--case: no case's name has '${texts.join(', ')}' in it`);
  return cases;
}

/** Below so many GFLOP/s an adapter is taken for one that computes in software, and gets the small cases alone. */
const SOFTWARE_GFLOPS = 200;
const SMALL_FLOPS = 1.2e8;

/** The cases that are no task for minutes on the slowest of these devices. */
export function bearable(cases: readonly BenchCase[], lanes: readonly Lane[]): BenchCase[] {
  const slow = lanes.some(
    ({ device, peak }) => device.backend.kind === 'webgpu' && peak.gflops < SOFTWARE_GFLOPS,
  );
  return slow ? cases.filter(({ flops }) => flops <= SMALL_FLOPS) : [...cases];
}

/** Opens a device, on wasm with so many threads and V8's experiments, and measures its peak. */
export async function openLane(
  kind: BenchBackend,
  { threads = 1, v8 = {} }: Pick<DeviceOptions, 'threads' | 'v8'> = {},
): Promise<Lane> {
  const device = await open(kind, kind === 'wasm' ? { threads, v8 } : {});
  const { threads: count } = device.info;
  // What one thread does when the others rest: all of them can't be measured on a machine that does something else, too.
  const single = count === 1 ? device : await open(kind, { threads: 1, v8 });
  const yardsticks = { arithmetic: await arithmeticOf(single.backend), copy: await copyOf(device.backend) };
  return {
    device,
    threads: count,
    peak: await measurePeak(yardsticks),
    yardsticks,
    dispose() {
      if (single !== device) single.dispose();
      device.dispose();
    },
  };
}

/** The GPU adapter of these lanes, as it describes itself; null without one. */
export const adapterOf = (lanes: readonly Lane[]): string | null =>
  lanes.find(({ device }) => device.backend.kind === 'webgpu')?.device.info.description ?? null;

/** A lane's name among the contestants of a case. */
const nameOf = ({ device, threads }: Lane): string =>
  `weft-${device.backend.kind}${threads > 1 ? ` x${threads}` : ''}`;

/** Runs one case: every lane and every peer, interleaved. */
async function runCase(
  c: BenchCase,
  lanes: readonly Lane[],
  prepareField?: PrepareField,
): Promise<BenchResult[]> {
  const inputs = caseInputs(c);
  const ready: WeftCase[] = [];
  let field: PeerField | null = null;
  try {
    for (const lane of lanes) ready.push(await prepareWeft(lane.device, c, inputs, nameOf(lane)));
    const shared = c.pass === 'step' || c.pass === 'update' || c.without === undefined;
    if (prepareField && shared) field = await prepareField(c, inputs, await ready[0]!.output());
    const kind = boundOf(c.suite) === 'arithmetic' ? 'arithmetic' : 'copy';
    const yardstickOf = (lane: Lane) => ({ ...lane.yardsticks[kind], name: `${kind} of ${nameOf(lane)}` });
    const outcomes = await measure([
      ...ready.map(({ contestant }) => contestant),
      ...lanes.map(yardstickOf),
      ...(field?.contestants ?? []),
    ]);
    const timingOf = (name: string) => {
      const outcome = outcomes.get(name);
      return outcome && !('error' in outcome) ? outcome : null;
    };
    const result = (
      name: string,
      lane: Lane | undefined,
      rest: Pick<Measured, 'engine' | 'threads' | 'outsideKernels'>,
    ) => {
      const outcome = outcomes.get(name);
      const failure = outcome && 'error' in outcome ? outcome.error : null;
      const { name: stick, amount } = lane ? yardstickOf(lane) : { name: '', amount: 0 };
      const peak = timingOf(stick);
      return toResult(c, {
        timing: timingOf(name),
        error: failure ?? field?.errors.get(name) ?? null,
        yardstick: peak && { timing: peak, amount },
        ...rest,
      });
    };
    const results: BenchResult[] = [];
    for (const [i, lane] of lanes.entries()) {
      const backend = lane.device.backend.kind;
      const outsideKernels =
        c.pass === 'step' && backend === 'wasm' ? (await profile(ready[i]!)).outside : null;
      const { threads } = lane;
      results.push(result(nameOf(lane), lane, { engine: `weft-${backend}`, threads, outsideKernels }));
    }
    // A peer's own percent of peak is that of one thread of the CPU that it runs on, or of the GPU.
    const cpu = lanes.find(({ device, threads }) => device.backend.kind === 'wasm' && threads === 1);
    const gpu = lanes.find(({ device }) => device.backend.kind === 'webgpu');
    for (const name of field?.names ?? []) {
      results.push(result(name, onGPU(name) ? gpu : cpu, { engine: name, threads: 1 }));
    }
    return results;
  } finally {
    for (const weft of ready) weft.dispose();
    field?.dispose();
  }
}

/** Runs cases one after another; `say` is told before each. */
export async function runCases(
  cases: readonly BenchCase[],
  lanes: readonly Lane[],
  say: (line: string) => void,
  prepareField?: PrepareField,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const [i, c] of cases.entries()) {
    say(`${i + 1}/${cases.length} ${titleOf(c)}`);
    try {
      results.push(...(await runCase(c, lanes, prepareField)));
    } catch (error) {
      throw new Error(`${titleOf(c)}: ${messageOf(error)}`, { cause: error });
    }
  }
  return results;
}
