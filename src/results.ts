// The tensors in what functions return.
import { fail } from './errors.js';
import { Tensor } from './tensor.js';

/** The tensors in any result, also inside lists and plain records. */
export function tensorsIn(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result];
  if (Array.isArray(result)) return result.flatMap(tensorsIn);
  const plain = typeof result === 'object' && result && Object.getPrototypeOf(result) === Object.prototype;
  return plain ? Object.values(result).flatMap(tensorsIn) : [];
}

/** The tensors in what a traced function returned. */
export function tracedTensors(result: unknown): Tensor[] {
  if (result === undefined) return [];
  if (result instanceof Tensor) return [result];
  const list: unknown[] = typeof result === 'object' && result ? Object.values(result) : [result];
  for (const item of list) {
    if (!(item instanceof Tensor)) {
      fail('compile', 'the function must return a tensor, a list or a record of tensors, or nothing');
    }
  }
  return [...new Set(list as Tensor[])];
}

/** What a traced function returned, with other tensors in the place of its own. */
export function mapTensors(result: unknown, map: (tensor: Tensor) => Tensor): unknown {
  if (result === undefined) return undefined;
  if (result instanceof Tensor) return map(result);
  if (Array.isArray(result)) return result.map(map);
  const entries = Object.entries(result as Record<string, Tensor>);
  return Object.fromEntries(entries.map(([key, tensor]) => [key, map(tensor)]));
}
