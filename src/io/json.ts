/** `value` as an object with string keys, or null where it is none. */
export const asRecord = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;

/**
 * The first key that an object of the valid JSON `text` holds twice, or null. JSON.parse keeps the last of
 * two and says nothing. A string is a key where a colon follows it.
 */
export function findRepeatedKey(text: string): string | null {
  const open: Set<string>[] = [];
  const colon = /\s*:/y;
  /** Where the string began that a token lies in; -1 outside. */
  let begin = -1;
  for (const { 0: token, index } of text.matchAll(/\\.|["{}]/g)) {
    if (token === '"' && begin < 0) begin = index;
    else if (token === '"') {
      colon.lastIndex = index + 1;
      if (colon.test(text)) {
        const key = JSON.parse(text.slice(begin, index + 1)) as string;
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      begin = -1;
    } else if (begin < 0 && token === '{') open.push(new Set());
    else if (begin < 0 && token === '}') open.pop();
  }
  return null;
}
