// y = a relation b of bools, words of 0 or 1, element by element, broadcasting.
//
//! kernel logical_and_bool = a & b | T=u32 | R=u32
//! kernel logical_or_bool = (a | b) | T=u32 | R=u32
//! kernel logical_xor_bool = a ^ b | T=u32 | R=u32
#include "common/binary"
