import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPage } from '../scripts/browser.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "app", "private": true, "type": "module" }',
  'node.mjs': `
    import * as weft from 'weft';
    import { writeSafetensors } from 'weft/node';
    import { verifyOps } from 'weft/verify';
    import { trainSteps } from './train-steps.js';
    if (typeof writeSafetensors !== 'function' || typeof verifyOps !== 'function') throw new Error('a subpath is missing');
    console.log(JSON.stringify(await trainSteps(weft, 'wasm', 3)));
  `,
  'types.ts': `
    import { type Device, functional as F, lift, open, type Tensor } from 'weft';
    import { readSafetensors } from 'weft/node';
    import { line, type Picture } from 'weft/plot';
    import type { VerifyResult } from 'weft/verify';
    import { kernels, swiGlu } from './own-op/swi_glu.js';
    const gate: (a: Tensor, b: Tensor) => Tensor = lift(swiGlu), gated = await open('wasm', { kernels: [kernels] });
    const device: Device = await open('wasm');
    const y: Tensor = F.matmul(device.ones([2, 3]), device.ones([3, 4])).relu().mul(2);
    // @ts-expect-error a matrix product takes tensors
    F.matmul('a', 'b');
    // @ts-expect-error there is no such option
    F.matmul(y, y, { transpose: true });
    export const rows: readonly VerifyResult[] = [];
    export const curve: Picture = line({ y: [3, 2, 1] }, { x: { label: 'epoch' } });
    export const same = gate(gated.ones([2]), gated.ones([2]));
    export const numbers = (await readSafetensors('model.safetensors')).tensors, first: number = await y.item();
  `,
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      strict: true,
      target: 'ES2022',
      lib: ['ES2022', 'DOM', 'ESNext.Disposable'],
      noEmit: true,
      declaration: true,
      types: [],
    },
    files: ['types.ts'],
  }),
  'train.js': `
    import * as weft from './node_modules/weft/dist/index.js';
    import { trainSteps } from './train-steps.js';
    export const run = async () => ({ wasm: await trainSteps(weft, 'wasm', 3), webgpu: await trainSteps(weft, 'webgpu', 3) });
  `,
  'page.js': `import { run } from './train.js'; window.result = await run();`,
  'worker.js': `import { run } from './train.js'; postMessage(await run());`,
  'worker-page.js': `
    const worker = new Worker('./worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => { window.result = data; };
    worker.onerror = ({ message }) => { console.error(message); };
  `,
  'index.html': '<script type="module" src="page.js"></script>',
  'strict.html': `<meta http-equiv="Content-Security-Policy" content="default-src 'self'; script-src 'self' 'wasm-unsafe-eval'">
    <script type="module" src="page.js"></script>`,
  'worker.html': '<script type="module" src="worker-page.js"></script>',
};

