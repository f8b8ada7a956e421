// y = whether the relation holds, element by element, broadcasting; y is bool: a word, 0 or 1.
//
//! kernel equal_f32 = u32(a == b) | T=f32 | R=u32
//! kernel not_equal_f32 = u32(a != b || is_nan(a) || is_nan(b)) | T=f32 | R=u32
//! kernel less_f32 = u32(a < b) | T=f32 | R=u32
//! kernel less_equal_f32 = u32(a <= b) | T=f32 | R=u32
//! kernel greater_f32 = u32(a > b) | T=f32 | R=u32
//! kernel greater_equal_f32 = u32(a >= b) | T=f32 | R=u32
//! kernel equal_i32 = u32(a == b) | T=i32 | R=u32
//! kernel not_equal_i32 = u32(a != b) | T=i32 | R=u32
//! kernel less_i32 = u32(a < b) | T=i32 | R=u32
//! kernel less_equal_i32 = u32(a <= b) | T=i32 | R=u32
//! kernel greater_i32 = u32(a > b) | T=i32 | R=u32
//! kernel greater_equal_i32 = u32(a >= b) | T=i32 | R=u32
#include "common/binary"
#include "common/special"
