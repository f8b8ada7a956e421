/** Run by test/steady.test.ts in a process of its own with --expose-gc: prints what blocks of 1,000 training steps leave behind. */
import { functional as F, nn, open, optim } from '../../src/index.js';
import { batch } from './cnn.js';

const WARM_UP = 2000;
const STEPS = 1000;
const BLOCKS = 10;
const collect = (globalThis as unknown as { gc: () => void }).gc;

/** Bytes of the JavaScript heap once everything unreachable is gone; finalizers need a turn of the event loop. */
async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect();
    await new Promise((done) => setTimeout(done, 20));
  }
  return process.memoryUsage().heapUsed;
}

const memories: WebAssembly.Memory[] = [];
WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
  construct(target, args: [WebAssembly.MemoryDescriptor]) {
    memories.push(new target(...args));
    return memories.at(-1)!;
  },
});
/** Bytes of all wasm memory: it grows and never shrinks. */
const wasmBytes = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
/** What the device holds, and what wasm memory it took. */
const held = () => ({ ...device.memory(), wasmBytes: wasmBytes() });

const device = await open('wasm', { seed: 1 });
const empty = device.memory();
const net = new nn.Sequential(
  new nn.Conv2d(1, 4, 5),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Dropout(0.2),
  new nn.Linear(256, 10),
).to(device);
const optimizer = new optim.Adam(net.parameters());
const step = device.compile((x, y) => {
  const loss = F.crossEntropy(net.forward(x), y);
  loss.backward();
  optimizer.step();
  return loss;
});
const [x, y] = batch(0);
const train = async (steps: number) => {
  for (let i = 0; i < steps; i++) await (await step(x, y)).item();
};
await train(WARM_UP);
const before = held();
const heaps = [await heap()];
for (let block = 0; block < BLOCKS; block++) {
  await train(STEPS);
  heaps.push(await heap());
}
const after = held();
const growth = heaps.slice(1).map((bytes, i) => bytes - heaps[i]!);

// The same steps recorded one by one: a scope gives back what they made, at once.
const recorded = async () => {
  optimizer.zeroGrad();
  const loss = F.crossEntropy(net.forward(device.tensor(x)), device.tensor(y));
  loss.backward();
  await optimizer.step();
  return loss.item();
};
await device.scope(recorded);
const scopedBefore = held();
for (let i = 0; i < 200; i++) await device.scope(recorded);
const scopedAfter = held();

// Without a scope it comes back when it is collected.
optimizer.zeroGrad();
await heap();
const forgottenBefore = device.memory();
for (let i = 0; i < 200; i++) await recorded();
const forgotten = device.memory();
optimizer.zeroGrad();
await heap();
const collected = device.memory();

step.dispose();
for (const tensor of net.parameters()) tensor.dispose();
device.dispose();
const scoped = { before: scopedBefore, after: scopedAfter };
const left = { before: forgottenBefore, forgotten, collected };
console.log(JSON.stringify({ empty, before, after, growth, scoped, left, disposed: device.memory() }));
