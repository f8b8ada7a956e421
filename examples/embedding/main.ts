/** Weft as a low-level engine: a graph built by hand, its gradient, a program with its memory known before it runs. */
import { createGraph, createInput, gradient, gradientOps, open, ops } from 'weft';

const x = createInput([64, 784], 'f32', 'x');
const weight = createInput([10, 784], 'f32', 'weight');
const labels = createInput([64], 'i32', 'labels');

const logits = ops.matmul(x, weight, { transposeB: true });
const loss = ops.crossEntropy(logits, labels);
const [weightGradient] = gradient(loss, [weight], gradientOps);
const graph = createGraph({ inputs: [x, weight, labels], outputs: [loss, weightGradient!] });

const device = await open('wasm');
const { compiled, run } = await device.compileGraph(graph);
console.log(`arena: ${compiled.program.memory.peakBytes} bytes`);
for (const { op, kernel, flops } of compiled.program.schedule) {
  console.log(`${op.padEnd(22)} ${kernel.padEnd(28)} ${flops} flop`);
}

const [value, grad] = await run(
  { data: new Float32Array(64 * 784).fill(0.5), shape: [64, 784], dtype: 'f32' },
  { data: new Float32Array(10 * 784), shape: [10, 784], dtype: 'f32' },
  { data: new Int32Array(64).fill(3), shape: [64], dtype: 'i32' },
);
console.log(`loss ${(await value!.item()).toFixed(4)} = ln 10`);
console.log(`d loss / d weight of the right class: ${(await grad!.data())[3 * 784]!.toFixed(3)}`);
