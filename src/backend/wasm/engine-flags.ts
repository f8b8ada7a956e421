import { fail } from '../../errors.js';
import { nodeModule } from '../../platform.js';

/**
 * Experiments of V8 that make kernels faster, in Node alone: they hold for the whole process, and for what is compiled
 * after them. Off by default, for V8's authors call them unfinished.
 */
export interface V8Flags {
  /** Pairs neighbouring SIMD instructions into 256-bit ones (AVX2), from V8 12.4 on (Node 22). */
  readonly revectorize?: boolean;
  /** Relaxed SIMD where it is not on by itself: Node 20. */
  readonly relaxedSimd?: boolean;
}

interface V8 {
  setFlagsFromString(flags: string): void;
}

const REVECTORIZES_FROM = [12, 4] as const;

/** Sets the flags that are asked for, before anything is compiled; notes for `device.info`. */
export async function setEngineFlags({ revectorize, relaxedSimd }: V8Flags): Promise<string[]> {
  if (!revectorize && !relaxedSimd) return [];
  const version = typeof process === 'object' ? process.versions?.v8 : undefined;
  if (version === undefined) fail('open', '`v8` sets flags of Node; this is not Node, leave it out');
  const [major, minor] = version.split('.').map(Number) as [number, number];
  const [first, second] = REVECTORIZES_FROM;
  if (revectorize && (major < first || (major === first && minor < second)))
    fail('open', `V8 ${version} can't revectorize; it can from ${first}.${second} on, in Node 22`);
  const flags = [
    ...(revectorize ? ['--experimental-wasm-revectorize'] : []),
    ...(relaxedSimd && major < 12 ? ['--experimental-wasm-relaxed-simd'] : []),
  ];
  const { setFlagsFromString } = await nodeModule<V8>('v8');
  for (const flag of flags) setFlagsFromString(flag);
  return flags.map((flag) => `V8 runs with ${flag}`);
}
