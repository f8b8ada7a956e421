// Sorts rows of `length` elements that lie `inner` apart, stably: each element becomes a pair of a key, whose order as u32
// is the elements' order, and its index; no two pairs are equal. sort_blocks sorts blocks of 256 pairs, sort_merge merges
// sorted runs of `width` two and two, sort_fetch writes the first `keep` of each row. Elements are words of f32 or i32.
//! params sort_rows : SortParams

struct SortParams {
  outer: u32,
  length: u32,
  inner: u32,
  keep: u32,
  descending: u32,
  float: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> x_words: array<u32>;
@group(0) @binding(0) var<storage, read> from_pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> to_pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> sorted_pairs: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;
@group(0) @binding(2) var<uniform> params: SortParams;
@group(0) @binding(4) var<uniform> fetch_params: SortParams;

// NaN is greater than every number, zeros of either sign are equal.
fn key_of(word: u32) -> u32 {
  var key = word ^ 0x80000000u;
  if (params.float != 0u) {
    let size = word & 0x7fffffffu;
    if (size > 0x7f800000u) {
      key = 0xffffffffu;
    } else if (size == 0u) {
      key = 0x80000000u;
    } else if (word != size) {
      key = ~word;
    }
  }
  return select(key, ~key, params.descending != 0u);
}

fn before(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

var<workgroup> block_pairs: array<vec2<u32>, 256>;

// One workgroup per block: an element's place is the number of elements before it.
@compute @workgroup_size(256)
fn sort_blocks(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let blocks = (params.length + 255u) / 256u;
  let number = group.x + group.y * groups.x;
  let row = number / blocks;
  if (row >= params.outer * params.inner) {
    return;
  }
  let start = (number - row * blocks) * 256u;
  let count = min(256u, params.length - start);
  let outer = row / params.inner;
  let base = outer * params.length * params.inner + row - outer * params.inner;
  if (local < count) {
    let k = start + local;
    block_pairs[local] = vec2<u32>(key_of(x_words[base + k * params.inner]), k);
  }
  workgroupBarrier();
  if (local < count) {
    let own = block_pairs[local];
    var rank = 0u;
    for (var i = 0u; i < count; i++) {
      rank += u32(before(block_pairs[i], own));
    }
    to_pairs[row * params.length + start + rank] = own;
  }
}

// One invocation per pair: its place is its place in its own run plus the number of pairs before it in the other.
@compute @workgroup_size(64)
fn sort_merge(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = (group.x + group.y * groups.x) * 64u + local;
  let row = i / params.length;
  if (row >= params.outer * params.inner) {
    return;
  }
  let base = row * params.length;
  let k = i - base;
  let run = k / params.width;
  let own = from_pairs[i];
  let other = min(params.length, (run ^ 1u) * params.width);
  var low = other;
  var high = min(params.length, other + params.width);
  while (low < high) {
    let middle = (low + high) / 2u;
    if (before(from_pairs[base + middle], own)) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  to_pairs[base + (run & ~1u) * params.width + (k - run * params.width) + (low - other)] = own;
}

// One invocation per element that is kept.
@compute @workgroup_size(64)
fn sort_fetch(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = (group.x + group.y * groups.x) * 64u + local;
  let inner = fetch_params.inner;
  if (i >= fetch_params.outer * fetch_params.keep * inner) {
    return;
  }
  let outer = i / (fetch_params.keep * inner);
  let place = (i / inner) % fetch_params.keep;
  let lane = i % inner;
  let k = sorted_pairs[(outer * inner + lane) * fetch_params.length + place].y;
  values[i] = x_words[(outer * fetch_params.length + k) * inner + lane];
  indices[i] = i32(k);
}
