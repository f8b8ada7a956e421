import type { DataTensor } from './sample.js';

/** What the page or program says to a worker. */
export type Request =
  | {
      readonly kind: 'open';
      readonly module: string;
      readonly factory: string;
      readonly args: unknown;
      /** A module whose `register` lets others be written in TypeScript, or null. */
      readonly loader: string | null;
    }
  | {
      readonly kind: 'batch';
      readonly id: number;
      readonly indices: Int32Array;
      /** One for each index, or null where none were given. */
      readonly seeds: Float64Array | null;
    }
  | { readonly kind: 'sample'; readonly id: number; readonly index: number; readonly seed: number | null }
  | { readonly kind: 'cancel'; readonly id: number };

/** What a worker answers; errors are told by their message. */
export type Reply =
  | { readonly kind: 'opened'; readonly length: number }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'done'; readonly id: number; readonly parts: DataTensor[] }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };
