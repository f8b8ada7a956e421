// y = f(a, b), element by element, broadcasting; i32 wraps.
//
//! kernel add_f32 = a + b | T=f32 | R=f32
//! kernel sub_f32 = a - b | T=f32 | R=f32
//! kernel mul_f32 = a * b | T=f32 | R=f32
//! kernel div_f32 = a / b | T=f32 | R=f32
// NaN in either operand is the result.
//! kernel maximum_f32 = larger(a, b) | T=f32 | R=f32
//! kernel minimum_f32 = smaller(a, b) | T=f32 | R=f32
//! kernel add_i32 = a + b | T=i32 | R=i32
//! kernel sub_i32 = a - b | T=i32 | R=i32
//! kernel mul_i32 = a * b | T=i32 | R=i32
//! kernel maximum_i32 = max(a, b) | T=i32 | R=i32
//! kernel minimum_i32 = min(a, b) | T=i32 | R=i32
#include "common/special"
#include "common/binary"
