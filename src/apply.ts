import { fail, WeftError } from './errors.js';
import { expectOptions, shown } from './kinds.js';
import type { Attrs, Node, Op, TensorType, Value } from './op.js';
import { checkShape, showShape } from './shape.js';

/** Records one application of `op`; throws the op's own error, with the shapes of all operands, where the inputs don't fit. */
export function apply(op: Op, inputs: readonly (Value | null)[], options: unknown): readonly Value[] {
  try {
    inputs.forEach((value, i) => {
      const name = op.inputs[op.variadic ? 0 : i]!;
      if (value ? !isType(value) : !op.optional.has(name)) refuseInput(op.name, name, value);
    });
    if (options !== undefined) expectOptions(op.name, options, op.kinds);
    const attrs = op.attributes(inputs, options);
    for (const key in attrs) if (attrs[key] === undefined) fail(op.name, `needs the option '${key}'`);
    return applyWith(op, inputs, attrs);
  } catch (error) {
    throw refusal(op, inputs, options, error);
  }
}

/** What a message lists at most. */
const MOST_OPERANDS = 8;

/**
 * What was thrown while an op was recorded, in words that name the op and each operand. An op may be composed of others, whose
 * names come second, and an option that it needs and didn't get makes it throw what says nothing.
 */
function refusal(
  { name, inputs: names, variadic, kinds }: Op,
  inputs: readonly unknown[],
  options: unknown,
  error: unknown,
) {
  const own = error instanceof WeftError;
  const said = own ? error.message : lack(kinds, options);
  const message = said.startsWith(`${name}: `) ? said : `${name}: ${said}`;
  const unsaid = inputs.flatMap((given, i) => {
    if (!isType(given) || message.includes(showShape(given.shape))) return [];
    return `${variadic ? `${names[0]}[${i}]` : names[i]} is ${given.dtype}${showShape(given.shape)}`;
  });
  if (own && said === message && unsaid.length === 0) return error;
  const more = unsaid.length > MOST_OPERANDS ? [`${unsaid.length - MOST_OPERANDS} more`] : [];
  const operands = [...unsaid.slice(0, MOST_OPERANDS), ...more].join(', ');
  return new WeftError(operands ? `${message}; ${operands}` : message, { cause: error });
}

/** What an op that got options of the right kinds, and no further, was not given. */
function lack(kinds: Op['kinds'], options: unknown): string {
  const given = (options ?? {}) as Record<string, unknown>;
  const left = Object.keys(kinds).filter((key) => given[key] === undefined);
  if (left.length === 0) return `can't take the options ${shown(options)}`;
  return left.length === 1
    ? `needs the option '${left[0]}'`
    : `an option is missing, one of ${left.join(', ')}`;
}

const isType = (value: unknown): value is TensorType =>
  typeof value === 'object' &&
  value !== null &&
  Array.isArray((value as TensorType).shape) &&
  'dtype' in (value as TensorType);

function refuseInput(name: string, input: string, given: unknown): never {
  if (!given) return fail(name, `input '${input}' is missing`);
  const what = typeof given === 'object' ? `{ ${Object.keys(given).join(', ')} }` : String(given);
  const advice = 'options come after all inputs, with null for those that are left out';
  return fail(name, `input '${input}' must be a tensor, got ${what}; ${advice}`);
}

/** Like {@link apply}, of a call's arguments: inputs in order, then options. */
export function applyTo(op: Op, args: readonly unknown[]): readonly Value[] {
  const inputs = op.inputs.map((_, i) => (args[i] ?? null) as Value | null);
  return apply(op, inputs, args[op.inputs.length]);
}

/** Like {@link apply}, for an op that takes any number of inputs but none. */
export function applyToList(op: Op, inputs: readonly Value[], options: unknown): readonly Value[] {
  if (inputs.length === 0) fail(op.name, 'needs at least one input');
  return apply(op, inputs, options);
}

/** The op that was called, while what it is composed of, or its gradient, is recorded. */
let caller: string | undefined;

/** Records what stands for a call of the op `name`, or for its gradient: errors about data name the outermost such op. */
export function recordFor<T>(name: string, record: () => T): T {
  const outer = caller;
  caller ??= name;
  try {
    return record();
  } finally {
    caller = outer;
  }
}

/** Like {@link apply}, with attributes that are complete already; `as` is a node whose side and caller are taken over. */
export function applyWith(
  op: Op,
  inputs: readonly (Value | null)[],
  attrs: Attrs,
  as?: Pick<Node, 'on' | 'called'>,
): readonly Value[] {
  const { compose } = op;
  if (compose) return recordFor(op.name, () => compose(inputs, attrs));
  const types = op.infer(inputs, attrs);
  for (const type of types) checkShape(op.name, type.shape);
  const outputs: Value[] = [];
  const called = op.reports ? (as?.called ?? caller) : undefined;
  const plain: Node = { op, inputs, attrs, outputs };
  const node =
    as?.on || called ? { ...plain, ...(as?.on && { on: as.on }), ...(called && { called }) } : plain;
  types.forEach((type, index) => {
    outputs.push({ shape: type.shape, dtype: type.dtype, node, index });
  });
  return outputs;
}
