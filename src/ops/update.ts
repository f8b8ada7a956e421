/**
 * Optimiser steps. One op takes a step over any number of parameters in one pass: its inputs are the hyper-parameters,
 * the state of all parameters in one tensor, then each parameter and its gradient. What a parameter keeps between steps
 * (a velocity, moving means) stands in `state` [states, total]: row by row, at the parameter's own offset.
 */
import { fail } from '../errors.js';
import {
  type Attrs,
  apply,
  type Launch,
  type Op,
  type RefTensor,
  type SampleInput,
  type TensorType,
  type Value,
} from '../op.js';
import { Generator } from '../random.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { elementUnits, WALK_SCRATCH } from './common.js';
import { type UpdateRule, updateRules } from './update_rules.js';

export interface UpdateOptions {
  /** Where each parameter's elements begin in a row of the state; default: one parameter after the other. */
  readonly offsets?: readonly number[];
}

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

/** Tensors that one launch takes: what a parameter struct has room for, and WebGPU's eight storage buffers. */
const PARAMETERS = { wasm: 64, webgpu: 3 } as const;

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
}

function attributesOf(name: string, rule: UpdateRule, inputs: Types, options?: UpdateOptions): UpdateAttrs {
  check(name, rule, inputs);
  const sizes = parametersOf(inputs).map((type) => sizeOf(type!.shape));
  let end = 0;
  const inOrder = sizes.map((size) => {
    end += size;
    return end - size;
  });
  const offsets = options?.offsets ?? inOrder;
  if (offsets.length !== sizes.length)
    fail(name, `offsets must name ${sizes.length} places, one per parameter, got ${offsets.length}`);
  const total = inputs[1]?.shape[1];
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

/** Splits the parameters into launches. */
function launches(
  kernel: string,
  backend: 'wasm' | 'webgpu',
  inputs: Types,
  { offsets }: UpdateAttrs,
): Launch[] {
  const sizes = parametersOf(inputs).map((type) => sizeOf(type!.shape));
  const most = PARAMETERS[backend];
  const state = inputs[1] ?? null;
  const list: Launch[] = [];
  for (let first = 0; first < sizes.length; first += most) {
    const chunk = sizes.slice(first, first + most);
    const total = chunk.reduce((a, b) => a + b, 0);
    const pairs = chunk.flatMap((_, k) => [`output${first + k}`, String(3 + 2 * (first + k))]);
    const spare = backend === 'webgpu' ? Array<null>(2 * (most - chunk.length)).fill(null) : [];
    const filled = (values: readonly number[]) => [...values, ...Array<number>(64 - values.length).fill(0)];
    list.push({
      kernel,
      operands: ['0', state ? `output${sizes.length}` : null, ...pairs, ...spare],
      params: {
        count: chunk.length,
        total,
        states: state?.shape[0] ?? 0,
        stride: state?.shape[1] ?? 0,
        sizes: filled(chunk),
        offsets: filled(offsets.slice(first, first + most)),
      },
      units: elementUnits(total, backend),
      ...(backend === 'wasm' && { scratch: WALK_SCRATCH }),
    });
  }
  return list;
}

const shapes: readonly (readonly (readonly number[])[])[] = [
  [[1]],
  [[5], [3, 7], [4099], [2]],
  Array.from({ length: 66 }, (_, i) => [1 + (i % 5)]),
];

/** One parameter, a few, and more than one launch takes. */
function samplesOf(rule: UpdateRule) {
  return shapes.flatMap((list) =>
    rule.samples.map(({ hyper, state: rows }) => {
      const total = list.reduce((sum, shape) => sum + sizeOf(shape), 0);
      const generator = new Generator(total);
      const values = rows.flatMap(([low, high]) =>
        Array.from({ length: total }, () => Math.fround(generator.uniform(low, high))),
      );
      const state: SampleInput | null = rows.length === 0 ? null : { shape: [rows.length, total], values };
      const tensors = list.flatMap((shape): SampleInput[] => [{ shape }, { shape }]);
      return {
        inputs: [{ shape: [hyper.length], values: hyper.map(Math.fround) }, state, ...tensors],
        options: undefined,
      };
    }),
  );
}

function errorsOf(name: string, rule: UpdateRule) {
  const f32 = (...shape: number[]): TensorType => ({ shape, dtype: 'f32' });
  const { length } = rule.hyper;
  const [least, most] = rule.states;
  const state = most === 0 ? null : f32(most, 3);
  const wanted = least === most ? String(most) : `${least} to ${most}`;
  const plain = [f32(length), state, f32(3), f32(3)];
  return [
    {
      types: plain.with(0, f32(length + 1)),
      message: `${name}: hyper must be [${length}], it is [${length + 1}]`,
    },
    {
      types: plain.with(3, f32(2)),
      message: `${name}: shapes differ, parameter 0 is [3], its gradient is [2]`,
    },
    { types: plain.with(2, null), message: `${name}: input 2 is missing` },
    {
      types: plain.with(3, { shape: [3], dtype: 'i32' }),
      message: `${name}: input 3 must be f32, it is i32[3]`,
    },
    {
      types: plain.slice(0, 3),
      message: `${name}: takes hyper, state, then parameters and gradients in turn; got 3 inputs`,
    },
    {
      types: plain,
      options: { offsets: [0, 1] },
      message: `${name}: offsets must name 1 places, one per parameter, got 2`,
    },
    {
      types: plain.with(1, f32(most, 2)),
      message: `${name}: parameter 0 of 3 elements at offset 0 exceeds the state's 2`,
    },
    {
      types: plain.with(1, f32(most + 1, 3)),
      message: `${name}: state must be [${wanted}, total], it is [${most + 1},3]`,
    },
  ].map((one) => ({ options: undefined, ...one }));
}

function defineUpdate(name: string, rule: UpdateRule): UpdateFunction {
  const op: Op = {
    name,
    summary: rule.summary,
    inputs: ['inputs'],
    optional: new Set(['inputs']),
    variadic: true,
    view: false,
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
    variants: () => [rule.kernel],
    lower(backend, types, attrs, _features, variant) {
      if (variant !== undefined && variant !== rule.kernel) return null;
      const refer = (operand: string | null) => {
        if (operand === null) return { from: 'none' } as const;
        const output = /^output(\d+)$/.exec(operand);
        return output
          ? ({ from: 'output', index: Number(output[1]) } as const)
          : ({ from: 'input', index: Number(operand) } as const);
      };
      const list = launches(rule.kernel, backend, types, attrs as unknown as UpdateAttrs);
      const resolved = list.map((launch) => ({ ...launch, operands: launch.operands.map(refer) }));
      return { variant: rule.kernel, temporaries: [], launches: resolved };
    },
    bounds(backend, inputs, attrs) {
      const absolute = inputs.map((tensor) => tensor && { ...tensor, data: tensor.data.map(Math.abs) });
      const sizes = evaluate(rule.magnitude, absolute, attrs as unknown as UpdateAttrs);
      return sizes.map((values) => values.map((value) => 2 ** -24 * rule.ulps[backend] * value));
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
