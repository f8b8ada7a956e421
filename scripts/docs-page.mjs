/** The text of `docs/ops.md`, from op declarations by group and from what was measured. */
import { gradientInputs } from './docs-measure.mjs';

const code = (text) => `\`${text}\``;
const NONE = '–';
const list = (names) => (names.length === 0 ? NONE : names.map(code).join(', '));

function signature(op) {
  if (op.variadic) return `${op.name}([${op.inputs[0]}])`;
  return `${op.name}(${op.inputs.map((name) => (op.optional.has(name) ? `${name}?` : name)).join(', ')})`;
}

const typesOf = (inputs) =>
  inputs.map((input) => input && { shape: input.shape, dtype: input.dtype ?? 'f32' });

/** Complete attributes of a call, or null where the op refuses these options. */
function attributesOf(op, inputs, options) {
  try {
    return op.attributes(typesOf(inputs), options);
  } catch {
    return null;
  }
}

const changed = (value) => {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  return undefined;
};

/** Whether the attribute is one that a caller may give under its own name. */
function isOption(op, name) {
  const [{ inputs, options }] = op.samples;
  const value = changed(op.attributes(typesOf(inputs), options)[name]);
  if (value === undefined) return false;
  return attributesOf(op, inputs, { ...options, [name]: value })?.[name] === value;
}

/** The names of the op's options: those that samples and error cases give, and attributes that can be given. */
function optionNames(op) {
  const [{ inputs, options }] = op.samples;
  const attributes = Object.keys(op.attributes(typesOf(inputs), options));
  const given = new Set([...op.samples, ...op.errors].flatMap(({ options }) => Object.keys(options ?? {})));
  const names = new Set([...attributes.filter((name) => given.has(name) || isOption(op, name)), ...given]);
  return [...names];
}

const simple = (value) => {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // A pair of zeros or ones: what one number stands for.
  const pair = Array.isArray(value) && value.length === 2 && value[0] === value[1];
  return pair && (value[0] === 0 || value[0] === 1) ? String(value[0]) : null;
};

/**
 * An option as a reader needs it: `name` must be given, `name = value` has a default, `name?` has one that depends on
 * the call or is none.
 */
function optionText(op, name) {
  const without = op.samples.flatMap(({ inputs, options }) => {
    const rest = { ...options };
    delete rest[name];
    // With an axis more, so that a default which is counted from the last axis shows as one that depends on the call.
    const raised = inputs.map((input) => input && { ...input, shape: [1, ...input.shape] });
    return [attributesOf(op, inputs, rest), attributesOf(op, raised, rest)];
  });
  if (without.every((attributes) => attributes === null)) return name;
  const defaults = new Set(
    without.filter(Boolean).map((attributes) => (name in attributes ? simple(attributes[name]) : null)),
  );
  const [only] = defaults;
  return defaults.size === 1 && only !== null ? `${name} = ${only}` : `${name}?`;
}

/** The dtypes that an op's samples cover: of most inputs, of those that differ, then of what it returns. */
function dtypesOf(op) {
  const byInput = new Map();
  const results = new Set();
  for (const { inputs, options } of op.samples) {
    const types = typesOf(inputs);
    types.forEach((type, i) => {
      const name = op.inputs[op.variadic ? 0 : i];
      if (type) byInput.set(name, (byInput.get(name) ?? new Set()).add(type.dtype));
    });
    for (const { dtype } of op.infer(types, op.attributes(types, options))) results.add(dtype);
  }
  const text = (dtypes) => [...dtypes].sort().join(', ');
  const given = [...byInput].map(([name, own]) => [name, text(own)]);
  const returned = text(results);
  if (given.length === 0) return `→ ${returned}`;
  const count = (dtypes) => given.filter(([, own]) => own === dtypes).length;
  const usual = given.map(([, own]) => own).reduce((a, b) => (count(b) > count(a) ? b : a));
  const others = given.filter(([, own]) => own !== usual).map(([name, own]) => `; ${code(name)} ${own}`);
  const all = `${usual}${others.join('')}`;
  return all === returned ? all : `${all} → ${returned}`;
}

function secondOrder(op) {
  if (gradientInputs(op).length === 0 || op.stopsGradient) return NONE;
  return op.onceDifferentiable ? 'no' : 'yes';
}

