import type { BackendKind, Device } from 'weft';
import type { Progress } from './progress.js';

/**
 * How much of a system runs: `full` has the sizes, epochs and rates of the course; `fast` keeps what is told checkable in
 * under 20 s on wasm; `slice` only shows that it runs, in a few steps, for slow adapters.
 */
export type Size = 'full' | 'fast' | 'slice';

/** What a course tells of a system, and what came out. */
export interface Claim {
  readonly told: string;
  readonly reached: string;
  readonly holds: boolean;
  /** The smallest size that can show it, default `slice`: below it the claim is printed and not judged. */
  readonly from?: Size;
}

/** What a picture must offer to be saved. */
export interface Drawing {
  svg(): string;
}

/** What an example is given. */
export interface Run {
  readonly device: Device;
  readonly backend: BackendKind;
  readonly size: Size;
  readonly seed: number;
  /** The folder of `--data`, where data sets that no package carries are looked for. */
  readonly data: string | undefined;
  /** The value of this run's size; a slice takes the fast one's where it has none. */
  pick<T>(values: { readonly full: T; readonly fast: T; readonly slice?: T }): T;
  /** A progress bar on the terminal from the second second on. */
  progress(label: string, total: number): Progress;
  /** Prints a line or a table, as a notebook's cell would. */
  print(text: string): void;
  /** A row of the table at the end. */
  claim(claim: Claim): void;
  /** Saves a picture as `<name>.svg` in the run's folder. */
  picture(name: string, picture: Drawing): Promise<void>;
}

export interface Example {
  /** As in the list of systems: `G1`. */
  readonly id: string;
  readonly title: string;
  readonly run: (run: Run) => Promise<void>;
}

/** A data set that isn't where the example looked; its message says where to get it and what its files are called. */
export class MissingData extends Error {}

export const example = (definition: Example): Example => definition;
