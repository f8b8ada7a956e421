// Who may import whom in src/. Usage: node scripts/check-imports.mjs [folder that holds src/]
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

/**
 * The house, from the ground up. `may` and `types` (for `import type` alone) and `dynamic` (for `import()`
 * alone) hold names of rows, or: `own` the row's own files · `build` generated files · `scripts` what the
 * build and the command share · `node` Node's
 * modules · `public` whatever src/index.ts exports, from there or from where it is declared · any other
 * word a package.
 */
const rules = {
  leaves: {
    files: ['shape.ts', 'dtype.ts', 'errors.ts', 'random.ts', 'text.ts', 'platform.ts'],
    may: ['own'],
  },
  op: {
    files: ['op.ts', 'launch.ts', 'apply.ts', 'define.ts', 'bounds.ts', 'composition.ts', 'graph.ts'],
    may: ['own', 'leaves'],
  },
  ops: { files: ['ops/**'], may: ['own', 'op', 'leaves'] },

  memory: { files: ['memory.ts'], may: ['op', 'leaves'] },
  plan: { files: ['plan.ts', 'order.ts'], may: ['own', 'memory', 'passes', 'op', 'leaves'] },
  passes: {
    files: [
      'gradient.ts',
      'recompute.ts',
      'rewrite.ts',
      'merge.ts',
      'absorb.ts',
      'spread.ts',
      'fuse.ts',
      'uses.ts',
      'pieces.ts',
      'halve.ts',
    ],
    may: ['own', 'op', 'leaves'],
  },

  weaving: {
    files: ['cut.ts', 'place.ts', 'segments.ts', 'balance.ts'],
    may: ['own', 'plan', 'passes', 'op', 'leaves'],
    types: ['backend'],
  },

  backend: {
    files: ['backend.ts', 'params.ts', 'kernels.ts', 'words.ts', 'woven.ts', 'woven-program.ts'].map(
      (name) => `backend/${name}`,
    ),
    may: ['own', 'build', 'leaves'],
    types: ['op'],
  },
  recovery: { files: ['backend/recovery/**'], may: ['own', 'backend', 'leaves'], types: ['op'] },
  reference: { files: ['backend/reference.ts'], may: ['backend', 'build', 'leaves'], types: ['op'] },
  wasm: {
    files: ['backend/wasm/**'],
    may: ['own', 'backend', 'build', 'leaves'],
    types: ['op'],
    dynamic: ['node'],
  },
  webgpu: {
    files: ['backend/webgpu/**'],
    may: ['own', 'recovery', 'backend', 'build', 'leaves'],
    types: ['op'],
    dynamic: ['node', 'webgpu'],
  },

  schedule: {
    files: ['schedule.ts', 'description.ts'],
    may: ['plan', 'op', 'leaves'],
    types: ['backend'],
  },
  numerics: { files: ['numerics.ts'], may: ['leaves'], types: ['op', 'backend'] },
  profile: { files: ['profile.ts'], may: ['leaves'], types: ['backend'] },
  executor: {
    files: ['executor.ts', 'assemble.ts', 'lowering.ts', 'commands.ts', 'arena.ts', 'walk.ts'],
    may: ['own', 'schedule', 'numerics', 'backend', 'passes', 'plan', 'memory', 'op', 'leaves'],
  },
  tensor: {
    files: [
      'tensor.ts',
      'tensor-types.ts',
      'functional.ts',
      'trace.ts',
      'store.ts',
      'runner.ts',
      'compile.ts',
      'gradients.ts',
      'turns.ts',
      'contents.ts',
      'creation.ts',
      'sides.ts',
      'host-state.ts',
    ],
    may: ['own', 'device', 'executor', 'ops', 'backend', 'passes', 'plan', 'memory', 'op', 'leaves'],
    types: ['schedule'],
  },
  tune: { files: ['tune.ts'], may: ['executor', 'ops', 'backend', 'op', 'leaves'] },
  woven: {
    files: ['weave.ts', 'rates.ts', 'measure.ts', 'weaving.ts'],
    may: ['own', 'weaving', 'executor', 'schedule', 'ops', 'backend', 'passes', 'plan', 'op', 'leaves'],
    types: ['tensor', 'recovery'],
    dynamic: ['recovery'],
  },
  device: {
    files: ['device.ts'],
    may: ['profile', 'tensor', 'executor', 'ops', 'backend', 'passes', 'plan', 'memory', 'op', 'leaves'],
    types: ['woven', 'numerics', 'tune'],
  },
  open: {
    files: ['open.ts'],
    may: ['device', 'op', 'leaves'],
    types: ['wasm', 'webgpu', 'recovery', 'woven', 'numerics', 'tune', 'backend'],
    dynamic: ['reference', 'wasm', 'webgpu', 'woven', 'tune'],
  },

  nn: { files: ['nn/**'], may: ['own', 'public', 'leaves'] },
  optim: { files: ['optim/**'], may: ['own', 'public', 'leaves'] },
  io: { files: ['io/**'], may: ['own', 'public', 'leaves'] },
  train: { files: ['train/**'], may: ['own', 'public', 'leaves'] },
  data: { files: ['data/**'], may: ['own', 'public', 'leaves'], dynamic: ['build'] },
  index: {
    files: ['index.ts'],
    may: [
      'train',
      'data',
      'io',
      'optim',
      'nn',
      'profile',
      'numerics',
      'schedule',
      'open',
      'device',
      'tensor',
      'executor',
      'ops',
      'backend',
      'passes',
      'plan',
      'memory',
      'op',
      'leaves',
    ],
    types: ['wasm', 'webgpu', 'woven', 'tune'],
  },
  plot: { files: ['plot/**'], may: ['own', 'public', 'leaves', 'echarts'], dynamic: ['fast-png'] },
  host: {
    files: ['node.ts', 'node/**'],
    may: ['own', 'public', 'io', 'data', 'node', 'leaves'],
    types: ['plot'],
  },
  verify: { files: ['verify/**'], may: ['own', 'public', 'host', 'leaves'] },
  cli: { files: ['cli/**'], may: ['own', 'public', 'host', 'verify', 'scripts', 'node', 'leaves'] },
};

