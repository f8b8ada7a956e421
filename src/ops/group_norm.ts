import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, number, whole } from '../kinds.js';
import { f32, type SampleInput } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectWhole } from './common.js';
import {
  byRows,
  channelErrors,
  expectChannels,
  expectEps,
  type NormalizationOptions,
  normalizationKinds,
} from './normalization.js';

export interface GroupNormOptions {
  /** Into how many groups of neighbours the channels are divided. */
  readonly groups: number;
  /** Default 1e-5. */
  readonly eps?: number;
}

export const groupNormKinds: Kinds<GroupNormOptions> = { groups: whole, eps: number };

interface GroupAttrs {
  readonly groups: number;
  readonly eps: number;
}

const groupRows = (x: Shape, { groups }: GroupAttrs): Shape => [
  x[0]!,
  groups,
  x[1]! / groups,
  sizeOf(x.slice(2)),
];

const ofGroups = byRows(groupRows, { centred: true, overBatch: false });

/** Samples with and without affine parameters. */
const affine = (channels: number): { weight: SampleInput; bias: SampleInput } => ({
  weight: { shape: [channels] },
  bias: { shape: [channels] },
});

/** y = (x - mean) / √(variance + eps) · weight + bias over groups of channels, as torch.nn.functional.group_norm. */
export const groupNorm = defineComposition({
  name: 'groupNorm',
  summary: 'y = (x - mean) / √(variance + eps) · weight + bias over groups of channels',
  inputs: ['x', 'weight?', 'bias?'],
  kinds: groupNormKinds,
  attributes(options: GroupNormOptions | undefined, { x, weight, bias }): GroupAttrs {
    if (!options) fail('groupNorm', 'needs options { groups }');
    const groups = expectWhole('groupNorm', 'groups', options.groups, 1);
    expectChannels('groupNorm', x, { weight, bias });
    const [batch, channels, ...plane] = x.shape as [number, number, ...number[]];
    if (channels % groups !== 0)
      fail(
        'groupNorm',
        `${channels} channels don't divide into ${groups} groups, x is ${showShape(x.shape)}`,
      );
    if ((batch * channels * sizeOf(plane)) / groups === 1)
      fail('groupNorm', `expected more than 1 value per group, x is ${showShape(x.shape)}`);
    return { groups, eps: expectEps('groupNorm', options.eps ?? 1e-5) };
  },
  compose: ({ x, weight, bias }, attrs) => ofGroups.compose(x, weight, bias, attrs)[0],
  reference: (inputs, attrs) => ofGroups.reference(inputs, attrs)[0],
  samples: [
    { inputs: { x: { shape: [2, 6, 3, 3] }, ...affine(6) }, options: { groups: 3 } },
    { inputs: { x: { shape: [2, 4, 5] } }, options: { groups: 1, eps: 1e-3 } },
    { inputs: { x: { shape: [3, 6] }, weight: { shape: [6] } }, options: { groups: 2 } },
    { inputs: { x: { shape: [1, 2, 7, 5], domain: [999.5, 1000.5] }, ...affine(2) }, options: { groups: 2 } },
  ],
  errors: [
    { types: { x: f32([2, 4, 5]) }, message: 'groupNorm: needs options { groups }' },
    {
      types: { x: f32([2, 4, 5]) },
      options: { groups: 0 },
      message: 'groupNorm: groups must be a whole number of at least 1, got 0',
    },
    {
      types: { x: f32([2, 4, 5]) },
      options: { groups: 3 },
      message: "groupNorm: 4 channels don't divide into 3 groups, x is [2,4,5]",
    },
    {
      types: { x: f32([1, 4, 1]) },
      options: { groups: 4 },
      message: 'groupNorm: expected more than 1 value per group, x is [1,4,1]',
    },
    {
      types: { x: f32([1, 4, 2]) },
      options: { groups: 4, eps: -1 },
      message: 'groupNorm: eps must be a number of at least 0, got -1',
    },
    ...channelErrors('groupNorm', { groups: 2 }),
  ],
  tolerance: ofGroups.tolerance,
  magnitude: (inputs, attrs) => ofGroups.magnitude(inputs, attrs)[0],
});

const planeRows = (x: Shape): Shape => [x[0]!, x[1]!, 1, sizeOf(x.slice(2))];
const ofPlanes = byRows<{ eps: number }>(planeRows, { centred: true, overBatch: false });

/** y = (x - mean) / √(variance + eps) · weight + bias over each channel's plane, as torch.nn.functional.instance_norm. */
export const instanceNorm = defineComposition({
  name: 'instanceNorm',
  summary: 'y = (x - mean) / √(variance + eps) · weight + bias over each plane',
  inputs: ['x', 'weight?', 'bias?'],
  kinds: normalizationKinds,
  attributes(options: NormalizationOptions | undefined, { x, weight, bias }) {
    expectChannels('instanceNorm', x, { weight, bias });
    if (sizeOf(x.shape.slice(2)) === 1)
      fail('instanceNorm', `expected more than 1 value per plane, x is ${showShape(x.shape)}`);
    return { eps: expectEps('instanceNorm', options?.eps ?? 1e-5) };
  },
  compose: ({ x, weight, bias }, attrs) => ofPlanes.compose(x, weight, bias, attrs)[0],
  reference: (inputs, attrs) => ofPlanes.reference(inputs, attrs)[0],
  samples: [
    { inputs: { x: { shape: [2, 3, 4, 5] }, ...affine(3) } },
    { inputs: { x: { shape: [2, 3, 7] } }, options: { eps: 1e-3 } },
    { inputs: { x: { shape: [1, 2, 3, 2, 3] }, weight: { shape: [2] } } },
  ],
  errors: [
    {
      types: { x: f32([2, 4, 1]) },
      message: 'instanceNorm: expected more than 1 value per plane, x is [2,4,1]',
    },
    {
      types: { x: f32([2, 4, 3]) },
      options: { eps: -1 },
      message: 'instanceNorm: eps must be a number of at least 0, got -1',
    },
    ...channelErrors('instanceNorm', undefined),
  ],
  tolerance: ofPlanes.tolerance,
  magnitude: (inputs, attrs) => ofPlanes.magnitude(inputs, attrs)[0],
});
