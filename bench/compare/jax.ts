import { defaultDevice, init, type Array as JaxArray, jit, numpy as np, vjp } from '@jax-js/jax';
import { fail } from '../../src/errors.js';
import type { BenchCase, KernelCase } from '../case.js';
import { type CaseInputs, joined } from '../inputs.js';
import { JaxNet, upload } from './jax-net.js';
import { prepareStep, prepareUpdate } from './jax-step.js';
import { installedVersion, type Peer, type PeerName, type Prepared, refuseAbove } from './peer.js';

/** jax-js on its wasm backend, one thread in Node, under `jit`. Its layouts are Weft's. */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'jax-js') fail('openPeer', `jax-js is 'jax-js', not '${name}'`);
  if (!(await init('wasm')).includes('wasm')) fail(name, 'jax-js could not start its wasm backend');
  defaultDevice('wasm');
  const version = installedVersion('@jax-js/jax');
  return {
    name,
    version,
    refuse,
    async prepare(c, inputs) {
      if (c.pass === 'step') return prepareStep(c, inputs);
      if (c.pass === 'update') return prepareUpdate(c, inputs);
      return prepareKernel(c, inputs);
    },
  };
}

/** Its convolutions run at about 0.35 GFLOP/s. */
function refuse(c: BenchCase): void {
  const filters = Object.values(c.operands).some(({ kind }) => kind === 'filter');
  refuseAbove(filters ? 0.35 : 40, c);
}

/**
 * The case as one jitted function of its operands. A backward pass includes the forward pass where it needs something of
 * it: under `jit` the two are one function.
 */
function compile(c: KernelCase, names: readonly string[]) {
  const wrt = c.wrt ?? [];
  return jit((...operands: JaxArray[]): JaxArray[] => {
    const given = new Map(names.map((name, i) => [name, operands[i]!]));
    const net = new JaxNet();
    const compute = (...changed: JaxArray[]) => {
      const result = c.compute(net, (name) => changed[wrt.indexOf(name)] ?? given.get(name)!);
      const own = result.ref;
      net.release([]);
      for (const array of changed) array.dispose();
      return own;
    };
    const results: JaxArray[] = [];
    if (c.pass === 'forward') results.push(compute());
    else {
      const [y, backward] = vjp(
        compute,
        wrt.map((name) => given.get(name)!.ref),
      );
      const seed = given.get('outputGradient')?.ref ?? np.ones([...y.shape]);
      const gradients = backward(seed) as JaxArray[];
      backward.dispose();
      if (c.pass === 'forward+backward') results.push(y);
      else y.dispose();
      results.push(...gradients);
    }
    for (const array of operands) array.dispose();
    return results;
  });
}

async function prepareKernel(c: KernelCase, inputs: CaseInputs): Promise<Prepared> {
  const names = Object.keys(inputs);
  const operands = names.map((name) => upload(inputs, name));
  const compute = compile(c, names);
  const execute = async (): Promise<JaxArray[]> => {
    const results = compute(...operands.map((array) => array.ref)) as JaxArray[];
    for (const result of results) await result.blockUntilReady();
    return results;
  };
  const release = (results: readonly JaxArray[]) => {
    for (const array of results) array.dispose();
  };
  release(await execute()); // traces and compiles; what jax-js can't do shows here
  return {
    async run() {
      release(await execute());
    },
    async output() {
      const parts = [];
      for (const result of await execute()) parts.push((await result.data()) as Float32Array);
      return joined(parts);
    },
    dispose() {
      compute.dispose();
      release(operands);
    },
  };
}
