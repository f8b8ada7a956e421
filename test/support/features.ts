/** Every feature that a kernel variant may ask a device of either kind for. */
export const ALL_FEATURES: ReadonlySet<string> = new Set([
  'simd',
  'relaxed-simd',
  'tile-6x8',
  'tile-6x16',
  'shader-f16',
  'subgroups',
  'lanes-4',
  'quads',
  'mixed-precision',
]);
