/** The bytes that a base64 text stands for. */
export function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The bytes that a base64 text of gzipped ones stands for. */
export async function unpack(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([decode(base64)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
