// Rows of x [batch, groups, channels, plane], see shaders/standardize.wgsl. A GPU walks a row as walkBlocks stretches,
// walkStep apart, of walkRun elements walkStride apart, the lanes of common/row along each; walkParts parts of a row, of
// partBlocks stretches each, are rows by themselves. With WIDE, where walkStride is 1, an element is four numbers.
struct StandardizeParams {
  batch: u32,
  rows: u32,
  blocks: u32,
  run: u32,
  step: u32,
  groups: u32,
  channels: u32,
  plane: u32,
  eps: f32,
  scale: f32,
  centred: u32,
  overBatch: u32,
  hasWeight: u32,
  hasBias: u32,
  // wasm: rows whose gradients of weight and bias are added up while they are in the cache, or 0.
  together: u32,
  // webgpu, as above.
  lanes: u32,
  walkBlocks: u32,
  walkStep: u32,
  walkRun: u32,
  walkStride: u32,
  walkParts: u32,
  partBlocks: u32,
  // A stretch has one channel (0), or an element of it one (1), or `plane` neighbouring ones share it (2).
  byElement: u32,
}

// What an invocation takes of a part: elements start + lane, hop apart, below `run`, for each start from `first` on.
struct Walk {
  row: u32,
  part: u32,
  first: u32,
  end: u32,
  step: u32,
  lane: u32,
  run: u32,
  hop: u32,
  // Elements of the part; the channel of its first stretch, and by how much that of the next differs.
  count: f32,
  channel: u32,
  turn: u32,
}

fn walk_of(p: StandardizeParams, at: vec2<u32>) -> Walk {
  let row = at.x / p.walkParts;
  let part = at.x - row * p.walkParts;
  if (row >= p.rows) {
    return Walk(row, part, 0u, 0u, 1u, 0u, 0u, 1u, 1.0, 0u, 0u);
  }
  let stretch = part * p.partBlocks;
  let stretches = min(p.partBlocks, p.walkBlocks - stretch);
#if WIDE
  let first = row * p.run / 4u + stretch * p.walkStep;
  let count = f32(4u * stretches * p.walkRun);
#else
  let first = row * p.run + stretch * p.walkStep;
  let count = f32(stretches * p.walkRun);
#end
  let turn = 1u - p.overBatch;
  let channel = row % p.groups * p.channels + stretch * turn;
  let hop = p.lanes * p.walkStride;
  let run = p.walkRun * p.walkStride;
  let end = first + stretches * p.walkStep;
  return Walk(row, part, first, end, p.walkStep, at.y * p.walkStride, run, hop, max(count, 1.0), channel, turn);
}

// The channel of an element at place i of a part's stretch.
fn channel_of(p: StandardizeParams, walk: Walk, stretch: u32, i: u32) -> u32 {
  if (p.byElement == 0u) {
    return walk.channel + stretch * walk.turn;
  }
#if WIDE
  return walk.channel + 4u * i / p.plane;
#else
  return walk.channel + i / p.plane;
#end
}
