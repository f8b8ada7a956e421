import { checkHost, type HostTensor, type TypedArray } from '../dtype.js';
import { fail } from '../errors.js';
import { sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import {
  checkOptions,
  optionsOf,
  type ParameterGroup,
  type Progress,
  type Rule,
  type Settings,
} from './group.js';

/** A parameter in an optimiser's state. */
export interface ParameterState {
  /** What its module calls it, for messages. */
  readonly name: string | null;
  readonly shape: readonly number[];
  /** Steps that it has taken; from the first on, `tensors` hold what is kept for it. */
  readonly steps: number;
  readonly carried: Readonly<Record<string, number>>;
}

/** What `optimizer.stateDict()` gives: `tensors` for safetensors, all else for JSON. */
export interface OptimizerState {
  readonly optimizer: string;
  readonly groups: readonly {
    readonly options: object;
    readonly initialLr: number | null;
    readonly parameters: readonly ParameterState[];
  }[];
  /** `3.expAvg` is what Adam keeps as the mean of the gradients of parameter 3, counted through all groups. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

/** What an optimiser keeps for one parameter: rows of as many numbers as it has elements. */
export interface Kept extends Progress {
  readonly rows: readonly TypedArray[];
}

/** A group with what is kept for those of its parameters that have taken a step. */
export interface GroupState<O extends Settings> {
  readonly options: O;
  readonly initialLr: number | null;
  readonly kept: ReadonlyMap<Tensor, Kept>;
}

export function encodeState<O extends Settings>(
  rule: Rule<O>,
  groups: readonly ParameterGroup<O>[],
  keptFor: (tensor: Tensor) => Kept | undefined,
): OptimizerState {
  const tensors: Record<string, HostTensor> = {};
  let index = 0;
  const encoded = groups.map((group) => {
    const options = optionsOf(rule, group as unknown as O);
    const parameters = group.parameters.map((tensor): ParameterState => {
      const { label: name = null, shape } = tensor;
      const { steps = 0, carried = {}, rows = [] } = keptFor(tensor) ?? {};
      for (const [row, data] of rows.entries())
        tensors[`${index}.${rule.kept(options)[row]}`] = { data, shape, dtype: 'f32' };
      index++;
      return { name, shape, steps, carried: { ...carried } };
    });
    return { options: { ...(options as object) }, initialLr: group.initialLr, parameters };
  });
  return { optimizer: rule.name, groups: encoded, tensors };
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** @throws WeftError naming what doesn't fit the optimiser's groups. */
export function decodeState<O extends Settings>(
  rule: Rule<O>,
  groups: readonly ParameterGroup<O>[],
  state: OptimizerState,
): GroupState<O>[] {
  const where = `${rule.name}.loadStateDict`;
  if (state?.optimizer !== rule.name)
    fail(where, `the state is that of ${state?.optimizer ?? 'no optimiser'}`);
  if (state.groups.length !== groups.length) {
    fail(where, `the state has ${counted(state.groups.length, 'group')}, the optimiser ${groups.length}`);
  }
  let index = 0;
  const used = new Set<string>();
  const decoded = groups.map((group, g): GroupState<O> => {
    const { options: saved, initialLr = null, parameters } = state.groups[g]!;
    // An option that is younger than the file has its default.
    const options = { ...rule.defaults, ...saved } as O;
    checkOptions(rule, options);
    if (parameters.length !== group.parameters.length) {
      const has = counted(parameters.length, 'parameter');
      fail(where, `group ${g} has ${has} in the state, ${group.parameters.length} in the optimiser`);
    }
    const kept = new Map<Tensor, Kept>();
    group.parameters.forEach((tensor, i) => {
      const { name, shape, steps, carried } = parameters[i]!;
      const called = `parameter ${index}${name ? ` '${name}'` : ''}`;
      if (!sameShape(shape, tensor.shape))
        fail(where, `${called} is ${showShape(shape)} in the state, ${tensor} in the optimiser`);
      if (!Number.isSafeInteger(steps) || steps < 0) fail(where, `${called} has taken ${steps} steps`);
      const names = steps > 0 ? rule.kept(options).map((row) => `${index}.${row}`) : [];
      const rows = names.map((key) => rowOf(where, called, state.tensors[key], key, tensor));
      for (const key of names) used.add(key);
      if (steps > 0) kept.set(tensor, { steps, carried: { ...carried }, rows });
      index++;
    });
    return { options, initialLr, kept };
  });
  const unknown = Object.keys(state.tensors).filter((key) => !used.has(key));
  if (unknown.length > 0)
    fail(where, `the state has tensors that it names no use for: ${unknown.join(', ')}`);
  return decoded;
}

function rowOf(
  where: string,
  called: string,
  row: HostTensor | undefined,
  key: string,
  tensor: Tensor,
): TypedArray {
  if (!row) return fail(where, `tensor '${key}' of ${called} is missing`);
  if (row.dtype !== 'f32' || !sameShape(row.shape, tensor.shape)) {
    const wanted = `f32${showShape(tensor.shape)}`;
    fail(where, `tensor '${key}' of ${called} must be ${wanted}, it is ${row.dtype}${showShape(row.shape)}`);
  }
  checkHost(`${where}: tensor '${key}'`, row);
  return row.data;
}
