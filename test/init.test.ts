import { describe, expect, it } from 'vitest';
import { Generator, nn } from '../src/index.js';

const { init } = nn;
const draw = (initializer: nn.init.Initializer, shape: readonly number[]) =>
  initializer(shape, new Generator(7));
const mean = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b, 0) / list.length;
const deviation = (list: ArrayLike<number>) => {
  const centre = mean(list);
  return Math.sqrt(mean(Array.from(list, (x) => (x - centre) ** 2)));
};
const largest = (list: ArrayLike<number>) => Math.max(...Array.from(list, Math.abs));

/** Six standard errors of a mean and, roughly, of a deviation of this many numbers. */
const within = (count: number) => 6 / Math.sqrt(count);

describe('initialisers', () => {
  const shape = [64, 32, 3, 3];
  const count = 64 * 32 * 9;
  it.each([
    ['normal', init.normal(0, 0.5), 0.5],
    ['xavierNormal', init.xavierNormal(2), 2 * Math.sqrt(2 / (32 * 9 + 64 * 9))],
    ['kaimingNormal', init.kaimingNormal(), Math.sqrt(2 / (32 * 9))],
    ['kaimingNormal, fanOut', init.kaimingNormal({ mode: 'fanOut', nonlinearity: 'linear' }), 1 / 24],
  ])('%s has its deviation', (_, initializer, wanted) => {
    const data = draw(initializer, shape);
    expect(Math.abs(deviation(data) / wanted - 1)).toBeLessThan(within(count));
    expect(Math.abs(mean(data)) / wanted).toBeLessThan(within(count));
  });

  it.each([
    ['uniform', init.uniform(-0.5, 0.5), 0.5],
    ['xavierUniform', init.xavierUniform(), Math.sqrt(6 / (32 * 9 + 64 * 9))],
    // As torch.nn.init.kaiming_uniform_(a=sqrt(5)), the start of Linear and Conv2d: 1 / √fanIn.
    ['kaimingUniform', init.kaimingUniform({ a: Math.sqrt(5) }), 1 / Math.sqrt(32 * 9)],
    ['fanIn', init.fanIn(32 * 9), 1 / Math.sqrt(32 * 9)],
  ])('%s fills its range', (_, initializer, bound) => {
    const data = draw(initializer, shape);
    expect(largest(data)).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(largest(data)).toBeGreaterThan(0.999 * bound);
    expect(Math.abs(deviation(data) / (bound / Math.sqrt(3)) - 1)).toBeLessThan(within(count));
  });

  it('truncatedNormal stays in its range', () => {
    const data = draw(init.truncatedNormal(1, 2, 0, 4), [5000]);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...data)).toBeLessThanOrEqual(4);
    expect(() => draw(init.truncatedNormal(0, 1, 50, 51), [2])).toThrow('nothing of a normal(0, 1) lies in');
  });

  it.each([
    [5, [5, 12]],
    [5, [12, 5]],
    [4, [4, 2, 3, 3]],
  ])('orthogonal gives %s orthogonal vectors of the gain’s length for %s', (vectors, shape) => {
    const data = draw(init.orthogonal(1.5), shape);
    const columns = data.length / shape[0]!;
    const wide = shape[0]! <= columns;
    const at = (vector: number, i: number) => data[wide ? vector * columns + i : i * columns + vector]!;
    const length = data.length / vectors;
    for (let a = 0; a < vectors; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let i = 0; i < length; i++) product += at(a, i) * at(b, i);
        // Each element is rounded to f32 once.
        expect(Math.abs(product - (a === b ? 2.25 : 0))).toBeLessThan(2.25 * 2 ** -22);
      }
    }
  });

  it('constants and the identity', () => {
    expect([...draw(init.constant(2.5), [3])]).toEqual([2.5, 2.5, 2.5]);
    expect([...draw(init.eye, [2, 3])]).toEqual([1, 0, 0, 0, 1, 0]);
  });

  it('refuse shapes that have no fans', () => {
    expect(() => draw(init.xavierUniform(), [3])).toThrow(
      'xavierUniform: takes weights of two axes or more, got [3]',
    );
    expect(() => draw(init.eye, [3])).toThrow('eye: takes a matrix, got [3]');
    expect(() => draw(init.orthogonal(), [3])).toThrow('orthogonal: takes two axes or more, got [3]');
    expect(() => init.gainOf('none' as 'linear')).toThrow("gainOf: there is no nonlinearity 'none'");
  });

  it('start the biases of attention at 0, as PyTorch does', async () => {
    const { open } = await import('../src/index.js');
    const device = await open('wasm', { threads: 1 });
    const state = await new nn.MultiheadAttention(4, 2).to(device).stateDict();
    expect([...state.in_proj_bias!.data, ...state['out_proj.bias']!.data]).toEqual(Array(16).fill(0));
    expect(largest(state['out_proj.weight']!.data)).toBeGreaterThan(0.2);
    device.dispose();
  });

  it('give modules their contents, before or after they have a device', async () => {
    const { open } = await import('../src/index.js');
    const device = await open('wasm', { threads: 1 });
    const model = new nn.Sequential(new nn.Linear(3, 2), new nn.Linear(2, 1));
    await model.initialize((name) => (name.endsWith('bias') ? init.zeros : init.constant(0.5)));
    model.to(device);
    await model.initialize((name) => (name === '1.bias' ? init.constant(7) : null));
    const state = await model.stateDict();
    expect(Object.values(state).map(({ data }) => [...new Set(data)])).toEqual([[0.5], [0], [0.5], [7]]);
    device.dispose();
  });
});
