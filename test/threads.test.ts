import { afterEach, describe, expect, it, vi } from 'vitest';
import { ACTIVE, type CrewMember, WORDS } from '../src/backend/wasm/crew.js';
import { embedded, loadModule } from '../src/backend/wasm/module.js';
import { withSharedMemory } from '../src/backend/wasm/shared-memory.js';
import { type Job, Threads } from '../src/backend/wasm/threads.js';
import { type StartWorker, type Worker, workerStarter } from '../src/backend/wasm/workers.js';
import { type Device, functional as F, open } from '../src/index.js';

const threadsOf = (device: Device) => (device.backend as unknown as { threads: Threads }).threads;

async function allReady(threads: Threads): Promise<void> {
  while (threads.ready < threads.count) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A forward and backward pass whose launches are worth splitting; twice, so that late threads take part too. */
async function pass(device: Device): Promise<Uint8Array[]> {
  const bytes: Uint8Array[] = [];
  for (let round = 0; round < 2; round++) {
    const x = device.uniform([8, 16, 32, 32], { low: -1, high: 1 });
    const weight = device.uniform([32, 16, 3, 3], { low: -1, high: 1 }).detach();
    weight.requiresGrad = true;
    const y = F.gelu(F.conv2d(x, weight, null, { padding: 1 }));
    const scores = F.matmul(y.reshape([512, 512]), y.reshape([512, 512]));
    const loss = F.softmax(scores, { axis: 1 }).square().mean();
    loss.backward();
    for (const tensor of [loss, weight.grad!]) {
      bytes.push(new Uint8Array(((await tensor.data()) as Float32Array).buffer));
    }
    if (threadsOf(device)) await allReady(threadsOf(device));
  }
  return bytes;
}

describe('threads', () => {
  it('give the same bits, however many they are', async () => {
    const one = await open('wasm', { threads: 1 });
    const expected = await pass(one);
    expect(one.info.threads).toBe(1);
    for (const threads of [2, 3, 5]) {
      const device = await open('wasm', { threads });
      expect(await pass(device)).toEqual(expected);
      expect(device.info.threads).toBe(threads);
      device.dispose();
    }
    one.dispose();
  });

  it('start with the first work that is worth splitting', async () => {
    const device = await open('wasm', { threads: 2 });
    await device
      .ones([10])
      .add(device.ones([10]))
      .data();
    expect(threadsOf(device).ready).toBe(1);
    await pass(device);
    expect(threadsOf(device).ready).toBe(2);
    device.dispose();
  });

  it('report the first data error, whichever thread met it', async () => {
    const messages: string[] = [];
    for (const threads of [1, 4]) {
      const device = await open('wasm', { threads });
      for (let round = 0; round < 2; round++) {
        const labels = Int32Array.from({ length: 20_000 }, (_, i) => (i % 5000 === 4321 ? 100 + i : i % 10));
        const loss = F.crossEntropy(device.uniform([20_000, 10]), device.tensor(labels));
        messages.push(await loss.item().then(String, ({ message }: Error) => message));
        if (threads > 1) await allReady(threadsOf(device));
      }
      device.dispose();
    }
    expect(messages[0]).toContain('4421');
    expect(new Set(messages).size).toBe(1);
  });

  it('must be a whole number', async () => {
    for (const threads of [0, 1.5, 65, Number.NaN])
      await expect(open('wasm', { threads })).rejects.toThrow(
        `open: threads must be a whole number from 1 to 64, got ${threads}`,
      );
  });
});

describe('where threads are not to be had', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('says why, and fails where they were asked for', async () => {
    vi.stubGlobal('crossOriginIsolated', false);
    await expect(open('wasm', { threads: 2 })).rejects.toThrow(
      'open: 2 threads: shared memory is not to be had: the page is not cross-origin isolated; serve it with',
    );
    const device = await open('wasm');
    expect(device.info.threads).toBe(1);
    expect(device.info.notes.join()).toContain('one thread: shared memory is not to be had');
    device.dispose();
  });

  it('takes a compiled module for one thread alone', async () => {
    const source = await WebAssembly.compile(await embedded('simd'));
    const wasm = { binary: 'simd', source } as const;
    const why = "a compiled module can't be bound to shared memory; give its bytes";
    await expect(open('wasm', { wasm, threads: 2 })).rejects.toThrow(`open: 2 threads: ${why}`);
    const device = await open('wasm', { wasm });
    expect(device.info.notes).toContain(`one thread: ${why}`);
    device.dispose();
  });
});

