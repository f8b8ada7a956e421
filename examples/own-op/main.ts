/** Trains a network whose gate is an op of its own. Arguments: wasm (default) or webgpu, steps (default 300). */
import { type BackendKind, functional as F, lift, nn, open, optim, type Tensor } from 'weft';
import { kernels, swiGlu } from './swi_glu.js';

/** The op as a function of tensors. */
const gate = lift(swiGlu);

/** y = down(silu(left x) right x). */
class SwiGlu extends nn.Module {
  readonly left = new nn.Linear(1, 24);
  readonly right = new nn.Linear(1, 24);
  readonly down = new nn.Linear(24, 1);

  forward(x: Tensor): Tensor {
    return this.down.forward(gate(this.left.forward(x), this.right.forward(x)));
  }
}

const [backend = 'wasm', steps = '300'] = process.argv.slice(2);
const device = await open(backend as BackendKind, { seed: 1, kernels: [kernels] });
const model = new SwiGlu().to(device);
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

for (let i = 1; i <= Number(steps); i++) {
  const loss = await step(x, y);
  if (i % 50 === 0) console.log(`step ${i}: loss ${(await loss.item()).toFixed(5)}`);
}
