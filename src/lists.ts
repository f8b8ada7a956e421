/** The list of a key, which is empty at first: to be added to. */
export function listAt<K, T>(lists: Map<K, T[]>, key: K): T[] {
  const found = lists.get(key);
  if (found) return found;
  const list: T[] = [];
  lists.set(key, list);
  return list;
}
