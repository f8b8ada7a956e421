/** Every error that Weft raises on purpose. The message names the op, file or argument, and what to do. */
export class WeftError extends Error {
  override readonly name: string = 'WeftError';
}

/** Where a device that was lost goes on: see `DeviceOptions.recover`. */
export interface Recovered {
  /**
   * Runs that had updated tensors by the snapshot that all went back to, counted since the device was opened: where a step
   * is one such run, the index of the step that comes next.
   */
  readonly updates: number;
  /** How many later updates were undone. */
  readonly undone: number;
  /** What `recover.state` gave for the snapshot, or `device.snapshot` was given. */
  readonly state: unknown;
}

/** A call failed because its device was lost. */
export class DeviceLostError extends WeftError {
  override readonly name = 'DeviceLostError';

  /**
   * @param recovered resolves when the device can be used again; rejects where it can't be. Null where it doesn't recover.
   */
  constructor(
    message: string,
    readonly recovered: Promise<Recovered> | null = null,
  ) {
    super(message);
  }
}

/** What was thrown, in words. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Throws a {@link WeftError} whose message starts with `where`, the op, function or file that refuses. */
export function fail(where: string, what: string): never {
  throw new WeftError(`${where}: ${what}`);
}
