import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { Device, functional as F, Generator, type Tensor } from '../src/index.js';
import { openDevices } from './support/devices.js';

const SEED = 5;
const SIZE = 20_000;
const devices = [
  { name: 'reference', device: new Device(openReference(), { seed: SEED }) },
  ...(await openDevices()).map(({ name, backend }) => ({
    name,
    device: new Device(backend, { seed: SEED }),
  })),
];
afterAll(() => {
  for (const { device } of devices) device.dispose();
});

const moments = (data: ArrayLike<number>) => {
  const list = Array.from(data);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  const variance = list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / list.length;
  return { mean, variance };
};

/** Five standard errors of a mean of SIZE numbers of this deviation. */
const five = (deviation: number) => (5 * deviation) / Math.sqrt(SIZE);

describe.each(devices)('weights of classes on $name', ({ device }) => {
  it.each([
    [[1, -1, 3], [3]],
    [[0, 0], [2]],
    [[1, Number.NaN], [2]],
    [[1, Infinity], [2]],
  ])('%j are refused', async (weights, shape) => {
    const message = `row 0 of weights needs a positive and finite sum and no negative weight, weights is [${shape}]`;
    await expect(F.categorical(device.tensor(weights), { samples: 5 }).data()).rejects.toThrow(
      `categorical: ${message}`,
    );
  });

  it('name the row that is refused', async () => {
    const weights = device.tensor({ data: Float32Array.of(1, 2, 0, 0), shape: [2, 2], dtype: 'f32' });
    await expect(F.categorical(weights, { samples: 3 }).data()).rejects.toThrow(
      'categorical: row 1 of weights',
    );
  });
});

describe('random tensors', () => {
  const draws: Readonly<Record<string, (device: Device) => Tensor>> = {
    uniform: (device) => device.uniform([3, 7], { low: -1, high: 2 }),
    normal: (device) => device.normal([3, 7], { mean: 1, deviation: 2 }),
    exponential: (device) => device.exponential([21]),
    integers: (device) => device.integers([21], { low: -3, high: 9 }),
    permutation: (device) => device.permutation(21),
    bernoulli: (device) => F.bernoulli(device.full([21], 0.3)),
    categorical: (device) => F.categorical(device.tensor([1, 2, 1]), { samples: 21 }),
    multinomial: (device) => F.multinomial(device.full([21], 1), { samples: 21 }),
    dropout: (device) => F.dropout(device.ones([21])),
    featureDropout: (device) => F.featureDropout(device.ones([3, 7])),
    alphaDropout: (device) => F.alphaDropout(device.ones([21]), { p: 0.2 }),
  };

  it.each(Object.entries(draws))(
    '%s: one stream on every device, new numbers at each call',
    async (_, draw) => {
      const all: number[][][] = [];
      for (const { device } of devices) {
        all.push([Array.from(await draw(device).data()), Array.from(await draw(device).data())]);
      }
      const [first, ...others] = all;
      expect(first![0]).not.toEqual(first![1]);
      for (const other of others) {
        other.flat().forEach((value, i) => {
          expect(Math.abs(value - first!.flat()[i]!)).toBeLessThanOrEqual(1e-5);
        });
      }
    },
  );

  it('draw anew at each run of a compiled function', async () => {
    for (const { device } of devices) {
      const run = device.compile((x: Tensor) => x.add(device.uniform([4])));
      const first = Array.from(await (await run(device.zeros([4]))).data());
      const second = Array.from(await (await run(device.zeros([4]))).data());
      expect(first).not.toEqual(second);
      expect(run.programs().length).toBe(1);
    }
  });
});

