// What common/tile computes, of the same loaders and stores and with the same words but DEPTH, straight from
// storage: for adapters where workgroup memory and barriers cost more than neighbours' equal loads save (after
// Nussbaum, 2024). Where QUAD is not 0, the four invocations of a quad, which stand beside each other in a row,
// load one inner index of their rows each and pass it on; `subgroups` is enabled then, and the module also has
//   fn left_at(rows: LeftRows, k: u32) -> vec4<f32>    column 0 of load_left, at any k
// COLUMNS / TN is a multiple of 4. WGSL leaves open which invocations share a quad; here they are neighbours in
// number, as drivers have it. Measuring an adapter shows where that fails, and leaves the kernel out.
fn multiply_direct(local: u32, first_row: u32, first_column: u32, begin: u32, end: u32) {
  let row = first_row + local / $(COLUMNS / TN)u * $(TM)u;
  let column = first_column + local % $(COLUMNS / TN)u * 4u;
#for q in 0..TM/4
  let rows$q = left_rows(row + $(4 * q)u);
#end
#for j in 0..TN/4
  let columns$j = right_columns(column + $(j * COLUMNS / (TN / 4))u);
#end
#for r in 0..TM
#for j in 0..TN/4
  var sum$(r)_$j = vec4<f32>();
#end
#end
  for (var k = begin; k < end; k += 4u) {
#for q in 0..TM/4
#if QUAD
    let mine$q = left_at(rows$q, k + local % 4u);
#else
    let left$q = load_left(rows$q, k);
#end
#end
#for j in 0..TN/4
    let right$j = load_right(columns$j, k);
#end
#for i in 0..4
#for q in 0..TM/4
    {
#if QUAD
      let l = quadBroadcast(mine$q, $(i)u);
#else
      let l = left$q[$i];
#end
#for x in 0..4
#for j in 0..TN/4
      sum$(4 * q + x)_$j += l.$x * right$j[$i];
#end
#end
    }
#end
#end
  }
#for j in 0..TN/4
  let stored$j = store_columns(column + $(j * COLUMNS / (TN / 4))u);
#for r in 0..TM
  store_row(row + $(r)u, stored$j, sum$(r)_$j);
#end
#end
}
