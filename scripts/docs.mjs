// Writes docs/ops.md from the op declarations; with --check it only says whether the file is up to date.
// Run by `node scripts/run.mjs scripts/docs.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { registry } from '../src/ops/index.ts';

const FILE = fileURLToPath(new URL('../docs/ops.md', import.meta.url));
const UPDATE = 'node scripts/run.mjs scripts/docs.mjs';

const HEAD = `# Ops

Written by \`${UPDATE}\` from the declarations in \`src/ops/\`.

Each op is a function of graph values (\`ops.relu(x)\`) and of tensors (\`functional.relu(x)\`, \`x.relu()\`): its inputs in
order, then its options. A \`?\` marks an input that may be null. The third column names the attributes that the options
become. A gradient exists with respect to the inputs in the fourth column. The last two columns are the kernel variants, in
the order in which they are tried; *view* means that no bytes move, *composed* that the op stands for a graph of others.

| op | formula | attributes | gradients | wasm | webgpu |
|---|---|---|---|---|---|
`;

const code = (text) => `\`${text}\``;
const list = (names) => (names.length === 0 ? '–' : names.map(code).join(', '));

function signature(op) {
  if (op.variadic) return `${op.name}([${op.inputs[0]}])`;
  return `${op.name}(${op.inputs.map((name) => (op.optional.has(name) ? `${name}?` : name)).join(', ')})`;
}

function attributesOf(op) {
  const [{ inputs, options }] = op.samples;
  const types = inputs.map((input) => input && { shape: input.shape, dtype: input.dtype ?? 'f32' });
  return Object.keys(op.attributes(types, options));
}

function gradientsOf(op) {
  if (op.stopsGradient) return 'stopped';
  return list(op.inputs.filter((_, index) => op.differentiable(index)));
}

function row(op) {
  const kernels = ['wasm', 'webgpu'].map((backend) =>
    op.view ? '*view*' : op.compose ? '*composed*' : list(op.variants(backend)),
  );
  const cells = [code(signature(op)), op.summary, list(attributesOf(op)), gradientsOf(op), ...kernels];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const ops = [...registry.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
const text = `${HEAD}${ops.map(row).join('\n')}\n`;

if (process.argv.includes('--check')) {
  let held = '';
  try {
    held = readFileSync(FILE, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (held !== text) {
    console.error(`docs/ops.md is out of date: run '${UPDATE}'`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, text);
  console.log(`docs: ${ops.length} ops`);
}
