import { parseArgs } from 'node:util';
import { fail } from '../errors.js';
import { writeFileAtomic } from '../node.js';
import { findOps, type VerifyResult, verifyOps } from '../verify/index.js';
import { backendKinds, openAll } from './open.js';
import { chooseOps, loadOwn } from './own-module.js';
import { expectWritable } from './tools.js';

const HELP = `usage: weft gradcheck [options]

Holds every op's kernels against its f64 reference, its gradients against central differences, its error messages
against what it declares. Exit code 1 if anything is not ok.

  --backend LIST   reference, wasm, webgpu, separated by commas (default: reference,wasm); derivatives and errors are
                   checked on the reference
  --module FILE    check the ops that this file exports, on devices with the \`kernels\` that it exports, in place of Weft's
  --op LIST        ops, separated by commas (default: all)
  --variant NAME   one kernel variant, as in matmul_f32__4x8
  --sample N       one of the op's samples
  --full           every element of the Jacobian instead of one random direction, where it has at most 65,536
  --json FILE      also write the results as JSON
  --help`;

const OPTIONS = {
  backend: { type: 'string' },
  module: { type: 'string' },
  op: { type: 'string' },
  variant: { type: 'string' },
  sample: { type: 'string' },
  full: { type: 'boolean' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** `weft gradcheck`: runs the checks, prints a table and every failure, resolves to the exit code. */
export async function gradcheck(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { variant, json } = values;
  const sample = values.sample === undefined ? undefined : Number(values.sample);
  if (sample !== undefined && !Number.isInteger(sample))
    fail('--sample', `must be a whole number, got '${values.sample}'`);
  if (json) await expectWritable(json);
  const names = values.op?.split(',').map((name) => name.trim());
  const own = values.module === undefined ? null : await loadOwn(values.module);
  const ops = own ? chooseOps(values.module!, own.ops, names) : findOps(names);
  const kinds = backendKinds(values.backend ?? 'reference,wasm');
  const devices = (await Promise.all(kinds.map((kind) => openAll(kind, own?.kernels)))).flat();
  try {
    const backends = devices.map(({ backend }) => backend);
    const found = await verifyOps({
      backends,
      ops,
      variant,
      sample,
      mode: values.full ? 'full' : 'directional',
    });
    const results = own ? found.map((result) => reproducedBy(values.module!, result)) : found;
    if (results.length === 0)
      fail('gradcheck', 'nothing was checked: this combination of options fits no kernel');
    report(
      results,
      devices.flatMap(({ info }) => info.notes.map((note) => `${info.backend}: ${note}`)),
    );
    if (json) await writeFileAtomic(json, `${JSON.stringify({ results })}\n`);
    return results.every(({ ok }) => ok) ? 0 : 1;
  } finally {
    for (const device of devices) device.dispose();
  }
}

/** A result of an op of the user's, with the command that finds the op. */
const reproducedBy = (file: string, result: VerifyResult): VerifyResult => ({
  ...result,
  reproduce: result.reproduce.replace(/^npm run gradcheck --/, `npx weft gradcheck --module ${file}`),
});

/** The error as a share of what is allowed. */
const shareOf = ({ error, tolerance }: VerifyResult): number => (tolerance > 0 ? error / tolerance : error);

const columnOf = ({ backend, device, check }: VerifyResult): string => {
  if (check !== 'forward') return check;
  return backend === 'wasm' ? device.split(',')[0]! : backend;
};

/** One line per op: the number of checks, and the largest share of the tolerance that each kind of check used. */
function report(results: readonly VerifyResult[], notes: readonly string[]): void {
  const columns = [...new Set(results.map(columnOf))].sort();
  const ops = groupByOp(results);
  const width = Math.max(...[...ops.keys()].map(({ length }) => length)) + 2;
  console.log('Largest error of each check, as a share of what is allowed (1 is the limit):\n');
  console.log(
    `${'op'.padEnd(width)}${'checks'.padStart(6)}  ${columns.map((name) => name.padStart(13)).join('')}`,
  );
  for (const [op, own] of ops) {
    const cells = columns.map((column) => {
      const shares = own.filter((result) => columnOf(result) === column).map(shareOf);
      return (shares.length === 0 ? '-' : show(Math.max(...shares))).padStart(13);
    });
    const failed = own.filter(({ ok }) => !ok).length;
    console.log(
      `${op.padEnd(width)}${String(own.length).padStart(6)}  ${cells.join('')}${failed ? `  ${failed} FAILED` : ''}`,
    );
  }
  for (const note of notes) console.log(`\nnote: ${note}`);
  const failures = results.filter(({ ok }) => !ok);
  for (const { op, check, input, device, variant, problem, reproduce } of failures) {
    const where = [`${op}: ${check}`, input && `with respect to ${input}`, variant ?? device]
      .filter(Boolean)
      .join(', ');
    console.log(`\nFAILED ${where}\n  ${problem}\n  ${reproduce}`);
  }
  console.log(`\n${results.length} checks of ${ops.size} ops, ${failures.length} failed`);
}

const show = (share: number): string => (share === 0 ? '0' : share > 1e6 ? 'wrong' : share.toPrecision(2));

function groupByOp(results: readonly VerifyResult[]): Map<string, VerifyResult[]> {
  const ops = new Map<string, VerifyResult[]>();
  for (const result of results) ops.set(result.op, [...(ops.get(result.op) ?? []), result]);
  return ops;
}
