import { describe, expect, it } from 'vitest';
import { createGraph, createInput, FaultMessages, ops, Program } from '../src/index.js';
import { openBinaries } from './support/devices.js';

const SIZE = 112;
/** Sums of it in one chain are rounded down again and again beyond 4096: 1.1e-4 of them is lost. */
const ADDEND = 1 + 3 * 2 ** -14;

describe.each(await openBinaries())('depthwise weight-gradients on $name', ({ backend }) => {
  it('sum large planes in blocks', async () => {
    const shape = [1, 4, SIZE, SIZE];
    const inputs = [createInput(shape), createInput(shape)];
    const [dweight] = ops.conv2dWeightGradient(inputs[0]!, inputs[1]!, null, {
      shape: [4, 1, 5, 5],
      groups: 4,
      padding: 2,
    });
    const program = await Program.compile(
      createGraph({ inputs, outputs: [dweight!] }),
      backend,
      new FaultMessages(),
    );
    const count = 4 * SIZE * SIZE;
    const buffers = [count, count, 100].map((size) => backend.allocate(4 * size, 'x'));
    backend.write(buffers[0]!, new Float32Array(count).fill(1), 'f32');
    backend.write(buffers[1]!, new Float32Array(count).fill(ADDEND), 'f32');
    program.run(buffers);
    const actual = await backend.read(buffers[2]!, 'f32', 100);
    program.dispose();
    const centre = SIZE * SIZE * ADDEND;
    // At most a row of tiles, 7 rows, in one chain, and 16 of these: each addition rounds by 2^-24 of the sum at most.
    for (const channel of [0, 1, 2, 3])
      expect(Math.abs(actual[25 * channel + 12]! - centre) / centre).toBeLessThan((7 * SIZE + 16) * 2 ** -24);
  });
});
