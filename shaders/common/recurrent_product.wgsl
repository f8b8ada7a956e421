// The launch of a step. The including file's kernel lines say SLICES and SETS, the vec4s of the weight that an
// invocation takes at each of `inner` places: of as many gates, or of units 4 quads apart. It declares
// RecurrentParams as `params`, and what becomes of an element's sums, by set:
//   fn sets_finish(b: u32, j: u32, sums: vec4<f32>)  for unit j of sequence b, both of which may lie past the end
//   fn places() -> u32                               what goes on for each sequence
fn value_before(at: u32) -> f32 {
  return before[at / 4u][at % 4u];
}

fn outer(units: vec4<f32>, sequences: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(units * sequences.x, units * sequences.y, units * sequences.z, units * sequences.w);
}

var<workgroup> pool: array<vec4<f32>, 1024>;

// The invocation's element of the sums over all slices. All invocations must call it together.
fn gathered(local: u32, quads: u32, sums: mat4x4<f32>) -> f32 {
  let slot = local / 16u * 64u + local % 16u;
  workgroupBarrier();
#for i in 0..4
  pool[slot + $(16 * i)u] = sums[$i];
#end
  workgroupBarrier();
  let row = local / (4u * quads);
  let unit = local % (4u * quads);
  let from_slot = row % 4u * 16u + row / 4u * quads + unit / 4u;
  var total = 0.0;
#for i in 0..16
  total += pool[from_slot + $(64 * i)u][unit % 4u];
#end
  return total;
}

fn step_of(group: vec3<u32>, local: u32, inner: u32) {
  let quads = params.quads;
#if SLICES == 1
  let within = local;
  let slice = 0u;
  let row_quads = 32u / quads;
#else
  let within = local % 16u;
  let slice = local / 16u;
  let row_quads = 16u / quads;
#end
  // Sequences past the end read what the last have.
  let row_quad = min(group.y * row_quads + within / quads, (params.batch - 1u) / 4u);
  var at = (group.x * inner + slice) * $(SETS)u * quads + within % quads;
  var from_place = row_quad * places() + slice;
#for g in 0..SETS
  var sums$g = mat4x4<f32>();
#end
  for (var k = slice; k < inner; k += $(SLICES)u) {
    let states = before[from_place];
#for g in 0..SETS
    sums$g += outer(vec4<f32>(weight[at + $(g)u * quads]), states);
#end
    at += $(SETS * SLICES)u * quads;
    from_place += $(SLICES)u;
  }
#if SLICES == 1
  let b = (group.y * row_quads + within / quads) * 4u;
  let j = (group.x * params.unitQuads + within % quads) * 4u;
#for r in 0..4
#for c in 0..4
#if SETS == 4
  sets_finish(b + $(r)u, j + $(c)u, vec4<f32>(sums0[$r].$c, sums1[$r].$c, sums2[$r].$c, sums3[$r].$c));
#end
#if SETS == 3
  sets_finish(b + $(r)u, j + $(c)u, vec4<f32>(sums0[$r].$c, sums1[$r].$c, sums2[$r].$c, 0.0));
#end
#if SETS == 2
  sets_finish(b + $(r)u, j + $(c)u, vec4<f32>(sums0[$r].$c, sums1[$r].$c, 0.0, 0.0));
#end
#if SETS == 1
  sets_finish(b + $(r)u, j + $(c)u, vec4<f32>(sums0[$r].$c, 0.0, 0.0, 0.0));
#end
#end
#end
#else
  var sums = vec4<f32>();
#for g in 0..SETS
  sums.$g = gathered(local, quads, sums$g);
#end
  sets_finish(group.y * 4u * row_quads + local / (4u * quads), group.x * 4u * quads + local % (4u * quads), sums);
#end
}