describe('distributions', () => {
  const { device } = devices[1]!;

  it('have their moments', async () => {
    const uniform = moments(await device.uniform([SIZE]).data());
    expect(Math.abs(uniform.mean - 0.5)).toBeLessThan(five(Math.sqrt(1 / 12)));
    // Var(x²)-like deviations: those of (x - mean)², from the fourth moments 1/80, 3 and 9.
    expect(Math.abs(uniform.variance - 1 / 12)).toBeLessThan(five(Math.sqrt(1 / 80 - 1 / 144)));
    const normal = moments(await device.normal([SIZE]).data());
    expect(Math.abs(normal.mean)).toBeLessThan(five(1));
    expect(Math.abs(normal.variance - 1)).toBeLessThan(five(Math.sqrt(2)));
    const exponential = moments(await device.exponential([SIZE]).data());
    expect(Math.abs(exponential.mean - 1)).toBeLessThan(five(1));
    expect(Math.abs(exponential.variance - 1)).toBeLessThan(five(Math.sqrt(8)));
  });

  it('have their frequencies', async () => {
    const count = (data: ArrayLike<number>, value: number) =>
      Array.from(data).filter((one) => one === value).length / data.length;
    const near = (found: number, p: number) =>
      expect(Math.abs(found - p)).toBeLessThan(five(Math.sqrt(p * (1 - p))));
    near(count(await F.bernoulli(device.full([SIZE], 0.3)).data(), 1), 0.3);
    const dice = await device.integers([SIZE], { low: 1, high: 7 }).data();
    for (let face = 1; face <= 6; face++) near(count(dice, face), 1 / 6);
    const drawn = await F.categorical(device.tensor([3, 0, 1, 6]), { samples: SIZE }).data();
    [0.3, 0, 0.1, 0.6].forEach((p, c) => {
      if (p === 0) expect(count(drawn, c)).toBe(0);
      else near(count(drawn, c), p);
    });
  });

  it('draw without replacement, the heavier the earlier', async () => {
    const weights = device.tensor([6, 1, 3]).broadcastTo([SIZE, 3]);
    const rows = Array.from(await F.multinomial(weights, { samples: 3 }).data());
    const first = rows.filter((_, i) => i % 3 === 0);
    [0.6, 0.1, 0.3].forEach((p, c) => {
      const share = first.filter((one) => one === c).length / SIZE;
      expect(Math.abs(share - p)).toBeLessThan(five(Math.sqrt(p * (1 - p))));
    });
    for (let row = 0; row < 100; row++) {
      expect(rows.slice(3 * row, 3 * row + 3).sort()).toEqual([0, 1, 2]);
    }
  });

  it('hold every number once in a permutation', async () => {
    const order = Array.from(await device.permutation(1000).data());
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
  });

  it('keep mean and variance in alpha dropout of normal numbers, and drop whole channels in feature dropout', async () => {
    const kept = moments(await F.alphaDropout(device.normal([SIZE]), { p: 0.3 }).data());
    expect(Math.abs(kept.mean)).toBeLessThan(five(1));
    // The output's fourth moment is that of a mixture of N(shift, a²) and a point: below 6.
    expect(Math.abs(kept.variance - 1)).toBeLessThan(five(Math.sqrt(6)));
    const channels = await F.featureDropout(device.ones([4, 8, 5]), { p: 0.5 }).data();
    for (let c = 0; c < 32; c++) {
      const channel = Array.from(channels.slice(5 * c, 5 * c + 5));
      expect(new Set(channel).size).toBe(1);
    }
    expect(new Set(channels)).toEqual(new Set([0, 2]));
  });
});

describe('a generator', () => {
  it('goes on from any position', () => {
    const whole = new Generator(SEED);
    const words = Array.from({ length: 11 }, () => whole.word());
    expect(whole.position).toBe(11);
    for (const [position, word] of words.entries()) {
      const later = new Generator(SEED);
      later.loadStateDict({ seed: SEED, position });
      expect(later.position).toBe(position);
      expect(later.word(), `word ${position}`).toBe(word);
    }
    expect(() => whole.loadStateDict({ seed: 6, position: 0 })).toThrow(
      'Generator: the state is of seed 6, this one has 5; open the device with { seed: 6 }',
    );
    expect(() => {
      whole.position = -1;
    }).toThrow('Generator: position must be a whole number from 0, got -1');
    expect(whole.position).toBe(11);
  });
});
