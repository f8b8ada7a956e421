import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { transform } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Element } from '../build/elements.js';
import type { KernelInfo, KernelParams } from '../build/kernels.js';
import { buildShaders } from '../scripts/build-shaders.mjs';

let folder: string;
const shaders = () => join(folder, 'shaders');
const build = () => join(folder, 'build');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-shaders-'));
  await mkdir(join(shaders(), 'common'), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(
  files: Readonly<Record<string, string>>,
): Promise<Awaited<ReturnType<typeof buildShaders>>> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(shaders(), `${name}.wgsl`), text);
  return buildShaders({ shaders: shaders(), build: build() });
}

interface Tables {
  readonly modules: Readonly<Record<string, string>>;
  readonly kernels: Readonly<Record<string, KernelInfo>>;
  readonly wasmParams: Readonly<Record<string, KernelParams>>;
  readonly elementModules: Readonly<Record<string, string>>;
  readonly declarations: Readonly<Record<string, string>>;
  readonly elements: Readonly<Record<string, Element>>;
}

async function tables(): Promise<Tables> {
  const texts = ['kernels.ts', 'shaders.ts', 'elements.ts'].map((name) =>
    readFile(join(build(), name), 'utf8'),
  );
  const { code } = await transform((await Promise.all(texts)).join('\n'), { loader: 'ts' });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as Tables;
}

const map = (body: string, workgroup = '64') => `
struct MapParams { n: u32, alpha: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: MapParams;
@compute @workgroup_size(${workgroup}) fn map_f32(@builtin(global_invocation_id) id: vec3<u32>) {
  ${body}
}`;
const BODY = 'if (id.x < p.n) { y[id.x] = x[id.x]; }';

