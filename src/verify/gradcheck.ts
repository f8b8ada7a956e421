import { fail } from '../errors.js';
import {
  type Device,
  gradient,
  gradientOps,
  type HostTensor,
  open,
  ops,
  type SampleInput,
  Tensor,
  type Value,
} from '../index.js';
import { sizeOf } from '../shape.js';
import { checkDirections, checkJacobian, GRADIENT_TOLERANCE } from './differences.js';
import { type Recorded, record, slopeOf } from './evaluate.js';
import { checkKernels, evaluateAll } from './kernels.js';
import type { InputFinding } from './result.js';
import { fillInput, generatorOf } from './samples.js';

/** A function of tensors: one or more results. It is recorded once, on the f64 device. */
export type GradcheckFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Where to look: values, or a shape with the domain that they are drawn from. */
export type GradcheckInput = HostTensor | SampleInput;

export interface GradcheckOptions {
  /** One random direction per input (default), or every element of the Jacobian. */
  readonly mode?: 'directional' | 'full';
  /** Largest relative difference of analytic and numeric derivative, default 1e-7. */
  readonly tolerance?: number;
  /** Positions of the inputs to differentiate by; default: every f32 input. */
  readonly wrt?: readonly number[];
  /** What random values and directions follow from; default 0. */
  readonly seed?: number;
  /** A device opened as 'reference', needed where the function uses tensors of its own on it. */
  readonly device?: Device;
  /** Devices on which every kernel call of the function and its gradient is held to the reference as well. */
  readonly kernels?: readonly Device[];
}

/** One finding: of an input's derivative, or of a kernel call. */
export interface GradcheckFinding {
  readonly check: 'gradient' | 'second-order' | 'kernel';
  /** Position of the input; null for a kernel call. */
  readonly input: number | null;
  /** The op and device of a kernel call. */
  readonly op: string | null;
  readonly device: string | null;
  readonly error: number;
  readonly tolerance: number;
  readonly ok: boolean;
  readonly problem: string | null;
  readonly worst: InputFinding['worst'];
  /** The call that shows a wrong derivative again, alone. */
  readonly reproduce: string | null;
}

export interface GradcheckResult {
  readonly ok: boolean;
  readonly results: readonly GradcheckFinding[];
}

/** A function ready to be checked, with what it is checked on. */
interface Setup {
  readonly device: Device;
  readonly tensors: readonly HostTensor[];
  readonly wrt: readonly number[];
  readonly recorded: Recorded;
}

function fill(input: GradcheckInput, position: number, seed: number): HostTensor {
  if (!('data' in input)) return fillInput(input, generatorOf(`gradcheck ${seed} ${position}`));
  const { shape, data } = input;
  if (data.length !== sizeOf(shape)) {
    const needed = `its shape [${shape.join()}] needs ${sizeOf(shape)}`;
    fail('gradcheck', `input ${position} has ${data.length} elements, ${needed}`);
  }
  return input;
}

/** The function as one of graph values with one f32 result: several results follow each other in a vector. */
function recorderOf(f: GradcheckFunction, device: Device): Recorded {
  const record = (values: readonly (Value | null)[]): Value => {
    const result = f(...values.map((value) => new Tensor(device, value!)));
    const list = result instanceof Tensor ? [result] : [...result];
    const floats = list.filter(({ dtype }) => dtype === 'f32').map(({ value }) => value);
    if (floats.length === 0)
      fail('gradcheck', 'the function gives no f32 tensor, so there is nothing to differentiate');
    if (floats.length === 1) return floats[0]!;
    const flat = floats.map((value) => ops.reshape(value, { shape: [-1] }));
    return ops.concat(flat, { axis: 0 });
  };
  // What the function holds besides its inputs, and seeds that it draws, stay as they are.
  const constant = async (value: Value) => Float64Array.from(await new Tensor(device, value).data());
  return Object.assign(record, { constant });
}

async function withSetup(
  f: GradcheckFunction,
  inputs: readonly GradcheckInput[],
  options: GradcheckOptions,
  check: (setup: Setup) => Promise<GradcheckFinding[]>,
): Promise<GradcheckResult> {
  const { seed = 0, device: given } = options;
  if (given && given.info.backend !== 'reference')
    fail('gradcheck', `needs a device opened as 'reference', this one is ${given.info.backend}`);
  const tensors = inputs.map((input, i) => fill(input, i, seed));
  const floats = tensors.flatMap(({ dtype }, i) => (dtype === 'f32' ? [i] : []));
  const wrt = options.wrt ?? floats;
  for (const i of wrt) {
    if (!floats.includes(i)) fail('gradcheck', `input ${i} is not an f32 input of the function`);
  }
  if (wrt.length === 0) fail('gradcheck', 'needs at least one f32 input to differentiate by');
  const device = given ?? (await open('reference', { seed }));
  try {
    const results = await check({ device, tensors, wrt, recorded: recorderOf(f, device) });
    return { ok: results.every(({ ok }) => ok), results };
  } finally {
    if (!given) device.dispose();
  }
}