const matches = (pattern, file) =>
  pattern.endsWith('/**') ? file.startsWith(pattern.slice(0, -2)) : file === pattern;
const rowOf = (file) =>
  Object.keys(rules).find((name) => rules[name].files.some((pattern) => matches(pattern, file)));

/** Parses every file of src/ by TypeScript's own parser: file name in src/ -> syntax tree. */
function parse(folder) {
  const source = join(folder, 'src');
  const files = readdirSync(source, { recursive: true })
    .map((file) => file.split(sep).join('/'))
    .filter((file) => file.endsWith('.ts'))
    .sort();
  const api = new API({ cwd: folder });
  const snapshot = api.updateSnapshot({ openFiles: files.map((file) => join(source, file)) });
  const trees = new Map(
    files.map((file) => {
      const path = join(source, file);
      return [file, snapshot.getDefaultProjectForFile(path).program.getSourceFile(path)];
    }),
  );
  return { trees, close: () => api.close() };
}

/** `default`, named and `*` bindings of an import or re-export; null for one that binds nothing by name. */
function importedNames(declaration) {
  const clause = declaration.importClause ?? declaration.exportClause;
  const names = clause?.name && declaration.kind === SyntaxKind.ImportDeclaration ? ['default'] : [];
  const bindings = declaration.importClause
    ? declaration.importClause.namedBindings
    : declaration.exportClause;
  if (bindings?.elements)
    return [...names, ...bindings.elements.map((one) => (one.propertyName ?? one.name).text)];
  return bindings || declaration.kind === SyntaxKind.ExportDeclaration ? [...names, '*'] : names;
}

/** One record per module specifier of a file. */
function importsOf(file, tree, folder) {
  return tree.imports.map((specifier) => {
    const { parent } = specifier;
    const inType = parent.kind === SyntaxKind.LiteralType;
    const isDynamic = parent.kind === SyntaxKind.CallExpression;
    const path = specifier.text.startsWith('.')
      ? relative(join(folder, 'src'), resolve(folder, 'src', dirname(file), specifier.text))
          .split(sep)
          .join('/')
      : null;
    return {
      text: specifier.text,
      target: path?.replace(/\.js$/, '.ts') ?? null,
      isDynamic,
      isType: inType || parent.isTypeOnly || parent.importClause?.phaseModifier === SyntaxKind.TypeKeyword,
      names: inType || isDynamic ? ['*'] : importedNames(parent),
    };
  });
}

/** What src/index.ts exports: declaring file -> its public names, `*` for all. */
function publicNames(trees, folder) {
  const names = new Map();
  const index = trees.get('index.ts');
  for (const one of index ? importsOf('index.ts', index, folder) : []) {
    if (one.target) names.set(one.target, new Set([...(names.get(one.target) ?? []), ...one.names]));
  }
  return names;
}