describe('the shader build', () => {
  it('describes kernels', async () => {
    const layout = `struct WalkParams { n: u32, k: i32, by: f32, shape: array<vec4<u32>, 2>, rank: u32, box: vec4f }`;
    const text = `${layout}
      const WG = 8u;
      @group(0) @binding(0) var<storage, read> a: array<f32>;
      @group(0) @binding(1) var<storage, read_write> b: array<f32>;
      @group(0) @binding(1) var<storage, read> c: array<vec4<f32>>;
      @group(0) @binding(2) var<storage, read_write> d: array<atomic<u32>>;
      @group(0) @binding(2) var<uniform> p: WalkParams;
      @group(0) @binding(3) var<uniform> q: WalkParams;
      fn deep() -> f32 { return a[0]; }
      fn shallow() -> f32 { return deep(); }
      @compute @workgroup_size(WG, WG) fn one_f32() { b[0] = shallow() * p.by; }
      @compute @workgroup_size(64) fn two_f32() { atomicAdd(&d[0], u32(a[0] + c[0].x) + q.n); }`;
    expect(await run({ walk: text })).toEqual({
      kernels: 2,
      modules: 1,
      changed: ['kernels.ts', 'shaders.ts', 'elements.ts', 'params.ts'],
    });
    const { kernels, modules } = await tables();
    expect(Object.keys(modules)).toEqual(['walk']);
    expect(kernels.one_f32).toEqual({
      module: 'walk',
      access: ['read', 'read_write'],
      params: 'WalkParams',
      paramsBytes: 80,
      fields: {
        n: { offset: 0, type: 'u32', length: 1 },
        k: { offset: 4, type: 'i32', length: 1 },
        by: { offset: 8, type: 'f32', length: 1 },
        shape: { offset: 16, type: 'u32', length: 8 },
        rank: { offset: 48, type: 'u32', length: 1 },
        box: { offset: 64, type: 'f32', length: 4 },
      },
      workgroupSize: [8, 8, 1],
    });
    expect(kernels.two_f32).toMatchObject({
      access: ['read', 'read', 'read_write'],
      workgroupSize: [64, 1, 1],
    });
  });

  it('mirrors parameter structs byte for byte in AssemblyScript', { timeout: 60_000 }, async () => {
    const struct =
      'struct P { n: u32, by: f32, shape: array<vec4<u32>, 2>, k: i32, box: vec4<i32>, last: f32 }';
    await run({
      map: map(BODY)
        .replace(/struct MapParams.*/, struct)
        .replace('MapParams', 'P'),
    });
    const { fields, paramsBytes } = (await tables()).kernels.map_f32!;
    const names = Object.entries(fields).flatMap(([name, { offset, length }]) =>
      Array.from({ length }, (_, i) => [length === 1 ? name : `${name}${i}`, offset + 4 * i] as const),
    );
    const source = [
      "import { P } from './params';",
      ...names.map(([name]) => `export const ${name}: usize = offsetof<P>('${name}');`),
      'export const bytes: usize = offsetof<P>();',
    ].join('\n');
    const written: Record<string, Uint8Array | string> = {};
    const params = await readFile(join(build(), 'params.ts'), 'utf8');
    const { error, stderr } = await asc.main(['main.ts', '--outFile', 'main.wasm', '--runtime', 'stub'], {
      readFile: (name: string) => ({ 'main.ts': source, 'params.ts': params })[name] ?? null,
      writeFile: (name: string, contents: Uint8Array | string) => {
        written[name] = contents;
      },
      listFiles: () => [],
    });
    expect(error, stderr.toString()).toBeNull();
    const { instance } = await WebAssembly.instantiate(written['main.wasm'] as Uint8Array<ArrayBuffer>, {
      env: { abort: () => {} },
    });
    const offsetOf = (name: string) => (instance.exports[name] as WebAssembly.Global).value as number;
    for (const [name, offset] of names) expect([name, offsetOf(name)]).toEqual([name, offset]);
    expect(offsetOf('bytes')).toBe(paramsBytes);
  });

  it('fills templates and includes', async () => {
    await writeFile(join(shaders(), 'common', 'inner.wgsl'), 'fn inner(v: u32) -> u32 { return v; }');
    await writeFile(join(shaders(), 'common', 'outer.wgsl'), '#include "common/inner"\nfn outer() {}');
    const text = `// Maps.
      #include "common/inner"
      #include "common/outer"
      //! kernel neg_i32 = -x | T=i32 | R=i32
      //! kernel either_u32 = select(0u, 1u, x == 1u || x == 2u) | T=u32 | R=u32
      //! kernel one_u32 = x | 1u | T=u32 | R=u32
      struct TParams { n: u32 }
      @group(0) @binding(0) var<storage, read> xs: array<T>;
      @group(0) @binding(1) var<storage, read_write> ys: array<R>;
      @group(0) @binding(2) var<uniform> p: TParams;
      @compute @workgroup_size(64) fn KERNEL() { let x = xs[inner(p.n)]; ys[0] = R(EXPRESSION); }`;
    await run({ unary: text });
    const { kernels, modules } = await tables();
    expect(Object.keys(kernels)).toEqual(['neg_i32', 'either_u32', 'one_u32']);
    expect(modules.neg_i32).toContain('ys[0] = i32(-x)');
    expect(modules.neg_i32).toContain('array<i32>');
    expect(modules.neg_i32?.match(/fn inner/g)).toHaveLength(1);
    expect(modules.either_u32).toContain('u32(select(0u, 1u, x == 1u || x == 2u))');
    expect(modules.one_u32).toContain('u32(x | 1u)');
    expect(modules.one_u32).not.toContain('//');
    expect(kernels.one_u32).toMatchObject({ module: 'one_u32', params: 'TParams' });
  });

  it('unrolls loops of the build', async () => {
    const text = `
      //! kernel sum_f32__2 | COUNT=2 | DEEP=1
      //! kernel sum_f32__3 | COUNT=3 | DEEP=0
      struct SumParams { n: u32 }
      @group(0) @binding(0) var<storage, read> left: array<vec4<f32>>;
      @group(0) @binding(1) var<storage, read_write> right: array<f32>;
      @group(0) @binding(2) var<uniform> p: SumParams;
      #for side in low high
      fn $(side)_end() -> f32 { return f32(p.n); }
      #end
      @compute @workgroup_size($(2 * COUNT)) fn KERNEL() {
      #for i in 0..COUNT
      #for j in i..2
        let v$(i)_$j = left[$(COUNT * i + j)].$j;
      #end
      #end
      #if DEEP && COUNT == 2
        right[0] = v0_0 + low_end();
      #else
        right[1] = v1_1 + high_end();
      #end
      }`;
    await run({ sum: text });
    const { kernels, modules } = await tables();
    expect(Object.keys(kernels)).toEqual(['sum_f32__2', 'sum_f32__3']);
    expect(kernels.sum_f32__3).toMatchObject({ module: 'sum_f32__3', workgroupSize: [6, 1, 1] });
    const lines = (name: string) => modules[name]!.split('\n').map((line) => line.trim());
    expect(lines('sum_f32__2').slice(-6, -1)).toEqual([
      'let v0_0 = left[0].x;',
      'let v0_1 = left[1].y;',
      'let v1_1 = left[3].y;',
      'right[0] = v0_0 + low_end();',
      '}',
    ]);
    expect(lines('sum_f32__3').slice(-3, -1)).toEqual(['right[1] = v1_1 + high_end();', '}']);
  });

  it('builds variants of a file and of its templates', async () => {
    await run({
      pair: `//! variant | WIDE=0\n//! variant __wide | WIDE=1
        #if WIDE
        ${map('y[id.x] = x[id.x] * p.alpha * 4.0;')}
        #else
        ${map('y[id.x] = x[id.x] * p.alpha;')}
        #end`,
      made: `//! kernel twice_f32 = 2.0\n//! variant | ADDED=0.0\n//! variant __more | ADDED=1.0\n${map(
        'y[id.x] = p.alpha * x[id.x] * EXPRESSION + ADDED;',
      ).replace('map_f32', 'KERNEL')}`,
    });
    const { kernels, modules } = await tables();
    expect(Object.keys(kernels).sort()).toEqual(['map_f32', 'map_f32__wide', 'twice_f32', 'twice_f32__more']);
    expect(kernels.map_f32__wide).toMatchObject({ module: 'pair__wide' });
    expect(modules.pair).not.toContain('4.0');
    expect(modules.pair__wide).toContain('fn map_f32__wide');
    expect(modules.twice_f32__more).toContain('2.0 + 1.0');
  });

  it('describes the structs of kernels that only wasm has', async () => {
    const lines = `//! params map_f32__4x8 map_pack_f32 : MapParams
      //! params pad_f32 : PadParams
      struct PadParams { top: i32, left: i32 }`;
    expect(await run({ m: lines + map(BODY) })).toMatchObject({ kernels: 1, modules: 1 });
    const { kernels, wasmParams } = await tables();
    expect(Object.keys(wasmParams)).toEqual(['map_f32__4x8', 'map_pack_f32', 'pad_f32']);
    const { params, paramsBytes, fields } = kernels.map_f32!;
    expect(wasmParams.map_pack_f32).toEqual({ params, paramsBytes, fields });
    expect(wasmParams.pad_f32).toEqual({
      params: 'PadParams',
      paramsBytes: 8,
      fields: { top: { offset: 0, type: 'i32', length: 1 }, left: { offset: 4, type: 'i32', length: 1 } },
    });
    expect(await readFile(join(build(), 'params.ts'), 'utf8')).toContain('class PadParams');
  });

  it('takes a file that only declares structs', async () => {
    await run({ only: '//! params pad_f32 : PadParams\nstruct PadParams { top: i32 }\n' });
    const { modules, wasmParams } = await tables();
    expect(modules).toEqual({});
    expect(wasmParams.pad_f32).toMatchObject({ params: 'PadParams', paramsBytes: 4 });
  });

  it('writes only what changed', async () => {
    await run({ map: map(BODY) });
    expect((await run({ map: map(BODY) })).changed).toEqual([]);
    expect((await run({ map: map(BODY, '32') })).changed).toEqual(['kernels.ts', 'shaders.ts']);
  });

  it('counts workgroup memory per kernel', async () => {
    const shared = (entry: string) => `var<workgroup> a: array<vec4<f32>, 1024>;
      var<workgroup> b: array<f32, 4096>;
      struct P { n: u32 }
      @group(0) @binding(0) var<uniform> p: P;
      fn help() { b[p.n] = 1.0; }
      @compute @workgroup_size(64) fn first() { a[p.n].x = 1.0; ${entry} }
      @compute @workgroup_size(64) fn second() { help(); }`;
    await run({ shared: shared('') });
    await expect(run({ shared: shared('help();') })).rejects.toThrow(
      'shared.wgsl: kernel first: it uses 32768 bytes of workgroup memory, at most 16384',
    );
  });

  const element = (loads = 'let x = xs[i];', last = 'output[i] = twice(x) * EXPRESSION;') => `
//! kernel scaled_f32 = params.by
struct ElementParams {
  size: u32,
  by: f32,
  zInner: u32,
  zCount: u32,
}
@group(0) @binding(0) var<storage, read> xs: array<f32>;
@group(0) @binding(1) var<storage, read> zs: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: ElementParams;
const TWO = 2.0;
fn twice(v: f32) -> f32 {
  return TWO * v;
}
fn left_out() -> f32 {
  return 1.0;
}
@compute @workgroup_size(64)
fn KERNEL(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  if (i >= params.size) {
    return;
  }
  ${loads}
  //! element
  let y = f32(zs[i]);
  ${last}
}
`;

  it('takes what computes an element, and what that needs, out of an elementwise kernel', async () => {
    await run({ e: element() });
    const { modules, elementModules, declarations, elements } = await tables();
    expect(modules).toEqual({});
    expect(elementModules.scaled_f32).not.toContain('//');
    expect(elements).toEqual({
      scaled_f32: {
        operands: [
          { name: 'x', type: 'f32', at: 'own' },
          { name: 'zs', type: 'u32', at: 'any' },
        ],
        code: 'let y = f32(zs[i]);\ntwice(x) * params.by',
        result: 'f32',
        needs: ['twice', 'TWO'],
      },
    });
    expect(declarations).toEqual({
      twice: 'fn twice(v: f32) -> f32 {\n  return TWO * v;\n}\n',
      TWO: 'const TWO = 2.0;\n',
    });
    await run({ e: element('let x = xs[i];\n  let z = zs[i / params.zInner % max(params.zCount, 1u)];') });
    expect((await tables()).elements.scaled_f32!.operands[1]).toEqual({
      name: 'z',
      type: 'u32',
      at: 'repeated',
    });
  });

  const buffers = Array.from({ length: 9 }, (_, i) => i);
  const many = `struct P { n: u32 }
    ${buffers.map((i) => `@group(0) @binding(${i}) var<storage, read_write> b${i}: array<u32>;`).join('\n')}
    @group(0) @binding(9) var<uniform> p: P;
    @compute @workgroup_size(64) fn many() { ${buffers.map((i) => `b${i}[0] = p.n;`).join(' ')} }`;
  const second = map(BODY).replace('map_f32', 'other_f32');

  it.each<[string, Record<string, string>, string]>([
    [
      'a gap in the bindings',
      { m: map('y[0] = p.alpha;') },
      "m.wgsl: kernel map_f32: its bindings must be contiguous from 0, 'y' has 1 instead of 0",
    ],
    [
      'a uniform before a buffer',
      {
        m: map(BODY)
          .replace('binding(2)', 'binding(0)')
          .replace('binding(0) var<storage', 'binding(2) var<storage'),
      },
      "m.wgsl: kernel map_f32: uniform 'p' must have the last binding",
    ],
    ['no uniform', { m: map('y[0] = x[0];') }, 'm.wgsl: kernel map_f32: it uses 0 uniforms'],
    [
      'another group',
      { m: map(BODY).replace('group(0) @binding(1)', 'group(1) @binding(1)') },
      "m.wgsl: kernel map_f32: 'y' is in group 1",
    ],
    ['too many storage buffers', { many }, 'many.wgsl: kernel many: it uses 9 storage buffers, at most 8'],
    [
      'a large workgroup',
      { m: map(BODY, '16, 17') },
      'm.wgsl: kernel map_f32: a workgroup of 16x17x1 has 272 invocations',
    ],
    [
      'a repeated kernel name',
      { a: map(BODY), b: map(BODY) },
      'b.wgsl: kernel map_f32: there is a kernel of this name in a.wgsl',
    ],
    ['an unknown include', { m: '#include "common/none"\n' }, "m.wgsl: unknown include 'common/none'"],
    ['an include that is misspelt', { m: '#include <none>\n' }, "m.wgsl: can't read '#include <none>'"],
    ['a variant line that is misspelt', { m: '//! variant wide\n' }, "m.wgsl: can't read '//! variant wide'"],
    ['a kernel line that is misspelt', { m: '//! kernel = 3\n' }, "m.wgsl: can't read '//! kernel = 3'"],
    ['a loop without an end', { m: '#for i in 0..2\n' }, "m.wgsl: no #end for '#for i in 0..2'"],
    ['an end without a loop', { m: 'fn f() {}\n#end\n' }, "m.wgsl: '#end' closes nothing"],
    ['a loop that is misspelt', { m: '#for i = 0..2\n#end\n' }, "m.wgsl: can't read '#for i = 0..2'"],
    ['a count that is not known', { m: '#for i in 0..N\n#end\n' }, "m.wgsl: can't work out 'N'"],
    ['half a number', { m: 'const a = $(3 / 2)u;\n' }, "m.wgsl: '3 / 2' is 1.5, no whole number"],
    ['a name that is not in scope', { m: 'const a = $i;\n' }, "m.wgsl: can't work out 'i'"],
    [
      'a params line that is misspelt',
      { m: `//! params pad_f32\n${map(BODY)}` },
      "m.wgsl: can't read '//! params pad_f32', write //! params kernel other_kernel : Struct",
    ],
    [
      'a params line without its struct',
      { m: `//! params pad_f32 : PadParams\n${map(BODY)}` },
      'm.wgsl: kernel pad_f32: there is no struct PadParams in the file',
    ],
    [
      'a params line for a kernel that there is',
      { m: `//! params map_f32 : MapParams\n${map(BODY)}` },
      'm.wgsl: kernel map_f32: there is a kernel of this name in m.wgsl',
    ],
    [
      'a parameter of another type',
      { m: map(BODY).replace('alpha: f32', 'alpha: vec2<f32>') },
      "m.wgsl: kernel map_f32: field 'alpha' of MapParams is vec2f",
    ],
    [
      'an array of scalars',
      { m: map(BODY).replace('alpha: f32', 'alpha: array<u32, 8>') },
      "field 'alpha' of MapParams is array<u32",
    ],
    [
      'a uniform that is no struct',
      { m: map('y[0] = x[p];').replace('p: MapParams', 'p: u32') },
      'm.wgsl: kernel map_f32: the uniform must be a struct',
    ],
    [
      'one struct name, two layouts',
      { a: map(BODY), b: second.replace('alpha: f32', 'beta: f32') },
      'b.wgsl: kernel other_f32: struct MapParams has another layout in a.wgsl',
    ],
    ['WGSL that does not parse', { m: map('let = ;') }, "m.wgsl: wgsl_reflect can't parse it:"],
    [
      'an override without a value',
      { m: `override size: u32;${map(BODY)}` },
      "m.wgsl: override 'size' has no value",
    ],
    ['a file without kernels', { m: 'fn f() {}' }, 'm.wgsl: it has no @compute fn'],
    [
      'a template without its kernel',
      { m: `//! kernel f = 1\n${map(BODY)}` },
      "m.wgsl: kernel f: no '@compute ... fn KERNEL'",
    ],
    [
      'an element that stores elsewhere',
      { m: element(undefined, 'output[i + 1u] = x * EXPRESSION;') },
      "m.wgsl: kernel scaled_f32: the last line of an element must be 'output[i] = ...;'",
    ],
    [
      'an element whose operand is read anywhere',
      { m: element('let x = xs[i + 1u];') },
      "m.wgsl: kernel scaled_f32: can't tell at which place 'xs' is read",
    ],
    [
      'an element whose function reads a parameter',
      { m: element().replace('TWO * v', 'params.by * v') },
      "m.wgsl: kernel scaled_f32: 'twice' names 'params'; give it to the function instead",
    ],
    [
      'an element without a guard',
      { m: element().replace('i >= params.size', 'i > params.size') },
      'm.wgsl: kernel scaled_f32: an element must be guarded',
    ],
    [
      'two functions of elements that share a name',
      { m: element(), n: element().replace('scaled_f32', 'other_f32').replace('TWO * v', 'v') },
      "n.wgsl: kernel other_f32: 'twice' is declared otherwise in m.wgsl, rename one",
    ],
    [
      'fields that clash in AssemblyScript',
      { m: map(BODY).replace('alpha: f32', 's: vec4f, s0: u32') },
      "struct MapParams: two fields become 's0'",
    ],
  ])('refuses %s', async (_, files, message) => {
    await expect(run(files)).rejects.toThrow(message);
  });
});
