/**
 * What a scaled loss asks of all gradients together: whether they are finite, and to be scaled or dropped. On a GPU one launch
 * goes through all of them, see src/walk.ts; on wasm they are put together from kernels of other ops.
 */

import { apply } from '../apply.js';
import { LOST } from '../bounds.js';
import { common } from '../define.js';
import { fail } from '../errors.js';
import {
  type Features,
  f32,
  type Lowered,
  type LoweredLaunch,
  type Op,
  type OperandRef,
  type TensorType,
  type Value,
  type Walk,
} from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { maximum, mul } from './binary.js';
import { isFinite as finite } from './logical.js';
import { norm } from './norm.js';
import { allLaunch } from './reduce_kernels.js';
import { fillLaunch } from './strided.js';
import { VECTOR } from './update_samples.js';
import { where } from './where.js';

type Types = readonly (TensorType | null)[];

const input = (index: number): OperandRef => ({ from: 'input', index });
const output = (index: number): OperandRef => ({ from: 'output', index });
const temporary = (index: number): OperandRef => ({ from: 'temporary', index });

const TRUTH: TensorType = { shape: [], dtype: 'bool' };

/** Collects launches of wasm kernels, and what they need. */
class Steps {
  readonly launches: LoweredLaunch[] = [];
  readonly temporaries: number[] = [];

  constructor(readonly features: Features) {}

  hold(bytes: number): OperandRef {
    return temporary(this.temporaries.push(bytes) - 1);
  }

  /** An op on operands of these types. */
  run(op: Op, types: readonly TensorType[], options: unknown, from: readonly OperandRef[], to: OperandRef) {
    const lowered = op.lower('wasm', types, op.attributes(types, options), this.features)!;
    const own = lowered.temporaries.map((bytes) => this.hold(bytes));
    const refer = (ref: OperandRef): OperandRef => {
      if (ref.from === 'input') return from[ref.index]!;
      if (ref.from === 'output') return to;
      return ref.from === 'temporary' ? own[ref.index]! : ref;
    };
    for (const launch of lowered.launches)
      this.launches.push({ ...launch, operands: launch.operands.map(refer) });
  }

  lowered(variant: string): Lowered {
    return { variant, temporaries: this.temporaries, launches: this.launches };
  }
}

/** Elements of a workgroup, and tensors of a launch: shaders/common/tensor_walk.wgsl has the same numbers. */
const BLOCK = 256;
const MOST = 256;

/** One launch that goes through tensors, which lie in up to three buffers; `others` follow them. */
function walkOf(
  kernel: string,
  sizes: readonly number[],
  tensor: (i: number) => OperandRef,
  others: readonly OperandRef[],
): LoweredLaunch {
  let groups = 0;
  const items = sizes.map((elements, i): Walk<OperandRef>['items'][number] => {
    const at = groups;
    groups += Math.ceil(elements / BLOCK);
    return { operands: [tensor(i)], elements, at };
  });
  return {
    kernel,
    operands: [...Array<OperandRef>(3).fill({ from: 'none' }), ...others],
    params: { stride: 0 },
    walk: {
      roles: [{ slots: [0, 1, 2], constant: 'BUFFERS' }],
      items,
      block: BLOCK,
      vector: VECTOR,
      most: MOST,
    },
    units: groups * (BLOCK / VECTOR),
  };
}

interface Spec {
  readonly name: string;
  readonly summary: string;
  readonly kernel: string;
  /** What comes before the tensors. */
  readonly leading: readonly TensorType[];
  readonly infer: (tensors: readonly TensorType[]) => readonly TensorType[];
  readonly reference: Op['reference'];
  readonly wasm: (sizes: readonly number[], steps: Steps) => void;
  readonly webgpu: (sizes: readonly number[], features: Features) => Omit<Lowered, 'variant'>;
  readonly overwrites: boolean;
  readonly ulps: number;
  readonly samples: Op['samples'];
}

/** The tensors behind the leading inputs, all of which are as they must be. */
function tensorsOf({ name, leading }: Spec, types: Types): readonly TensorType[] {
  const right = leading.every(
    ({ dtype }, i) => types[i] && types[i].dtype === dtype && sizeOf(types[i].shape) === 1,
  );
  if (!right || types.length <= leading.length) {
    const wanted = leading.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(', ');
    const first = leading.length > 0 ? `${wanted}, then tensors` : 'tensors';
    fail(name, `takes ${first}; got ${types.length} inputs`);
  }
  return types.slice(leading.length).map((type, i) => {
    if (type?.dtype !== 'f32')
      return fail(
        name,
        `tensor ${i} must be f32, it is ${type ? `${type.dtype}${showShape(type.shape)}` : 'missing'}`,
      );
    return type;
  });
}

