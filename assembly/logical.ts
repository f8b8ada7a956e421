// y = a relation b of bool words, 0 or 1, with broadcasting. Units are blocks of 512 elements of y.
import { broadcast2 } from './binary';

// @ts-ignore: decorator
@final @unmanaged class And { @inline lanes(a: v128, b: v128, p: usize): v128 { return v128.and(a, b); } }
export function logical_and_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<And>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Or { @inline lanes(a: v128, b: v128, p: usize): v128 { return v128.or(a, b); } }
export function logical_or_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Or>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Xor { @inline lanes(a: v128, b: v128, p: usize): v128 { return v128.xor(a, b); } }
export function logical_xor_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Xor>(o, p, s, begin, end); }
