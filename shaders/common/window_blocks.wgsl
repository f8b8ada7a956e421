// Blocks of two by two elements of planes, `before` rows and columns of which, 0 or 1, lie before the first ones: what one
// invocation of a gradient makes. The including file says of windows as in common/windows `params`, and what it writes, `result`.
struct Block {
  plane: u32,
  // Above all sizes where it is before the first one.
  y: u32,
  x: u32,
}

fn block_of(g: Pool2dParams, index: u32, before: vec2<u32>) -> Block {
  let across = (g.width + before.y + 1u) / 2u;
  let row = index / across;
  let down = (g.height + before.x + 1u) / 2u;
  let plane = row / down;
  return Block(plane, 2u * (row - plane * down) - before.x, 2u * (index - row * across) - before.y);
}

fn covering_block(g: Pool2dParams, tile: Block) -> Box {
  let first = vec2<u32>(tile.y, tile.x);
  let end = vec2<u32>(g.height - 1u, g.width - 1u);
  return covering(g, first, min(first + vec2<u32>(1u, 1u), end));
}

fn write_block(tile: Block, total: vec4<f32>) {
#for r in 0..2
  let y$r = tile.y + $(r)u;
  let line$r = (tile.plane * params.height + y$r) * params.width;
#for c in 0..2
  if (y$r < params.height && tile.x + $(c)u < params.width) {
    result[line$r + tile.x + $(c)u] = result_stored(total[$(2 * r + c)]);
  }
#end
#end
}
