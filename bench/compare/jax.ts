import { type Device, defaultDevice, init, type Array as JaxArray, jit, numpy as np, vjp } from '@jax-js/jax';
import { fail } from '../../src/errors.js';
import type { BenchCase, KernelCase } from '../case.js';
import { type CaseInputs, joined } from '../inputs.js';
import { JaxNet, upload } from './jax-net.js';
import { prepareStep, prepareUpdate, Waits } from './jax-step.js';
import { type Peer, type PeerName, type Prepared, refuseAbove } from './peer.js';

/** jax-js under `jit`, on its wasm backend with one thread, or on its webgpu backend. Its layouts are Weft's. */
export async function open(name: PeerName): Promise<Peer> {
  const device: Device = name === 'jax-webgpu' ? 'webgpu' : 'wasm';
  if (!(await init(device)).includes(device)) fail(name, `jax-js could not start its ${device} backend`);
  const later = device === 'webgpu';
  const enter = () => {
    defaultDevice(device);
  };
  return {
    name,
    ...(later ? {} : { refuse }),
    async prepare(c, inputs) {
      enter();
      const prepared = await (c.pass === 'step'
        ? prepareStep(c, inputs, later)
        : c.pass === 'update'
          ? prepareUpdate(c, inputs, later)
          : prepareKernel(c, inputs, later));
      return { ...prepared, enter };
    },
  };
}

/** On wasm its convolutions run at about 0.35 GFLOP/s. */
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

/** With `later`, a run starts what `finish` waits for. */
async function prepareKernel(c: KernelCase, inputs: CaseInputs, later: boolean): Promise<Prepared> {
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
  const waits = new Waits();
  release(await execute()); // traces and compiles; what jax-js can't do shows here
  return {
    run() {
      const done = execute().then(release);
      return later ? waits.add(done) : done;
    },
    ...(later && { finish: () => waits.all() }),
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
