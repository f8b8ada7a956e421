import type { Command, DispatchCommand, Location } from '../../src/backend/backend.js';
import type { KernelInfo, KernelSet } from '../../src/backend/kernels.js';

const HEAD = 'struct ScaleParams { n: u32, k: i32, by: f32, shape: array<vec4<u32>, 2> }';
const INDEX = `@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) l: u32,
  @builtin(num_workgroups) g: vec3<u32>`;

const modules = {
  scale: `${HEAD}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: ScaleParams;
@compute @workgroup_size(64) fn scale_f32(${INDEX}) {
  let i = (w.x + w.y * g.x) * 64u + l;
  if (i < p.n) { y[i] = x[i] * p.by + f32(p.k) + f32(p.shape[1][3]); }
}`,
  check: `struct CheckParams { n: u32, faultId: u32 }
@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> fault: array<atomic<u32>, 4>;
@group(0) @binding(2) var<uniform> p: CheckParams;
@compute @workgroup_size(64) fn check_i32(${INDEX}) {
  let i = w.x * 64u + l;
  if (i >= p.n || x[i] >= 0) { return; }
  if (atomicCompareExchangeWeak(&fault[0], 0u, p.faultId).exchanged) {
    atomicStore(&fault[1], i);
    atomicStore(&fault[2], bitcast<u32>(x[i]));
  }
}`,
  optional: `struct OptionalParams { has: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;
@group(0) @binding(3) var<uniform> p: OptionalParams;
@compute @workgroup_size(1) fn optional_f32() {
  y[0] = select(-1.0, x[0], p.has != 0u);
  if (p.has != 0u) { z[0] = y[0]; }
}`,
  fixed: `struct FixedParams { n: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> p: FixedParams;
override by = 2u;
@compute @workgroup_size(1) fn fixed_f32() { y[0] = f32(p.n * by); }`,
  broken: 'fn f() -> u32 {\n  return missing;\n}\n@compute @workgroup_size(1) fn broken_f32() { _ = f(); }',
};

const scalar = (offset: number, type: 'u32' | 'i32' | 'f32') => ({ offset, type, length: 1 });
const common = { params: 'Params', workgroupSize: [64, 1, 1] } as const;
const kernels: Record<string, KernelInfo> = {
  scale_f32: {
    ...common,
    module: 'scale',
    access: ['read', 'read_write'],
    paramsBytes: 48,
    fields: {
      n: scalar(0, 'u32'),
      k: scalar(4, 'i32'),
      by: scalar(8, 'f32'),
      shape: { offset: 16, type: 'u32', length: 8 },
    },
  },
  check_i32: {
    ...common,
    module: 'check',
    access: ['read', 'read_write'],
    paramsBytes: 8,
    fields: { n: scalar(0, 'u32'), faultId: scalar(4, 'u32') },
  },
  optional_f32: {
    ...common,
    module: 'optional',
    access: ['read', 'read_write', 'read_write'],
    paramsBytes: 4,
    fields: { has: scalar(0, 'u32') },
    workgroupSize: [1, 1, 1],
  },
  fixed_f32: {
    ...common,
    module: 'fixed',
    access: ['read_write'],
    paramsBytes: 4,
    fields: { n: scalar(0, 'u32') },
    workgroupSize: [1, 1, 1],
    constants: ['by'],
  },
  broken_f32: { ...common, module: 'broken', access: [], paramsBytes: 4, fields: { n: scalar(0, 'u32') } },
};

/** Kernels as a user's own. */
export const set: KernelSet = { name: 'test', modules, kernels };

export const external = (index: number, bytes: number): Location => ({ kind: 'external', index, bytes });
export const arena = (region: number, offset: number, bytes: number): Location => ({
  kind: 'arena',
  region,
  offset,
  bytes,
});
export const dispatch = (
  kernel: string,
  operands: readonly Location[],
  params: DispatchCommand['params'],
  units: DispatchCommand['units'],
  constants: DispatchCommand['constants'] = {},
): Command => ({
  kind: 'dispatch',
  label: `test ${kernel}`,
  kernel,
  operands,
  params,
  constants,
  units,
  scratch: 0,
});
export const scale = (
  from: Location,
  to: Location,
  n: number,
  by: number,
  rest: { k?: number; shape?: number[] } = {},
) => dispatch('scale_f32', [from, to], { n, by, k: rest.k ?? 0, shape: rest.shape ?? [] }, n);
export const copy = (from: Location, to: Location, bytes: number): Command => ({
  kind: 'copy',
  label: 'test copy',
  from,
  to,
  bytes,
});
