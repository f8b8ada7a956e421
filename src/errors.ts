/** Every error that Weft raises on purpose. The message names the op, file or argument, and what to do. */
export class WeftError extends Error {
  override readonly name = 'WeftError';
}

/** Throws a {@link WeftError} whose message starts with `where`, the op, function or file that refuses. */
export function fail(where: string, what: string): never {
  throw new WeftError(`${where}: ${what}`);
}
