// y_i = x_0 ∘ x_1 ∘ ... ∘ x_i along rows of `length` elements that lie `inner` apart, from START on; params.mode 1: without
// x_i itself. Rows are cut into `blocks` of `block` elements, neighbours in memory where their rows are. Each is one of
// `lanes` neighbouring invocations', a power of two up to 64, a stretch of it apiece: its elements alone first, then again from
// what all before make together. Where there is more than one block, a launch leaves what each makes (STAGE 1), a scan of these
// what goes before it, and a third takes up from there (STAGE 2).
//
//! kernel cumsum_f32__blocks = a + b | T=f32 | START=0.0
//! kernel cumsum_i32__blocks = a + b | T=i32 | START=0
//! kernel log_cum_sum_exp_f32__blocks = log_add(a, b) | T=f32 | START=-infinity()
#include "common/indexing"
#include "common/special"

struct ScanBlocks {
  // Blocks of all rows.
  count: u32,
  length: u32,
  inner: u32,
  reverse: u32,
  mode: u32,
  block: u32,
  blocks: u32,
  lanes: u32,
}

override STAGE: u32 = 0u;

@group(0) @binding(0) var<storage, read> x_values: array<T>;
@group(0) @binding(1) var<storage, read> before: array<T>;
@group(0) @binding(2) var<storage, read_write> output: array<T>;
@group(0) @binding(3) var<uniform> params: ScanBlocks;

// ln (e^a + e^b).
fn log_add(a: f32, b: f32) -> f32 {
  let top = larger(a, b);
  if (is_infinite(top) || is_nan(top)) {
    return top;
  }
  return top + log(1.0 + exp(min(a, b) - top));
}

fn join(a: T, b: T) -> T {
  return EXPRESSION;
}

var<workgroup> made: array<T, 64>;

// What all lanes up to this one make together; all invocations must call it.
fn joined_lanes(own: T, local: u32, lane: u32) -> T {
  made[local] = own;
  workgroupBarrier();
  for (var reach = 1u; reach < params.lanes; reach *= 2u) {
    var sum = made[local];
    if (lane >= reach) {
      sum = join(made[local - reach], sum);
    }
    workgroupBarrier();
    made[local] = sum;
    workgroupBarrier();
  }
  return made[local];
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = params;
  let index = linear_index(group, local, groups);
  let unit = index >> firstTrailingBit(p.lanes);
  let lane = index & (p.lanes - 1u);
  let line = unit / p.inner;
  let row = line / p.blocks;
  let start = (line - row * p.blocks) * p.block;
  let live = unit < p.count;
  let limit = select(0u, min(p.length, start + p.block), live);
  let stretch = (p.block + p.lanes - 1u) / p.lanes;
  let first = min(limit, start + lane * stretch);
  let end = min(limit, first + stretch);
  // Element k of the scan lies at base + k · step, modulo 2³².
  let turned = p.reverse != 0u;
  let step = select(p.inner, 0u - p.inner, turned);
  let far = select(0u, (p.length - 1u) * p.inner, turned);
  let base = row * p.length * p.inner + unit - line * p.inner + far;
  var held: T = START;
  if (STAGE == 1u || p.lanes > 1u) {
    for (var k = first; k < end; k++) {
      held = join(held, x_values[base + k * step]);
    }
  }
  if (p.lanes > 1u) {
    held = joined_lanes(held, local, lane);
  }
  if (STAGE == 1u) {
    if (live && lane == p.lanes - 1u) {
      output[unit] = held;
    }
    return;
  }
  if (p.lanes > 1u) {
    held = START;
    if (lane > 0u) {
      held = made[local - 1u];
    }
  }
  if (STAGE == 2u && live) {
    held = join(before[unit], held);
  }
  for (var k = first; k < end; k++) {
    let at = base + k * step;
    let last = held;
    held = join(held, x_values[at]);
    output[at] = select(held, last, p.mode == 1u);
  }
}