function gradientsOf(op) {
  if (op.stopsGradient) return 'stopped';
  return list(gradientInputs(op));
}

const exponential = (value) => (value === 0 ? '0' : value.toExponential(0));

function gradientError({ gradient, secondOrder: second }) {
  const errors = [gradient, second].filter((value) => value !== undefined);
  return errors.length === 0 ? NONE : errors.map(exponential).join(', ');
}

const errorText = ([error, allowed]) => (allowed === 0 ? 'exact' : `${error} of ${allowed}`);

/** Variants in the order in which they are tried, those of the same error together. */
function kernelsOf(op, backend, measured) {
  if (op.view) return '*view*';
  if (op.compose) return `*composed*: ${errorText(measured.composed)}`;
  const lines = [];
  for (const name of op.variants(backend)) {
    const text = measured[name] === null ? 'not on this adapter' : errorText(measured[name]);
    const last = lines.at(-1);
    if (last?.text === text) last.names.push(name);
    else lines.push({ text, names: [name] });
  }
  return lines.map(({ names, text }) => `${list(names)}: ${text}`).join('<br>');
}

function row(op, entry) {
  const cells = [
    code(signature(op)),
    op.summary,
    list(optionNames(op).map((name) => optionText(op, name))),
    dtypesOf(op),
    gradientsOf(op),
    secondOrder(op),
    gradientError(entry),
    ...['wasm', 'webgpu'].map((backend) => kernelsOf(op, backend, entry[backend])),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const TABLE = `| op | formula | options | dtypes | gradients | second order | gradient error | wasm | webgpu |
|---|---|---|---|---|---|---|---|---|
`;

const head = (update, { date, devices }) => `# Ops

Written by \`${update}\` from the declarations in \`src/ops/\` and from [ops-measured.json](ops-measured.json).

Each op is a function of graph values (\`ops.relu(x)\`) and of tensors (\`functional.relu(x)\`, \`x.relu()\`): its inputs in
order, then one object of options. What the columns say:

- **op**: the inputs; \`?\` marks one that may be null, \`[inputs]\` a list of any number.
- **options**: \`name\` must be given, \`name = value\` has that default, \`name?\` one that depends on the call, or none.
- **dtypes**: those of the inputs that are verified, with the inputs named that differ from the others; after the arrow
  those of the results.
- **gradients**: the inputs with respect to which there is one; *stopped* where it is held back on purpose.
- **second order**: whether the gradient itself has gradients.
- **gradient error**: the largest relative difference between the gradient in double precision and central differences,
  then that of second derivatives. The limit is 1e-7.
- **wasm**, **webgpu**: the kernel variants in the order in which they are tried, with the error of each against the f64
  reference. \`0.9 of 3\` is 0.9 where 3 is allowed, in units of 2⁻²⁴ of the magnitude that the op's bound refers to (a
  bound with a floor counts as a whole), in the sample that came nearest to its bound. A result that is the reference's,
  rounded to f32, has an error of 0; *exact* says that nothing else is allowed; *not on this adapter* stands for variants
  that need a feature it lacks. *view* means that no bytes move,
  *composed* that the op stands for a graph of others, whose kernels run.

Measured on ${date} by ${Object.entries(devices)
  .map(([backend, description]) => `${backend} (${description})`)
  .join(', ')}.
[verification.md](verification.md) says what is checked and how to repeat it.
`;

/** The page; `update` is the command that writes it. */
export function pageOf({ groups, measured, update }) {
  const filled = [...groups].filter(([, ops]) => ops.length > 0);
  const total = filled.reduce((sum, [, ops]) => sum + ops.length, 0);
  const contents = filled.map(
    ([group, ops]) => `- [${group}](#${group.toLowerCase().replaceAll(' ', '-')}): ${ops.length}`,
  );
  const sections = filled.map(([group, ops]) => {
    const ordered = [...ops].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rows = ordered.map((op) => row(op, measured.ops[op.name]));
    return `## ${group}\n\n${TABLE}${rows.join('\n')}\n`;
  });
  const about = head(update, measured);
  return `${about}\n${total} ops:\n\n${contents.join('\n')}\n\n${sections.join('\n')}`;
}
