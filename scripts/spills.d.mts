/** Tile loops of a wasm binary with the vector spills of V8's machine code; null where it can't be had. */
export function findSpills(file: string):
  | {
      readonly kernels: readonly string[];
      readonly accumulators: number;
      readonly spills: number;
      readonly streams: boolean;
    }[]
  | null;

/** Whether the engine may be given a loop with so many accumulators. */
export function isChosen(
  accumulators: number,
  relaxed: boolean,
  engine?: { readonly v8: number; readonly revectorized: boolean },
): boolean;