/** A derivative's finding, with the call that shows a wrong one again. */
function derivativeFinding(
  check: 'gradient' | 'second-order',
  finding: InputFinding,
  options: GradcheckOptions,
  first?: number,
): GradcheckFinding {
  const { index, error, tolerance, problem, worst } = finding;
  const call = check === 'gradient' ? 'gradcheck' : 'gradgradcheck';
  const wrt = [...new Set(first === undefined ? [index] : [first, index])];
  const again = `${call}(f, inputs, { seed: ${options.seed ?? 0}, wrt: [${wrt.join(', ')}], mode: 'full' })`;
  const of = first === undefined ? '' : `of the gradient of input ${first}: `;
  return {
    check,
    input: index,
    op: null,
    device: null,
    error,
    tolerance,
    ok: problem === null,
    problem: problem && `${of}input ${index}: ${problem}`,
    worst,
    reproduce: problem && again,
  };
}

const checkers = { directional: checkDirections, full: checkJacobian } as const;

/**
 * Checks the gradient of any function of tensors. The function is recorded on a device that computes in double precision,
 * differentiated by reverse mode, and compared with central differences (Richardson's, step 1e-3): along a random
 * direction per input, or for every element of the Jacobian. Look where it is smooth: keep inputs 0.0025 away from kinks,
 * by `domain`, `signed` or `distinct` of an input, instead of asking for less.
 *
 * @returns every finding; one that is not ok says at which element the gradient is wrong, and both values.
 * @throws WeftError where the function can't be recorded or passes an op without a gradient.
 */
export function gradcheck(
  f: GradcheckFunction,
  inputs: readonly GradcheckInput[],
  options: GradcheckOptions = {},
): Promise<GradcheckResult> {
  const { mode = 'directional', tolerance = GRADIENT_TOLERANCE, seed = 0 } = options;
  return withSetup(f, inputs, options, async ({ device, tensors, wrt, recorded }) => {
    const generator = generatorOf(`gradcheck ${seed}`);
    const { backend } = device;
    const found = await checkers[mode](backend, recorded, tensors, wrt, generator, tolerance);
    const kernels = await kernelFindings(recorded, tensors, wrt, backend, options.kernels ?? [], seed);
    return [...found.map((finding) => derivativeFinding('gradient', finding, options)), ...kernels];
  });
}

/**
 * Checks the gradient of a function's gradient, like {@link gradcheck}: for each input, the derivative of the function's
 * gradient with respect to every input.
 */
export function gradgradcheck(
  f: GradcheckFunction,
  inputs: readonly GradcheckInput[],
  options: Omit<GradcheckOptions, 'kernels'> = {},
): Promise<GradcheckResult> {
  const { mode = 'directional', tolerance = GRADIENT_TOLERANCE, seed = 0 } = options;
  return withSetup(f, inputs, options, async ({ device, tensors, wrt, recorded }) => {
    const findings: GradcheckFinding[] = [];
    for (const first of wrt) {
      const generator = generatorOf(`gradgradcheck ${seed} ${first}`);
      const slope = slopeOf(recorded, first);
      const found = await checkers[mode](device.backend, slope, tensors, wrt, generator, tolerance);
      findings.push(...found.map((finding) => derivativeFinding('second-order', finding, options, first)));
    }
    return findings;
  });
}

/** Every kernel call of the function and of its gradient, on each device, within the bound of its op. */
async function kernelFindings(
  f: Recorded,
  tensors: readonly HostTensor[],
  wrt: readonly number[],
  reference: Device['backend'],
  devices: readonly Device[],
  seed: number,
): Promise<GradcheckFinding[]> {
  if (devices.length === 0) return [];
  const generator = generatorOf(`kernels ${seed}`);
  const { values, inputs, data, output, random } = await record(f, tensors, generator);
  const sources = wrt.map((index) => values[index]!);
  const gradients = gradient(output, sources, gradientOps, random(output.shape));
  const outputs = [output, ...gradients.filter((own) => own !== null)];
  const computed = await evaluateAll(inputs, data, outputs, reference);
  const findings: GradcheckFinding[] = [];
  for (const { backend } of devices) {
    for (const { op, variant, error, tolerance, problem } of await checkKernels(computed, backend)) {
      const device = backend.info.description;
      const where = `${op} on ${device}${variant ? `, ${variant}` : ''}`;
      findings.push({
        check: 'kernel',
        input: null,
        op,
        device,
        error,
        tolerance,
        ok: problem === null,
        problem: problem && `${where}: ${problem}`,
        worst: null,
        reproduce: null,
      });
    }
  }
  return findings;
}
