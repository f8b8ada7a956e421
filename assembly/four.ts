// Elementary functions of the four vectors at x, for any x, on top of build/abreast.ts.
import { expAbreast, geluSlopeAbreast, sigmoidAbreast, siluAbreast } from '../build/abreast';
import { exp4, geluSlope4, RANGE, sigmoid4, silu4 } from './functions';
import { constant } from './simd';

/** Whether the absolute values of all lanes are at most number `limit` of RANGE. NaN is not. */
// @ts-ignore: decorator
@inline
function areWithin(x: usize, limit: usize): bool {
  const bits = constant(RANGE, 0);
  const low = i32x4.max_s(v128.and(v128.load(x), bits), v128.and(v128.load(x, 16), bits));
  const high = i32x4.max_s(v128.and(v128.load(x, 32), bits), v128.and(v128.load(x, 48), bits));
  return !v128.any_true(i32x4.gt_s(i32x4.max_s(low, high), constant(RANGE, limit)));
}

/** Up to 87, e^x and e^-x are normal numbers. */
// @ts-ignore: decorator
@inline
function areNormal(x: usize): bool {
  return areWithin(x, 1);
}

// What is rare is out of line.

function expAny(x: usize, y: usize): void {
  for (let i: usize = 0; i < 64; i += 16) v128.store(y + i, exp4(v128.load(x + i)));
}

/** e^x. */
// @ts-ignore: decorator
@inline
export function expFour(x: usize, y: usize): void {
  if (areNormal(x)) expAbreast(x, y);
  else expAny(x, y);
}

function sigmoidAny(x: usize, y: usize): void {
  for (let i: usize = 0; i < 64; i += 16) v128.store(y + i, sigmoid4(v128.load(x + i)));
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoidFour(x: usize, y: usize): void {
  if (areNormal(x)) sigmoidAbreast(x, y);
  else sigmoidAny(x, y);
}

function siluAny(x: usize, y: usize): void {
  for (let i: usize = 0; i < 64; i += 16) v128.store(y + i, silu4(v128.load(x + i)));
}

/** x / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function siluFour(x: usize, y: usize): void {
  if (areNormal(x)) siluAbreast(x, y);
  else siluAny(x, y);
}

function geluSlopeAny(x: usize, y: usize): void {
  for (let i: usize = 0; i < 64; i += 16) v128.store(y + i, geluSlope4(v128.load(x + i)));
}

/** Φ(x) + x φ(x). Up to 13, e^(-x²/2) is a normal number. */
// @ts-ignore: decorator
@inline
export function geluSlopeFour(x: usize, y: usize): void {
  if (areWithin(x, 2)) geluSlopeAbreast(x, y);
  else geluSlopeAny(x, y);
}
