import { fail } from '../errors.js';

/** Refuses contents of a file that are no Uint8Array, such as the ArrayBuffer or the Blob that a page has. */
export function checkBytes(name: string, bytes: Uint8Array): void {
  const kind = Object.prototype.toString.call(bytes).slice('[object '.length, -1);
  if (kind !== 'Uint8Array')
    fail(
      name,
      `the contents must be a Uint8Array, they are ${kind}; of a Blob or a Response: new Uint8Array(await it.arrayBuffer())`,
    );
}