/** The tarball, installed in an empty folder: what users get. */
describe('the packed package', () => {
  let folder: string;
  let losses: number[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-package-'));
    const npm = (args: string[], cwd: string) =>
      execFileSync('npm', args, {
        cwd,
        encoding: 'utf8',
        shell: process.platform === 'win32',
        stdio: 'pipe',
      });
    npm(['pack', '--pack-destination', folder, '--ignore-scripts'], root);
    const app = join(folder, 'app');
    await mkdir(app);
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(app, name), text);
    await cp(join(root, 'test/support/train-steps.js'), join(app, 'train-steps.js'));
    await cp(join(root, 'examples/own-op'), join(app, 'own-op'), { recursive: true });
    const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    npm(['install', '--offline', '--no-audit', '--no-fund', '--omit=peer', join(folder, tarball!)], app);
    losses = JSON.parse(
      execFileSync(process.execPath, ['node.mjs'], { cwd: app, encoding: 'utf8' }),
    ) as number[];
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('brings no dependency along', async () => {
    const installed = await readdir(join(folder, 'app/node_modules'));
    expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['weft']);
  });

  it('says which package pictures need', () => {
    const script = "import('weft/plot').catch((error) => console.log(error.message))";
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(folder, 'app'),
      encoding: 'utf8',
    });
    expect(output).toMatch(/^weft\/plot: needs the package echarts, .*run 'npm install echarts'/);
  });

  it('trains three steps from a Node script', () => {
    expect(losses).toHaveLength(3);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses[2]!).toBeLessThan(losses[0]!);
  });

  it.each(['index.html', 'strict.html', 'worker.html'])(
    'trains three steps from %s, with the bits of Node on wasm',
    { timeout: 120_000 },
    async (page) => {
      const { wasm, webgpu } = (await runPage(join(folder, 'app'), page, 100_000)) as Record<
        'wasm' | 'webgpu',
        number[]
      >;
      expect(wasm).toEqual(losses);
      for (const [i, loss] of losses.entries()) expect(Math.abs(webgpu[i]! / loss - 1)).toBeLessThan(1e-4);
    },
  );

  it.each([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('has types under moduleResolution %s', { timeout: 120_000 }, (resolution, module) => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const args = [tsc, '-p', '.', '--moduleResolution', resolution, '--module', module];
    const check = () =>
      execFileSync(process.execPath, args, { cwd: join(folder, 'app'), encoding: 'utf8', stdio: 'pipe' });
    expect(check).not.toThrow();
  });

  it('builds, checks and times an op of the user', { timeout: 120_000 }, async () => {
    const app = join(folder, 'app');
    const weft = (...args: string[]) => {
      const command = [join(app, 'node_modules/weft/dist/cli.js'), ...args];
      const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: app, encoding: 'utf8' });
      return { status, output: stdout + stderr };
    };
    const files = ['--shaders', 'own-op/shaders', '--assembly', 'own-op/assembly/swi_glu.ts'];
    const kernels = () => weft('kernels', ...files, '--out', 'own-op/kernels.ts');
    const committed = await readFile(join(app, 'own-op/kernels.ts'), 'utf8');
    await rm(join(app, 'own-op/kernels.ts'));
    expect(kernels().output).toContain("run 'npm install --save-dev wgsl_reflect'");
    await mkdir(join(folder, 'node_modules'));
    const provide = (name: string) =>
      symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
    await provide('wgsl_reflect');
    expect(kernels().output).toContain("run 'npm install --save-dev assemblyscript'");
    await provide('assemblyscript');
    expect(kernels()).toMatchObject({ status: 0 });
    expect(await readFile(join(app, 'own-op/kernels.ts'), 'utf8')).toBe(committed);
    const module = ['--module', 'own-op/swi_glu.ts'];
    if (Number(process.versions.node.split('.')[0]) < 22)
      expect(weft('gradcheck', ...module).output).toContain("run 'npm install --save-dev tsx'");
    await provide('tsx');
    const checks = weft('gradcheck', ...module);
    expect(checks.output).toMatch(/checks of 2 ops, 0 failed/);
    expect(checks.status).toBe(0);
    const times = weft('bench', ...module, '--op', 'swiGlu');
    expect(times.output).toMatch(/wasm, .* swi_glu_f32 /);
    expect(times.status).toBe(0);
  });

  it('runs an op of the user in a page under a strict policy', { timeout: 120_000 }, async () => {
    const app = join(folder, 'app');
    const contents = `
      import { lift, open } from 'weft';
      import { kernels, swiGlu } from './own-op/swi_glu.ts';
      const run = async (kind) => {
        const device = await open(kind, { kernels: [kernels] });
        return [...(await lift(swiGlu)(device.tensor([1, -2, 3]), device.tensor([4, 5, -6])).data())];
      };
      window.result = [...(await run('wasm')), ...(await run('webgpu'))];`;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: app },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'neutral',
      external: ['node:*', 'webgpu'],
    });
    await writeFile(join(app, 'own.js'), outputFiles[0]!.text);
    await writeFile(join(app, 'own.html'), FILES['strict.html']!.replace('page.js', 'own.js'));
    const silu = (x: number) => x / (1 + Math.exp(-x));
    const expected = [4 * silu(1), 5 * silu(-2), -6 * silu(3)];
    const result = (await runPage(app, 'own.html', 100_000)) as number[];
    expect(result).toHaveLength(6);
    for (const [i, value] of result.entries()) expect(value).toBeCloseTo(expected[i % 3]!, 4);
  });

  it('leaves nothing in a bundle that imports it for nothing', async () => {
    const { outputFiles } = await build({
      stdin: { contents: "import { open } from 'weft';", resolveDir: join(folder, 'app') },
      bundle: true,
      write: false,
      format: 'esm',
      minify: true,
      platform: 'neutral',
    });
    expect(outputFiles[0]!.text.length).toBeLessThan(200);
  });
});
