import type { Device } from '../device.js';
import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { Tensor } from '../tensor.js';
import { beginCohort, type Cohort, keptFor, recordStep } from './cohort.js';
import {
  createGroup,
  type GroupOptions,
  groupsOf,
  optionsOf,
  type ParameterGroup,
  type Progress,
  type Rule,
  type Settings,
} from './group.js';
import { decodeState, encodeState, type Kept, type OptimizerState } from './state.js';

/** What a step may be given. */
export interface StepOptions {
  /** Whether to take the step, bool. */
  readonly where?: Tensor;
  /** With `where`: what gradients are multiplied by before; they become 0 where the step is not taken. */
  readonly factor?: Tensor;
  /** Tensors that get new contents together with the parameters. */
  readonly also?: readonly (readonly [target: Tensor, contents: Tensor])[];
}

/** What an optimiser keeps on the host, at one time. */
interface Captured<O extends Settings> {
  readonly groups: readonly { readonly options: O; readonly initialLr: number | null }[];
  readonly progress: ReadonlyMap<Tensor, Progress & { readonly state: Tensor | null }>;
}

/** A group, what replaces its options, and those of its parameters that have begun. */
interface Member<O extends Settings> {
  readonly group: ParameterGroup<O>;
  replace(options: O): void;
  cohorts: Cohort[];
}

/**
 * Changes parameters by their gradients, all those of a group in one pass. `lr` and the other options of a group may be set between
 * steps: they are inputs of every step. A parameter's own steps count for momentum's dampening and Adam's bias correction,
 * as in PyTorch: one that gets its first gradient late starts then.
 */
export abstract class Optimizer<O extends Settings = Settings> {
  readonly name: string;
  readonly #rule: Rule<O>;
  readonly #defaults: O;
  readonly #members: Member<O>[] = [];
  readonly #device: Device;
  /** Grows when a compiled step no longer fits what is kept. */
  #layout = 0;
  /** What goes back to a snapshot with the tensors when a device is lost. */
  readonly #host = { capture: () => this.#capture(), restore: (state: unknown) => this.#restore(state) };

