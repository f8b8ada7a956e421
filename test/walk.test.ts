import { describe, expect, it } from 'vitest';
import type { Command, DispatchCommand, Location } from '../src/backend/backend.js';
import { joinTensors } from '../src/walk.js';

const external = (index: number, elements = 100): Location => ({
  kind: 'external',
  index,
  bytes: 4 * elements,
});
const arena = (region: number, offset: number, elements = 100): Location => ({
  kind: 'arena',
  region,
  offset,
  bytes: 4 * elements,
});

type Pair = readonly [written: Location, read: Location, elements?: number];

/** A launch that writes the first of each pair and reads the second, on operands 1 and 2, and 3 and 4. */
const command = (pairs: readonly Pair[], most = 256): DispatchCommand => ({
  kind: 'dispatch',
  label: 'update',
  kernel: 'update',
  operands: [external(99), ...Array<Location>(4).fill({ kind: 'none' })],
  params: { stride: 7 },
  units: 1,
  scratch: 0,
  counts: { flops: 100 * pairs.length, bytes: 0 },
  walk: {
    roles: [
      { slots: [1, 2], constant: 'WRITTEN' },
      { slots: [3, 4], constant: 'READ' },
    ],
    items: pairs.map(([written, read, elements = 100], i) => ({
      operands: [written, read],
      elements,
      at: 25 * i,
    })),
    block: 64,
    vector: 4,
    most,
  },
});

const join = (commands: readonly Command[], kept: readonly number[], maxBufferBytes = 1e9) =>
  joinTensors(commands, { kept: (index) => kept.includes(index), maxBufferBytes });

const launched = (commands: readonly Command[]) =>
  commands.map((one) => (one.kind === 'dispatch' ? one : expect.fail('no dispatch')));

describe('a launch over many tensors', () => {
  it('is one where all that it writes can lie side by side and all that it reads lies in few regions', () => {
    const pairs: Pair[] = [
      [external(0), arena(0, 512)],
      [external(1), arena(1, 0)],
      [external(2), arena(0, 2560)],
    ];
    const { commands, neighbours } = join([command(pairs)], [0, 1, 2]);
    expect(neighbours).toEqual([[0, 1, 2]]);
    const [one, ...others] = launched(commands);
    expect(others).toEqual([]);
    expect(one!.walk).toBeUndefined();
    expect(one!.operands).toEqual([
      external(99),
      {
        kind: 'joined',
        parts: [
          { index: 0, bytes: 400, place: 0 },
          { index: 1, bytes: 400, place: 4 },
          { index: 2, bytes: 400, place: 8 },
        ],
      },
      { kind: 'none' },
      { kind: 'arena', region: 0, offset: 512, bytes: 2448 },
      arena(1, 0),
    ]);
    expect(one!.constants).toEqual({ WRITTEN: 1, READ: 2 });
    expect(one!.units).toBe(6 * 16);
    // Two workgroups each; the third's gradient begins 2048 bytes, 128 vectors, behind the first's.
    expect(one!.params).toEqual({
      stride: 7,
      count: 3,
      groups: 6,
      rows: [0, 100, 0, 0, 2, 100, 25, 4, 4, 100, 50, 0],
      places: [0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0],
    });
  });

  it('is cut where tensors lie in more buffers than it has operands for, or are too many for its table', () => {
    const pairs: Pair[] = [0, 1, 2, 3, 4].map((i) => [external(i), arena(0, 512 * i)]);
    const apart = join([command(pairs)], []);
    expect(apart.neighbours).toEqual([]);
    expect(launched(apart.commands).map(({ params }) => params.count)).toEqual([2, 2, 1]);
    expect(launched(apart.commands).map(({ counts }) => counts!.flops)).toEqual([200, 200, 100]);
    const short = join([command(pairs, 3)], [0, 1, 2, 3, 4]);
    expect(launched(short.commands).map(({ params }) => params.count)).toEqual([3, 2]);
    expect(launched(short.commands).map(({ params }) => params.rows)).toEqual([
      [0, 100, 0, 0, 2, 100, 25, 0, 4, 100, 50, 0],
      [0, 100, 75, 0, 2, 100, 100, 0],
    ]);
  });

  it('takes as many side by side as one buffer holds', () => {
    const pairs: Pair[] = [0, 1, 2].map((i) => [external(i), arena(0, 512 * i)]);
    const { commands, neighbours } = join([command(pairs)], [0, 1, 2], 1024);
    expect(neighbours).toEqual([[0, 1]]);
    expect(launched(commands)[0]!.constants).toEqual({ WRITTEN: 2, READ: 1 });
  });

  it('leaves out what has no elements, and keeps what is read apart from what is written', () => {
    const pairs: Pair[] = [
      [external(0), external(1)],
      [external(2), external(3), 0],
      [external(4), external(5)],
    ];
    const { commands, neighbours } = join([command(pairs)], [0, 1, 2, 4, 5]);
    expect(neighbours).toEqual([
      [0, 2, 4],
      [1, 5],
    ]);
    expect(launched(commands)[0]!.params.count).toBe(2);
  });

  it('shares lists with launches of the same program', () => {
    const first = command([
      [external(0), arena(0, 0)],
      [external(1), arena(0, 512)],
    ]);
    const second = command([
      [external(2), external(0)],
      [external(3), external(1)],
    ]);
    expect(join([first, second], [0, 1, 2, 3]).neighbours).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });
});
