import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from 'webgpu';
import { openWasm } from '../src/backend/wasm/index.js';
import { BufferUsage } from '../src/backend/webgpu/constants.js';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import { WovenBackend } from '../src/backend/woven.js';
import { nodesOf } from '../src/graph.js';
import {
  type CompiledGraph,
  type Device,
  functional as F,
  FaultMessages,
  type GivenRates,
  type Graph,
  type HostTensor,
  type Node,
  nn,
  open,
  optim,
  type Tensor,
  type WeaveOptions,
} from '../src/index.js';
import type { Side } from '../src/op.js';
import { rootsOf } from '../src/rewrite.js';
import { sizeOf } from '../src/shape.js';
import { compileWoven } from '../src/weave.js';
import { STEPS, train } from './support/cnn.js';
import { evaluate, randomGraphs } from './support/random-graphs.js';

/** Nothing to be measured: both sides alike, and sending costs something. */
const EVEN: GivenRates = {
  wasm: { gflops: 10, gbps: 10, launch: 1 },
  webgpu: { gflops: 10, gbps: 10, launch: 1 },
  upload: { latency: 5, gbps: 10 },
  download: { latency: 50, gbps: 10 },
  overlap: 0,
};

const weaving = (weave: WeaveOptions = {}, options: { readonly seed?: number } = {}): Promise<Device> =>
  open(['webgpu', 'wasm'], { ...options, threads: 1, weave: { rates: EVEN, ...weave } });

/** Every other node on the other side, as they come. */
function alternating(): (node: Node) => Side {
  const known = new WeakMap<Node, Side>();
  let count = 0;
  return (node) => {
    if (!known.has(node)) known.set(node, count++ % 2 === 0 ? 'webgpu' : 'wasm');
    return known.get(node)!;
  };
}

const ramp = (shape: readonly number[], step = 0.37): HostTensor => {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(step * i + 0.1));
  return { data, shape, dtype: 'f32' };
};

/** The sides of a compiled function's program, op by op. */
const sidesOf = (step: { programs(): readonly CompiledGraph[] }): string[] =>
  step.programs()[0]!.program.schedule.map(({ op, backend }) => `${op} ${backend}`);

