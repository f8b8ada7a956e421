// What the kernels of a step, forward or backward, are bound to.
@group(0) @binding(1) var<storage, read> weight: array<Weights>;
@group(0) @binding(2) var<storage, read> before: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> after: array<f32>;
