/**
 * Optimiser steps. One op takes a step over any number of parameters in one pass: its inputs are the hyper-parameters,
 * the state of all parameters in one tensor, then each parameter and its gradient. What a parameter keeps between steps
 * (a velocity, moving means) stands in `state` [states, total]: row by row, at the parameter's own offset.
 */

import { apply } from '../apply.js';
import { LOST } from '../bounds.js';
import { fail } from '../errors.js';
import { type Kinds, wholes } from '../kinds.js';
import type { Attrs, LoweredLaunch, Op, OperandRef, RefTensor, TensorType, Turns, Value } from '../op.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { elementUnits, WALK_SCRATCH } from './common.js';
import { type UpdateRule, updateRules } from './update_rules.js';
import { errorsOf, samplesOf, VECTOR, whole } from './update_samples.js';

export interface UpdateOptions {
  /**
   * Where each parameter's elements begin in a row of the state, multiples of 4; default: one parameter after the other.
   */
  readonly offsets?: readonly number[];
}

export const updateKinds: Kinds<UpdateOptions> = { offsets: wholes };

interface UpdateAttrs {
  readonly offsets: readonly number[];
}

/**
 * `inputs` are hyper f32 [length], state f32 [states, total] or null where the rule keeps none, then a parameter and its
 * gradient in turn. Returns the new parameters, then the new state: they overwrite the old ones.
 */
export type UpdateFunction = ((
  inputs: readonly (Value | null)[],
  options?: UpdateOptions,
) => readonly Value[]) & { readonly op: Op };

type Types = readonly (TensorType | null)[];
const parametersOf = <T>(inputs: readonly T[]): T[] => inputs.filter((_, i) => i >= 2 && i % 2 === 0);
const gradientsOf = <T>(inputs: readonly T[]): T[] => inputs.filter((_, i) => i >= 3 && i % 2 === 1);

function check(name: string, rule: UpdateRule, inputs: Types): void {
  const [hyper, state] = inputs;
  if (inputs.length < 4 || inputs.length % 2 === 1 || !hyper) {
    fail(name, `takes hyper, state, then parameters and gradients in turn; got ${inputs.length} inputs`);
  }
  inputs.forEach((type, i) => {
    if (i !== 1 && !type) fail(name, `input ${i} is missing`);
    if (type && type.dtype !== 'f32')
      fail(name, `input ${i} must be f32, it is ${type.dtype}${showShape(type.shape)}`);
  });
  const { length } = rule.hyper;
  if (!sameShape(hyper.shape, [length]))
    fail(name, `hyper must be [${length}], it is ${showShape(hyper.shape)}`);
  const [least, most] = rule.states;
  if (!state ? least > 0 : state.shape.length !== 2 || state.shape[0]! < least || state.shape[0]! > most) {
    const wanted = least === most ? String(most) : `${least} to ${most}`;
    fail(name, `state must be [${wanted}, total], it is ${state ? showShape(state.shape) : 'missing'}`);
  }
  if (state && state.shape[0]! > 1 && state.shape[1]! % VECTOR !== 0)
    fail(
      name,
      `rows of the state must hold a multiple of ${VECTOR} elements, it is ${showShape(state.shape)}`,
    );
}

function attributesOf(name: string, rule: UpdateRule, inputs: Types, options?: UpdateOptions): UpdateAttrs {
  check(name, rule, inputs);
  const sizes = parametersOf(inputs).map((type) => sizeOf(type!.shape));
  let end = 0;
  const inOrder = sizes.map((size) => {
    const begin = end;
    end += whole(size);
    return begin;
  });
  const offsets = options?.offsets ?? inOrder;
  if (offsets.length !== sizes.length)
    fail(name, `offsets must name ${sizes.length} places, one per parameter, got ${offsets.length}`);
  const total = inputs[1]?.shape[1];
  const odd = offsets.find((offset) => offset % VECTOR !== 0);
  if (odd !== undefined) fail(name, `offsets must be multiples of ${VECTOR}, got ${odd}`);
  sizes.forEach((size, i) => {
    if (total !== undefined && !(offsets[i]! >= 0 && offsets[i]! + size <= total))
      fail(name, `parameter ${i} of ${size} elements at offset ${offsets[i]} exceeds the state's ${total}`);
  });
  return { offsets };
}

