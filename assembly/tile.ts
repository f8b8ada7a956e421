// The register tile that products and convolutions share: R rows of a packed left operand times 8 columns.

// A tile's rows as the size of a class, so that `rowsOf<R>()` is a constant of the compilation.
// @ts-ignore: decorator
@unmanaged export class Rows1 { a: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows2 { a: u8; b: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows3 { a: u8; b: u8; c: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows4 { a: u8; b: u8; c: u8; d: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows5 { a: u8; b: u8; c: u8; d: u8; e: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows6 { a: u8; b: u8; c: u8; d: u8; e: u8; f: u8; }
/** Panels of 8 columns that a tile takes at a time, likewise: one, or two side by side. */
// @ts-ignore: decorator
@unmanaged export class Single { a: u8; }
// @ts-ignore: decorator
@unmanaged export class Pair { a: u8; b: u8; }

// @ts-ignore: decorator
@inline
export function rowsOf<R>(): i32 {
  return <i32>offsetof<R>();
}

/** Size of the blocks when a sum over `length` is cut into near-equal blocks of at most `most`. */
// @ts-ignore: decorator
@inline
export function blockOf(length: i32, most: i32): i32 {
  const blocks = (length + most - 1) / most;
  return blocks == 0 ? 0 : (length + blocks - 1) / blocks;
}

/** Where part `index` starts when `total` is cut into near-equal parts. */
// @ts-ignore: decorator
@inline
export function cut(total: i32, parts: i32, index: i32): i32 {
  const size = total / parts;
  return size * index + min(index, total - size * parts);
}
