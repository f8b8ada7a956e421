// y = scale times the elements of rows, joined two and two from START on. Row r begins at r / inner outerStep + r % inner
// innerStep and is `blocks` stretches, blockStep apart, of `run` elements, runStep apart; `parts` parts of a row, of
// partBlocks stretches and partRun elements of each, are joined by a second launch. Lanes along a stretch, and quads of
// neighbours, as in common/row.
//! kernel sum_rows_f32 = a + b | START=0.0
//! kernel max_rows_f32 = larger(a, b) | START=-infinity()
//! kernel min_rows_f32 = smaller(a, b) | START=infinity()
//! variant | JOIN=0 | WIDE=0
//! variant __4 | JOIN=0 | WIDE=1
//! variant __lanes | JOIN=1 | WIDE=0
//! variant __lanes4 | JOIN=1 | WIDE=1
#include "common/row"

struct ReduceRowsParams {
  rows: u32,
  inner: u32,
  outerStep: u32,
  innerStep: u32,
  blocks: u32,
  blockStep: u32,
  run: u32,
  runStep: u32,
  parts: u32,
  partBlocks: u32,
  partRun: u32,
  lanes: u32,
  scale: f32,
}

alias x_stored = V;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: ReduceRowsParams;

fn join(a: f32, b: f32) -> f32 {
  return EXPRESSION;
}

#if JOIN == 0
var<workgroup> joined: array<f32, 64>;
#end

fn join_lanes(value: f32, local: u32, lanes: u32) -> f32 {
  var all = value;
#if JOIN
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    all = join(all, subgroupShuffleXor(all, reach));
  }
#else
  if (lanes == 1u) {
    return value;
  }
  joined[local] = value;
  workgroupBarrier();
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    if ((local & (lanes - 1u)) < reach) {
      joined[local] = join(joined[local], joined[local + reach]);
    }
    workgroupBarrier();
  }
  all = joined[local];
#end
  return all;
}

// Parts lie one after the other, so that neighbouring invocations read neighbouring rows.
@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = params;
  let at = row_lane(group, local, groups, p.lanes);
  let part = at.x / p.rows;
  let row = at.x - part * p.rows;
  let outer = row / p.inner;
  let across = (p.run + p.partRun - 1u) / p.partRun;
  let stretch = part / across * p.partBlocks;
  let first = (part - part / across * across) * p.partRun;
  let origin = outer * p.outerStep + (row - outer * p.inner) * p.innerStep;
  let end = origin + min(p.run, first + p.partRun) * p.runStep;
  let stretches = select(0u, min(p.blocks, stretch + p.partBlocks), part < p.parts);
  var total: f32 = START;
  for (var b = stretch; b < stretches; b++) {
    let shift = b * p.blockStep;
    for (var i = origin + (first + at.y) * p.runStep; i < end; i += p.lanes * p.runStep) {
      let value = V(x[shift + i]);
#if WIDE
      total = join(join(join(total, value.x), join(value.y, value.z)), value.w);
#else
      total = join(total, value);
#end
    }
  }
  total = join_lanes(total, local, p.lanes);
  if (at.y == 0u && part < p.parts) {
    output[at.x] = total * p.scale;
  }
}