function infer(name: string, inputs: Types): TensorType[] {
  const [parameters, gradients] = [parametersOf(inputs), gradientsOf(inputs)];
  parameters.forEach((type, i) => {
    if (sameShape(type!.shape, gradients[i]!.shape)) return;
    const shapes = `${showShape(type!.shape)}, its gradient is ${showShape(gradients[i]!.shape)}`;
    fail(name, `shapes differ, parameter ${i} is ${shapes}`);
  });
  return [...parameters, inputs[1] ?? null].filter((type) => type !== null);
}

/** Applies a rule, or the bound of its terms, to every element of every parameter. */
function evaluate(
  step: UpdateRule['step'],
  inputs: readonly (RefTensor | null)[],
  { offsets }: UpdateAttrs,
): Float64Array[] {
  const hyper = [...inputs[0]!.data];
  const state = inputs[1] ?? null;
  const [rows, total] = (state?.shape ?? [0, 0]) as [number, number];
  const next = state?.data.slice() ?? null;
  const gradients = gradientsOf(inputs);
  const moved = parametersOf(inputs).map((parameter, t) =>
    parameter!.data.map((p, i) => {
      const at = offsets[t]! + i;
      const held = Array.from({ length: rows }, (_, row) => state!.data[row * total + at]!);
      const [value, ...kept] = step(p, gradients[t]!.data[i]!, held, hyper);
      kept.forEach((word, row) => {
        if (row < rows) next![row * total + at] = word;
      });
      return value!;
    }),
  );
  return next ? [...moved, next] : moved;
}

/** A parameter and its gradient; the hyper-parameters and the state. */
const pairOf = (k: number): OperandRef[] => [
  { from: 'output', index: k },
  { from: 'input', index: 3 + 2 * k },
];
const common = ({ length }: readonly number[], state: TensorType | null): OperandRef[] => [
  { from: 'input', index: 0 },
  state ? { from: 'output', index: length } : { from: 'none' },
];

/** On wasm, launches of so many parameters as a struct holds. */
function launches(kernel: string, inputs: Types, { offsets }: UpdateAttrs): LoweredLaunch[] {
  const sizes = parametersOf(inputs).map((type) => sizeOf(type!.shape));
  const most = 64;
  const state = inputs[1] ?? null;
  const list: LoweredLaunch[] = [];
  for (let first = 0; first < sizes.length; first += most) {
    const chunk = sizes.slice(first, first + most);
    const total = chunk.reduce((a, b) => a + b, 0);
    const pairs = chunk.flatMap((_, k) => pairOf(first + k));
    const filled = (values: readonly number[]) => [...values, ...Array<number>(most - values.length).fill(0)];
    list.push({
      kernel,
      operands: [...common(sizes, state), ...pairs],
      params: {
        count: chunk.length,
        total,
        states: state?.shape[0] ?? 0,
        stride: state?.shape[1] ?? 0,
        sizes: filled(chunk),
        offsets: filled(offsets.slice(first, first + most)),
      },
      units: elementUnits(total, 'wasm'),
      scratch: WALK_SCRATCH,
    });
  }
  return list;
}

/** On webgpu, one launch that goes through all parameters, four elements an invocation. */
function walk(kernel: string, inputs: Types, { offsets }: UpdateAttrs): LoweredLaunch {
  const sizes = parametersOf(inputs).map((type) => sizeOf(type!.shape));
  const state = inputs[1] ?? null;
  return {
    kernel: `${kernel}__walk`,
    operands: [...common(sizes, state), ...Array<OperandRef>(6).fill({ from: 'none' })],
    params: { stride: Math.ceil((state?.shape[1] ?? 0) / VECTOR) },
    constants: { STATES: state?.shape[0] ?? 0 },
    walk: {
      roles: [{ slots: [2] }, { slots: [3, 4, 5, 6, 7], constant: 'GRADS' }],
      items: sizes.map((elements, i) => ({
        operands: pairOf(i),
        elements,
        at: offsets[i]! / VECTOR,
      })),
      block: 256,
      vector: VECTOR,
      most: 256,
    },
    units: sizes.reduce((sum, size) => sum + Math.ceil(size / VECTOR), 0),
  };
}