describe('a crew', () => {
  const BYTES = 65536;

  /** A crew of two with one kernel of JavaScript, which the first thread runs; `start` makes the other. */
  function crew(start: StartWorker, kernel: (begin: number, end: number) => void = () => {}, patience = 50) {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
    const run = [(_o: number, _p: number, _s: number, begin: number, end: number) => kernel(begin, end)];
    return new Threads({
      memory,
      address: BYTES,
      modules: [],
      kernels: [],
      threads: 2,
      run,
      start,
      patience,
    });
  }
  const job: Job = { label: 'matmul/tiles', kernel: 0, operands: 0, params: 0, units: 100 };
  const idle: Worker = { stop() {} };

  it('computes every unit once, though nobody helps', () => {
    const seen: number[] = [];
    const threads = crew(
      () => idle,
      (begin, end) => {
        for (let unit = begin; unit < end; unit++) seen.push(unit);
      },
    );
    threads.run(job, 0, 0);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('does not hang where a thread dies inside a job', () => {
    const die = ({ memory, address }: CrewMember): Worker => {
      new Int32Array(memory.buffer, address, WORDS)[ACTIVE] = 1;
      return idle;
    };
    const threads = crew(die);
    const message =
      'wasm: matmul/tiles: a thread gave no sign of life for 0.05 s; close the device and open it again, with ' +
      '{ threads: 1 } to do without';
    expect(() => threads.run(job, 0, 0)).toThrow(message);
    expect(() => threads.run(job, 0, 0)).toThrow(message);
    threads.stop();
  });

  it('says that a thread has ended or did not start', () => {
    let trouble: (why: string) => void = () => {};
    const threads = crew((_, report) => {
      trouble = report;
      return idle;
    });
    threads.run(job, 0, 0);
    trouble('it ended with code 1');
    expect(() => threads.run(job, 0, 0)).toThrow(
      'wasm: thread 1 is gone: it ended with code 1; close the device',
    );
    const refused = crew(() => {
      throw new Error('no workers allowed');
    });
    expect(() => refused.run(job, 0, 0)).toThrow(
      "wasm: thread 1 can't be started: no workers allowed; close",
    );
  });

  it('passes on what a kernel throws, and goes on after it', () => {
    let fails = true;
    const threads = crew(
      () => idle,
      () => {
        if (fails) throw new Error('unreachable');
      },
    );
    expect(() => threads.run(job, 0, 0)).toThrow('unreachable');
    fails = false;
    threads.run(job, 0, 0);
  });

  it('notices a real worker that is stopped, and another crew works', async () => {
    const module = await loadModule({}, [], { shared: true, maxBytes: 2 ** 24 });
    module.memory.grow(4);
    const real = await workerStarter(undefined);
    const workers: Worker[] = [];
    const start: StartWorker = (member, trouble) => {
      const worker = real(member, trouble);
      workers.push(worker);
      return worker;
    };
    const { memory, modules } = module;
    const kernels = [...module.kernels].map(([name, entry]) => [entry.module, name] as const);
    const run = [...module.kernels.values()].map((entry) => entry.run);
    const make = () => new Threads({ memory, address: BYTES, modules, kernels, threads: 2, run, start });
    const { index } = module.kernels.get('neg_f32')!;
    const call = { label: 'neg', kernel: index, operands: BYTES + 1024, params: BYTES + 2048, units: 1 };
    const threads = make();
    threads.run(call, 0, 0);
    await allReady(threads);
    workers[0]!.stop();
    await expect(
      vi.waitUntil(() => {
        threads.run(call, 0, 0);
        return false;
      }),
    ).rejects.toThrow('wasm: thread 1 is gone: it ended with code 1; close the device and open it again');
    const other = make();
    other.run(call, 0, 0);
    await allReady(other);
    other.run(call, 0, 0);
    other.stop();
  });
});

describe('withSharedMemory', () => {
  it('changes nothing but the limits of the imported memory', async () => {
    for (const binary of ['simd'] as const) {
      const bytes = await embedded(binary);
      const shared = withSharedMemory(bytes, 65536);
      const [before, after] = [bytes, shared].map((b) => new WebAssembly.Module(b)) as [
        WebAssembly.Module,
        WebAssembly.Module,
      ];
      expect(WebAssembly.Module.exports(after)).toEqual(WebAssembly.Module.exports(before));
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
      expect(() => new WebAssembly.Instance(before, { env: { memory } })).toThrow();
      new WebAssembly.Instance(after, { env: { memory } });
      expect(withSharedMemory(shared, 65536)).toEqual(shared);
    }
  });

  it('finds the memory behind other imports, and leaves a module without one alone', () => {
    const header = [0, 97, 115, 109, 1, 0, 0, 0];
    const none = Uint8Array.from(header);
    expect(withSharedMemory(none, 10)).toBe(none);
    // Type section () -> (); imports: a.f function, a.g i32 global, env.m memory of at least 1 page.
    const types = [1, 4, 1, 96, 0, 0];
    const imports = [3, 1, 97, 1, 102, 0, 0, 1, 97, 1, 103, 3, 127, 0, 3, 101, 110, 118, 1, 109, 2, 0, 1];
    const bytes = Uint8Array.from([...header, ...types, 2, imports.length, ...imports]);
    const module = new WebAssembly.Module(withSharedMemory(bytes, 300));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 300, shared: true });
    new WebAssembly.Instance(module, { a: { f() {}, g: 1 }, env: { m: memory } });
  });
});
