import { fail } from '../errors.js';
import type { functional } from '../functional.js';
import { shown } from '../kinds.js';
import { Tensor } from '../tensor.js';

/** Refuses numbers that are negative, not numbers, or not below a limit. */
export function checkRange(
  where: string,
  values: Readonly<Record<string, number>>,
  below = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'number' || !(value >= 0 && value < below)) {
      const range = below === Number.POSITIVE_INFINITY ? 'a number of at least 0' : `in [0, ${below})`;
      fail(where, `${name} must be ${range}, got ${value}`);
    }
  }
}

/** Options of an optimiser: what each of its groups may have of its own. */
export interface Settings {
  readonly lr: number;
}

/** How far parameters that began together have come. */
export interface Progress {
  /** Steps taken, with the one that is being prepared. */
  steps: number;
  /** Numbers that a rule carries from step to step beside the tensors, by name. */
  readonly carried: Record<string, number>;
}

/** What tells one optimiser from another; O are its options. */
export interface Rule<O extends Settings> {
  readonly name: string;
  readonly defaults: O;
  readonly update: (typeof functional)['sgdUpdate'];
  /** Hyper-parameters by which the update op, where gradients are 0, leaves parameters and what is kept as they are. */
  readonly idle: readonly number[];
  /** Names of what is kept for each element, in the order of the state's rows. */
  kept(options: O): readonly string[];
  /** What the kept numbers start from, default 0. */
  initial?(options: O): number;
  /** Refuses impossible options. */
  check(options: O): void;
  /** Hyper-parameters of a step, as the update op takes them. */
  hyper(options: O, progress: Progress): number[];
}

/**
 * Parameters that share options. Every option of the optimiser can be read, and set between steps: it is an input of each
 * step, so a compiled function takes it as it is.
 */
export type ParameterGroup<O extends Settings = Settings> = { -readonly [K in keyof O]: O[K] } & {
  readonly parameters: readonly Tensor[];
  /** The rate that schedules start from: the first one that a schedule found; null where there was none yet. */
  initialLr: number | null;
};

/** What `optimizer.addParameterGroup`, and the constructors, take. */
export type GroupOptions<O extends Settings = Settings> = Partial<O> & {
  readonly parameters: readonly Tensor[];
};

/** The options of a group by name. */
export function optionsOf<O extends Settings>(rule: Rule<O>, group: O): O {
  const names = Object.keys(rule.defaults) as (keyof O)[];
  return Object.fromEntries(names.map((name) => [name, group[name]])) as unknown as O;
}

/** Refuses options that a rule doesn't know or can't work with, also where they come from a file. */
export function checkOptions<O extends Settings>(rule: Rule<O>, options: O): void {
  const { name, defaults } = rule;
  const known = Object.keys(defaults);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(defaults, key)) fail(name, `has no option '${key}'; it takes ${known.join(', ')}`);
    const like = defaults[key as keyof O];
    const fits = Array.isArray(like)
      ? Array.isArray(value) && value.length === like.length && value.every((x) => typeof x === 'number')
      : typeof value === typeof like;
    if (!fits) fail(name, `${key} must be like ${shown(like)}, got ${shown(value)}`);
  }
  rule.check(options);
}

/**
 * A group, and what replaces all of its options at once.
 *
 * @param change does so when one of them is set, or refuses.
 */
export function createGroup<O extends Settings>(
  rule: Rule<O>,
  parameters: readonly Tensor[],
  options: O,
  change: (now: O, next: O) => void,
): { readonly group: ParameterGroup<O>; replace(options: O): void } {
  checkOptions(rule, options);
  let current = options;
  const group = { parameters: [...parameters], initialLr: null } as unknown as ParameterGroup<O>;
  for (const key of Object.keys(rule.defaults)) {
    Object.defineProperty(group, key, {
      enumerable: true,
      get: () => current[key as keyof O],
      set(value: unknown) {
        const next = { ...current, [key]: value };
        checkOptions(rule, next);
        change(current, next);
      },
    });
  }
  return {
    group,
    replace(next) {
      current = next;
    },
  };
}

/** A list of parameters as one group; groups as they are. */
export function groupsOf<O extends Settings>(
  name: string,
  given: readonly Tensor[] | readonly GroupOptions<O>[],
): GroupOptions<O>[] {
  if (!Array.isArray(given))
    fail(name, 'needs a list of parameters, as model.parameters() gives, or of groups');
  if (given.length === 0) fail(name, 'needs at least one parameter');
  const tensors = given.filter((one) => one instanceof Tensor);
  if (tensors.length === given.length) return [{ parameters: tensors } as unknown as GroupOptions<O>];
  return given.map((one, i) => {
    if (one instanceof Tensor || !Array.isArray(one?.parameters) || one.parameters.length === 0) {
      return fail(name, `group ${i} must be { parameters: [tensor, ...], ...options }`);
    }
    return one;
  });
}
