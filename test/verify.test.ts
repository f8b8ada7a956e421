import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { openWasm } from '../src/backend/wasm/index.js';
import { expectWritable } from '../src/cli/tools.js';
import { defineOp, type Op, ops, type Value } from '../src/index.js';
import type { OpSpec } from '../src/op.js';
import { checkErrorCase, sampleInputs, verifyOps } from '../src/verify/index.js';
import { command } from './support/built.js';

const reference = openReference();
const wasm = await openWasm({ binary: 'simd', tile: '4x8' });
afterAll(() => wasm.dispose());

type Spec = OpSpec<readonly ['x'], object, undefined>;

/** y = x², right in every point unless `wrong` says otherwise. */
function squareOp(wrong: Partial<Spec> = {}): Op {
  return defineOp<readonly ['x'], object, undefined>({
    name: 'mySquare',
    summary: 'y = x²',
    inputs: ['x'],
    infer: ({ x }) => x,
    reference: ({ x }) => x.data.map((value) => value * value),
    backward: { x: ({ grad, x }): Value => ops.mul(ops.mul(grad, x), ops.full({ shape: [], value: 2 })) },
    kernels: { wasm: [kernel(5)], webgpu: [] },
    samples: [{ inputs: { x: { shape: [5] } } }],
    errors: [],
    tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
    ...wrong,
  }).op;
}

const kernel = (size: number, name = 'square_f32') => ({
  name,
  launches: () => [{ kernel: name, operands: ['x', 'output'], params: { size, a: 0, b: 0 }, units: 1 }],
});

const problems = async (op: Op) => {
  const results = await verifyOps({ backends: [reference, wasm], ops: [op] });
  return results
    .filter(({ ok }) => !ok)
    .map(({ backend, check, problem }) => `${backend} ${check}: ${problem}`);
};

