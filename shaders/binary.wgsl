// y = f(a, b), element by element, f32, broadcasting.
//
//! kernel add_f32 = a + b | T=f32 | R=f32
//! kernel sub_f32 = a - b | T=f32 | R=f32
//! kernel mul_f32 = a * b | T=f32 | R=f32
//! kernel div_f32 = a / b | T=f32 | R=f32
// NaN in either operand is the result.
//! kernel maximum_f32 = larger(a, b) | T=f32 | R=f32
//! kernel minimum_f32 = smaller(a, b) | T=f32 | R=f32
#include "common/special"
#include "common/binary"