/** Declares an op over any number of f32 tensors. */
function overAll(spec: Spec) {
  const { name, leading, kernel, ulps } = spec;
  const sizesOf = (types: Types) => types.slice(leading.length).map((type) => sizeOf(type!.shape));
  const infer = (types: Types) => spec.infer(tensorsOf(spec, types));
  const op: Op = {
    ...common({ name, summary: spec.summary, inputs: ['inputs'], samples: [], errors: [] }),
    variadic: true,
    overwrites: (inputs) =>
      spec.overwrites ? inputs.slice(leading.length).map((_, i) => leading.length + i) : [],
    samples: spec.samples,
    errors: [
      {
        types: [...leading, { shape: [2], dtype: 'i32' }],
        options: undefined,
        message: `${name}: tensor 0 must be f32, it is i32[2]`,
      },
    ],
    attributes: (types) => {
      infer(types);
      return {};
    },
    infer,
    reference: spec.reference,
    backward: () => null,
    differentiable: () => false,
    cost(types) {
      const elements = sizesOf(types).reduce((a, b) => a + b, 0);
      return { flops: elements, bytes: 4 * elements * (spec.overwrites ? 2 : 1) };
    },
    variants: () => [kernel],
    lower(backend, types, _attrs, features, variant) {
      if (variant !== undefined && variant !== kernel) return null;
      if (backend === 'webgpu') return { variant: kernel, ...spec.webgpu(sizesOf(types), features) };
      const steps = new Steps(features);
      spec.wasm(sizesOf(types), steps);
      return steps.lowered(kernel);
    },
    // A product may be lost below the normal numbers, and on webgpu a factor that lies there.
    bounds(backend, inputs, _attrs, results) {
      const factor = spec.leading.length > 0 ? Math.abs(inputs[0]!.data[0]!) : 0;
      const lost = ulps * LOST[backend] * Math.max(1, factor);
      return results.map((values) => values.map((value) => 2 ** -24 * ulps * Math.abs(value) + lost));
    },
    ulps: () => ulps,
    fault: () => fail(name, 'a kernel reported a data error that the op does not declare'),
  };
  return op;
}

const tensors = [[5], [3, 7], [4099], [2]].map((shape) => ({ shape }));
const many = Array.from({ length: 260 }, (_, i) => ({ shape: [1 + (i % 5)] }));
/** The last element of the last is no number. */
const wild = (value: number) => [
  ...tensors,
  { shape: [301], values: [...Array<number>(300).fill(1), value] },
];

const flat = (size: number): TensorType => f32([size]);
const scalar = f32([]);

const finiteOp = overAll({
  name: 'allFinite',
  summary: 'whether all elements of all tensors are finite',
  kernel: 'finite_all',
  leading: [],
  infer: () => [TRUTH],
  reference: (inputs) => [Float64Array.of(Number(inputs.every((x) => x!.data.every(Number.isFinite))))],
  wasm(sizes, steps) {
    // The largest size is infinite, or NaN, where some element is.
    const largest = sizes.flatMap((size, i) => {
      if (size === 0) return [];
      const held = steps.hold(4);
      steps.run(norm.op, [flat(size)], { p: Infinity }, [input(i)], held);
      return held;
    });
    const [first, ...rest] = largest;
    if (!first) {
      steps.launches.push({ ...fillLaunch('wasm', [], 1), operands: [output(0)] });
      return;
    }
    const most = rest.reduce((a, b) => {
      const held = steps.hold(4);
      steps.run(maximum.op, [scalar, scalar], undefined, [a, b], held);
      return held;
    }, first);
    steps.run(finite.op, [scalar], undefined, [most], output(0));
  },
  webgpu(sizes, features) {
    const parts = sizes.reduce((sum, size) => sum + Math.ceil(size / BLOCK), 0);
    const walk = walkOf('finite_all_f32__walk', sizes, input, [temporary(0)]);
    const join = { ...allLaunch(parts, features), operands: [temporary(0), output(0)] };
    return { temporaries: [4 * Math.max(1, parts)], launches: [walk, join] };
  },
  overwrites: false,
  ulps: 0,
  samples: [
    tensors,
    many,
    wild(Infinity),
    wild(-Infinity),
    wild(NaN),
    [{ shape: [0] }, { shape: [3] }],
    [{ shape: [0] }],
  ].map((inputs) => ({ inputs, options: undefined })),
});

/** Whether all elements of all tensors are finite, bool []. */
export const allFinite = Object.assign(
  (inputs: readonly Value[], options?: undefined): Value => apply(finiteOp, inputs, options)[0]!,
  { op: finiteOp },
);

const scaleOp = overAll({
  name: 'scaleAll',
  summary: 'x = factor · x for all tensors, 0 where the condition is false',
  kernel: 'scale_all',
  leading: [scalar, TRUTH],
  infer: (types) => types,
  reference: ([factor, condition, ...rest]) =>
    rest.map((x) => x!.data.map((v) => (condition!.data[0] ? factor!.data[0]! * v : 0))),
  wasm(sizes, steps) {
    const zero = steps.hold(4);
    steps.launches.push({ ...fillLaunch('wasm', [], 0), operands: [zero] });
    sizes.forEach((size, i) => {
      const x = output(i);
      steps.run(mul.op, [flat(size), scalar], undefined, [x, input(0)], x);
      steps.run(where.op, [TRUTH, flat(size), scalar], undefined, [input(1), x, zero], x);
    });
  },
  webgpu: (sizes) => ({
    temporaries: [],
    launches: [walkOf('scale_all_f32__walk', sizes, output, [input(0), input(1)])],
  }),
  overwrites: true,
  ulps: 1,
  samples: [tensors, many, wild(NaN)].flatMap((inputs, i) =>
    (i === 2 ? [0] : [1, 0]).map((condition) => ({
      inputs: [
        { shape: [], values: [0.375] },
        { shape: [], dtype: 'bool' as const, values: [condition] },
        ...inputs,
      ],
      options: undefined,
    })),
  ),
});

/**
 * `inputs` are a factor f32 [], a condition bool [], then tensors: gives each times the factor, or 0 where the condition is
 * false, whatever it holds. They overwrite the old ones where nobody else reads those.
 */
export const scaleAll = Object.assign(
  (inputs: readonly Value[], options?: undefined): readonly Value[] => apply(scaleOp, inputs, options),
  { op: scaleOp },
);