describe('verifyOps', () => {
  it('finds nothing wrong with an op that is right', async () => {
    expect(await problems(squareOp())).toEqual([]);
  });

  it('finds a wrong gradient', async () => {
    const backward: Spec['backward'] = { x: ({ grad, x }) => ops.mul(grad, x) };
    const found = await problems(squareOp({ backward }));
    expect(found).toEqual([
      expect.stringMatching(
        /^reference gradient: the gradient at \[\d\] is .* central differences give .* along a random direction/,
      ),
    ]);
  });

  it('finds a gradient that is wrong by a millionth', async () => {
    const slightly = () => ops.full({ shape: [], value: 2 * (1 + 1e-6) });
    const backward: Spec['backward'] = { x: ({ grad, x }) => ops.mul(ops.mul(grad, x), slightly()) };
    expect(await problems(squareOp({ backward }))).toHaveLength(1);
  });

  it('finds a gradient that is missing', async () => {
    expect(await problems(squareOp({ backward: { x: () => null } }))).toHaveLength(1);
  });

  it('finds a wrong kernel', async () => {
    const kernels = { wasm: [kernel(5, 'abs_f32')], webgpu: [] };
    expect(await problems(squareOp({ kernels }))).toEqual([
      expect.stringMatching(
        /^wasm forward: output\[\d\] is .*, the reference has .*, allowed is a difference of/,
      ),
    ]);
  });

  it('finds elements that are never written', async () => {
    const kernels = { wasm: [kernel(4)], webgpu: [] };
    expect(await problems(squareOp({ kernels }))).toEqual([expect.stringContaining('output[4] is NaN')]);
  });

  it.each([
    [6, 'word 0 behind output 0 was overwritten'],
    [16, 'was overwritten'],
  ])('finds writes outside the output (%d elements of 5)', async (size, message) => {
    const kernels = { wasm: [kernel(size)], webgpu: [] };
    expect(await problems(squareOp({ kernels }))).toEqual([expect.stringContaining(message)]);
  });

  it('finds a kernel that spoils its input', async () => {
    const spoils = {
      name: 'square_f32',
      launches: () => [
        { kernel: 'square_f32', operands: ['x', 'output'], params: { size: 5, a: 0, b: 0 }, units: 1 },
        { kernel: 'neg_f32', operands: ['x', 'x'], params: { size: 5, a: 0, b: 0 }, units: 1 },
      ],
    };
    expect(await problems(squareOp({ kernels: { wasm: [spoils], webgpu: [] } }))).toEqual([
      expect.stringContaining("input 'x' was changed at element 0"),
    ]);
  });

  it('finds an op that can not work in place though it says so', async () => {
    const twice = {
      name: 'square_f32',
      launches: () => [
        { kernel: 'neg_f32', operands: ['x', 'output'], params: { size: 5, a: 0, b: 0 }, units: 1 },
        { kernel: 'mul_f32', operands: ['x', 'x', 'output'], params: walk, units: 1 },
      ],
    };
    const walk = { size: 5, rank: 1, shape: [5], aStrides: [1], bStrides: [1] };
    expect(await problems(squareOp({ kernels: { wasm: [twice], webgpu: [] } }))).toEqual([]);
    const reads = {
      name: 'square_f32',
      launches: () => [
        { kernel: 'abs_f32', operands: ['x', 'output'], params: { size: 5, a: 0, b: 0 }, units: 1 },
        { kernel: 'add_f32', operands: ['x', 'output', 'output'], params: walk, units: 1 },
      ],
    };
    const sumOfBoth: Partial<Spec> = {
      reference: ({ x }) => x.data.map((value) => value + Math.abs(value)),
      backward: { x: ({ grad, x }): Value => ops.add(grad, ops.mul(grad, ops.sign(x))) },
      kernels: { wasm: [reads], webgpu: [] },
    };
    expect(await problems(squareOp(sumOfBoth))).toEqual([]);
    expect(await problems(squareOp({ ...sumOfBoth, inPlace: ['x'] }))).toEqual([
      expect.stringContaining("in place of 'x': "),
    ]);
  });

  it('finds an op that is not linear though it says so', async () => {
    expect(await problems(squareOp({ linear: ['x'] }))).toEqual([
      expect.stringMatching(/^reference adjoint: ⟨A x, y⟩ is/),
    ]);
  });

  it('finds another error message than the declared one', () => {
    const errors = [{ types: { x: { shape: [2], dtype: 'f32' as const } }, message: 'mySquare: no' }];
    expect(checkErrorCase(squareOp({ errors }), 0).problem).toBe(
      "expected the error 'mySquare: no', got none",
    );
  });

  it('reports what design.md promises', async () => {
    const seen: unknown[] = [];
    const results = await verifyOps({
      backends: [wasm],
      ops: ['matmul'],
      variant: 'matmul_f32__4x8',
      sample: 3,
      onResult: (result) => seen.push(result),
    });
    expect(seen).toEqual(results);
    expect(results).toEqual([
      {
        op: 'matmul',
        backend: 'wasm',
        device: 'simd, tile 4x8',
        variant: 'matmul_f32__4x8',
        sample: 3,
        check: 'forward',
        input: null,
        error: expect.any(Number),
        tolerance: 1,
        ulps: 5,
        ok: true,
        problem: null,
        worst: null,
        reproduce: 'npm run gradcheck -- --op matmul --backend wasm --variant matmul_f32__4x8 --sample 3',
      },
    ]);
  });

  it('refuses what there is not, and lists what there is', async () => {
    const backends = [reference, wasm];
    await expect(verifyOps({ backends, ops: ['matmull'] })).rejects.toThrow(
      /no op 'matmull'; there are .*matmul, .*conv2d/,
    );
    await expect(verifyOps({ backends, ops: ['relu'], sample: 99 })).rejects.toThrow('relu: has samples 0..');
    await expect(verifyOps({ backends, ops: ['relu'], variant: 'x' })).rejects.toThrow(
      "no variant 'x'; there are relu_f32",
    );
  });
});

