import { describe, expect, it } from 'vitest';
import { openWasm } from '../src/backend/wasm/index.js';
import {
  createGraph,
  createInput,
  type Device,
  functional as F,
  FaultMessages,
  type Graph,
  gradient,
  gradientOps,
  open,
  ops,
  Program,
  type Tensor,
  type Value,
} from '../src/index.js';

const WIDTH = 64;
const BLOCKS = 8;

/** A stack of blocks of four activations each, as a training step: what each keeps is four times its result. */
function stack(checkpointed: boolean): Graph {
  const x = createInput([32, WIDTH]);
  const weights = Array.from({ length: BLOCKS }, () => createInput([WIDTH, WIDTH]));
  const block = (h: Value, weight: Value): Value =>
    ops.sin(ops.tanh(ops.sigmoid(ops.sin(ops.matmul(h, weight)))));
  const y = weights.reduce((h, weight) => {
    if (!checkpointed) return block(h, weight);
    return ops.checkpointEnd(block(ops.checkpointBegin(h), weight));
  }, x);
  const loss = ops.mean(ops.square(y));
  const grads = gradient(loss, weights, gradientOps).map((grad) => grad!);
  const updates = weights.map((target, i) => ({ target, value: ops.sub(target, grads[i]!) }));
  return createGraph({ inputs: [x, ...weights], outputs: [loss], updates });
}

async function compileOn(graph: Graph, kind: 'wasm') {
  const backend = kind === 'wasm' ? await openWasm({ threads: 1 }) : null!;
  const program = await Program.compile(graph, backend, new FaultMessages());
  return { backend, program };
}

describe('checkpoint', () => {
  it('takes less memory for one more forward pass of the stretch', async () => {
    const [plain, checkpointed] = await Promise.all([
      compileOn(stack(false), 'wasm'),
      compileOn(stack(true), 'wasm'),
    ]);
    // Without: four values of each block and the loss's. With: one of each, the four of one block that are computed anew,
    // and what a product and its gradients need: 2 values and 3 matrices of twice their size.
    const value = 4 * 32 * WIDTH;
    expect(plain.program.memory.peakBytes).toBeGreaterThanOrEqual(4 * BLOCKS * value);
    expect(checkpointed.program.memory.peakBytes).toBeLessThanOrEqual((BLOCKS + 4 + 2 + 3 * 2) * value);
    const count = ({ program }: typeof plain, op: string) =>
      program.schedule.flatMap((entry) => entry.op.split('+')).filter((name) => name === op).length;
    for (const op of ['tanh', 'sigmoid']) {
      expect(count(plain, op)).toBe(BLOCKS);
      expect(count(checkpointed, op)).toBe(2 * BLOCKS);
    }
    for (const { backend } of [plain, checkpointed]) backend.dispose();
  });

  it('leaves loss and updated weights as they are, bit for bit', async () => {
    const results: Float32Array[][] = [];
    for (const checkpointed of [false, true]) {
      const graph = stack(checkpointed);
      const { backend, program } = await compileOn(graph, 'wasm');
      const values = [...graph.inputs, ...graph.outputs];
      const buffers = values.map(({ shape }) => backend.allocate(4 * shape.reduce((a, b) => a * b, 1), 'x'));
      graph.inputs.forEach(({ shape }, i) => {
        const data = Float32Array.from(
          { length: shape[0]! * shape[1]! },
          (_, j) => Math.sin(j * (i + 1)) / (i ? 8 : 1),
        );
        backend.write(buffers[i]!, data, 'f32');
      });
      program.run(buffers);
      const outputs = graph.outputs.map(({ shape }, i) =>
        backend.read(
          buffers[graph.inputs.length + i]!,
          'f32',
          shape.reduce((a, b) => a * b, 1),
        ),
      );
      results.push((await Promise.all(outputs)) as Float32Array[]);
      backend.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  });

  describe.each(['reference', 'wasm', 'webgpu'] as const)('on %s', (kind) => {
    /** Gradients of x and w through a stretch with two inputs, two results, dropout, and a stretch within. */
    async function gradients(device: Device, marked: boolean): Promise<number[][]> {
      const [x, w] = [device.tensor([0.5, -1, 2, 3], [2, 2]), device.tensor([1, 2, -1, 0.5], [2, 2])];
      for (const tensor of [x, w]) tensor.requiresGrad = true;
      const inner = (a: Tensor) => F.exp(a.mul(0.1)).mul(a);
      const stretch = (a: Tensor, b: Tensor): readonly [Tensor, Tensor] => {
        const h = F.dropout(F.matmul(a, b), { p: 0.25 });
        const t = F.tanh(marked ? F.checkpoint(inner, h) : inner(h));
        return [t.mul(b), t.sum({ axes: [0] })];
      };
      const [p, q] = marked ? F.checkpoint(stretch, x.mul(2), w) : stretch(x.mul(2), w);
      const loss = p.square().sum().add(q.mul(x).sum());
      loss.backward();
      return Promise.all([loss, x.grad!, w.grad!].map(async (t) => [...(await t.data())]));
    }

    it('gives the gradients of the same function without it', async () => {
      const results = [];
      for (const marked of [false, true]) {
        const device = await open(kind, { seed: 5 });
        results.push(await gradients(device, marked));
        device.dispose();
      }
      expect(results[1]).toEqual(results[0]);
    });
  });

  it('gives second derivatives', async () => {
    const device = await open('reference');
    const values: number[] = [];
    for (const marked of [false, true]) {
      const x = createInput([]);
      const cube = (v: Value) => ops.mul(ops.exp(v), ops.square(v));
      const y = marked ? ops.checkpointEnd(cube(ops.checkpointBegin(x))) : cube(x);
      const [first] = gradient(y, [x], gradientOps);
      const [second] = gradient(first!, [x], gradientOps);
      const program = await Program.compile(
        createGraph({ inputs: [x], outputs: [second!] }),
        device.backend,
        new FaultMessages(),
      );
      const buffers = [0, 1].map(() => device.backend.allocate(4, 'x'));
      device.backend.write(buffers[0]!, Float32Array.of(0.5), 'f32');
      program.run(buffers);
      values.push((await device.backend.read(buffers[1]!, 'f32', 1))[0]!);
    }
    // (e^x x²)'' = e^x (x² + 4 x + 2).
    expect(values[0]).toBeCloseTo(Math.exp(0.5) * 4.25, 5);
    expect(values[1]).toBe(values[0]);
    device.dispose();
  });

  it('says what it needs', async () => {
    const device = await open('wasm');
    expect(() => F.checkpoint(() => device.ones([1]))).toThrow(
      'checkpoint: needs a function and the tensors that it is called with',
    );
    device.dispose();
  });
});
