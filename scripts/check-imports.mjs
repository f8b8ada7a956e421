// Who may import whom in src/. Usage: node scripts/check-imports.mjs [folder that holds src/]
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';
import { rules } from './import-rules.mjs';

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
  if (!row) return [`src/${file}: belongs to no row of the rules; add it to one in scripts/import-rules.mjs`];
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
