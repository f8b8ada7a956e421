// Sum and maximum over the 64 invocations of a workgroup, by a tree in workgroup memory; every invocation
// gets the result. All 64 must call these, in uniform control flow.
var<workgroup> tree: array<f32, 64>;

fn tree_sum(value: f32, local: u32) -> f32 {
  tree[local] = value;
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      tree[local] += tree[local + reach];
    }
    workgroupBarrier();
  }
  let total = tree[0];
  workgroupBarrier();
  return total;
}

fn tree_max(value: f32, local: u32) -> f32 {
  tree[local] = value;
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      tree[local] = max(tree[local], tree[local + reach]);
    }
    workgroupBarrier();
  }
  let top = tree[0];
  workgroupBarrier();
  return top;
}
