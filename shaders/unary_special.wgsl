// y = f(x), element by element, f32: one invocation per element. Functions that WGSL has not, or not for
// every x.
//
//! kernel tanh_f32 = hyperbolic_tangent(x)
//! kernel gelu_f32 = x * normal_cdf(x)
#include "common/activation"
#include "common/normal"
#include "common/special"
#include "common/unary"