/** Some parameters after the others: each op takes the state as the one before it left it. */
function turnsOf(
  record: (inputs: readonly (Value | null)[], options: UpdateOptions) => readonly Value[],
  [hyper, state, ...rest]: readonly (Value | null)[],
  { offsets }: UpdateAttrs,
): Turns {
  const pairs = offsets.map((_, i) => rest.slice(2 * i, 2 * i + 2));
  return {
    own: pairs.map((_, i) => [2 + 2 * i, 3 + 2 * i]),
    take(lists) {
      const moved = new Array<Value>(pairs.length);
      let held = state ?? null;
      for (const list of lists) {
        const inputs = [hyper ?? null, held, ...list.flatMap((i) => pairs[i]!)];
        const outputs = record(inputs, { offsets: list.map((i) => offsets[i]!) });
        list.forEach((i, k) => {
          moved[i] = outputs[k]!;
        });
        if (held) held = outputs.at(-1)!;
      }
      return held ? [...moved, held] : moved;
    },
  };
}

function defineUpdate(name: string, rule: UpdateRule): UpdateFunction {
  const nameOn = (backend: 'wasm' | 'webgpu') => (backend === 'wasm' ? rule.kernel : `${rule.kernel}__walk`);
  const op: Op = {
    name,
    summary: rule.summary,
    inputs: ['inputs'],
    kinds: updateKinds,
    optional: new Set(['inputs']),
    variadic: true,
    view: false,
    reports: false,
    stopsGradient: false,
    checkpoint: null,
    onceDifferentiable: false,
    saves: 0,
    compose: null,
    overwrites: (inputs) => [
      ...Array.from({ length: (inputs.length - 2) / 2 }, (_, i) => 2 + 2 * i),
      ...(inputs[1] ? [1] : []),
    ],
    inPlace: [],
    inPlaceOutput: 0,
    factors: [],
    linear: [],
    absorb: () => null,
    within: () => null,
    fold: () => null,
    turns: (inputs, attrs) => turnsOf(record, inputs, attrs as unknown as UpdateAttrs),
    samples: samplesOf(rule),
    errors: errorsOf(name, rule),
    attributes: (types, options) =>
      attributesOf(name, rule, types, options as UpdateOptions | undefined) as unknown as Attrs,
    infer: (types) => infer(name, types),
    reference: (inputs, attrs) => evaluate(rule.step, inputs, attrs as unknown as UpdateAttrs),
    backward: () => null,
    differentiable: () => false,
    cost(types) {
      const elements = parametersOf(types).reduce((sum, type) => sum + sizeOf(type!.shape), 0);
      const rows = types[1]?.shape[0] ?? 0;
      return { flops: rule.flops * elements, bytes: 4 * elements * (3 + 2 * rows) };
    },
    variants: (backend) => [nameOn(backend)],
    lower(backend, types, attrs, _features, variant) {
      if (variant !== undefined && variant !== nameOn(backend)) return null;
      const given = attrs as unknown as UpdateAttrs;
      const list =
        backend === 'wasm' ? launches(rule.kernel, types, given) : [walk(rule.kernel, types, given)];
      return { variant: nameOn(backend), temporaries: [], launches: list };
    },
    bounds(backend, inputs, attrs) {
      const sizes = evaluate(rule.magnitude, inputs, attrs as unknown as UpdateAttrs);
      const ulps = rule.ulps[backend];
      return sizes.map((values) =>
        values.map((value) => ulps * (2 ** -24 * Math.abs(value) + LOST[backend])),
      );
    },
    ulps: (backend) => rule.ulps[backend],
    fault: () => fail(name, 'a kernel reported a data error that the op does not declare'),
  };
  const record = (inputs: readonly (Value | null)[], options?: UpdateOptions) => apply(op, inputs, options);
  return Object.assign(record, { op });
}

/** Gradient descent, with momentum where there is a state. */
export const sgdUpdate = defineUpdate('sgdUpdate', updateRules.sgd);
/** Adam, and AdamW by its hyper-parameters. */
export const adamUpdate = defineUpdate('adamUpdate', updateRules.adam);
export const rmspropUpdate = defineUpdate('rmspropUpdate', updateRules.rmsprop);
export const adagradUpdate = defineUpdate('adagradUpdate', updateRules.adagrad);
export const adamaxUpdate = defineUpdate('adamaxUpdate', updateRules.adamax);
export const nadamUpdate = defineUpdate('nadamUpdate', updateRules.nadam);
