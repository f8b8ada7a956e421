// dx = Σ dy over the elements that came from each element of x, in the order in which they lie in dy, which has a border
// as in common/border. One invocation per element of x.
#include "common/indexing"
#include "common/border"

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: PadParams;

// The positions along an axis of dy that come from one index of x, ascending: `count` of them, the first three by name,
// those after these next to each other.
struct Readers {
  count: i32,
  first: i32,
  second: i32,
  third: i32,
}

fn readers_of(border: u32, index: i32, n: i32, before: i32, after: i32) -> Readers {
  let own = before + index;
  if (border == 1u) {
    let low = select(own, 0, index == 0);
    let high = select(own, before + n - 1 + after, index == n - 1);
    return Readers(high - low + 1, low, low + 1, low + 2);
  }
  var low = before - index;
  var has_low = index >= 1 && index <= before;
  var high = before + 2 * (n - 1) - index;
  var has_high = index <= n - 2 && index >= n - 1 - after;
  if (border == 2u) {
    low = own - n;
    has_low = index >= n - before;
    high = own + n;
    has_high = index < after;
  }
  let count = 1 + select(0, 1, has_low) + select(0, 1, has_high);
  if (has_low) {
    return Readers(count, low, own, high);
  }
  return Readers(count, own, high, high);
}

fn reader(readers: Readers, k: i32) -> i32 {
  if (k == 0) {
    return readers.first;
  }
  return select(readers.third + k - 2, readers.second, k == 1);
}

@compute @workgroup_size(64)
fn pad_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var readers: array<Readers, 8>;
  var rest = i32(i);
  var total = 1;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let n = params.shape[row][lane];
    let found = readers_of(params.border, rest % n, n, params.before[row][lane], params.after[row][lane]);
    rest /= n;
    total *= found.count;
    readers[axis - 1u] = found;
  }
  var sum = 0.0;
  for (var k = 0; k < total; k++) {
    var choice = k;
    var stride = 1;
    var index = 0;
    for (var axis = params.rank; axis > 0u; axis--) {
      let row = (axis - 1u) / 4u;
      let lane = (axis - 1u) % 4u;
      let count = readers[axis - 1u].count;
      index += stride * reader(readers[axis - 1u], choice % count);
      choice /= count;
      stride *= params.before[row][lane] + params.shape[row][lane] + params.after[row][lane];
    }
    sum += dy[index];
  }
  output[i] = sum;
}
