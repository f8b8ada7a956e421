import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend, DeviceBuffer } from '../src/backend/backend.js';
import { openReference } from '../src/backend/reference.js';
import { Allocator } from '../src/backend/wasm/allocator.js';
import { openWasm } from '../src/backend/wasm/index.js';
import { embedded } from '../src/backend/wasm/module.js';
import { createGraph, createInput, FaultMessages, ops, Program, type Value } from '../src/index.js';
import { hasRelaxedSimd } from './support/devices.js';

const MEBIBYTE = 2 ** 20;

/** Runs y = f(x) over one vector. */
async function apply(backend: Backend, f: (x: Value) => Value, values: readonly number[]): Promise<number[]> {
  const x = createInput([values.length]);
  const program = await Program.compile(
    createGraph({ inputs: [x], outputs: [f(x)] }),
    backend,
    new FaultMessages(),
  );
  const buffers = [0, 1].map(() => backend.allocate(4 * values.length, 'x'));
  try {
    backend.write(buffers[0]!, Float32Array.from(values), 'f32');
    program.run(buffers);
    return [...(await backend.read(buffers[1]!, 'f32', values.length))];
  } finally {
    program.dispose();
    for (const buffer of buffers) buffer.free();
  }
}

describe('the allocator', () => {
  const START = 65536;
  const makeMemory = () => new WebAssembly.Memory({ initial: 1, maximum: 1024 });

  it('never hands out bytes twice, and takes all of them back', () => {
    const actions = fc.array(
      fc.oneof(fc.record({ allocate: fc.nat(300_000) }), fc.record({ release: fc.nat(50) })),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(actions, (list) => {
        const memory = makeMemory();
        const allocator = new Allocator(memory, START);
        const live: { start: number; bytes: number }[] = [];
        for (const action of list) {
          if ('allocate' in action) {
            const bytes = action.allocate;
            const start = allocator.allocate(bytes, 'a block');
            expect(start % 64).toBe(0);
            expect(start).toBeGreaterThanOrEqual(START);
            expect(start + bytes + 64).toBeLessThanOrEqual(memory.buffer.byteLength);
            const end = start + Math.max(bytes, 1);
            for (const other of live)
              expect(end <= other.start || other.start + Math.max(other.bytes, 1) <= start).toBe(true);
            live.push({ start, bytes });
          } else if (live.length > 0) {
            const [block] = live.splice(action.release % live.length, 1);
            allocator.release(block!.start, block!.bytes);
          }
          expect(allocator.blocks).toBe(live.length);
        }
        const size = memory.buffer.byteLength;
        for (const { start, bytes } of live) allocator.release(start, bytes);
        expect(allocator.bytes).toBe(0);
        expect(allocator.blocks).toBe(0);
        // Everything has joined again: one block as large as all of it but the last 64 bytes fits without growing.
        if (size > START) expect(allocator.allocate(size - START - 64, 'all')).toBe(START);
        expect(memory.buffer.byteLength).toBe(size);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps to its limit, and goes on after an error', () => {
    const allocator = new Allocator(makeMemory(), START, START + 2 * MEBIBYTE);
    const first = allocator.allocate(MEBIBYTE, 'the first');
    expect(() => allocator.allocate(1.5 * MEBIBYTE, 'the second')).toThrow(
      'wasm: out of memory: the second needs 1.5 MiB, 1.0 MiB of 2.1 MiB are in use; dispose tensors or use smaller batches',
    );
    expect(allocator.bytes).toBe(MEBIBYTE);
    allocator.release(first, MEBIBYTE);
    expect(allocator.allocate(1.5 * MEBIBYTE, 'the second')).toBe(START);
  });

  it('says so where the engine refuses to grow the memory', () => {
    const allocator = new Allocator(new WebAssembly.Memory({ initial: 1, maximum: 2 }), START);
    expect(() => allocator.allocate(MEBIBYTE, 'a tensor')).toThrow(
      'wasm: out of memory: a tensor needs 1.0 MiB',
    );
    expect(allocator.allocate(100, 'a small one')).toBe(START);
  });
});

describe('the wasm backend', () => {
  it('is usable after it ran out of memory', async () => {
    const backend = await openWasm({ binary: 'simd', tile: '4x8', memoryLimit: 4 * MEBIBYTE });
    const held = backend.allocate(2 * MEBIBYTE, 'weights');
    const before = backend.memory();
    expect(() => backend.allocate(3 * MEBIBYTE, 'activations')).toThrow(
      'out of memory: activations needs 3.0 MiB',
    );
    // A program whose arena does not fit leaves nothing behind either.
    const x = createInput([200_000]);
    const y = ops.sum(
      ops.matmul(
        ops.reshape(ops.exp(x), { shape: [400, 500] }),
        ops.reshape(ops.sin(x), { shape: [500, 400] }),
      ),
    );
    const graph = createGraph({ inputs: [x], outputs: [y] });
    await expect(Program.compile(graph, backend, new FaultMessages())).rejects.toThrow(
      'out of memory: the arena of a program',
    );
    expect(backend.memory()).toEqual(before);
    held.free();
    expect(await apply(backend, (value) => ops.neg(value), [1, 2, 3])).toEqual([-1, -2, -3]);
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
  });

  it('keeps programs and buffers valid when its memory grows', async () => {
    const backend = await openWasm({ binary: 'simd', tile: '4x8' });
    const x = createInput([3]);
    const program = await Program.compile(
      createGraph({ inputs: [x], outputs: [ops.exp(x)] }),
      backend,
      new FaultMessages(),
    );
    const buffers = [backend.allocate(12, 'x'), backend.allocate(12, 'y')];
    backend.write(buffers[0]!, Float32Array.of(0, 0, 0), 'f32');
    backend.allocate(64 * MEBIBYTE, 'something large');
    program.run(buffers);
    expect(await backend.read(buffers[1]!, 'f32', 3)).toEqual(Float32Array.of(1, 1, 1));
  });

  it('gives back what was written, for every dtype', async () => {
    const backend = await openWasm({ binary: 'simd', tile: '4x8' });
    const buffer = backend.allocate(12, 'x');
    backend.write(buffer, Float64Array.of(0.1, 1e-300, Number.POSITIVE_INFINITY), 'f32');
    expect(await backend.read(buffer, 'f32', 3)).toEqual(Float32Array.of(0.1, 0, Number.POSITIVE_INFINITY));
    backend.write(buffer, Int32Array.of(-1, 2 ** 31 - 1, 5), 'i32');
    expect(await backend.read(buffer, 'i32', 2)).toEqual(Int32Array.of(-1, 2 ** 31 - 1));
    backend.write(buffer, Uint8Array.of(1, 0, 7), 'bool');
    expect(await backend.read(buffer, 'bool', 3)).toEqual(Uint8Array.of(1, 0, 1));
    expect(await backend.read(buffer, 'i32', 3)).toEqual(Int32Array.of(1, 0, 1));
  });

  it('says which binary it took and why no other', async () => {
    const backend = await openWasm({ tile: '6x8' });
    expect(backend.info.description).toBe(`${hasRelaxedSimd ? 'relaxed-simd' : 'simd'}, tile 6x8`);
    expect((await openWasm({ binary: 'simd', tile: '6x8' })).features).toEqual(new Set(['simd', 'tile-6x8']));
    const wide = await openWasm({ binary: 'simd', tile: '6x16' });
    expect(wide.features).toEqual(new Set(['simd', 'tile-6x8', 'tile-6x16']));
  });

  it('takes the binary from the caller, and measures which tile is faster', async () => {
    const source = await embedded('simd');
    for (const given of [source, await WebAssembly.compile(source)]) {
      const backend = await openWasm({ binary: 'simd', source: given });
      expect(await apply(backend, (x) => ops.square(x), [3])).toEqual([9]);
    }
    const measured = await openWasm();
    expect(measured.info.description).toMatch(/tile (4x8|6x8|6x16)$/);
    expect(await apply(measured, (x) => ops.square(x), [3])).toEqual([9]);
  });
});

const devices = [
  ['wasm', await openWasm({ binary: 'simd', tile: '4x8' }), await openWasm({ binary: 'simd', tile: '4x8' })],
  ['reference', openReference(), await openWasm({ binary: 'simd', tile: '4x8' })],
] as const;

describe.each(devices)('%s refuses', (kind, backend, other) => {
  it('more elements than a buffer holds', async () => {
    const buffer = backend.allocate(8, 'small');
    expect(() => backend.write(buffer, new Float32Array(3), 'f32')).toThrow(
      /write of (12 bytes into|3 elements)/,
    );
    await expect(backend.read(buffer, 'f32', 3)).rejects.toThrow(/read of (12 bytes from|3 elements)/);
  });

  it('buffers of another device', async () => {
    const foreign = other.allocate(8, 'theirs');
    const message = `${kind}: a buffer of another device is used; copy it through the host with read and write`;
    expect(() => backend.write(foreign, new Float32Array(1), 'f32')).toThrow(message);
    await expect(backend.read(foreign, 'f32', 1)).rejects.toThrow(message);
  });
});

describe('a program on wasm refuses', () => {
  const [, backend] = devices[0];
  const build = async () => {
    const x = createInput([4]);
    return Program.compile(createGraph({ inputs: [x], outputs: [ops.neg(x)] }), backend, new FaultMessages());
  };
  const allocate = (...bytes: number[]): DeviceBuffer[] => bytes.map((size) => backend.allocate(size, 'b'));

  it('buffers that are too few, too small or freed', async () => {
    const program = await build();
    expect(() => program.run(allocate(16))).toThrow(
      'wasm: the program takes 2 external buffers, 1 are given',
    );
    expect(() => program.run(allocate(16, 12))).toThrow("wasm: external 1 needs 16 bytes, buffer 'b' has 12");
    const buffers = allocate(16, 16);
    program.run(buffers);
    buffers[0]!.free();
    expect(() => program.run(buffers)).toThrow("wasm: buffer 'b' is used after it was freed");
  });

  it('to run after it was disposed', async () => {
    const program = await build();
    program.dispose();
    program.dispose();
    expect(() => program.run(allocate(16, 16))).toThrow('wasm: a program is run after it was released');
  });
});

describe('data errors', () => {
  it('are reported by name once, and the device goes on', async () => {
    const backend = await openWasm({ binary: 'simd', tile: '4x8' });
    const faults = new FaultMessages();
    const [logits, labels] = [createInput([2, 3]), createInput([2], 'i32')];
    const graph = createGraph({ inputs: [logits, labels], outputs: [ops.crossEntropy(logits, labels)] });
    const program = await Program.compile(graph, backend, faults);
    const buffers = [24, 8, 4].map((bytes) => backend.allocate(bytes, 'b'));
    backend.write(buffers[0]!, new Float32Array(6), 'f32');
    backend.write(buffers[1]!, Int32Array.of(1, 7), 'i32');
    program.run(buffers);
    expect(() => faults.raise(backend)).toThrow('crossEntropy: label 7 at row 1 is outside 0..2');
    faults.raise(backend);
    backend.write(buffers[1]!, Int32Array.of(1, 2), 'i32');
    program.run(buffers);
    faults.raise(backend);
    expect((await backend.read(buffers[2]!, 'f32', 1))[0]).toBeCloseTo(Math.log(3), 6);
  });
});

describe('what need not run again', () => {
  /** y = x w, with the times that w's packing has run. */
  async function product(updates: boolean) {
    const backend = await openWasm({ threads: 1 });
    // More rows and columns than a product reads without packing.
    const [x, w] = [createInput([9, 4]), createInput([7, 4])];
    const y = ops.matmul(x, w, { transposeB: true });
    const parts = updates ? { updates: [{ target: w, value: ops.neg(w) }] } : {};
    const graph = createGraph({ inputs: [x, w], outputs: [y], ...parts });
    const program = await Program.compile(graph, backend, new FaultMessages());
    const buffers = [36, 28, 63].map((length) => backend.allocate(4 * length, 'x'));
    backend.write(buffers[0]!, new Float32Array(36).fill(1), 'f32');
    const run = async () => {
      program.run(buffers);
      return [...(await backend.read(buffers[2]!, 'f32', 5))];
    };
    return { backend, buffers, run };
  }

  it('sees weights that are written between runs', async () => {
    const { backend, buffers, run } = await product(false);
    for (const value of [1, 2, 2, 3]) {
      backend.write(buffers[1]!, new Float32Array(28).fill(value), 'f32');
      expect(await run()).toEqual(new Array(5).fill(4 * value));
      expect(await run()).toEqual(new Array(5).fill(4 * value));
    }
    // Another buffer in its place, at the address of the old one.
    buffers[1]!.free();
    buffers[1] = backend.allocate(112, 'w');
    backend.write(buffers[1]!, new Float32Array(28).fill(7), 'f32');
    expect(await run()).toEqual(new Array(5).fill(28));
  });

  it('sees weights that the program itself changes', async () => {
    const { backend, buffers, run } = await product(true);
    backend.write(buffers[1]!, new Float32Array(28).fill(1), 'f32');
    for (const sign of [1, -1, 1, -1]) expect(await run()).toEqual(new Array(5).fill(4 * sign));
  });

  it('sees weights that another program changes', async () => {
    const { backend, buffers, run } = await product(false);
    const w = createInput([7, 4]);
    const graph = createGraph({ inputs: [w], updates: [{ target: w, value: ops.neg(w) }] });
    const negate = await Program.compile(graph, backend, new FaultMessages());
    backend.write(buffers[1]!, new Float32Array(28).fill(1), 'f32');
    for (const sign of [1, -1, 1]) {
      expect(await run()).toEqual(new Array(5).fill(4 * sign));
      negate.run([buffers[1]!]);
    }
  });

  it('is left out while the weights keep their bytes', async () => {
    const { backend, buffers, run } = await product(false);
    backend.write(buffers[1]!, new Float32Array(28).fill(1), 'f32');
    await run();
    // Behind the backend's back: the packed copy is what counts.
    const { module } = backend as unknown as { module: { memory: WebAssembly.Memory } };
    const { address } = buffers[1] as unknown as { address: number };
    new Float32Array(module.memory.buffer, address, 28).fill(9);
    expect(await run()).toEqual(new Array(5).fill(4));
  });
});
