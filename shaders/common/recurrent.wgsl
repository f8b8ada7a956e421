// Layers of recurrent cells over sequences [steps, batch, ..], one launch per step: each invocation has one
// element j of the state of one sequence b. What other invocations made in the step before is read, what they
// make in this one is not.
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
}

// [batch], where hasLengths: from there on the steps of a sequence don't count.
@group(0) @binding(0) var<storage, read> lengths: array<i32>;

fn length_of(p: RecurrentParams, b: u32) -> u32 {
  if (p.hasLengths == 0u) {
    return p.steps;
  }
  return u32(clamp(lengths[b], 0, i32(p.steps)));
}

// A step next to this one, if it counts.
struct Neighbour {
  counts: bool,
  // Of its rows among [steps, batch].
  row: u32,
}

// The step that is taken before this one.
fn step_before(p: RecurrentParams, b: u32, count: u32) -> Neighbour {
  if (p.reverse != 0u) {
    return Neighbour(p.step + 1u < count, (p.step + 1u) * p.batch + b);
  }
  return Neighbour(p.step > 0u, (max(p.step, 1u) - 1u) * p.batch + b);
}

// The step that is taken after this one.
fn step_after(p: RecurrentParams, b: u32, count: u32) -> Neighbour {
  if (p.reverse != 0u) {
    return Neighbour(p.step > 0u, (max(p.step, 1u) - 1u) * p.batch + b);
  }
  return Neighbour(p.step + 1u < count, (p.step + 1u) * p.batch + b);
}
