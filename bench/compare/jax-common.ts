import { type Array as JaxArray, lax, numpy as np } from '@jax-js/jax';
import type { PoolingCase } from '../cases.js';
import { type CaseInputs, operand } from '../inputs.js';

/** Uploads the named operand. */
export function upload(inputs: CaseInputs, name: string): JaxArray {
  const { data, shape } = operand(inputs, name);
  return np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] });
}

/** Max or mean over square windows. */
export function pool(kind: PoolingCase['kind'], x: JaxArray, kernel: number, stride: number): JaxArray {
  const reduce = kind === 'max' ? np.max : np.mean;
  return lax.reduceWindow(x, (window) => reduce(window), [kernel, kernel], [stride, stride]);
}
