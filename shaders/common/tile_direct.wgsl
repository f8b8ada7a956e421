// What common/tile computes, of the same loaders and stores and with the same words but DEPTH, straight from
// storage: for adapters where workgroup memory and barriers cost more than neighbours' equal loads save (after
// Nussbaum, 2024). Where QUAD is not 0, TM is 16, and the four invocations of a quad, which stand beside each other in a
// row, load four rows each and pass them to the others, which take them in an order of their own: quadSwap moves without
// choosing. `subgroups` is enabled then, and the device has `quads`: neighbours in number share one. COLUMNS / TN is a
// multiple of 4.
fn multiply_direct(local: u32, first_row: u32, first_column: u32, begin: u32, end: u32) {
  let row = first_row + local / $(COLUMNS / TN)u * $(TM)u;
  let column = first_column + local % $(COLUMNS / TN)u * 4u;
#if QUAD
  let lane = local % 4u;
  let rows = left_rows(row + 4u * lane);
#else
#for q in 0..TM/4
  let rows$q = left_rows(row + $(4 * q)u);
#end
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
#if QUAD
    let left0 = load_left(rows, k);
#for q, S in 1 quadSwapX, 2 quadSwapY, 3 quadSwapDiagonal
    let left$q = mat4x4<f32>($(S)(left0[0]), $(S)(left0[1]), $(S)(left0[2]), $(S)(left0[3]));
#end
#else
#for q in 0..TM/4
    let left$q = load_left(rows$q, k);
#end
#end
#for j in 0..TN/4
    let right$j = load_right(columns$j, k);
#end
#for i in 0..4
#for q in 0..TM/4
    {
      let l = left$q[$i];
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
#if QUAD
  store_row(row + ((4u * lane) ^ $(r)u), stored$j, sum$(r)_$j);
#else
  store_row(row + $(r)u, stored$j, sum$(r)_$j);
#end
#end
#end
}
