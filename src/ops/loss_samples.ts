/** Samples and error cases of losses of corresponding elements. */

import { f32, type SampleInput, type TensorType } from '../op.js';
import type { Shape } from '../shape.js';
import { omit } from './common.js';
import type { Family } from './loss_family.js';
import type { Types } from './loss_spec.js';

/** Shapes round the lanes of a vector and the blocks of either backend, with the shapes of what is repeated. */
const PLANS: readonly { shape: Shape; reduction: string; third: Shape; weight?: Shape }[] = [
  { shape: [5], reduction: 'none', third: [5] },
  { shape: [2, 3, 7], reduction: 'mean', third: [7], weight: [3, 1] },
  { shape: [4099], reduction: 'sum', third: [1], weight: [4099] },
  { shape: [], reduction: 'mean', third: [] },
  { shape: [3, 17], reduction: 'none', third: [17], weight: [17] },
];

/** Inputs of a sample; what is optional is left out now and then. */
function sampleInputs(family: Family, fill: Readonly<Record<string, object>>, plan: (typeof PLANS)[number]) {
  const { spec } = family;
  const [x, t, third, weight] = family.operands;
  const inputs: Record<string, SampleInput> = {};
  inputs[x!] = { shape: plan.shape, ...fill[x!] };
  inputs[t!] = { shape: plan.shape, ...fill[t!] };
  const optional = third && spec.inputs.includes(`${third}?`);
  if (third && !(optional && plan.shape.length === 1))
    inputs[third] = { shape: spec.thirdShape?.(plan.shape) ?? plan.third, ...fill[third] };
  if (weight && plan.weight) inputs[weight] = { shape: plan.weight, domain: [0.5, 2] };
  return inputs;
}

export function samplesOf(family: Family) {
  return family.spec.cases.flatMap(({ options, fill }, k) =>
    (k === 0 ? PLANS : [PLANS[1 + (k % 2)]!, PLANS[4]!]).map((plan) => ({
      inputs: sampleInputs(family, fill, plan),
      options: { ...options, reduction: plan.reduction },
    })),
  );
}

export function backwardSamples(family: Family) {
  return family.spec.cases.flatMap(({ options, fill }, k) =>
    Object.keys(family.spec.derivatives).flatMap((wrt) =>
      (k === 0 ? [PLANS[1]!, PLANS[2]!, PLANS[4]!] : [PLANS[1]!]).map((plan) => ({
        inputs: {
          ...sampleInputs(family, fill, plan),
          dy: { shape: plan.reduction === 'none' ? plan.shape : [] },
        },
        options: {
          ...omit({ reduction: undefined, ...options }, 'reduction'),
          wrt,
          scale: plan.reduction === 'mean' ? 0.25 : 1,
        },
      })),
    ),
  );
}

export function errorsOf(family: Family, name: string, more: Types, options: object) {
  const { inputs, third } = family.spec;
  const [x, t, , weight] = family.operands;
  const required = third && inputs.includes(third) ? { [third]: f32([2, 3]) } : {};
  const good = { [x!]: f32([2, 3]), [t!]: f32([2, 3]), ...required, ...more };
  const shapes = `shapes differ, ${x} is [2,3], ${t} is [3]`;
  return [
    { types: { ...good, [t!]: f32([3]) }, options, message: `${name}: ${shapes}` },
    {
      types: { ...good, [t!]: { shape: [2, 3], dtype: 'i32' } },
      options,
      message: `${name}: ${t} must be f32, it is i32[2,3]`,
    },
    ...(weight
      ? [
          {
            types: { ...good, weight: f32([2]) },
            options,
            message: `${name}: weight must broadcast to [2,3], it is [2]`,
          },
          {
            types: { ...good, [x!]: f32([2, 4, 3]), [t!]: f32([2, 4, 3]), weight: f32([2, 1, 3]) },
            options,
            message: `${name}: weight [2,1,3] has an axis of size 1 between others, give broadcastTo [2,4,3] instead`,
          },
        ]
      : []),
  ];
}

/** Types that a call takes. */
export function goodTypes({ spec }: Family): Record<string, TensorType> {
  const required = spec.inputs.filter((input) => !input.endsWith('?'));
  return Object.fromEntries(required.map((input) => [input, f32([2])]));
}
