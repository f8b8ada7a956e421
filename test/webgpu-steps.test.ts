import { afterAll, describe, expect, it } from 'vitest';
import { caseInputs } from '../bench/inputs.js';
import { stepSuite } from '../bench/suites/step.js';
import { prepareWeft } from '../bench/weft.js';
import { type Device, functional as F, open, optim } from '../src/index.js';

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
  ['cnn', 23],
  ['lstm', 44],
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

  it('is as short with all that the adapter has, of the CNN as it is trained', async () => {
    const able = await open('webgpu');
    const c = stepSuite.cases.find(({ name }) => name.startsWith('cnn'))!;
    const step = await prepareWeft(able, c, caseInputs(c));
    await step.contestant.run();
    const { launches, submits } = step.program.describe();
    expect(launches.length).toBeLessThanOrEqual(25);
    expect(submits).toBe(1);
    step.dispose();
    able.dispose();
  });

  it('writes what changes once, and hands losses out while later steps run', async () => {
    const run = async (on: Device) => {
      const weight = on.tensor(
        Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
        [3, 4],
      );
      weight.requiresGrad = true;
      const optimizer = new optim.Adam([weight], { lr: 0.1 });
      const step = on.compile((x) => {
        const hidden = F.dropout(F.dropout(F.matmul(x, weight), { p: 0.25 }), { p: 0.5 });
        const loss = F.sum(F.mul(hidden, hidden));
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      });
      const x = on.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
      await (await step(x)).item();
      const before = { ...counts };
      const losses: Promise<number>[] = [];
      for (let i = 0; i < 12; i++) losses.push((await step(x)).item());
      const asked = { submits: counts.submits - before.submits, writes: counts.writes - before.writes };
      const found = await Promise.all(losses);
      return { found, asked, submits: counts.submits - before.submits };
    };
    const { found, asked, submits } = await run(device);
    expect(asked).toEqual({ submits: 12, writes: 12 });
    expect(submits).toBe(12);
    (await run(wasm)).found.forEach((loss, i) => {
      expect(Math.abs(found[i]! - loss)).toBeLessThan(1e-5 * Math.abs(loss));
    });
  });

  it('shows what it does as a table', async () => {
    const step = device.compile((x) => F.sum(F.mul(F.add(x, 1), 2)));
    expect(step.describe()).toEqual([]);
    await step(device.tensor([1, 2, 3], [3]));
    const [description] = step.describe();
    expect(description).toMatchObject({ backend: 'webgpu', copies: [], submits: 1 });
    expect(description!.launches.map(({ label }) => label)).toHaveLength(2);
    expect(String(description)).toMatch(/launch +workgroups +flops +bytes\nfull\/fill\+add\/add_f32/);
    expect(String(description)).toContain('2 launches on webgpu, 0 copies of 0 bytes, 1 submit, an arena of');
    const plain = wasm.compile((x) => F.sum(F.mul(F.add(x, 1), 2)));
    await plain(wasm.tensor([1, 2, 3], [3]));
    expect(String(plain.describe()[0])).toContain('0 submits');
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
