import { fail } from '../errors.js';
import type { Tensor } from '../tensor.js';

export function checkRange(
  optimizer: string,
  values: Readonly<Record<string, number>>,
  below = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0 && value < below)) {
      const range = below === Number.POSITIVE_INFINITY ? 'a number of at least 0' : `in [0, ${below})`;
      fail(optimizer, `${name} must be ${range}, got ${value}`);
    }
  }
}

/** An update op of `functional`: hyper, state, then parameters and gradients in turn. */
type Update = (
  inputs: readonly (Tensor | null)[],
  options: { readonly offsets: readonly number[] },
) => readonly Tensor[];

/** What an optimiser keeps for each element of its parameters, and how it starts. */
export interface StateRows {
  readonly rows: number;
  readonly initial?: number;
}

/**
 * Changes parameters by their gradients, all of them in one pass. `lr` may be set between steps: it is an input of every
 * step. All parameters share one count of steps, which momentum's dampening and Adam's bias correction follow.
 */
export abstract class Optimizer {
  readonly parameters: readonly Tensor[];
  /** Steps taken so far. */
  steps = 0;
  readonly #name: string;
  #lr: number;
  /** f32 [rows, elements of all parameters]; null where nothing is kept. */
  readonly #state: Tensor | null;
  readonly #offsets = new Map<Tensor, number>();

  protected constructor(
    name: string,
    parameters: readonly Tensor[],
    lr: number,
    { rows, initial = 0 }: StateRows,
  ) {
    if (parameters.length === 0) fail(name, 'needs at least one parameter');
    const { device } = parameters[0]!;
    let total = 0;
    parameters.forEach((tensor, i) => {
      if (!tensor.requiresGrad) fail(name, `${tensor} does not require a gradient`);
      if (tensor.device !== device) fail(name, `${tensor} lives on another device than ${parameters[0]}`);
      if (parameters.indexOf(tensor) !== i) fail(name, `${tensor} is given twice`);
      this.#offsets.set(tensor, total);
      total += tensor.shape.reduce((a, b) => a * b, 1);
    });
    checkRange(name, { lr });
    this.#name = name;
    this.parameters = parameters;
    this.#lr = lr;
    // In double precision for the reference device; the others round.
    this.#state =
      rows === 0 ? null : device.tensor(new Float64Array(rows * total).fill(initial), [rows, total], 'f32');
    if (this.#state) this.#state.label = `${name}.state`;
  }

  get lr(): number {
    return this.#lr;
  }

  set lr(lr: number) {
    checkRange(this.#name, { lr });
    this.#lr = lr;
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const tensor of this.parameters) tensor.grad = null;
  }

  /** One step over every parameter that has a gradient. In a compiled function it becomes part of it. */
  step(): Promise<void> {
    const { device } = this.parameters[0]!;
    const due = this.parameters.filter(({ grad }) => grad !== null);
    if (due.length === 0) fail('step', 'no parameter has a gradient; call backward() on a loss first');
    const hyper = device.feed([this.hyperSize], 'f32', () => {
      this.steps++;
      // In double precision for the reference device; the others round.
      return Float64Array.from(this.hyper());
    });
    const state = this.#state;
    const inputs = [hyper, state, ...due.flatMap((tensor) => [tensor, tensor.grad])];
    const moved = this.update(inputs, { offsets: due.map((tensor) => this.#offsets.get(tensor)!) });
    const pairs = due.map((tensor, i) => [tensor, moved[i]!] as const);
    return device.update(state ? [...pairs, [state, moved[due.length]!]] : pairs);
  }

  protected abstract readonly hyperSize: number;
  /** Hyper-parameters of the step that `steps` counts, as the update op takes them. */
  protected abstract hyper(): number[];
  protected abstract readonly update: Update;
}
