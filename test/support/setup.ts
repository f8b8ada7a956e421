import '../../scripts/calm.mjs';
import v8 from 'node:v8';
import fc from 'fast-check';

// Node 20 has relaxed SIMD behind a flag, which must be set before the first module is compiled; later ones have it on.
if (Number(process.versions.node.split('.')[0]) < 21)
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');

// Property tests draw the same cases in every run; WEFT_SEED asks for others.
fc.configureGlobal({ seed: Number(process.env.WEFT_SEED ?? 1) });
