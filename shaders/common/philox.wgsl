// Philox 4x32-10 (Salmon et al., 2011), the same function as in src/random.ts.
#include "common/multiply"

// Four uniform words for a counter [counter, stream, 0, 0] and a key of 64 bits.
fn philox(counter: u32, stream: u32, key: vec2<u32>) -> vec4<u32> {
  var c = vec4<u32>(counter, stream, 0u, 0u);
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiply_high(0xd2511f53u, c.x);
    let high1 = multiply_high(0xcd9e8d57u, c.z);
    c = vec4<u32>(high1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
