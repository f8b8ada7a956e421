import { describe, expect, it } from 'vitest';
import { costOfTurns } from '../src/ops/unit_turns.js';

const equal = (units: number, rest: Partial<Parameters<typeof costOfTurns>[0]> = {}) =>
  costOfTurns({ start: 0, views: 1, fill: 0, costs: new Array<number>(units).fill(1 / units), ...rest });

describe('the cost of units that threads take in turn', () => {
  it('of one unit counts what all other threads wait', () => {
    // Two parts of three for one thread; 2, 3, 4, 6 and 8 threads take as long each.
    expect(equal(1)).toBeCloseTo((2 + (2 + 3 + 4 + 6 + 8) / 5) / 3, 12);
  });

  it('is that of the work where every number of threads shares it evenly', () => {
    expect(equal(100_000)).toBeCloseTo(1, 3);
  });

  it('falls with more units, until what each range starts with outweighs it', () => {
    const costs = [1, 4, 24].map((units) => equal(units));
    expect(costs).toEqual([...costs].sort((a, b) => b - a));
    const dear = { start: 0.2 };
    expect(equal(2, dear)).toBeLessThan(equal(100, dear));
  });

  it('counts a view as filled by everyone who comes into it', () => {
    // One view of eight units: one thread fills it once, several threads in each of their ranges.
    const [without, filled] = [equal(8), equal(8, { fill: 0.5 })];
    expect(filled - without).toBeGreaterThan(0.5);
    // Eight views of a unit: as often as there are units, however many threads there are.
    const own = costOfTurns({ start: 0, views: 8, fill: 0.5, costs: [1 / 8] });
    const dearer = costOfTurns({ start: 0, views: 8, fill: 0, costs: [1 / 8 + 0.5] });
    expect(own).toBeCloseTo(dearer, 12);
  });
});
