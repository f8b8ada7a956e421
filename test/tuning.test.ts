import { afterAll, describe, expect, it } from 'vitest';
import { createInput, open, ops, type Tuning } from '../src/index.js';
import type { Features } from '../src/op.js';
import { conv2dInputGradient, conv2dWeightGradient } from '../src/ops/conv2d.js';
import { PRODUCT_TILES } from '../src/ops/product_tiles.js';

const device = await open('webgpu', { tuning: 'measure' });
afterAll(() => device.dispose());
const tuning = device.tuning!;

/** The kernels by which a device computes a product. */
async function kernelsOf(rates: Tuning['rates'], m: number, n: number, k: number): Promise<string[]> {
  const own = await open('webgpu', { tuning: { ...tuning, rates } });
  const [a, b] = [createInput([m, k], 'f32', 'a'), createInput([k, n], 'f32', 'b')];
  const { node } = ops.matmul(a, b);
  const lowered = node!.op.lower('webgpu', node!.inputs, node!.attrs, own.backend.features)!;
  own.dispose();
  return lowered.launches.map(({ kernel }) => kernel);
}

describe('the tuning of products', () => {
  it('measures tiles that the adapter has, as plain data', () => {
    const kinds = PRODUCT_TILES.map(({ kind }) => kind);
    expect(tuning).toMatchObject({ version: 1, adapter: device.info.description });
    expect(kinds).toEqual(expect.arrayContaining(Object.keys(tuning.rates)));
    expect(Object.keys(tuning.rates)).toContain('direct_4x4');
    for (const { all, one } of Object.values(tuning.rates)) {
      expect(one).toBeGreaterThan(0);
      expect(all).toBeGreaterThanOrEqual(one);
    }
    expect(device.info.notes.at(-1)).toMatch(
      /tiles of products are chosen by their rates, as measured in \d+ ms/,
    );
  });

  it('stays for later devices of the process, and comes back from JSON', async () => {
    const later = await open('webgpu');
    expect(later.tuning).toEqual(tuning);
    expect(later.info.notes.at(-1)).toContain('as measured before');
    later.dispose();
    const given = await open('webgpu', { tuning: JSON.parse(JSON.stringify(tuning)) });
    expect(given.tuning).toEqual(tuning);
    expect(given.info.notes.at(-1)).toContain('as given');
    given.dispose();
  });

  it('chooses by the rates', async () => {
    const rates = { '32x32': { all: 10, one: 5 }, '128x128': { all: 30, one: 1 } };
    expect(await kernelsOf(rates, 1024, 1024, 64)).toEqual(['matmul_f32__128x128']);
    // One tile of 128 would keep the device waiting for one workgroup.
    expect(await kernelsOf(rates, 128, 128, 64)).toEqual(['matmul_f32__32x32']);
    expect(await kernelsOf(rates, 1024, 2, 64)).toEqual(['matmul_f32__vector']);
    expect(await kernelsOf(rates, 33, 33, 2048)).toEqual(['matmul_f32__32x32', 'matmul_parts_f32']);
  });

  it('takes kernels by quads where neighbours share one, and where they are the faster ones', () => {
    const shapes = [
      [8, 64, 7, 128, 3, 2],
      [16, 16, 12, 32, 3, 1],
      [4, 256, 14, 64, 1, 1],
      [1, 64, 28, 64, 3, 1],
      [2, 8, 9, 200, 3, 1],
    ] as const;
    const kernels = (features: Features) =>
      shapes.flatMap(([batch, channels, size, filters, k, stride]) => {
        const x = createInput([batch, channels, size, size], 'f32', 'x');
        const weight = createInput([filters, channels, k, k], 'f32', 'weight');
        const options = { stride, padding: (k - 1) / 2 };
        const y = ops.conv2d(x, weight, null, options);
        const dy = createInput(y.shape, 'f32', 'dy');
        const gradients = [
          conv2dInputGradient(dy, weight, null, { ...options, shape: x.shape }),
          conv2dWeightGradient(x, dy, null, { ...options, shape: weight.shape }),
        ];
        const product = ops.matmul(
          createInput([filters, size], 'f32', 'a'),
          createInput([size, channels], 'f32', 'b'),
        );
        return [y, ...gradients.flat(), product].flatMap(({ node }) => {
          const { op, inputs, attrs } = node!;
          return op.lower('webgpu', inputs, attrs, features)!.launches.map(({ kernel }) => kernel);
        });
      });
    const byQuads = (names: string[]) => names.filter((name) => /quad_|packed/.test(name));
    const by = (names: string[], rates?: Features['rates']) =>
      byQuads(kernels(Object.assign(new Set(names), { rates })));
    const rates = { quad_16x8: { all: 10, one: 9 }, direct_4x4: { all: 1, one: 1 } };
    expect(by(['subgroups', 'quads', 'software'])).not.toEqual([]);
    expect(by(['subgroups', 'software'])).toEqual([]);
    expect(by(['subgroups', 'quads'], rates)).not.toEqual([]);
    expect(by(['subgroups'], rates)).toEqual([]);
    // Of GPUs that were not measured, only where few rows leave tiles of workgroup memory empty.
    expect(new Set(by(['subgroups', 'quads']))).toEqual(new Set(['conv2d_f32__packed_4']));
  });

  const other = (change: object): Tuning => ({ ...tuning, ...change });
  it.each<[string, unknown, string]>([
    ['nothing', null, "tuning must be 'measure' or what device.tuning was, got null"],
    ['a number', 3, "tuning must be 'measure' or what device.tuning was, got 3"],
    ['another version', other({ version: 2 }), 'tuning is of version 2, this is version 1'],
    ['another adapter', other({ adapter: 'a card' }), "tuning is of adapter 'a card', this one is '"],
    ['no rates', other({ rates: {} }), 'tuning has no rates'],
    ['an unknown tile', other({ rates: { '9x9': { all: 1, one: 1 } } }), "tuning has a tile '9x9'"],
    [
      'a rate that is no number',
      other({ rates: { '64x64': { all: 1, one: Number.NaN } } }),
      "tuning has no two positive numbers 'all' and 'one' for tile '64x64'",
    ],
  ])('refuses %s', async (_, wrong, message) => {
    await expect(open('webgpu', { tuning: wrong as Tuning })).rejects.toThrow(`open: ${message}`);
  });

  it('is for webgpu alone', async () => {
    await expect(open('wasm', { tuning: 'measure' })).rejects.toThrow(
      'open: tuning is for webgpu devices, this one is wasm',
    );
  });
});
