import { afterAll, describe, expect, it } from 'vitest';
import { caseInputs } from '../bench/inputs.js';
import { stepSuite } from '../bench/suites/step.js';
import { prepareWeft } from '../bench/weft.js';
import { type Device, open } from '../src/index.js';

/** What a device's queue and encoders are asked for. */
interface Counts {
  submits: number;
  dispatches: number;
  writes: number;
  copies: number;
}

/** Counts calls of `name` on every object that `make` returns, or on `owner` itself. */
function countCalls<T extends object>(
  owner: T,
  name: keyof T,
  called: () => void,
  then?: (made: never) => void,
): void {
  const original = owner[name] as (...args: unknown[]) => unknown;
  owner[name] = ((...args: unknown[]) => {
    called();
    const made = original.apply(owner, args);
    then?.(made as never);
    return made;
  }) as T[typeof name];
}

const { create } = (await import('webgpu')) as unknown as { create(options: string[]): GPU };
/** Held while its device is in use: Node's implementation crashes when it is collected earlier. */
const implementation = create([]);

/** The caller's device, with its calls counted. */
async function counted(): Promise<{ device: Device; counts: Counts; gpu: GPUDevice }> {
  const counts: Counts = { submits: 0, dispatches: 0, writes: 0, copies: 0 };
  const adapter = await implementation.requestAdapter();
  const gpu = await adapter!.requestDevice();
  countCalls(gpu.queue, 'submit', () => counts.submits++);
  countCalls(gpu.queue, 'writeBuffer', () => counts.writes++);
  const nothing = () => {};
  countCalls(gpu, 'createCommandEncoder', nothing, (encoder: GPUCommandEncoder) => {
    countCalls(encoder, 'copyBufferToBuffer', () => counts.copies++);
    countCalls(encoder, 'beginComputePass', nothing, (pass: GPUComputePassEncoder) => {
      countCalls(pass, 'dispatchWorkgroups', () => counts.dispatches++);
    });
  });
  return { device: await open('webgpu', { webgpu: { device: gpu } }), counts, gpu };
}

const { device, counts, gpu } = await counted();
const wasm = await open('wasm', { threads: 1 });
afterAll(() => {
  wasm.dispose();
  device.dispose();
  gpu.destroy();
});

/** By the case's name, at most so many dispatches. */
const LIMITS = [
  ['mlp', 11],
  ['cnn', 25],
  ['lstm', 48],
] as const;

describe('a training step on webgpu', () => {
  it.each(LIMITS)('of %s is one submit of at most %i dispatches, its loss read late', async (name, most) => {
    const c = stepSuite.small!.find((one) => one.name.startsWith(name))!;
    const inputs = caseInputs(c);
    const step = await prepareWeft(device, c, inputs);
    await step.contestant.run();
    const before = { ...counts };
    const runs = 3;
    for (let run = 0; run < runs; run++) await step.contestant.run();
    const per = (key: keyof Counts) => (counts[key] - before[key]) / runs;
    expect(per('submits')).toBe(1);
    expect(per('writes')).toBe(1);
    expect(per('dispatches')).toBeLessThanOrEqual(most);
    const { launches, submits, copies } = step.program.describe();
    expect({ launches: launches.length, submits }).toEqual({ launches: per('dispatches'), submits: 1 });
    // The fault word and the loss, to be read.
    expect(per('copies')).toBe(copies.length + 2);
    step.dispose();
  });

  it('has the losses of the same step on wasm', async () => {
    for (const [name] of LIMITS) {
      const c = stepSuite.small!.find((one) => one.name.startsWith(name))!;
      const inputs = caseInputs(c);
      const [step, plain] = [await prepareWeft(device, c, inputs), await prepareWeft(wasm, c, inputs)];
      const [found, expected] = [await step.output(), await plain.output()];
      expected.forEach((loss, i) => {
        expect(Math.abs(found[i]! - loss)).toBeLessThan(1e-4 * Math.abs(loss));
      });
      step.dispose();
      plain.dispose();
    }
  });
});
