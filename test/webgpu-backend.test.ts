import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, Command, DeviceBuffer, DispatchCommand } from '../src/backend/backend.js';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import { workgroupsOf } from '../src/backend/webgpu/workgroups.js';
import { arena, copy, dispatch, external, scale, set } from './support/webgpu-kernels.js';

describe('the webgpu backend', () => {
  let backend: Backend;
  const upload = (values: readonly number[], label = 'x'): DeviceBuffer => {
    const buffer = backend.allocate(4 * values.length, label);
    backend.write(buffer, Float32Array.from(values), 'f32');
    return buffer;
  };
  const prepare = (commands: readonly Command[], externals: number, regions: readonly number[] = []) =>
    backend.prepare({ commands, externals, regions });

  beforeEach(async () => {
    backend = await openWebGPU({}, [set]);
  });
  afterEach(() => backend.dispose());

  it('describes itself', () => {
    expect(backend).toMatchObject({ kind: 'webgpu', alignment: 256, sharesRegions: false });
    expect(backend.info.description).not.toBe('');
    expect(backend.maxBufferBytes).toBeGreaterThanOrEqual(128 * 2 ** 20);
    for (const name of ['shader-f16', 'subgroups', 'timestamp-query']) {
      expect(backend.features.has(name) !== backend.info.notes.some((note) => note.startsWith(name))).toBe(
        true,
      );
    }
  });

  it('writes and reads every dtype', async () => {
    const buffer = backend.allocate(12, 'x');
    backend.write(buffer, Float32Array.of(1.5, -2, Infinity), 'f32');
    expect(await backend.read(buffer, 'f32', 3)).toEqual(Float32Array.of(1.5, -2, Infinity));
    backend.write(buffer, Float64Array.of(0.1, 1e-300), 'f32');
    expect(await backend.read(buffer, 'f32', 3)).toEqual(Float32Array.of(0.1, 0, Infinity));
    backend.write(buffer, Int32Array.of(-1, 2 ** 31 - 1), 'i32');
    expect(await backend.read(buffer, 'i32', 2)).toEqual(Int32Array.of(-1, 2 ** 31 - 1));
    backend.write(buffer, Uint8Array.of(1, 0, 7), 'bool');
    expect(await backend.read(buffer, 'bool', 3)).toEqual(Uint8Array.of(1, 0, 1));
    expect(await backend.read(buffer, 'i32', 3)).toEqual(Int32Array.of(1, 0, 1));
    const shared = new Float32Array(new SharedArrayBuffer(16)).fill(3);
    backend.write(buffer, shared.subarray(1, 3), 'f32');
    expect(await backend.read(buffer, 'f32', 2)).toEqual(Float32Array.of(3, 3));
    const empty = backend.allocate(0, 'empty');
    backend.write(empty, new Float32Array(), 'f32');
    expect(await backend.read(empty, 'f32', 0)).toEqual(new Float32Array());
  });

  it('serves reads that overlap', async () => {
    const buffers = Array.from({ length: 12 }, (_, i) => upload([i]));
    const values = await Promise.all(buffers.map((buffer) => backend.read(buffer, 'f32', 1)));
    expect(values.map(([value]) => value)).toEqual(buffers.map((_, i) => i));
  });

  it('refuses what does not fit', async () => {
    const buffer = backend.allocate(8, 'small');
    expect(() => backend.write(buffer, new Float32Array(3), 'f32')).toThrow(
      "write of 12 bytes into buffer 'small' of 8",
    );
    await expect(backend.read(buffer, 'f32', 3)).rejects.toThrow("read of 12 bytes from buffer 'small' of 8");
    expect(() => backend.write(buffer, new Float32Array(1), 'i32')).toThrow(
      "a Float32Array can't be written as i32",
    );
    buffer.free();
    expect(() => backend.write(buffer, new Float32Array(1), 'f32')).toThrow(
      "'small' is used after it was freed",
    );
    const other = await openWebGPU({}, [set]);
    expect(() => backend.write(other.allocate(4, 'y'), new Float32Array(1), 'f32')).toThrow(
      'of another device',
    );
    other.dispose();
  });

  it('counts live memory', async () => {
    const buffer = upload([1, 2, 3, 4, 5]);
    expect(backend.memory()).toEqual({ buffers: 1, bytes: 32 });
    const program = await prepare([scale(external(0, 20), arena(0, 0, 20), 5, 2)], 1, [256]);
    expect(backend.memory()).toEqual({ buffers: 3, bytes: 32 + 256 + 256 });
    program.release();
    program.release();
    buffer.free();
    buffer.free();
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    expect(() => program.run([buffer])).toThrow('after it was released');
  });

  it('runs a list through its arena, parameters included', async () => {
    const [x, y] = [upload([1, 2, 3]), upload([0, 0, 0], 'y')];
    const commands = [
      scale(external(0, 12), arena(0, 0, 12), 3, 2),
      scale(arena(0, 0, 12), arena(1, 256, 12), 3, 10, { k: -3, shape: [0, 0, 0, 0, 0, 0, 0, 100] }),
      copy(arena(1, 256, 12), external(1, 12), 12),
    ];
    const program = await prepare(commands, 2, [12, 268]);
    program.run([x, y]);
    expect(await backend.read(y, 'f32', 3)).toEqual(Float32Array.of(117, 137, 157));
    backend.write(x, Float32Array.of(0, 0, 1), 'f32');
    program.run([x, y]);
    expect(await backend.read(y, 'f32', 3)).toEqual(Float32Array.of(97, 97, 117));
  });

  it('rebinds the external buffers that changed', async () => {
    const [a, b, c, d] = [upload([1]), upload([2]), upload([0]), upload([0])];
    const program = await prepare([scale(external(0, 4), external(1, 4), 1, 3)], 2);
    for (const [from, to] of [
      [a, c],
      [a, c],
      [b, c],
      [b, d],
      [a, d],
      [a, c],
    ] as const) {
      program.run([from, to]);
      expect(await backend.read(to, 'f32', 1)).toEqual(Float32Array.of(from === a ? 3 : 6));
    }
    expect(() => program.run([a])).toThrow('takes 2 external buffers, 1 are given');
    expect(() => program.run([backend.allocate(0, 'none'), c])).toThrow(
      "external 0 needs 4 bytes, buffer 'none' has 0",
    );
    expect(() => program.run([a, a])).toThrow('operand 1 writes a buffer that another operand reads');
    a.free();
    expect(() => program.run([a, c])).toThrow('used after it was freed');
    program.run([b, c]);
    expect(await backend.read(c, 'f32', 1)).toEqual(Float32Array.of(6));
  });

  it('copies within one buffer, overlapping too', async () => {
    const [x, y] = [upload([1, 2, 3, 4]), upload(new Array(68).fill(0))];
    const commands = [
      copy(external(0, 16), arena(0, 0, 16), 16),
      copy(arena(0, 0, 16), arena(0, 256, 16), 16),
      copy(arena(0, 0, 16), arena(0, 8, 16), 12),
      copy(arena(0, 0, 272), external(1, 272), 272),
    ];
    const program = await prepare(commands, 2, [272]);
    program.run([x, y]);
    const values = await backend.read(y, 'f32', 68);
    expect([...values.slice(0, 5), ...values.slice(64)]).toEqual([1, 2, 1, 2, 3, 1, 2, 3, 4]);
    program.release();
    expect(backend.memory().buffers).toBe(2);
  });

  it('brings a fault along with a read, once', async () => {
    const x = backend.allocate(16, 'x');
    const [fault, n] = [{ kind: 'fault' } as const, 4];
    const check = (faultId: number) => dispatch('check_i32', [external(0, 16), fault], { n, faultId }, n);
    const program = await prepare([check(7), check(8)], 1);
    backend.write(x, Int32Array.of(1, 2, 3, 4), 'i32');
    program.run([x]);
    await backend.read(x, 'i32', 4);
    expect(backend.takeFault()).toBeNull();
    backend.write(x, Int32Array.of(1, 2, -3, 4), 'i32');
    program.run([x]);
    expect(backend.takeFault()).toBeNull();
    await backend.read(x, 'i32', 0);
    expect(backend.takeFault()).toEqual({ id: 7, detail: [2, -3] });
    await backend.read(x, 'i32', 4);
    expect(backend.takeFault()).toBeNull();
  });

  it('binds something harmless for operands that are left out', async () => {
    const y = upload([5]);
    const none = { kind: 'none' } as const;
    const program = await prepare([dispatch('optional_f32', [none, external(0, 4), none], { has: 0 }, 1)], 1);
    program.run([y]);
    expect(await backend.read(y, 'f32', 1)).toEqual(Float32Array.of(-1));
  });

  it('skips dispatches without work and binds empty tensors', async () => {
    const y = upload([5]);
    const commands = [
      scale(external(0, 4), arena(0, 0, 4), 0, 2),
      dispatch('scale_f32', [arena(0, 0, 0), arena(1, 0, 0)], { n: 0, k: 0, by: 1, shape: [] }, 1),
      scale(arena(0, 0, 4), external(0, 4), 1, 2, { k: 9 }),
    ];
    const program = await prepare(commands, 1, [4, 0]);
    program.run([y]);
    expect(await backend.read(y, 'f32', 1)).toEqual(Float32Array.of(9));
  });

  it('spreads many invocations over two axes', async () => {
    expect(workgroupsOf(640, [64, 1, 1], 65535, 'x')).toEqual([10, 1, 1]);
    expect(workgroupsOf(0, [64, 1, 1], 65535, 'x')).toBeNull();
    expect(workgroupsOf([3, 0, 1], [64, 1, 1], 65535, 'x')).toBeNull();
    expect(workgroupsOf(65536 * 64, [8, 8, 1], 65535, 'x')).toEqual([32768, 2, 1]);
    expect(() => workgroupsOf([1, 65536, 1], [1, 1, 1], 65535, 'x')).toThrow('[1,65536,1] workgroups');
    const n = 65536 * 64 + 5;
    const [x, y] = [backend.allocate(4 * n, 'x'), backend.allocate(4 * n, 'y')];
    backend.write(
      x,
      Float32Array.from({ length: n }, (_, i) => i % 1000),
      'f32',
    );
    const program = await prepare([scale(external(0, 4 * n), external(1, 4 * n), n, 2)], 2);
    program.run([x, y]);
    const values = await backend.read(y, 'f32', n);
    expect(values.every((value, i) => value === 2 * (i % 1000))).toBe(true);
  });

  it('names kernel and field of a wrong parameter', async () => {
    const wrong = (params: DispatchCommand['params'], message: string) =>
      expect(
        prepare([dispatch('scale_f32', [external(0, 4), external(1, 4)], params, 1)], 2),
      ).rejects.toThrow(message);
    const right = { n: 1, k: 0, by: 1, shape: [] };
    await wrong({ n: 1, k: 0, shape: [] }, "kernel scale_f32: parameter 'by' is missing");
    await wrong(
      { ...right, rate: 1 },
      "parameter 'rate' is not in the kernel's struct, which has n, k, by, shape",
    );
    await wrong({ ...right, n: -1 }, "parameter 'n' is -1, not a whole u32");
    await wrong({ ...right, k: 2 ** 31 }, "parameter 'k' is 2147483648, not a whole i32");
    await wrong({ ...right, n: 0.5 }, "parameter 'n' is 0.5");
    await wrong({ ...right, shape: new Array(9).fill(1) }, "parameter 'shape' holds 8 numbers, 9 are given");
    expect(backend.memory().buffers).toBe(0);
  });

  it('makes a pipeline for each value of what a module overrides', async () => {
    const times = (at: number, constants: DispatchCommand['constants']) =>
      dispatch('fixed_f32', [external(at, 4)], { n: at + 2 }, 1, constants);
    const buffers = [0, 1, 2].map(() => backend.allocate(4, 'y'));
    (await prepare([times(0, { by: 3 }), times(1, { by: 5 }), times(2, {})], 3)).run(buffers);
    const values = await Promise.all(buffers.map((buffer) => backend.read(buffer, 'f32', 1)));
    expect(values.map(([value]) => value)).toEqual([6, 15, 8]);
    await expect(prepare([times(0, { to: 1 })], 1)).rejects.toThrow("kernel fixed_f32 has no override 'to'");
  });

  it('names what is wrong with a command', async () => {
    await expect(prepare([dispatch('absent', [], {}, 1)], 0)).rejects.toThrow("no webgpu kernel 'absent'");
    await expect(prepare([dispatch('scale_f32', [], {}, 1)], 0)).rejects.toThrow(
      'takes 2 operands, 0 are given',
    );
    const shared = [scale(arena(0, 0, 4), arena(0, 256, 4), 1, 1)];
    await expect(prepare(shared, 0, [512])).rejects.toThrow('writes a buffer that another operand reads');
    await expect(prepare([dispatch('broken_f32', [], { n: 1 }, 1)], 0)).rejects.toThrow(
      /shader module test\/broken, line 2: .*missing.*'return missing;'/s,
    );
    await expect(prepare([scale(arena(0, 128, 4), arena(1, 0, 4), 1, 1)], 0, [512, 4])).rejects.toThrow(
      '128',
    );
    expect(backend.memory().buffers).toBe(0);
    expect(await backend.read(upload([1]), 'f32', 1)).toEqual(Float32Array.of(1));
  });
});
