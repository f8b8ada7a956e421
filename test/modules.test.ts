import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Device, type HostTensor, io, nn, open, type Tensor } from '../src/index.js';

/** Modules under PyTorch's names, with the states that PyTorch saved: see golden/modules/modules.py. */
const file = new URL('golden/modules/modules.safetensors', import.meta.url);
const { tensors, metadata } = io.decodeSafetensors(readFileSync(file), 'modules.safetensors');
const cases = JSON.parse(metadata.cases!) as [
  name: string,
  type: string,
  args: unknown[],
  training: boolean,
][];

/** What a case holds under a prefix, in order. */
const under = (prefix: string): Record<string, HostTensor> =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );

type Runnable = nn.Module & { forward(...inputs: readonly Tensor[]): Tensor | readonly Tensor[] };
const build = (type: string, args: readonly unknown[]): Runnable => {
  const Type = nn[type as keyof typeof nn] as unknown as new (...args: readonly unknown[]) => Runnable;
  return new Type(...args);
};

const devices = new Map<string, Promise<Device>>();
const deviceOf = (kind: 'reference' | 'wasm'): Promise<Device> => {
  if (!devices.has(kind)) devices.set(kind, open(kind));
  return devices.get(kind)!;
};
afterAll(async () => {
  for (const device of devices.values()) (await device).dispose();
});

/**
 * Both sides hold f32 numbers of at most some tens; the results are rounded to f32 once by PyTorch (2^-25 of a number) and
 * computed in f64 there, in f64 on reference, and on wasm with as many roundings as a sum of some hundred terms has.
 */
const TOLERANCES = { reference: 1e-7, wasm: 2e-5 } as const;

async function expectClose(found: Tensor, wanted: HostTensor, tolerance: number, where: string) {
  const data = await found.data();
  expect(found.shape, where).toEqual(wanted.shape);
  const largest = Math.max(1, ...Array.from(wanted.data, Math.abs));
  wanted.data.forEach((value, i) => {
    if (!(Math.abs(data[i]! - value) <= tolerance * largest))
      expect.fail(`${where}[${i}] is ${data[i]}, PyTorch has ${value}`);
  });
}

describe.each(['reference', 'wasm'] as const)('modules on %s', (kind) => {
  it.each(cases)('take PyTorch’s state and give its results: %s', async (name, type, args, training) => {
    const device = await deviceOf(kind);
    const model = build(type, args).to(device).train(training);
    const state = under(`${name}/state/`);
    await model.loadStateDict(state);
    expect(Object.keys(await model.stateDict()).sort()).toEqual(Object.keys(state).sort());
    const inputs = Object.values(under(`${name}/input/`)).map((input) => device.tensor(input));
    const result = model.forward(...inputs);
    const outputs = (Array.isArray(result) ? result : [result]) as Tensor[];
    const wanted = Object.values(under(`${name}/output/`));
    expect(outputs.length).toBe(wanted.length);
    for (const [i, output] of outputs.entries())
      await expectClose(output, wanted[i]!, TOLERANCES[kind], `output ${i}`);
    const buffers = new Map(model.namedBuffers());
    for (const [key, value] of Object.entries(under(`${name}/after/`)))
      await expectClose(buffers.get(key)!, value, TOLERANCES[kind], key);
  });
});

it('every module of nn has a case', () => {
  const tested = new Set(cases.map(([, type]) => type));
  const made = Object.entries<unknown>(nn).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof nn.Module ? [name] : [],
  );
  // Those that hold others, tested in nn.test.ts; those without a counterpart in torch.nn.
  const others = [
    'Layer',
    'Sequential',
    'ModuleList',
    'ModuleDict',
    'LocallyConnected2d',
    'MaxUnpool1d',
    'MaxUnpool2d',
  ];
  expect(made.filter((name) => !tested.has(name)).sort()).toEqual(others.sort());
});