  /** @param parameters a list of them, or groups with options of their own. */
  protected constructor(
    rule: Rule<O>,
    parameters: readonly Tensor[] | readonly GroupOptions<O>[],
    options: Partial<O>,
  ) {
    this.name = rule.name;
    this.#rule = rule;
    this.#defaults = { ...rule.defaults, ...given(options) };
    const groups = groupsOf<O>(rule.name, parameters);
    this.#device = groups[0]!.parameters[0]!.device;
    for (const group of groups) this.addParameterGroup(group);
    this.keep(this.#host);
  }

  /** Lets something go back to a snapshot with the parameters: see `Device.keep`. */
  keep(part: Parameters<Device['keep']>[0]): void {
    this.#device.keep(part);
  }

  /** The groups, each with its parameters and options: `optimizer.groups[0].lr = 0.01`. */
  get groups(): readonly ParameterGroup<O>[] {
    return this.#members.map(({ group }) => group);
  }

  /** The parameters of all groups. */
  get parameters(): readonly Tensor[] {
    return this.#members.flatMap(({ group }) => group.parameters);
  }

  /** Steps taken so far by the parameters that took most. */
  get steps(): number {
    return Math.max(0, ...this.#members.flatMap(({ cohorts }) => cohorts.map(({ steps }) => steps)));
  }

  /** The rate of all groups. @throws WeftError where they differ. */
  get lr(): number {
    const rates = new Set(this.groups.map(({ lr }) => lr));
    if (rates.size > 1) {
      fail(this.name, `the groups have rates ${[...rates].join(', ')}; use optimizer.groups[i].lr`);
    }
    return this.groups[0]!.lr;
  }

  set lr(lr: number) {
    if (this.#members.length > 1) void this.lr;
    for (const group of this.groups) (group as { lr: number }).lr = lr;
  }

  /** Adds parameters, as fine tuning does with layers that were frozen. Options that are left out are the optimiser's. */
  addParameterGroup(options: GroupOptions<O>): void {
    const { parameters, ...own } = options;
    const known = new Set(this.parameters);
    for (const tensor of groupsOf<O>(this.name, [options])[0]!.parameters) {
      if (!(tensor instanceof Tensor)) fail(this.name, `${String(tensor)} in a group is no tensor`);
      if (tensor.dtype !== 'f32') fail(this.name, `${tensor} can't be trained, only f32 tensors can`);
      if (tensor.device !== this.#device)
        fail(this.name, `${tensor} lives on another device than ${this.parameters[0] ?? parameters[0]}`);
      if (known.has(tensor)) fail(this.name, `${tensor} is given twice`);
      known.add(tensor);
    }
    const all = { ...this.#defaults, ...given(own) } as unknown as O;
    const { group, replace } = createGroup(this.#rule, parameters, all, (now, next) =>
      this.#change(member, now, next),
    );
    const member: Member<O> = { group, replace, cohorts: [] };
    this.#members.push(member);
    this.#start(member, all);
  }

  /** Gives a group other options, also such that ask for other rows of state, where no step was taken yet. */
  #change(member: Member<O>, now: O, next: O): void {
    const [kept, asked] = [now, next].map((options) => this.#rule.kept(options).join(', ') || 'nothing');
    if (kept === asked) {
      member.replace(next);
      return;
    }
    if (member.cohorts.some(({ steps }) => steps > 0)) {
      const found = `keeps ${kept} since its first step, these options ask for ${asked}`;
      fail(this.name, `${found}; make another optimiser`);
    }
    this.#start(member, next);
  }

  /**
   * Makes room for what is kept for the parameters of a group that have steps behind them or require a gradient. Others
   * get theirs with their first step.
   */
  #start(member: Member<O>, options: O, kept: ReadonlyMap<Tensor, Kept> = new Map()): void {
    member.replace(options);
    const alike = new Map<string, Tensor[]>();
    for (const tensor of member.group.parameters) {
      const past = kept.get(tensor);
      if (!past && !tensor.requiresGrad) continue;
      const key = past ? JSON.stringify([past.steps, past.carried]) : '';
      alike.set(key, [...(alike.get(key) ?? []), tensor]);
    }
    member.cohorts = [...alike.values()].map((tensors) =>
      beginCohort(this.#rule, member.group, tensors, kept),
    );
    this.#layout++;
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const tensor of this.parameters) tensor.grad = null;
  }

  /**
   * One step over every parameter that has a gradient. In a compiled function it becomes part of it. With `where`, a scalar on
   * the device, parameters and what is kept for them stay as they are where that is false, whatever the gradients hold.
   */
  step({ where, factor, also = [] }: StepOptions = {}): Promise<void> {
    const due = this.parameters.filter(({ grad }) => grad !== null);
    if (due.length === 0) fail('step', 'no parameter has a gradient; call backward() on a loss first');
    const known = new Set(due);
    const cohorts = this.#members.map((member) => [member.group, this.#cohortsOf(member, known)] as const);
    this.#device.observe(() => this.#layout);
    if (where) {
      const gradients = due.map(({ grad }) => grad!);
      const scaled = F.scaleAll([factor ?? F.cast(where, { dtype: 'f32' }), where, ...gradients]);
      due.forEach((tensor, i) => {
        tensor.grad = scaled[i]!;
      });
    }
    const pairs = new Map<Tensor, Tensor>();
    for (const [group, list] of cohorts)
      for (const cohort of list) recordStep(this.#rule, group, cohort, where, pairs);
    return this.#device.update([...pairs, ...also]);
  }

  /** The cohorts of those parameters of a group that have a gradient. */
  #cohortsOf({ group, cohorts }: Member<O>, due: ReadonlySet<Tensor>): Cohort[] {
    const known = new Set(cohorts.flatMap(({ parameters }) => parameters));
    const fresh = group.parameters.filter((tensor) => due.has(tensor) && !known.has(tensor));
    if (fresh.length > 0) cohorts.push(beginCohort(this.#rule, group, fresh));
    for (const cohort of [...cohorts]) {
      const some = cohort.parameters.filter((tensor) => due.has(tensor));
      if (some.length === 0 || some.length === cohort.parameters.length) continue;
      // From here on their steps differ.
      const rest = cohort.parameters.filter((tensor) => !due.has(tensor));
      const part = (parameters: readonly Tensor[]) => ({
        ...cohort,
        parameters,
        carried: { ...cohort.carried },
      });
      cohorts.splice(cohorts.indexOf(cohort), 1, part(some), part(rest));
      this.#layout++;
    }
    return cohorts.filter(({ parameters }) => due.has(parameters[0]!));
  }

  #capture(): Captured<O> {
    const groups = this.#members.map(({ group }) => ({
      options: optionsOf(this.#rule, group as unknown as O),
      initialLr: group.initialLr,
    }));
    const cohorts = this.#members.flatMap((member) => member.cohorts);
    const progress = new Map(
      cohorts.flatMap(({ parameters, state, steps, carried }) =>
        parameters.map((tensor) => [tensor, { state, steps, carried: { ...carried } }] as const),
      ),
    );
    return { groups, progress };
  }

  #restore(captured: unknown): void {
    const { groups = [], progress } = (captured ?? {}) as Partial<Captured<O>>;
    this.#members.forEach((member, i) => {
      const kept = (options: O) => this.#rule.kept(options).join();
      const saved = groups[i];
      if (saved && kept(saved.options) === kept(member.group as unknown as O)) {
        member.replace(saved.options);
        member.group.initialLr = saved.initialLr;
      }
      for (const cohort of member.cohorts) {
        const found = progress?.get(cohort.parameters[0]!);
        const { steps, carried } = found?.state === cohort.state ? found : cohort.first;
        cohort.steps = steps;
        for (const name of Object.keys(cohort.carried)) delete cohort.carried[name];
        Object.assign(cohort.carried, carried);
      }
    });
  }

