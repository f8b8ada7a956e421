// Layers of recurrent cells over sequences [steps, batch, ..], one launch per step: the product of what comes
// from the step before with the weight, and the cell's functions on it.
//
// An invocation has 4 sequences by 4 units of every gate in named sums. The weight is packed in quads of units,
// zeros past the last: [blocks of a workgroup, inner, sets, quads side by side]; what goes on from step to step
// in quads of sequences: [quads, places], from one buffer into another, for sequences that have ended
// unchanged. So every load is a vec4, and nothing lies past an end.
//
// Kernels of name__1 take the whole inner axis in an invocation; those of name__16 every 16th place of it, and
// add up the 16 slices through 16 KiB of workgroup memory, after which each invocation has one element: for
// states that are too small to fill a device.
struct RecurrentParams {
  steps: u32,
  batch: u32,
  hidden: u32,
  // The number of the step, from 0 to steps - 1.
  step: u32,
  reverse: u32,
  hasLengths: u32,
  hasBias: u32,
  relu: u32,
  gates: u32,
  // Of units: invocations side by side in a workgroup, and the quads that they have.
  quads: u32,
  unitQuads: u32,
}

// [batch], where hasLengths: from there on the steps of a sequence don't count.
@group(0) @binding(0) var<storage, read> lengths: array<i32>;

fn length_of(p: RecurrentParams, b: u32) -> u32 {
  if (p.hasLengths == 0u) {
    return p.steps;
  }
  return u32(clamp(lengths[b], 0, i32(p.steps)));
}

// Where what goes on, of `places` for each sequence, holds a place of sequence b.
fn place_of(places: u32, place: u32, b: u32) -> u32 {
  return (b / 4u * places + place) * 4u + b % 4u;
}
