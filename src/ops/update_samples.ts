/** What the checks of optimiser steps run and refuse. */
import type { SampleInput, TensorType } from '../op.js';
import { Generator } from '../random.js';
import { sizeOf } from '../shape.js';
import type { UpdateRule } from './update_rules.js';

/** Elements of a vector, at whose multiples the state of each parameter begins. */
export const VECTOR = 4;
export const whole = (size: number): number => Math.ceil(size / VECTOR) * VECTOR;

const shapes: readonly (readonly (readonly number[])[])[] = [
  [[1]],
  [[5], [3, 7], [4099], [2]],
  Array.from({ length: 66 }, (_, i) => [1 + (i % 5)]),
];

/** One parameter, a few, and more than one launch takes. */
export function samplesOf(rule: UpdateRule) {
  return shapes.flatMap((list) =>
    rule.samples.map(({ hyper, state: rows }) => {
      const total = list.reduce((sum, shape) => sum + whole(sizeOf(shape)), 0);
      const state: SampleInput = {
        shape: [rows.length, total],
        get values() {
          const generator = new Generator(total);
          return rows.flatMap(([low, high]) =>
            Array.from({ length: total }, () => Math.fround(generator.uniform(low, high))),
          );
        },
      };
      const tensors = list.flatMap((shape): SampleInput[] => [{ shape }, { shape }]);
      return {
        inputs: [
          { shape: [hyper.length], values: hyper.map(Math.fround) },
          rows.length > 0 ? state : null,
          ...tensors,
        ],
        options: undefined,
      };
    }),
  );
}

export function errorsOf(name: string, rule: UpdateRule) {
  const f32 = (...shape: number[]): TensorType => ({ shape, dtype: 'f32' });
  const { length } = rule.hyper;
  const [least, most] = rule.states;
  const state = most === 0 ? null : f32(most, 4);
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
      types: plain,
      options: { offsets: [2] },
      message: `${name}: offsets must be multiples of 4, got 2`,
    },
    {
      types: plain.with(1, f32(most, 4)).with(2, f32(5)).with(3, f32(5)),
      message: `${name}: parameter 0 of 5 elements at offset 0 exceeds the state's 4`,
    },
    ...(most > 1
      ? [
          {
            types: plain.with(1, f32(most, 3)),
            message: `${name}: rows of the state must hold a multiple of 4 elements, it is [${most},3]`,
          },
        ]
      : []),
    {
      types: plain.with(1, f32(most + 1, 4)),
      message: `${name}: state must be [${wanted}, total], it is [${most + 1},4]`,
    },
  ].map((one) => ({ options: undefined, ...one }));
}
