// Whether subgroups are filled in the order of local_invocation_index, which kernels rely on and WGSL leaves open. Runs while a
// device opens, in workgroups as small and as large as those of such kernels: between them a driver has no reason for another
// order, and each further size is a pipeline to wait for. An invocation's word, from `first` on, has bits 1, 2, 4, 8 and 16
// where exchange by that distance finds the neighbour in number, or passes the end of the workgroup, and 32 where a quad
// is four neighbours in order.
enable subgroups;

struct SubgroupsParams {
  first: u32,
}

@group(0) @binding(0) var<storage, read_write> held: array<u32>;
@group(0) @binding(1) var<uniform> params: SubgroupsParams;

fn in_order(local: u32, size: u32) -> u32 {
  let quads = (quadSwapX(local) == (local ^ 1u)) & (quadSwapY(local) == (local ^ 2u))
#for i in 0..4
    & (quadBroadcast(local, $(i)u) == (local & ~3u) + $(i)u)
#end
    & (quadSwapDiagonal(local) == (local ^ 3u));
  var bits = select(0u, 32u, quads);
#for d in 1 2 4 8 16
  bits |= select(0u, $(d)u, (subgroupShuffleXor(local, $(d)u) == (local ^ $(d)u)) | (size <= $(d)u));
#end
  return bits;
}

#for size in 16 256
@compute @workgroup_size($size)
fn subgroups_u32__$size(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  held[params.first + group.x * $(size)u + local] = in_order(local, $(size)u);
}

#end