  /**
   * Everything that the next step depends on beside the parameters: options, steps and what is kept for each parameter.
   * Safetensors hold its tensors, JSON the rest.
   */
  async stateDict(): Promise<OptimizerState> {
    const cohorts = this.#members.flatMap((member) => member.cohorts);
    const states = new Set(cohorts.flatMap(({ state }) => state ?? []));
    const read = async (state: Tensor) => [state, await state.data()] as const;
    const words = new Map(await Promise.all([...states].map(read)));
    const kept = new Map(
      cohorts.flatMap((cohort) =>
        (cohort.steps === 0 ? [] : cohort.parameters).map(
          (tensor) => [tensor, keptFor(tensor, cohort, words)] as const,
        ),
      ),
    );
    return encodeState(this.#rule, this.groups, (tensor) => kept.get(tensor));
  }

  /**
   * Takes up what `stateDict()` gave, of an optimiser of the same kind over parameters of the same shapes in the same
   * groups: steps go on as if they had not been interrupted.
   *
   * @throws WeftError as `checkStateDict`; then nothing was changed.
   */
  loadStateDict(state: OptimizerState): void {
    const loaded = decodeState(this.#rule, this.groups, state);
    this.#members.forEach((member, i) => {
      const { options, initialLr, kept } = loaded[i]!;
      member.group.initialLr = initialLr;
      this.#start(member, options, kept);
    });
  }

  /** @throws WeftError naming the group, parameter or tensor that doesn't fit. */
  checkStateDict(state: OptimizerState): void {
    decodeState(this.#rule, this.groups, state);
  }
}

/** Options without those that were left out as `undefined`. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