describe('a woven program', () => {
  let backend: WovenBackend;
  beforeAll(async () => {
    const sides = { wasm: await openWasm({ threads: 1 }), webgpu: await openWebGPU() };
    backend = new WovenBackend(sides);
  });
  afterAll(() => backend.dispose());

  it('computes what its graph says, however its nodes are placed, run after run', async () => {
    const bits = fc.array(fc.boolean(), { minLength: 16, maxLength: 16 });
    const plain = (values: Iterable<number>) => Array.from(values, (x) => x + 0);
    await fc.assert(
      fc.asyncProperty(randomGraphs, bits, async ({ graph, data }, choices) => {
        const placement = (merged: Graph) => {
          const nodes = nodesOf(rootsOf(merged), new Set(merged.inputs));
          return new Map(nodes.map((node, i) => [node, choices[i % 16] ? 'wasm' : 'webgpu'] as [Node, Side]));
        };
        const before = backend.memory();
        const program = await compileWoven(graph, backend, new FaultMessages(), placement);
        const all = [...graph.inputs, ...graph.outputs];
        const buffers = all.map(({ shape }) => backend.allocate(4 * sizeOf(shape), 'x'));
        try {
          data.forEach((values, i) => {
            backend.write(buffers[i]!, Float32Array.from(values), 'f32');
          });
          let held = data;
          for (let run = 0; run < 2; run++) {
            await program.run(buffers);
            const expected = evaluate(graph, held);
            const found = await Promise.all(
              buffers.map((buffer, i) => backend.read(buffer, 'f32', sizeOf(all[i]!.shape))),
            );
            expect(found.map(plain)).toEqual([...expected.inputs, ...expected.outputs].map(plain));
            held = expected.inputs;
          }
        } finally {
          program.dispose();
          for (const buffer of buffers) buffer.free();
        }
        expect(backend.memory()).toEqual(before);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

describe('training', () => {
  /** The largest difference of two runs, relative to the larger number. */
  const apart = (a: readonly number[], b: readonly number[]): number =>
    Math.max(...a.map((x, i) => Math.abs(x - b[i]!) / Math.max(Math.abs(x), Math.abs(b[i]!))));

  it.each([true, false])(
    'of a CNN gives what one backend gives, compiled: %s',
    async (compiled) => {
      const runs: number[][] = [];
      for (const make of [
        () => open('wasm', { threads: 1 }),
        () => open('webgpu'),
        () => weaving({ place: alternating() }),
        () => weaving(),
      ]) {
        const device = await make();
        const { losses } = await train(device, {
          compiled,
          optimizer: (parameters) => new optim.SGD(parameters, { lr: 0.1, momentum: 0.9 }),
        });
        expect(losses).toHaveLength(STEPS);
        runs.push(losses);
        device.dispose();
      }
      const [wasm, webgpu, alternate, free] = runs as [number[], number[], number[], number[]];
      // Ten steps let the roundings of single sums, some 1e-7, grow: as far as between wasm and webgpu, times ten at most.
      const bound = Math.max(10 * apart(wasm, webgpu), 1e-5);
      expect(bound).toBeLessThan(1e-3);
      expect(apart(wasm, alternate)).toBeLessThan(bound);
      expect(apart(wasm, free)).toBeLessThan(bound);
    },
    60_000,
  );

  it('of an LSTM gives what one backend gives, with the same random numbers', async () => {
    const losses = async (device: Device): Promise<number[]> => {
      const lstm = new nn.LSTM(3, 8).to(device);
      const head = new nn.Linear(8, 2).to(device);
      const parameters = [...lstm.parameters(), ...head.parameters()];
      const optimizer = new optim.Adam(parameters, { lr: 0.01 });
      const step = device.compile((x: Tensor, y: Tensor) => {
        const [h] = lstm.forward(x);
        const loss = F.mseLoss(head.forward(F.dropout(h, { p: 0.25 })), y);
        loss.backward();
        optimizer.step();
        return loss;
      });
      const found: number[] = [];
      for (let i = 0; i < 5; i++)
        found.push(await (await step(ramp([6, 4, 3], 0.3 + i), ramp([6, 4, 2], 0.7 + i))).item());
      const schedule = step.programs()[0]!.program.schedule;
      if (device.rates) expect(new Set(schedule.map((entry) => entry.backend)).size).toBe(2);
      device.dispose();
      return found;
    };
    const wasm = await losses(await open('wasm', { threads: 1, seed: 5 }));
    const woven = await losses(await weaving({ place: alternating() }, { seed: 5 }));
    expect(apart(wasm, woven)).toBeLessThan(1e-5);
  }, 60_000);

  it('keeps a parameter that both sides read in step', async () => {
    const device = await weaving();
    const w = device.tensor([1, 2, 3, 4]);
    w.requiresGrad = true;
    const optimizer = new optim.SGD([w], { lr: 0.5 });
    const step = device.compile((x: Tensor) => {
      const a = device.on('webgpu', () => w.mul(x));
      const b = device.on('wasm', () => w.mul(3));
      const loss = a.add(b).sum();
      loss.backward();
      optimizer.step();
      return [a, b] as const;
    });
    let expected = [1, 2, 3, 4];
    for (let i = 0; i < 4; i++) {
      const [a, b] = await step(device.tensor([i, 1, 1, 1]));
      expect([...(await a.data())]).toEqual(expected.map((value, k) => value * (k === 0 ? i : 1)));
      expect([...(await b.data())]).toEqual(expected.map((value) => 3 * value));
      expected = expected.map((value, k) => value - 0.5 * (3 + (k === 0 ? i : 1)));
      expect([...(await w.data())]).toEqual(expected);
    }
    // A step on the side that doesn't update it, then by hand.
    expect([...(await device.on('webgpu', () => w.neg()).data())]).toEqual(expected.map((value) => -value));
    await device.write(w, { data: Float32Array.of(7, 7, 7, 7), shape: [4], dtype: 'f32' });
    expect([...(await device.on('webgpu', () => w.neg()).data())]).toEqual([-7, -7, -7, -7]);
    expect([...(await device.on('wasm', () => w.neg()).data())]).toEqual([-7, -7, -7, -7]);
    device.dispose();
  });
});

describe('where nodes run', () => {
  it('follows the rates', async () => {
    const fast = { gflops: 1e6, gbps: 1e6, launch: 0 };
    const slow = { gflops: 1, gbps: 0.1, launch: 1 };
    for (const side of ['wasm', 'webgpu'] as const) {
      const rates = { ...EVEN, wasm: slow, webgpu: slow, [side]: fast };
      const device = await weaving({ rates });
      const step = device.compile((x: Tensor) => x.matmul(x).exp().sum());
      await step(ramp([64, 64]));
      expect(new Set(sidesOf(step).filter((text) => !text.startsWith('transfer')))).toEqual(
        new Set([`matmul ${side}`, `exp ${side}`, `sum ${side}`]),
      );
      device.dispose();
    }
  });

  it('is said by op, or by a scope, which comes first and takes gradients along', async () => {
    const device = await weaving({ place: { exp: 'webgpu', sum: 'wasm' } });
    const x = device.tensor(ramp([8]));
    x.requiresGrad = true;
    const step = device.compile(() => {
      const y = device.on('wasm', () => x.exp().sin());
      const z = device.on('webgpu', () => {
        const inner = device.on('wasm', () => y.mul(y));
        return inner.neg();
      });
      z.exp().sum().backward();
      return x.grad!;
    });
    await step();
    const { schedule } = step.programs()[0]!.program;
    const sides = schedule.flatMap(({ op, backend }) => op.split('+').map((name) => `${name} ${backend}`));
    expect(sides.filter((text) => /^(sin|cos) /.test(text))).toEqual(['sin wasm', 'cos wasm']);
    // By the scope, by the name, and as the gradient of what the scope holds.
    expect(sides.filter((text) => text.startsWith('neg '))).toEqual(['neg webgpu', 'neg webgpu']);
    expect(sides.filter((text) => text.startsWith('exp '))).toEqual(['exp wasm', 'exp webgpu']);
    device.dispose();
  });

  it('may be said on a device of one backend, where it is that one', async () => {
    const device = await open('wasm', { threads: 1 });
    const x = device.tensor([1, 2]);
    expect([...(await device.on('wasm', () => x.neg()).data())]).toEqual([-1, -2]);
    expect(() => device.on('webgpu', () => x.neg())).toThrow('on: this device computes on wasm alone');
    expect(() => device.on('gpu' as 'wasm', () => x)).toThrow("on: takes 'wasm' or 'webgpu', got 'gpu'");
    device.dispose();
  });

  it('refuses what it does not know', async () => {
    await expect(weaving({ place: { conv2dd: 'wasm' } })).rejects.toThrow("place names an op 'conv2dd'");
    await expect(weaving({ place: { lstm: 'wasm' } })).rejects.toThrow('lstm is composed of other ops');
    await expect(weaving({ place: { exp: 'cuda' as 'wasm' } })).rejects.toThrow("got 'cuda'");
    const rates = { ...EVEN, wasm: { ...EVEN.wasm, tflops: 1 } } as GivenRates;
    await expect(weaving({ rates })).rejects.toThrow("rates.wasm has no 'tflops'");
    const device = await weaving();
    expect(() => device.on('wasm', async () => {})).toThrow('on: the function must not be async');
    expect(() => device.backend).toThrow('a woven device has two backends');
    device.dispose();
  });
});

describe('a device of two backends', () => {
  it('takes both kinds in any order, each once', async () => {
    const device = await open(['wasm', 'webgpu'], { threads: 1, weave: { rates: EVEN } });
    expect(device.info).toMatchObject({ backend: 'woven', threads: 1 });
    expect(device.info.description).toMatch(/^webgpu \(.*\) and wasm \(.*\)$/);
    expect(device.rates).toEqual(EVEN);
    device.dispose();
    await expect(open(['wasm', 'wasm'])).rejects.toThrow(
      "open: can weave 'webgpu' and 'wasm', each once; got ['wasm', 'wasm']",
    );
    await expect(open(['wasm', 'reference'])).rejects.toThrow('each once');
    await expect(open(['wasm', 'webgpu', 'wasm'])).rejects.toThrow('each once');
  });

  it('is refused where one of them is missing', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    await expect(open(['webgpu', 'wasm'], { webgpu: { gpu } })).rejects.toThrow(
      "open: ['webgpu', 'wasm'] needs both, and webgpu can't be opened: webgpu: no adapter was found",
    );
  });

  it('measures the rates that are not given', async () => {
    const { webgpu, ...rest } = EVEN;
    const device = await weaving({ rates: { ...rest, webgpu: { launch: 7 } } });
    const { rates } = device;
    expect(rates).toMatchObject({ ...rest, webgpu: { launch: 7 } });
    expect(rates!.webgpu.gflops).toBeGreaterThan(0);
    expect(rates!.webgpu.gbps).toBeGreaterThan(0);
    expect(device.memory()).toEqual({ buffers: 0, bytes: 0 });
    device.dispose();
  });

  it('gives memory back, also of what is freed while a run uses it', async () => {
    const device = await weaving();
    const before = device.memory();
    const x = device.tensor(ramp([32, 32]));
    const step = device.compile((a: Tensor) => {
      const y = device.on('webgpu', () => a.matmul(a).relu());
      return device.on('wasm', () => y.sum());
    });
    const expected = await (await step(x)).item();
    const running = step(x);
    await Promise.resolve();
    step.dispose();
    x.dispose();
    await running.catch((error: Error) => expect(error.message).toContain('disposed'));
    expect(device.memory()).toEqual(before);
    expect(Number.isFinite(expected)).toBe(true);
    device.dispose();
  });

  it('can be closed while it works', async () => {
    const device = await weaving();
    const x = device.tensor(ramp([16, 16]));
    const y = device.on('wasm', () => device.on('webgpu', () => x.matmul(x)).exp());
    const read = y.data();
    await Promise.resolve();
    device.dispose();
    await read.catch((error: Error) => expect(error.message).toContain('disposed'));
    await expect(x.data()).rejects.toThrow('disposed');
  });

  it('takes and lends GPU buffers, which both sides read as they are', async () => {
    const gpu = create([]);
    const own = await (await gpu.requestAdapter())!.requestDevice();
    const device = await open(['webgpu', 'wasm'], {
      ...{ threads: 1, webgpu: { device: own }, weave: { rates: EVEN } },
    });
    const { storage, copySrc, copyDst } = BufferUsage;
    const mine = own.createBuffer({ size: 16, usage: storage | copySrc | copyDst });
    own.queue.writeBuffer(mine, 0, Float32Array.of(1, 2, 3, 4));
    const w = await device.fromGPUBuffer(mine, [4]);
    const negated = async () => [...(await device.on('wasm', () => w.neg()).data())];
    expect(await negated()).toEqual([-1, -2, -3, -4]);
    own.queue.writeBuffer(mine, 0, Float32Array.of(7));
    expect(await negated()).toEqual([-7, -2, -3, -4]);
    // An update on wasm reaches the caller's buffer.
    await w.assign(device.on('wasm', () => w.mul(2)));
    expect(await w.gpuBuffer()).toBe(mine);
    expect([...(await device.on('webgpu', () => w.neg()).data())]).toEqual([-14, -4, -6, -8]);
    const made = device.on('wasm', () => w.add(1));
    own.queue.writeBuffer(await made.gpuBuffer(), 0, Float32Array.of(5));
    expect([...(await device.on('wasm', () => made.neg()).data())]).toEqual([-5, -5, -7, -9]);
    device.dispose();
    await own.queue.onSubmittedWorkDone();
    own.destroy();
  });

  it('tells data errors of both sides', async () => {
    for (const side of ['wasm', 'webgpu'] as const) {
      const device = await weaving();
      const table = device.tensor(ramp([4, 2]));
      const rows = device.on(side, () => table.indexSelect(device.tensor([1, 9], [2], 'i32'), { axis: 0 }));
      const other = device.on(side === 'wasm' ? 'webgpu' : 'wasm', () => rows.neg());
      await expect(other.data()).rejects.toThrow(/indexSelect: .*9/);
      expect([...(await table.narrow(0, 0, 1).neg().data())]).toHaveLength(2);
      device.dispose();
    }
  });

  it('finds where NaN comes from on either side', async () => {
    for (const side of ['wasm', 'webgpu'] as const) {
      const device = await open(['wasm', 'webgpu'], {
        ...{ threads: 1, checkNumerics: 'nan', weave: { rates: EVEN } },
      });
      const x = device.tensor([1, -1]);
      const logs = device.on(side, () => x.log());
      const other = device.on(side === 'wasm' ? 'webgpu' : 'wasm', () => logs.neg().exp());
      await expect(other.data()).rejects.toThrow('checkNumerics: log made NaN at [1] of f32[2]');
      device.dispose();
    }
  });

  it('profiles both sides', async () => {
    const device = await weaving();
    const step = device.compile((x: Tensor) => {
      const y = device.on('webgpu', () => x.matmul(x));
      return device.on('wasm', () => y.exp().sum());
    });
    const x = device.tensor(ramp([64, 64]));
    const profile = await device.profile(() => step(x), { precision: 1, runs: [3, 3] });
    const labels = profile.rows.map(({ label }) => label);
    expect(labels.some((label) => label.startsWith('webgpu: matmul/'))).toBe(true);
    expect(labels.some((label) => label.startsWith('wasm: '))).toBe(true);
    expect(new Set(profile.traceEvents().map(({ tid }) => tid)).size).toBe(2);
    device.dispose();
  });
});
