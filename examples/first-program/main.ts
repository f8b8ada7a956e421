/** A first program: fit a small network to a curve, and see that it learns. */
import { functional as F, nn, open, optim } from 'weft';

const device = await open('wasm', { seed: 1 });
const model = new nn.Sequential(new nn.Linear(1, 32), new nn.Tanh(), new nn.Linear(32, 1)).to(device);
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });

const xs = Float32Array.from({ length: 64 }, (_, i) => -3 + (6 * i) / 63);
const x = device.tensor(xs, [64, 1]);
const y = device.tensor(xs.map(Math.sin), [64, 1]);

const step = device.compile((x, y) => {
  const loss = F.mean(F.square(model.forward(x).sub(y)));
  loss.backward();
  optimizer.step();
  return loss;
});

for (let i = 1; i <= 500; i++) {
  const loss = await (await step(x, y)).item();
  if (i % 100 === 0) console.log(`step ${i}: loss ${loss.toFixed(5)}`);
}
console.log(`f(1) = ${(await model.forward(device.tensor([1], [1, 1])).item()).toFixed(3)}, sin(1) = 0.841`);
