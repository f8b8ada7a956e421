import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernels, swiGlu, swiGluBackward } from '../examples/own-op/swi_glu.js';
import {
  type BackendKind,
  createGraph,
  createInput,
  defineOp,
  FaultMessages,
  type KernelSet,
  open,
  Program,
  type Value,
} from '../src/index.js';
import { verifyOps } from '../src/verify/index.js';
import { command, environment, typescript } from './support/built.js';
import { hasRelaxedSimd } from './support/devices.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const example = (...parts: string[]) => join('examples/own-op', ...parts);

function run(...args: string[]): { status: number | null; output: string } {
  const options = { cwd: root, encoding: 'utf8', env: environment } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return { status, output: stdout + stderr };
}

const weft = (...args: string[]) => run(...command, ...args);

/** Runs the command on modules in TypeScript. `weft kernels` needs no tsx, which would transform the whole of AssemblyScript. */
const weftByTsx = (...args: string[]) => run(...typescript, ...command, ...args);

/** The parameters of every kernel. */
const SIGNATURE = 'o: usize, p: usize, s: usize, begin: i32, end: i32';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-own-op-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('an op of the user: swiGlu', () => {
  const options = { kernels: [kernels] };
  const devices: (readonly [name: string, kind: BackendKind, options: object])[] = [
    ['reference', 'reference', options],
    ['wasm simd', 'wasm', { ...options, wasm: { binary: 'simd' } }],
    ...(hasRelaxedSimd
      ? ([['wasm relaxed-simd', 'wasm', { ...options, wasm: { binary: 'relaxed-simd' } }]] as const)
      : []),
    ['webgpu', 'webgpu', options],
  ];

  it.each(devices)(
    'passes every check that is derived from its declaration on %s',
    async (_, kind, given) => {
      const device = await open(kind, given);
      const results = await verifyOps({ backends: [device.backend], ops: [swiGlu.op, swiGluBackward.op] });
      device.dispose();
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
      const samples = swiGlu.op.samples.length + swiGluBackward.op.samples.length;
      expect(results.filter(({ check }) => check === 'forward')).toHaveLength(samples);
      if (kind !== 'reference') return;
      for (const check of ['gradient', 'adjoint', 'second-order', 'error-case'])
        expect(results.filter((result) => result.check === check).length, check).toBeGreaterThan(0);
    },
  );

  it.each([
    ['wasm', 300, 1e-3],
    ['webgpu', 50, 0.05],
  ])('trains as a part of a network on %s', (kind, steps, limit) => {
    const args = [...typescript, example('main.ts'), kind, String(steps)];
    const options = { cwd: root, encoding: 'utf8', env: environment } as const;
    const output = execFileSync(process.execPath, args, options);
    const losses = [...output.matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(steps / 50);
    expect(losses.at(-1)).toBeLessThan(limit);
  });
});

describe('weft kernels', () => {
  const build = (...args: string[]) => weft('kernels', '--shaders', example('shaders'), ...args);

  it('gives the files of the example', async () => {
    const [out, params] = [join(folder, 'kernels.ts'), join(folder, 'params.ts')];
    const assembly = example('assembly/swi_glu.ts');
    const { status, output } = build(
      '--assembly',
      assembly,
      '--params',
      params,
      '--out',
      out,
      '--name',
      'own-op',
    );
    expect(output).toContain("'own-op', 2 WGSL kernels, wasm for simd and relaxed simd");
    expect(status).toBe(0);
    const advice =
      `stale: run node scripts/run.mjs src/cli/main.ts kernels --shaders ${example('shaders')} ` +
      `--assembly ${assembly} --out ${example('kernels.ts')}`;
    for (const [made, committed] of [
      [out, example('kernels.ts')],
      [params, example('assembly/params.ts')],
    ] as const) {
      const same = (await readFile(made, 'utf8')) === (await readFile(join(root, committed), 'utf8'));
      expect(same, `${committed} is ${advice}`).toBe(true);
    }
  });

  it('writes plain JavaScript without AssemblyScript', async () => {
    const out = join(folder, 'shaders.mjs');
    expect(build('--out', out).status).toBe(0);
    const made = (await import(/* @vite-ignore */ out)) as { kernels: KernelSet };
    expect(made.kernels.wasm).toBeUndefined();
    expect(made.kernels.modules).toEqual(kernels.modules);
  });

  it('builds kernels that only wasm has, and refuses what a device would', async () => {
    const [shaders, out, assembly] = [
      join(folder, 'structs'),
      join(folder, 'wasm.mjs'),
      join(folder, 'mine.ts'),
    ];
    await mkdir(shaders);
    await writeFile(
      join(shaders, 'p.wgsl'),
      '//! params mine_f32 : MineParams\nstruct MineParams { n: u32 }\n',
    );
    const source = (body: string) => `import { MineParams } from './params';
      export function mine_f32(${SIGNATURE}): void { const n = changetype<MineParams>(p).n; ${body} }`;
    const args = ['--shaders', shaders, '--assembly', assembly, '--out', out];
    await writeFile(assembly, source('new Array<i32>(n);'));
    expect(weft('kernels', ...args).output).toContain(
      'imports env.abort; kernels may import env.memory alone',
    );
    await writeFile(assembly, source('store<u32>(load<u32>(o), n);'));
    expect(weft('kernels', ...args).output).toContain('0 WGSL kernels, wasm for simd and relaxed simd');
    const made = (await import(/* @vite-ignore */ out)) as { kernels: KernelSet };
    expect(Object.keys(made.kernels)).toEqual(['name', 'wasmParams', 'wasm']);
    (await open('wasm', { kernels: [made.kernels] })).dispose();
  });

  it('says what is wrong', async () => {
    const refuse = (args: string[], message: string) => {
      const { status, output } = weft('kernels', ...args);
      expect(output).toContain(message);
      expect(status).toBe(2);
    };
    const out = join(folder, 'bad.ts');
    refuse(['--out', out], '--shaders: name the folder');
    refuse(['--shaders', example('shaders')], '--out: name the file to write');
    refuse(
      ['--shaders', example('shaders'), '--out', out, '--memory-base', '70000'],
      'multiple of 16 below 65536',
    );
    await writeFile(join(folder, 'bad.wgsl'), '@compute @workgroup_size(512) fn bad_f32() {}');
    refuse(['--shaders', folder, '--out', out], 'bad.wgsl: kernel bad_f32: it uses 0 uniforms');
    await writeFile(join(folder, 'bad.ts'), 'export function bad_f32(o: usize): void { missing(); }');
    refuse(
      ['--shaders', example('shaders'), '--assembly', join(folder, 'bad.ts'), '--out', out],
      "Cannot find name 'missing'",
    );
  });
});

describe('weft gradcheck --module', () => {
  it('checks the ops and kernels that a file exports', async () => {
    const json = join(folder, 'checks.json');
    const { status, output } = weftByTsx(
      'gradcheck',
      '--module',
      example('swi_glu.ts'),
      '--op',
      'swiGlu',
      '--json',
      json,
    );
    expect(output).toMatch(/^swiGlu +\d+/m);
    expect(output).not.toMatch(/^swiGluBackward /m);
    expect(status).toBe(0);
    const { results } = JSON.parse(await readFile(json, 'utf8')) as { results: { reproduce: string }[] };
    expect(results[0]!.reproduce).toContain(
      'npx weft gradcheck --module examples/own-op/swi_glu.ts --op swiGlu --backend reference',
    );
  });

  it('finds a wrong gradient, with exit code 1', async () => {
    const file = join(folder, 'wrong.ts');
    await writeFile(
      file,
      `import { defineOp, ops } from 'weft';
      export const twice = defineOp({
        name: 'twice', summary: 'y = 2 x', inputs: ['x'], infer: ({ x }) => x,
        reference: ({ x }) => x.data.map((v) => 2 * v),
        backward: { x: ({ grad }) => grad },
        kernels: { wasm: [], webgpu: [] },
        samples: [{ inputs: { x: { shape: [3] } } }], errors: [],
      });`,
    );
    const { status, output } = weftByTsx('gradcheck', '--module', file, '--backend', 'reference');
    expect(output).toContain('FAILED twice: gradient, with respect to x');
    expect(status).toBe(1);
  });

  it('says what is wrong with the file or the name', () => {
    const refused = (...args: string[]) => weftByTsx('gradcheck', '--module', ...args).output;
    expect(refused(example('absent.ts'))).toContain('there is no such file');
    expect(refused(example('kernels.ts'))).toContain('exports no op; export what defineOp returns');
    expect(refused(example('swi_glu.ts'), '--op', 'add')).toContain(
      "exports no op 'add'; it exports swiGlu, swiGluBackward",
    );
  });
});

describe('weft bench', () => {
  it('times each kernel of an op on given shapes', async () => {
    const json = join(folder, 'times.json');
    const shapes = ['--input', 'a=16x64', '--input', 'b=16x64'];
    const given = [
      '--module',
      example('swi_glu.ts'),
      '--op',
      'swiGlu',
      '--backend',
      'wasm,webgpu',
      '--json',
      json,
    ];
    const { status, output } = weftByTsx('bench', ...given, ...shapes);
    expect(output).toContain('swiGlu of [16,64], [16,64]: 4096 flop, 12288 bytes');
    expect(status).toBe(0);
    const { results } = JSON.parse(await readFile(json, 'utf8')) as {
      results: { device: string; variant: string; medianMs: number; gflops: number; gbps: number }[];
    };
    expect(new Set(results.map(({ device }) => device.split(',')[0]))).toEqual(new Set(['wasm', 'webgpu']));
    for (const { variant, medianMs, gflops, gbps } of results) {
      expect(variant).toBe('swi_glu_f32');
      expect(medianMs).toBeGreaterThan(0);
      expect(gflops).toBeCloseTo(4096 / medianMs / 1e6, 9);
      expect(gbps).toBeCloseTo(12288 / medianMs / 1e6, 9);
    }
  });

  it('takes the shapes of the inputs as a list, and leaves out what it does not name', async () => {
    const json = join(folder, 'listed.json');
    const shapes = ['--inputs', '2x3x8x8,4x3x3x3', '--options', '{"padding":1}', '--threads', '2'];
    const { status, output } = weft('bench', '--op', 'conv2d', '--json', json, ...shapes);
    expect(output).toContain('conv2d of [2,3,8,8], [4,3,3,3], -: 27648 flop');
    expect(output).toMatch(/kernel +median µs +spread +GFLOP\/s +GB\/s +% arithmetic +% copy$/m);
    expect(status).toBe(0);
    const { results } = JSON.parse(await readFile(json, 'utf8')) as {
      results: { percentOfArithmetic: number; percentOfCopy: number }[];
    };
    for (const { percentOfArithmetic, percentOfCopy } of results) {
      expect(percentOfArithmetic).toBeGreaterThan(0);
      expect(percentOfCopy).toBeGreaterThan(0);
    }
  });

  it("takes Weft's own ops, composed ones and updates too", () => {
    const { status, output } = weft('bench', '--op', 'dot,sgdUpdate');
    expect(output).toMatch(/^dot of \[\d+\], \[\d+\]: \d+ flop, \d+ bytes$/m);
    expect(output).toMatch(/^wasm, .* sgd_update_f32 /m);
    expect(status).toBe(0);
  });

  it('says what is wrong with its arguments', () => {
    const refused = (...args: string[]) => weft('bench', ...args).output;
    expect(refused()).toContain('--op: name the op to time');
    expect(refused('--op', 'matmul', '--input', 'c=2')).toContain("matmul has no input 'c'; it has a, b");
    expect(refused('--op', 'matmul', '--input', 'a=2,3')).toContain('not of the form NAME=2x3');
    expect(refused('--op', 'relu', '--inputs', '2,3')).toContain('relu takes x; 2 shapes are given');
    expect(refused('--op', 'relu', '--inputs', '2y3')).toContain("--inputs: '2y3' is not of the form 2x3");
    expect(refused('--op', 'reshape')).toContain('reshape: is a view: it runs no kernel');
    expect(refused('--op', 'matmul', '--inputs', '3x4,5x6')).toContain('matmul: inner sizes differ');
    expect(refused('--op', 'unfold', '--options', '{"kernels":3}')).toContain(
      "unfold: has no option 'kernels'",
    );
    expect(refused('--op', 'unfold', '--options', '{}')).toContain(
      'unfold: an option is missing, one of kernel, ',
    );
    expect(refused('--op', 'relu', '--json', folder)).toBe(
      `weft: ${folder}: can't be written (it is a folder)\n`,
    );
    expect(refused('--op', 'relu', '--sample', '99')).toContain('relu: has samples 0..');
  });
});

/** Compiles AssemblyScript in memory. */
async function compile(source: string, ...args: string[]): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | null = null;
  const { error, stderr } = await asc.main(
    ['main.ts', '--outFile', 'main.wasm', '--runtime', 'stub', '--enable', 'simd', ...args],
    {
      readFile: (name: string) => (name === 'main.ts' ? source : null),
      writeFile: (_: string, contents: Uint8Array | string) => {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
    },
  );
  expect(error, stderr.toString()).toBeNull();
  return Uint8Array.from(binary!);
}

const SHARED = ['--importMemory', '--initialMemory', '1', '--noAssert'];
const params = { params: 'P', paramsBytes: 4, fields: {} };

describe('kernels of the user at open', () => {
  const refuses = (kind: BackendKind, sets: readonly KernelSet[], message: string | RegExp) =>
    expect(open(kind, { kernels: sets })).rejects.toThrow(message);

  it('may not take names that are taken', async () => {
    const simd = await compile(`export function add_f32(${SIGNATURE}): void {}`, ...SHARED);
    const set = { name: 'mine', wasm: { simd }, wasmParams: { add_f32: params } };
    await refuses('wasm', [set], "open: kernel 'add_f32' of 'mine' is one of Weft's own; rename it");
    const info = kernels.kernels!.swi_glu_f32!;
    const shaders = { name: 'mine', modules: kernels.modules, kernels: { add_f32: info } };
    await refuses('webgpu', [shaders], "open: kernel 'add_f32' of 'mine' is one of Weft's own; rename it");
    for (const kind of ['wasm', 'webgpu'] as const) {
      const other = { ...kernels, name: 'other' };
      await refuses(kind, [kernels, other], /kernel 'swi_glu\w*' of 'other' is also in 'own-op'; rename it/);
      await refuses(kind, [kernels, kernels], "two kernel sets are named 'own-op'");
    }
  });

  it('must be modules that fit', async () => {
    const set = (simd: Uint8Array<ArrayBuffer> | string): KernelSet[] => [
      { name: 'mine', wasm: { simd }, wasmParams: { mine_f32: params } },
    ];
    await refuses('wasm', set('AAAA'), "the wasm module of 'mine' is not valid: ");
    const source = (body: string) => `export function mine_f32(${SIGNATURE}): void { ${body} }`;
    const checked = await compile(source('assert(begin < end);'), '--importMemory', '--initialMemory', '1');
    await refuses('wasm', set(checked), "'mine' imports env.abort; kernels may import env.memory alone");
    const short = await compile('export function mine_f32(o: usize): void {}', ...SHARED);
    await refuses(
      'wasm',
      set(short),
      "kernel 'mine_f32' of 'mine' has 1 parameters; a kernel takes operands, ",
    );
    const large = await compile(source(''), '--importMemory', '--initialMemory', '2');
    await refuses('wasm', set(large), "'mine' can't be bound to the device's memory");
    const good = await compile(source(''), ...SHARED);
    await refuses(
      'wasm',
      [{ name: 'mine', wasm: { simd: good } }],
      "kernel 'mine_f32' of 'mine' has no parameter struct",
    );
    await refuses(
      'webgpu',
      [{ name: 'mine', kernels: kernels.kernels }],
      "kernel 'swi_glu_f32' of 'mine' is in module 'swi_glu', which the set does not hold",
    );
  });

  it('keep their constants apart', async () => {
    const set = async (kernel: string, base: number): Promise<KernelSet> => {
      const body = 'store<u8>(load<u32>(o), load<u8>(memory.data<u8>([1, 2, 3, 0]) + begin));';
      const source = `export function ${kernel}(${SIGNATURE}): void { ${body} }`;
      const simd = await WebAssembly.compile(await compile(source, ...SHARED, '--memoryBase', String(base)));
      return { name: kernel, wasm: { simd }, wasmParams: { [kernel]: params } };
    };
    const sets = [await set('one_u8', 32768), await set('two_u8', 32768)] as const;
    const message =
      "'two_u8': the constants of its wasm module lie at 32768 to 32772, among those of 'one_u8'";
    await refuses('wasm', sets, message);
    (await open('wasm', { kernels: [sets[0], await set('two_u8', 32784)] })).dispose();
  });
});

describe('an op whose kernel is missing', () => {
  const graphOf = (record: (a: Value) => Value) => {
    const a = createInput([4], 'f32', 'a');
    return createGraph({ inputs: [a], outputs: [record(a)] });
  };
  const compileOn = async (
    kind: BackendKind,
    record: (a: Value) => Value,
    sets: readonly KernelSet[] = [],
  ) => {
    const device = await open(kind, { kernels: sets });
    try {
      await Program.compile(graphOf(record), device.backend, new FaultMessages());
    } finally {
      device.dispose();
    }
  };

  it.each(['wasm', 'webgpu'] as const)('is refused on %s, naming op, kernel and what to do', async (kind) => {
    await expect(compileOn(kind, (a) => swiGlu(a, a))).rejects.toThrow(
      `swiGlu/swi_glu_f32: there is no ${kind} kernel 'swi_glu_f32' on this device; open it with { kernels: [...] }`,
    );
    const bare = defineOp({
      name: 'bare',
      summary: 'y = x',
      inputs: ['x'],
      infer: ({ x }) => x,
      reference: ({ x }) => x.data,
      backward: { x: ({ grad }) => grad },
      kernels: { wasm: [], webgpu: [] },
      samples: [{ inputs: { x: { shape: [1] } } }],
      errors: [],
    });
    await expect(compileOn(kind, bare)).rejects.toThrow(
      `bare: declares no ${kind} kernel; list one in its \`kernels.${kind}\`, or compose it of other ops by ` +
        'defineComposition, or use the reference device',
    );
    await expect(compileOn('reference', bare)).resolves.toBeUndefined();
  });

  it('names module, line and op of WGSL that does not compile', async () => {
    const modules = { ...kernels.modules, swi_glu: `fn f() -> u32 {\n  return missing;\n}\n` };
    await expect(compileOn('webgpu', (a) => swiGlu(a, a), [{ ...kernels, modules }])).rejects.toThrow(
      /shader module own-op\/swi_glu, line 2: .*missing.*, for swiGlu\/swi_glu_f32/s,
    );
  });
});