function allowed(word, row, one, exported) {
  const { target, text } = one;
  if (word === 'node') return text.startsWith('node:');
  if (target === null) return text === word || text.startsWith(`${word}/`);
  if (word === 'build') return target.startsWith('../build/');
  if (word === 'scripts') return target === '../scripts/read-shaders.mjs';
  if (word === 'own') return rowOf(target) === row;
  if (word !== 'public') return rowOf(target) === word;
  if (target === 'index.ts') return true;
  const names = exported.get(target);
  return names !== undefined && (names.has('*') || one.names.every((name) => names.has(name)));
}

function checkFile(file, imports, exported) {
  const row = rowOf(file);
  if (!row)
    return [`src/${file}: belongs to no row of the rules; add it to one in scripts/check-imports.mjs`];
  const { may, types = [], dynamic = [] } = rules[row];
  return imports.flatMap((one) => {
    const words = [...may, ...(one.isType ? types : []), ...(one.isDynamic ? dynamic : [])];
    if (words.some((word) => allowed(word, row, one, exported))) return [];
    const how = one.isType ? 'import the types of' : one.isDynamic ? 'import()' : 'import';
    const notes = [
      types.length > 0 && `types of ${types.join(', ')}`,
      dynamic.length > 0 && `by import() ${dynamic.join(', ')}`,
    ].filter(Boolean);
    const list = [may.join(', '), ...notes].join('; ');
    return [
      `src/${file}: ${row} may not ${how} '${one.text}' (${one.names.join(', ')}); it may import ${list}`,
    ];
  });
}

/** `op`, `node.op`, `reluOp`: an expression that names an op. */
function namesOp(expression) {
  const inner = expression.kind === SyntaxKind.NonNullExpression ? expression.expression : expression;
  return /(^op|Op)$/.test(inner.name?.text ?? inner.text ?? '');
}

const isOpName = (node) =>
  node.kind === SyntaxKind.PropertyAccessExpression && node.name.text === 'name' && namesOp(node.expression);

const EQUALITY = [
  SyntaxKind.EqualsEqualsToken,
  SyntaxKind.EqualsEqualsEqualsToken,
  SyntaxKind.ExclamationEqualsToken,
  SyntaxKind.ExclamationEqualsEqualsToken,
];

/** Ops are told apart by what they declare, never by name. */
function checkOpNames(file, tree) {
  if (file.startsWith('ops/')) return [];
  const found = [];
  const visit = (node) => {
    const compares = node.kind === SyntaxKind.BinaryExpression && EQUALITY.includes(node.operatorToken.kind);
    const bad =
      (compares && (isOpName(node.left) || isOpName(node.right))) ||
      (node.kind === SyntaxKind.SwitchStatement && isOpName(node.expression));
    if (bad) {
      const line = tree.text.slice(0, node.getStart(tree)).split('\n').length;
      found.push(
        `src/${file}:${line}: asks for an op by its name; let the op's declaration say what is needed`,
      );
    }
    node.forEachChild(visit);
  };
  visit(tree);
  return found;
}

/** One line per circle, found by depth-first search; imports of types are erased and don't count. */
function checkCircles(graph) {
  const state = new Map();
  const path = [];
  const found = [];
  const visit = (file) => {
    state.set(file, 'open');
    path.push(file);
    for (const one of graph.get(file)) {
      if (one.isType || !graph.has(one.target)) continue;
      if (state.get(one.target) === 'open') {
        const circle = [...path.slice(path.indexOf(one.target)), one.target];
        found.push(`src/${one.target}: circle ${circle.join(' -> ')}`);
      } else if (!state.has(one.target)) visit(one.target);
    }
    path.pop();
    state.set(file, 'done');
  };
  for (const file of graph.keys()) if (!state.has(file)) visit(file);
  return found;
}

function check(folder) {
  const { trees, close } = parse(folder);
  try {
    const graph = new Map([...trees].map(([file, tree]) => [file, importsOf(file, tree, folder)]));
    const exported = publicNames(trees, folder);
    const faults = [...graph].flatMap(([file, imports]) => checkFile(file, imports, exported));
    return [
      ...faults,
      ...[...trees].flatMap(([file, tree]) => checkOpNames(file, tree)),
      ...checkCircles(graph),
    ];
  } finally {
    close();
  }
}

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
if (!existsSync(join(folder, 'src'))) {
  console.error(`check-imports: ${folder} holds no src/`);
  process.exit(2);
}
const faults = check(folder);
for (const fault of faults) console.error(fault);
console.log(
  faults.length === 0 ? 'imports: all as they should be' : `imports: ${faults.length} against the rules`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