describe('sampleInputs', () => {
  it('gives the same f32 numbers at every call, others for another sample', () => {
    const op = squareOp({
      samples: [{ inputs: { x: { shape: [50] } } }, { inputs: { x: { shape: [50] } } }],
    });
    const [first] = sampleInputs(op, 0);
    expect(sampleInputs(op, 0)).toEqual([first]);
    expect(sampleInputs(op, 1)).not.toEqual([first]);
    expect(first!.data).toBeInstanceOf(Float32Array);
    for (const value of first!.data) expect(Math.abs(value)).toBeLessThanOrEqual(1);
  });

  it('follows the filling rules', () => {
    const data = (rule: object) => [
      ...sampleInputs(squareOp({ samples: [{ inputs: { x: { shape: [200], ...rule } } }] }), 0)[0]!.data,
    ];
    const signed = data({ domain: [0.5, 2], signed: true });
    expect(signed.every((value) => Math.abs(value) >= 0.5 && Math.abs(value) <= 2)).toBe(true);
    expect(new Set(signed.map(Math.sign))).toEqual(new Set([-1, 1]));
    const distinct = data({ distinct: true }).sort((a, b) => a - b);
    distinct.slice(1).forEach((value, i) => {
      expect(value - distinct[i]!).toBeCloseTo(0.01, 6);
    });
    expect(distinct[0]! + distinct.at(-1)!).toBeCloseTo(0, 6);
    expect(new Set(data({ dtype: 'i32', domain: [-1, 1] }))).toEqual(new Set([-1, 0, 1]));
    expect(new Set(data({ dtype: 'bool' }))).toEqual(new Set([0, 1]));
    expect(data({ values: [1, 2, 3] }).slice(0, 4)).toEqual([1, 2, 3, 1]);
  });
});

describe('weft gradcheck', () => {
  const weft = (...args: string[]) =>
    spawnSync(process.execPath, [...command, ...args], { encoding: 'utf8' });

  it('prints a table, writes JSON and exits with 0', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-gradcheck-'));
    try {
      const file = join(folder, 'results.json');
      const { status, stdout, stderr } = weft('gradcheck', '--op', 'relu,matmul', '--json', file);
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(stdout).toMatch(/^relu +\d+ /m);
      expect(stdout).toMatch(/\d+ checks of 2 ops, 0 failed/);
      const { results } = JSON.parse(readFileSync(file, 'utf8'));
      expect(results.every(({ ok }: { ok: boolean }) => ok)).toBe(true);
      expect(new Set(results.map(({ check }: { check: string }) => check))).toEqual(
        new Set(['forward', 'gradient', 'adjoint', 'second-order', 'error-case']),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [['gradcheck', '--op', 'nope'], "no op 'nope'; there are"],
    [['gradcheck', '--backend', 'nope'], "no backend 'nope'; there are reference, wasm, webgpu"],
    [['gradcheck', '--sample', 'x'], '--sample'],
    [['gradcheck', '--nope'], "Unknown option '--nope'"],
    [['nope'], "no command 'nope'"],
    [['toString'], "no command 'toString'"],
    [
      ['gradcheck', '--op', 'relu', '--json', 'package.json/x.json'],
      "package.json/x.json: can't be written (ENOTDIR",
    ],
    [
      ['bench', '--op', 'relu', '--json', 'package.json/x.json'],
      "package.json/x.json: can't be written (ENOTDIR",
    ],
  ])('refuses %j', (args, message) => {
    const { status, stderr, stdout } = weft(...args);
    expect(stderr).toContain(message);
    expect(stdout).not.toContain('relu');
    expect(status).toBe(2);
  });

  it('writes where a link leads, into a folder that it makes, and neither over a device nor below /proc', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-'));
    const at = (name: string) => join(folder, name);
    mkdirSync(at('own'));
    writeFileSync(at('own/x.json'), '{}');
    symlinkSync(at('own/x.json'), at('link.json'));
    await expectWritable(at('link.json'));
    await expectWritable(at('new/deep/x.json'));
    expect(readdirSync(at('new/deep'))).toEqual([]);
    const { status } = weft('gradcheck', '--op', 'relu', '--sample', '0', '--json', at('link.json'));
    expect(status).toBe(0);
    expect(lstatSync(at('link.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(at('own/x.json'), 'utf8')).results.length).toBeGreaterThan(0);
    for (const file of ['/dev/null', '/proc/x/y.json'])
      await expect(expectWritable(file)).rejects.toThrow(`${file}: can't be written (`);
    rmSync(folder, { recursive: true });
  });

  it('ends quietly when the reader of its output leaves', async () => {
    const child = spawn(process.execPath, [...command, '--help']);
    child.stdout.destroy();
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    const [code] = await once(child, 'close');
    expect([code, said]).toEqual([141, '']);
  });

  it('helps', () => {
    expect(weft('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('gradcheck') });
    expect(weft('gradcheck', '--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('--variant'),
    });
    expect(weft('info', '--backend', 'wasm')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('wasm'),
    });
  });
});
