import { fail } from './errors.js';
import type { Attrs, Node, Op, Side, TensorType, Value } from './op.js';
import { checkShape } from './shape.js';

/** Records one application of `op`; throws the op's own error where the inputs don't fit. */
export function apply(op: Op, inputs: readonly (Value | null)[], options: unknown): readonly Value[] {
  inputs.forEach((value, i) => {
    const name = op.inputs[op.variadic ? 0 : i]!;
    if (value ? !isType(value) : !op.optional.has(name)) refuseInput(op.name, name, value);
  });
  const attrs = attributesOf(op, inputs, options);
  checkAttrs(op.name, attrs);
  return applyWith(op, inputs, attrs);
}

const isType = (value: unknown): boolean =>
  typeof value === 'object' && Array.isArray((value as TensorType).shape) && 'dtype' in (value as TensorType);

function refuseInput(name: string, input: string, given: unknown): never {
  if (!given) return fail(name, `input '${input}' is missing`);
  const what = typeof given === 'object' ? `{ ${Object.keys(given).join(', ')} }` : String(given);
  const advice = 'options come after all inputs, with null for those that are left out';
  return fail(name, `input '${input}' must be a tensor, got ${what}; ${advice}`);
}

/** The op's attributes for these options, of which each must be used: a misspelt one would pass unseen. */
function attributesOf(op: Op, inputs: readonly (Value | null)[], options: unknown): Attrs {
  if (options === undefined) return op.attributes(inputs, options);
  if (typeof options !== 'object' || options === null)
    fail(op.name, `its options must be an object, got ${String(options)}`);
  const used = new Set<string | symbol>();
  const watched = new Proxy(options as object, {
    get(target, key) {
      used.add(key);
      return Reflect.get(target, key);
    },
  });
  const attrs = op.attributes(inputs, watched);
  const unused = Object.keys(options as object).find((key) => !used.has(key));
  if (unused !== undefined) {
    const known = [...used].map(String).join(', ') || 'none';
    fail(op.name, `the option '${unused}' has no effect here; it uses ${known}`);
  }
  return attrs;
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

/** Like {@link apply}, with attributes that are complete already. */
export function applyWith(
  op: Op,
  inputs: readonly (Value | null)[],
  attrs: Attrs,
  on?: Side,
): readonly Value[] {
  if (op.compose) return op.compose(inputs, attrs);
  const types = op.infer(inputs, attrs);
  for (const type of types) checkShape(op.name, type.shape);
  const outputs: Value[] = [];
  const node: Node = on ? { op, inputs, attrs, outputs, on } : { op, inputs, attrs, outputs };
  types.forEach((type, index) => {
    outputs.push({ shape: type.shape, dtype: type.dtype, node, index });
  });
  return outputs;
}

function checkAttrs(name: string, attrs: Attrs): void {
  for (const [key, value] of Object.entries(attrs)) {
    const numbers = Array.isArray(value) ? value.flat() : [value];
    if (numbers.some((n) => typeof n === 'number' && Number.isNaN(n)))
      fail(name, `attribute '${key}' is NaN`);
  }
}
