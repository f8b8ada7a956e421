import { defineOp } from '../define.js';
import { f32, type Value } from '../op.js';

/** What an op says whose result is x itself. */
const identity = {
  view: true,
  kernels: { wasm: [], webgpu: [] },
  errors: [],
} as const;

/** x, where a stretch begins whose inner values the gradient computes anew: what it reads is kept. See `checkpoint`. */
export const checkpointBegin = defineOp({
  name: 'checkpointBegin',
  summary: 'y = x; up to checkpointEnd, the gradient computes values anew',
  inputs: ['x'],
  infer: ({ x }) => ({ shape: x.shape, dtype: x.dtype }),
  reference: ({ x }) => x.data.slice(),
  backward: { x: ({ grad }): Value => grad },
  checkpoint: 'begin',
  linear: ['x'],
  samples: [{ inputs: { x: { shape: [2, 3] } } }],
  ...identity,
});

/** x, where such a stretch ends. */
export const checkpointEnd = defineOp({
  name: 'checkpointEnd',
  summary: 'y = x; from checkpointBegin on, the gradient computes values anew',
  inputs: ['x'],
  infer: ({ x }) => ({ shape: x.shape, dtype: x.dtype }),
  reference: ({ x }) => x.data.slice(),
  backward: { x: ({ grad }): Value => grad },
  checkpoint: 'end',
  linear: ['x'],
  samples: [{ inputs: { x: { shape: [2, 3] } } }],
  ...identity,
});

/** x, to be had only once `trigger` is computed: what is computed of it waits till then. */
export const after = defineOp({
  name: 'after',
  summary: 'y = x, once trigger is computed',
  inputs: ['x', 'trigger'],
  infer: ({ x }) => ({ shape: x.shape, dtype: x.dtype }),
  reference: ({ x }) => x.data.slice(),
  // Neither value changes with the trigger.
  backward: { x: ({ grad }): Value => grad, trigger: () => null },
  samples: [{ inputs: { x: { shape: [2, 3] }, trigger: { shape: [4] } } }],
  linear: ['x'],
  ...identity,
  errors: [{ types: { x: f32([2]) }, message: "after: input 'trigger' is missing" }],
});
