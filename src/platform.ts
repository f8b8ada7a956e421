/** Whether this runs in Node, or in what stands in for it. */
export const inNode = (): boolean => typeof process === 'object' && process.versions?.node !== undefined;

/** A module of Node's own, in a way that bundlers for browsers don't follow. */
export async function nodeModule<T>(name: string): Promise<T> {
  const specifier = `node:${name}`;
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as T;
}
