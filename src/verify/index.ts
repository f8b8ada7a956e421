/** Verification as a public module: every op against its f64 reference, gradients against central differences. */

import { fail } from '../errors.js';
import { type Backend, type Op, registry } from '../index.js';
import { checkAdjoint } from './adjoint.js';
import { checkGradient, checkSecondOrder } from './derivatives.js';
import type { Mode } from './differences.js';
import { checkErrorCase } from './errors.js';
import { checkForward, type VariantChoice, variantsFor } from './forward.js';
import { type Check, type Finding, type InputFinding, reproduceLine, type VerifyResult } from './result.js';
import { inputName } from './samples.js';

export { checkAdjoint } from './adjoint.js';
export { checkGradient, checkSecondOrder } from './derivatives.js';
export { checkDirections, checkJacobian, type Mode } from './differences.js';
export { checkErrorCase } from './errors.js';
export {
  checkForward,
  checkKernel,
  type VariantChoice,
  variantsFor,
  variantsTaking,
} from './forward.js';
export {
  type GradcheckFinding,
  type GradcheckFunction,
  type GradcheckInput,
  type GradcheckOptions,
  type GradcheckResult,
  gradcheck,
  gradgradcheck,
} from './gradcheck.js';
export { checkKernels, evaluateAll, type KernelsFinding } from './kernels.js';
export {
  type Check,
  type Disagreement,
  type Finding,
  type InputFinding,
  reproduceLine,
  type VerifyResult,
} from './result.js';
export { generatorOf, inputName, sampleInputs } from './samples.js';
export type { KernelCase } from './truth.js';

export interface VerifyOptions {
  /** Devices to check kernels on. Derivatives and errors are checked where a reference device is among them. */
  readonly backends: readonly Backend[];
  /** Names, or ops of your own; default: all of Weft's. */
  readonly ops?: readonly (string | Op)[];
  readonly variant?: string;
  /** Default `'all'` that take a sample. */
  readonly variants?: VariantChoice;
  readonly sample?: number;
  /** One direction per input (default), or the whole Jacobian of samples that are not too large for it. */
  readonly mode?: Mode;
  readonly onResult?: (result: VerifyResult) => void;
}

/** The ops that are meant, or an error that lists the names. */
export function findOps(names: readonly (string | Op)[] | undefined): Op[] {
  if (!names) return [...registry.values()];
  return names.map((name) => {
    if (typeof name !== 'string') return name;
    return (
      registry.get(name) ??
      fail('verify', `there is no op '${name}'; there are ${[...registry.keys()].join(', ')}`)
    );
  });
}

/** Runs all checks of the ops and returns every result; see {@link VerifyResult}. Failures are results, not exceptions. */
export async function verifyOps(options: VerifyOptions): Promise<VerifyResult[]> {
  const results: VerifyResult[] = [];
  const chosen = findOps(options.ops);
  if (options.variant !== undefined) checkVariant(chosen, options);
  for (const op of chosen) {
    for (const backend of options.backends) {
      for await (const result of checksOf(op, backend, options)) {
        results.push(result);
        options.onResult?.(result);
      }
    }
  }
  return results;
}

function checkVariant(chosen: readonly Op[], { variant, backends }: VerifyOptions): void {
  const kinds = (['wasm', 'webgpu'] as const).filter((kind) =>
    backends.some((backend) => backend.kind === kind),
  );
  const known = chosen.flatMap((op) => kinds.flatMap((kind) => op.variants(kind)));
  if (!known.includes(variant!))
    fail('verify', `there is no variant '${variant}'; there are ${[...new Set(known)].join(', ')}`);
}

async function* checksOf(
  op: Op,
  backend: Backend,
  options: VerifyOptions,
): AsyncGenerator<VerifyResult, void> {
  const result = (
    check: Check,
    sample: number | null,
    finding: Finding,
    rest: { variant?: string | null; input?: string } = {},
  ): VerifyResult => {
    const { variant = null, input = null } = rest;
    const { error, tolerance, problem, ulps = null } = finding;
    const worst = 'worst' in finding ? (finding as InputFinding).worst : null;
    const where = { op: op.name, backend: backend.kind, device: backend.info.description };
    const whole = options.mode === 'full' && (check === 'gradient' || check === 'second-order');
    const reproduce = `${reproduceLine(op, backend.kind, variant, sample)}${whole ? ' --full' : ''}`;
    return {
      ...where,
      variant,
      sample,
      check,
      input,
      error,
      tolerance,
      ulps,
      ok: problem === null,
      problem,
      worst,
      reproduce,
    };
  };
  if (options.sample !== undefined && !op.samples[options.sample]) {
    fail(op.name, `has samples 0..${op.samples.length - 1}, not ${options.sample}`);
  }
  for (const sample of op.samples.keys()) {
    if (options.sample !== undefined && sample !== options.sample) continue;
    for (const variant of variantsFor(op, sample, backend, options.variants)) {
      if (options.variant !== undefined && variant !== options.variant) continue;
      yield result('forward', sample, await attempt(() => checkForward(op, sample, backend, variant)), {
        variant,
      });
    }
    if (backend.kind !== 'reference') continue;
    for (const [check, run] of derivativeChecks) {
      for (const finding of await attemptAll(() => run(op, sample, backend, options.mode))) {
        yield result(
          check,
          sample,
          finding,
          finding.index < 0 ? {} : { input: inputName(op, finding.index) },
        );
      }
    }
  }
  if (backend.kind !== 'reference' || options.sample !== undefined) return;
  for (const index of op.errors.keys()) yield result('error-case', null, checkErrorCase(op, index));
}

const derivativeChecks = [
  ['gradient', checkGradient],
  ['adjoint', checkAdjoint],
  ['second-order', checkSecondOrder],
] as const;

const failed = (error: unknown): Finding => ({
  error: Number.MAX_VALUE,
  tolerance: 0,
  problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
});

async function attempt(run: () => Promise<Finding>): Promise<Finding> {
  try {
    return await run();
  } catch (error) {
    return failed(error);
  }
}

async function attemptAll(run: () => Promise<InputFinding[]>): Promise<InputFinding[]> {
  try {
    return await run();
  } catch (error) {
    return [{ ...failed(error), index: -1, worst: null }];
  }
}
