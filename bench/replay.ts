/**
 * What JavaScript spends on a replayed program, which the GPU need not have run when it returns, and what of that are the calls
 * of WebGPU alone: the same calls, made by a bare loop in the same run.
 */
import { open } from '../src/index.js';
import { caseInputs } from './inputs.js';
import { stepSuite } from './suites/step.js';
import { aligned } from './text.js';
import { prepareWeft, type WeftCase } from './weft.js';

export interface ReplayTime {
  readonly case: string;
  readonly dispatches: number;
  /** Microseconds from the call to the return of a run: one encoder, one submit; median and least. */
  readonly medianUs: number;
  readonly minUs: number;
  /** The same for the calls of WebGPU that a run makes. */
  readonly callsMedianUs: number;
  readonly callsMinUs: number;
}

export interface Replays {
  readonly adapter: string;
  readonly replays: readonly ReplayTime[];
}

const WARM = 10;
const LEAST_ROUNDS = 30;
const ROUNDS = 200;
/** Milliseconds after which the rounds of a case are enough. */
const ENOUGH = 6000;

type Call = (pass: GPUComputePassEncoder, encoder: GPUCommandEncoder) => GPUComputePassEncoder | undefined;

/** Notes the calls by which the next program is encoded. */
function recorder(device: GPUDevice): { record(run: () => Promise<void>): Promise<Call[]> } {
  const make = device.createCommandEncoder.bind(device);
  let calls: Call[] | null = null;
  const spare = (size: number) => device.createBuffer({ size, usage: 8 });
  const note = (encoder: GPUCommandEncoder, into: Call[]) => {
    const { beginComputePass, copyBufferToBuffer } = encoder;
    encoder.beginComputePass = (descriptor) => {
      into.push((_, own) => own.beginComputePass(descriptor));
      const pass = beginComputePass.call(encoder, descriptor);
      for (const name of ['setPipeline', 'setBindGroup', 'dispatchWorkgroups', 'end'] as const) {
        const original = pass[name] as (...args: unknown[]) => undefined;
        const noted = (...args: unknown[]) => {
          into.push(CALLS[name](...(args as [never, never, never])));
          return original.apply(pass, args);
        };
        Object.assign(pass, { [name]: noted });
      }
      return pass;
    };
    encoder.copyBufferToBuffer = ((...args: Parameters<typeof copyBufferToBuffer>) => {
      const [from, at, , , size] = args as unknown as [GPUBuffer, number, GPUBuffer, number, number];
      const to = spare(size);
      into.push((_, own) => own.copyBufferToBuffer(from, at, to, 0, size) as undefined);
      return (copyBufferToBuffer as (...all: unknown[]) => undefined).apply(encoder, args);
    }) as typeof copyBufferToBuffer;
  };
  device.createCommandEncoder = (descriptor) => {
    const encoder = make(descriptor);
    if (calls) note(encoder, calls);
    return encoder;
  };
  return {
    async record(run) {
      const made: Call[] = [];
      calls = made;
      await run();
      calls = null;
      return made;
    },
  };
}

const CALLS = {
  setPipeline:
    (pipeline: GPUComputePipeline): Call =>
    (pass) =>
      pass.setPipeline(pipeline) as undefined,
  setBindGroup:
    (index: number, group: GPUBindGroup): Call =>
    (pass) =>
      pass.setBindGroup(index, group) as undefined,
  dispatchWorkgroups: (x: number, y?: number, z?: number): Call =>
    y === undefined
      ? (pass) => pass.dispatchWorkgroups(x) as undefined
      : (pass) => pass.dispatchWorkgroups(x, y, z) as undefined,
  end: (): Call => (pass) => pass.end() as undefined,
};

/** Encodes and submits these calls alone. */
function makeCalls(device: GPUDevice, calls: readonly Call[]): void {
  const encoder = device.createCommandEncoder();
  let pass = null as unknown as GPUComputePassEncoder;
  for (const call of calls) pass = call(pass, encoder) ?? pass;
  device.queue.submit([encoder.finish()]);
}

const microseconds = (work: () => void): number => {
  const before = performance.now();
  work();
  return 1e3 * (performance.now() - before);
};

const middle = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]!;

/** Times the runs of a case's program and the calls that they make, in turn, each when the GPU has finished the one before. */
async function replayTime(
  { program, contestant }: WeftCase,
  gpu: GPUDevice,
  { record }: ReturnType<typeof recorder>,
): Promise<Omit<ReplayTime, 'case'>> {
  const step = async () => {
    await contestant.run();
    await contestant.finish?.();
  };
  await step();
  const calls = await record(step);
  const [own, bare]: [number[], number[]] = [[], []];
  const run = program.run.bind(program);
  program.run = (externals) => void own.push(microseconds(() => void run(externals)));
  const begun = performance.now();
  for (let round = 0; round < WARM + ROUNDS; round++) {
    if (round >= WARM + LEAST_ROUNDS && performance.now() - begun > ENOUGH) break;
    await step();
    bare.push(microseconds(() => makeCalls(gpu, calls)));
    await gpu.queue.onSubmittedWorkDone();
  }
  program.run = run;
  const [times, callTimes] = [own.slice(WARM), bare.slice(WARM)];
  return {
    dispatches: program.describe().launches.length,
    medianUs: middle(times),
    minUs: Math.min(...times),
    callsMedianUs: middle(callTimes),
    callsMinUs: Math.min(...callTimes),
  };
}

/** Where WebGPU comes from: a page has it, Node the package `webgpu`. It must be held while a device of it is in use. */
async function findGPU(): Promise<GPU> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  const { create } = await import('webgpu');
  return create([]) as unknown as GPU;
}

/** Times training steps whose names contain one of `texts`, or all; `small` ones are such as software adapters run often. */
export async function replaySteps(texts: readonly string[], small: boolean): Promise<Replays> {
  const gpu = await findGPU();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('there is no WebGPU adapter');
  const wanted = ['shader-f16', 'subgroups'] as const;
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((name) => adapter.features.has(name)),
  });
  const noted = recorder(device);
  const weft = await open('webgpu', { webgpu: { device } });
  const { cases, small: few } = stepSuite;
  const replays: ReplayTime[] = [];
  for (const c of small ? few! : cases) {
    if (texts.length > 0 && !texts.some((text) => c.name.includes(text))) continue;
    const ready = await prepareWeft(weft, c, caseInputs(c));
    replays.push({ case: c.name, ...(await replayTime(ready, device, noted)) });
    ready.dispose();
  }
  const { description } = weft.info;
  weft.dispose();
  device.destroy();
  return { adapter: description, replays };
}

export function replayText({ adapter, replays }: Replays): string {
  const cells = replays.map(({ case: name, dispatches: n, medianUs, minUs, callsMedianUs, callsMinUs }) => [
    name,
    String(n),
    medianUs.toFixed(1),
    (medianUs / n).toFixed(2),
    (minUs / n).toFixed(2),
    (callsMedianUs / n).toFixed(2),
    (callsMinUs / n).toFixed(2),
  ]);
  const head = ['replay', 'dispatches', 'µs', 'µs a dispatch', 'least', 'calls alone', 'least'];
  return `${adapter}\n${aligned(head, cells)}`;
}
