import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../scripts/check-imports.mjs', import.meta.url));

/** Runs the check on a folder whose src/ holds these files. */
function check(files: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'weft-imports-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, 'src', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
    return { status, output: stderr + stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const values = (path: string) => `import { x } from '${path}';\nexport const y = x;\n`;
const types = (path: string) => `import type { X } from '${path}';\nexport type Y = X;\n`;
const later = (path: string) => `export const y = () => import('${path}');\n`;

describe('check-imports', () => {
  it('accepts the house as it is meant', () => {
    const { status, output } = check({
      'errors.ts': 'export const fail = 1;',
      'shape.ts': values('./errors.js'),
      'op.ts': `${values('./shape.js')}export type X = 1;`,
      'ops/relu.ts': values('../op.js'),
      'ops/gelu.ts': values('./relu.js'),
      'memory.ts': values('./op.js'),
      'plan.ts': values('./memory.js'),
      'backend/backend.ts': types('../op.js'),
      'backend/wasm/index.ts': `${types('../../op.js')}${values('../backend.js').replace('y', 'z')}`,
      'backend/webgpu/index.ts': `${later('webgpu')}${values('../../../build/kernels.js').replace('y', 'z')}`,
      'executor.ts': values('./plan.js'),
      'tensor.ts': `import type { X } from './device.js';\n${values('./executor.js')}`,
      'device.ts': values('./tensor.js'),
      'open.ts': `${later('./backend/wasm/index.js')}${values('./device.js').replace('y', 'z')}`,
      'nn/index.ts': values('../tensor.js'),
      'io/index.ts': 'export const x = 1;',
      'index.ts':
        "export { x } from './tensor.js';\nexport * as nn from './nn/index.js';" +
        "\nexport * from './io/index.js';",
      'node.ts': `import 'node:fs';\n${values('./io/index.js')}`,
      'cli/main.ts': `import 'node:fs';\n${values('../index.js')}`,
      'cli/kernels.ts': values('../../scripts/read-shaders.mjs'),
      'verify/index.ts': values('../index.js'),
    });
    expect(output).toBe('imports: all as they should be\n');
    expect(status).toBe(0);
  });

  it.each<[string, string, string]>([
    ['shape.ts', values('./op.js'), 'leaves may not import'],
    ['op.ts', values('./ops/relu.js'), 'op may not import'],
    ['graph.ts', values('./executor.js'), 'op may not import'],
    ['ops/relu.ts', values('../executor.js'), 'ops may not import'],
    ['gradient.ts', values('./ops/relu.js'), 'passes may not import'],
    ['fuse.ts', types('./ops/relu.js'), 'passes may not import the types of'],
    ['place.ts', values('./memory.js'), 'weaving may not import'],
    ['memory.ts', values('./plan.js'), 'memory may not import'],
    ['plan.ts', values('./ops/relu.js'), 'plan may not import'],
    ['backend/backend.ts', values('../op.js'), 'backend may not import'],
    [
      'backend/reference.ts',
      types('../graph.js').replace('graph', 'ops/relu'),
      'reference may not import the types',
    ],
    ['backend/wasm/index.ts', values('../../op.js'), 'wasm may not import'],
    ['backend/wasm/index.ts', types('../webgpu/index.js'), 'wasm may not import the types of'],
    ['backend/webgpu/index.ts', values('webgpu'), "webgpu may not import 'webgpu'"],
    ['executor.ts', values('./backend/wasm/index.js'), 'executor may not import'],
    ['tensor.ts', later('./backend/wasm/index.js'), 'tensor may not import()'],
    ['device.ts', values('./backend/wasm/index.js'), 'device may not import'],
    ['functional.ts', values('./nn/index.js'), 'tensor may not import'],
    ['nn/index.ts', values('../tensor.js'), 'nn may not import'],
    ['optim/index.ts', values('../nn/index.js'), 'optim may not import'],
    ['data/index.ts', values('node:fs'), 'data may not import'],
    ['io/index.ts', values('left-pad'), 'io may not import'],
    ['verify/index.ts', values('../executor.js'), 'verify may not import'],
    ['cli/main.ts', "export * from '../executor.js';", 'cli may not import'],
    ['cli/main.ts', values('../../scripts/build.mjs'), 'cli may not import'],
    ['node.ts', values('./executor.js'), 'host may not import'],
    ['index.ts', values('./cli/main.js'), 'index may not import'],
    ['stray.ts', '', 'belongs to no row of the rules'],
  ])('refuses in %s: %s', (file, text, message) => {
    const { status, output } = check({ [file]: text });
    expect(output).toContain(`src/${file}: ${message}`);
    expect(status).toBe(1);
  });

  it('knows a public name from a private one', () => {
    const files = {
      'tensor.ts': 'export const x = 1, secret = 2;',
      'index.ts': "export { x } from './tensor.js';",
    };
    expect(check({ ...files, 'nn/index.ts': values('../tensor.js') }).status).toBe(0);
    const { output } = check({ ...files, 'nn/index.ts': values('../tensor.js').replaceAll('x', 'secret') });
    expect(output).toContain("src/nn/index.ts: nn may not import '../tensor.js' (secret)");
  });

  it('finds circles of values, not of types', () => {
    const { output } = check({
      'ops/a.ts': values('./b.js'),
      'ops/b.ts': values('./c.js'),
      'ops/c.ts': values('./a.js'),
    });
    expect(output).toContain('src/ops/a.ts: circle ops/a.ts -> ops/b.ts -> ops/c.ts -> ops/a.ts');
    expect(check({ 'ops/a.ts': values('./b.js'), 'ops/b.ts': types('./a.js') }).status).toBe(0);
  });

  it.each([
    'if (node.op.name === "relu") y();',
    'if ("relu" !== op.name) y();',
    'switch (node!.op!.name) {}',
  ])('refuses to ask for an op by name: %s', (text) => {
    const { output, status } = check({ 'plan.ts': `\n${text}` });
    expect(output).toContain('src/plan.ts:2: asks for an op by its name');
    expect(status).toBe(1);
    expect(check({ 'ops/a.ts': text }).status).toBe(0);
    expect(check({ 'plan.ts': text.replaceAll('op', 'user') }).status).toBe(0);
  });
});
