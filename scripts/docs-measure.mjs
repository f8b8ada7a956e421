/**
 * The measured errors of ops in `docs/ops-measured.json`: made from the results of verification, and held against the
 * registry.
 *
 * By op: `gradient` and `secondOrder`, the largest relative difference of a derivative in f64 from central differences
 * (the limit is 1e-7); `wasm` and `webgpu`, by kernel variant the pair [error, allowed] in units of 2^-24 of the magnitude
 * that the op's bound refers to, of the sample that came nearest to its bound; null where the adapter lacks what a variant needs.
 */

const BACKENDS = /** @type {const} */ (['wasm', 'webgpu']);

/** What stands for the variant of an op that has no kernel of its own. */
const variantsOf = (op, backend) => (op.view ? ['view'] : op.compose ? ['composed'] : op.variants(backend));

/** The names of the inputs that an op has a gradient for: floats, in some sample, that have a rule. */
export const gradientInputs = (op) =>
  op.inputs.filter(
    (_, index) =>
      op.differentiable(index) &&
      op.samples.some(({ inputs }) => {
        const given = op.variadic ? inputs : [inputs[index]];
        return given.some((input) => input && (input.dtype ?? 'f32') === 'f32');
      }),
  );

const sorted = (record) => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
const rounded = (value, digits) => Number(value.toPrecision(digits));

/** Error and bound of the result that came nearest to its bound. */
function measureOf(results) {
  const worst = results.reduce((a, b) =>
    b.error > a.error || (b.error === a.error && b.ulps > a.ulps) ? b : a,
  );
  if (worst.error > 0 && worst.ulps === 0)
    throw new Error(`${worst.op}: has an error on ${worst.backend}, but a bound without units`);
  return [rounded(worst.error * worst.ulps, 2), rounded(worst.ulps, 3)];
}

/** What is kept of an op's results, none of which failed. */
export function entryOf(op, results) {
  const derivative = (check) => {
    const own = results.filter((result) => result.check === check);
    return own.length === 0 || op.stopsGradient
      ? undefined
      : rounded(Math.max(...own.map(({ error }) => error)), 1);
  };
  const kernels = BACKENDS.map((backend) => {
    const byVariant = variantsOf(op, backend).map((name) => {
      const own = results.filter(
        (result) =>
          result.check === 'forward' && result.backend === backend && (result.variant ?? name) === name,
      );
      // test/devices/ops.ts has samples reach every variant with all features on.
      if (own.length === 0 && backend === 'webgpu') return [name, null];
      if (own.length === 0) throw new Error(`${op.name}: no sample reached ${name} on ${backend}`);
      return [name, measureOf(own)];
    });
    return [backend, sorted(Object.fromEntries(byVariant))];
  });
  return {
    gradient: derivative('gradient'),
    secondOrder: derivative('second-order'),
    ...Object.fromEntries(kernels),
  };
}

/** What does not fit between the ops and what was measured; empty if all does. */
export function mismatches(ops, measured) {
  const names = new Set(ops.map(({ name }) => name));
  const problems = Object.keys(measured.ops)
    .filter((name) => !names.has(name))
    .map((name) => `'${name}' was measured, but is no op`);
  for (const op of ops) {
    const entry = measured.ops[op.name];
    if (!entry) problems.push(`'${op.name}' was not measured`);
    else problems.push(...mismatchesOf(op, entry));
  }
  return problems;
}

function mismatchesOf(op, entry) {
  const problems = [];
  for (const backend of BACKENDS) {
    const variants = variantsOf(op, backend);
    const known = Object.keys(entry[backend]);
    for (const name of variants.filter((name) => !known.includes(name)))
      problems.push(`'${op.name}': ${name} was not measured on ${backend}`);
    for (const name of known.filter((name) => !variants.includes(name)))
      problems.push(`'${op.name}': ${name} was measured on ${backend}, but is no variant`);
  }
  const gradient = !op.stopsGradient && gradientInputs(op).length > 0;
  const expected = { gradient, secondOrder: gradient && !op.onceDifferentiable };
  for (const [what, wanted] of Object.entries(expected)) {
    if ((entry[what] !== undefined) === wanted) continue;
    problems.push(`'${op.name}': ${what} was ${wanted ? 'not measured' : 'measured, but does not exist'}`);
  }
  return problems;
}

/** One line per op, so that a change shows as one. */
export function textOf({ date, devices, ops }) {
  const lines = Object.entries(sorted(ops)).map(
    ([name, entry]) => `    ${JSON.stringify(name)}: ${JSON.stringify(entry)}`,
  );
  const head = `  "date": ${JSON.stringify(date)},\n  "devices": ${JSON.stringify(devices, null, 2).replaceAll('\n', '\n  ')}`;
  return `{\n${head},\n  "ops": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** Measures ops on the reference, wasm and webgpu; a check that fails is an error. */
export async function measure(ops) {
  const { open } = await import('../src/index.ts');
  const { verifyOps } = await import('../src/verify/index.ts');
  const devices = [
    await open('reference'),
    await open('wasm', { wasm: { binary: 'simd', tile: '6x16' } }),
    await open('webgpu'),
  ];
  try {
    const measured = {};
    for (const [i, op] of ops.entries()) {
      const results = await verifyOps({ backends: devices.map(({ backend }) => backend), ops: [op] });
      const failed = results.find(({ ok }) => !ok);
      if (failed) throw new Error(`${op.name}: ${failed.problem}\n  ${failed.reproduce}`);
      measured[op.name] = entryOf(op, results);
      if (process.stderr.isTTY) process.stderr.write(`\rmeasured ${i + 1} of ${ops.length} ops`);
    }
    const described = devices.map(({ info }) => [info.backend, info.description]);
    const date = new Date().toISOString().slice(0, 10);
    return { date, devices: Object.fromEntries(described), ops: measured };
  } finally {
    for (const device of devices) device.dispose();
  }
}
