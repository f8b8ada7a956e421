// y = f(x), element by element, f32: one invocation per element. The functions that need code of their own
// are in unary_special.wgsl and unary_trigonometry.wgsl.
//
//! kernel neg_f32 = -x
//! kernel abs_f32 = abs(x)
//! kernel exp_f32 = exponential(x)
//! kernel log_f32 = logarithm(x)
//! kernel sqrt_f32 = sqrt(x)
//! kernel square_f32 = x * x
// x = NaN fails every comparison and passes through.
//! kernel relu_f32 = select(x, 0.0, x <= 0.0)
//! kernel leaky_relu_f32 = select(params.a * x, x, x > 0.0)
//! kernel sign_f32 = select(sign(x), x, is_nan(x))
//! kernel clamp_f32 = select(min(max(x, params.a), params.b), x, is_nan(x))
// e^-|x| can't overflow: 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) below.
//! kernel sigmoid_f32 = select(exponential(x), 1.0, x >= 0.0) / (1.0 + exp(-abs(x)))
#include "common/special"
#include "common/unary"
