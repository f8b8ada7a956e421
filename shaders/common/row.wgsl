// Rows, each worked on by `lanes` neighbouring invocations, a power of two. Elements are of type V: one number, or
// four neighbours (WIDE). Joined across lanes, always in the same order,
//   JOIN 0  by a tree in workgroup memory: up to 64 lanes,
//   JOIN 1  by exchange within a subgroup, without a barrier: as many lanes as `lanes-N` says are in one, in order,
//   JOIN 2  by subgroups of any size, of whole fours, and what they leave in workgroup memory: all 256 of a workgroup.
// All invocations must call these, in uniform control flow, those past the last row too.
#if JOIN
enable subgroups;
#end
#include "common/special"

#if WIDE
alias V = vec4<f32>;

fn sum_of(v: V) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

fn max_of(v: V) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn exp_of(v: V) -> V {
  return select(exp(v), v, (bitcast<vec4<u32>>(v) & vec4(0x7fffffffu)) > vec4(0x7f800000u));
}
#else
alias V = f32;

fn sum_of(v: V) -> f32 {
  return v;
}

fn max_of(v: V) -> f32 {
  return v;
}

fn exp_of(v: V) -> V {
  return exponential(v);
}
#end

#if JOIN == 2
const SIZE = 256u;
#else
const SIZE = 64u;
#end

// The row of an invocation, and which of its lanes it is; rows past the last one have to be looked for.
fn row_lane(group: vec3<u32>, local: u32, groups: vec3<u32>, lanes: u32) -> vec2<u32> {
  let index = (group.x + group.y * groups.x) * SIZE + local;
  return vec2<u32>(index >> firstTrailingBit(lanes), index & (lanes - 1u));
}

#if JOIN == 0
var<workgroup> tree: array<f32, 64>;
#end
#if JOIN == 2
var<workgroup> subtotals: array<f32, 64>;

// Each subgroup's result at the place of its first invocation's four, `nothing` at the others. The caller's subgroup then takes
// every width-th, from its invocation's own number on.
fn leave(own: f32, nothing: f32, local: u32) -> vec2<u32> {
  let first = subgroupBroadcastFirst(local);
  workgroupBarrier();
  if (local % 4u == 0u) {
    subtotals[local / 4u] = select(nothing, own, local / 4u == first / 4u);
  }
  workgroupBarrier();
  return vec2<u32>(subgroupExclusiveAdd(1u), subgroupAdd(1u));
}
#end

fn plus(a: f32, b: f32) -> f32 {
  return a + b;
}

fn most(a: f32, b: f32) -> f32 {
  return max(a, b);
}

fn zero() -> f32 {
  return 0.0;
}

fn lowest() -> f32 {
  return -infinity();
}

#for name, join, nothing, whole in row_sum plus zero subgroupAdd, row_max most lowest subgroupMax
fn $name(value: f32, local: u32, lanes: u32) -> f32 {
  var all = value;
#if JOIN == 0
  if (lanes == 1u) {
    return value;
  }
  tree[local] = value;
  workgroupBarrier();
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    if ((local & (lanes - 1u)) < reach) {
      tree[local] = $join(tree[local], tree[local + reach]);
    }
    workgroupBarrier();
  }
  all = tree[local & ~(lanes - 1u)];
  workgroupBarrier();
#end
#if JOIN == 1
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    all = $join(all, subgroupShuffleXor(all, reach));
  }
#end
#if JOIN == 2
  let mine = leave($whole(value), $nothing(), local);
  all = $nothing();
  for (var i = mine.x; i < 64u; i += mine.y) {
    all = $join(all, subtotals[i]);
  }
  all = $whole(all);
#end
  return all;
}

#end
