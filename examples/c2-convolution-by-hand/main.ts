/** Back-propagation through a convolution by hand: patches in rows, one matrix product forwards, one for its gradient. */
import { type Device, functional as F, type HostTensor, nn, type Tensor } from 'weft';
import { filters } from 'weft/plot';
import { gradcheck } from 'weft/verify';
import { example } from '../support/example.js';
import { loadMnist } from '../support/mnist.js';
import { claimEqual, claimExact, inDouble } from '../support/worked.js';

const [PATCH, STRIDE, UNITS, HIDDEN, CLASSES] = [5, 2, 2, 2, 10];
/** Patches along a side of 28 pixels: 12. */
const SIDE = Math.floor((28 - PATCH) / STRIDE) + 1;

/** Hidden layers [2, 2], the first of patches, as a module. */
const network = () =>
  new nn.Sequential(
    new nn.Conv2d(1, UNITS, PATCH, { stride: STRIDE }),
    new nn.Tanh(),
    new nn.Flatten(),
    new nn.Linear(UNITS * SIDE * SIDE, HIDDEN),
    new nn.Tanh(),
    new nn.Linear(HIDDEN, CLASSES),
  );

/** The mean cross-entropy and its gradients by the weights, in the order of the module's parameters, and by the images. */
function byHand(images: Tensor, labels: Tensor, [v1, b1, v2, b2, w, b]: readonly Tensor[]) {
  const n = images.shape[0]!;
  // Patches as rows [n 144, 25]; each row gives one value per unit.
  const patches = F.unfold(images, { kernel: PATCH, stride: STRIDE })
    .transpose(1, 2)
    .reshape([-1, PATCH * PATCH]);
  const v = v1!.reshape([UNITS, PATCH * PATCH]);
  const z1 = F.tanh(patches.matmul(v.transpose(0, 1)).add(b1!));
  const toMaps = (rows: Tensor) =>
    rows
      .reshape([n, SIDE * SIDE, UNITS])
      .transpose(1, 2)
      .flatten(1);
  const toRows = (maps: Tensor) =>
    maps
      .reshape([n, UNITS, SIDE * SIDE])
      .transpose(1, 2)
      .reshape([-1, UNITS]);
  const z = toMaps(z1);
  const z2 = F.tanh(z.matmul(v2!.transpose(0, 1)).add(b2!));
  const y = F.softmax(z2.matmul(w!.transpose(0, 1)).add(b!), { axis: 1 });

  // Indicator variables T, then Y - T goes back from layer to layer; tanh passes on 1 - z².
  const t = F.oneHot(labels, { classes: CLASSES }).cast({ dtype: 'f32' });
  const delta = y.sub(t).div(n);
  const delta2 = delta.matmul(w!).mul(F.sub(1, z2.square()));
  const delta1 = toRows(delta2.matmul(v2!)).mul(F.sub(1, z1.square()));
  const product = (delta: Tensor, input: Tensor) => delta.transpose(0, 1).matmul(input);
  const columns = delta1
    .matmul(v)
    .reshape([n, SIDE * SIDE, PATCH * PATCH])
    .transpose(1, 2);
  return {
    loss: F.log(y).mul(t).sum().div(-n),
    gradients: [
      product(delta1, patches).reshape(v1!.shape),
      delta1.sum({ axes: 0 }),
      product(delta2, z),
      delta2.sum({ axes: 0 }),
      product(delta, z2),
      delta.sum({ axes: 0 }),
      F.fold(columns, { kernel: PATCH, stride: STRIDE, outputSize: 28 }),
    ],
  };
}

const flat = async (tensors: readonly Tensor[]) =>
  Array.from(await F.concat(tensors.map((tensor) => tensor.flatten())).data());

async function gradients(
  device: Device,
  images: HostTensor,
  labels: HostTensor,
  state: Readonly<Record<string, HostTensor>>,
) {
  const net = network().to(device);
  await net.loadStateDict(state);
  const x = device.tensor(images);
  x.requiresGrad = true;
  const y = device.tensor(labels);
  const loss = F.crossEntropy(net.forward(x), y);
  loss.backward();
  const weights = net.parameters();
  const hand = byHand(x.detach(), y, weights);
  return {
    shapes: hand.gradients.map(({ shape }) => shape),
    loss: await loss.item(),
    handLoss: await hand.loss.item(),
    engine: await flat([...weights, x].map((tensor) => tensor.grad!)),
    hand: await flat(hand.gradients),
  };
}

export default example({
  id: 'C2',
  title: 'back-propagation through a convolution by hand',
  async run(run) {
    const { device, claim, print, pick, size, picture } = run;
    const count = pick({ full: 100, fast: 100, slice: 2 });
    const { images, labels } = (await loadMnist({ limit: count })).train;
    const state = await network().to(device).stateDict();
    const here = await gradients(device, images, labels, state);
    const exact = await inDouble((on) => gradients(on, images, labels, state));
    print(`loss of ${count} images ${here.loss.toFixed(6)}, by hand ${here.handLoss.toFixed(6)}`);
    claimExact(run, 'patches of 5 x 5, 2 pixels apart, in 28 x 28', [SIDE, SIDE * SIDE], [12, 144]);
    claimEqual(run, "the loss by hand is the engine's", [exact.handLoss], [exact.loss], 1e3 * 2 ** -53);
    // A weight of the convolution sums 144 patches of each image, a mean over the images: 144 terms of at most 1, rounded.
    const roundings = SIDE * SIDE;
    claimEqual(
      run,
      'so is each gradient: by weights, biases, images',
      exact.hand,
      exact.engine,
      roundings * 2 ** -53,
    );
    claimEqual(run, 'and in f32', here.hand, here.engine, roundings * 2 ** -24);

    const two = (tensor: HostTensor, count: number) => ({
      shape: [count, ...tensor.shape.slice(1)],
      data: tensor.data.slice(0, (tensor.data.length / tensor.shape[0]!) * count),
      dtype: tensor.dtype,
    });
    const target = two(labels, 2);
    const loss = (x: Tensor, v1: Tensor, b1: Tensor, v2: Tensor, b2: Tensor, w: Tensor, b: Tensor) => {
      const z1 = F.tanh(F.conv2d(x, v1, b1, { stride: STRIDE }));
      const z2 = F.tanh(F.linear(z1.flatten(1), v2, b2));
      return F.crossEntropy(F.linear(z2, w, b), x.device.tensor(target));
    };
    const inputs = [two(images, 2), ...Object.values(state)];
    const checked = await gradcheck(loss, inputs, { kernels: size === 'slice' ? [] : [device] });
    const found = checked.results.filter(({ check }) => check === 'gradient');
    claim({
      told: "finite differences agree with the engine's, and its kernels with double precision",
      reached: `relative difference ${Math.max(...found.map(({ error }) => error)).toPrecision(2)}, ${checked.results.length - found.length} kernels`,
      holds: checked.ok && found.length === 7,
    });

    const length = UNITS * PATCH * PATCH;
    const both = {
      data: [...here.hand.slice(0, length), ...here.engine.slice(0, length)],
      shape: [4, 1, PATCH, PATCH],
    };
    const captions = ['unit 0, by hand', 'unit 1, by hand', 'unit 0, engine', 'unit 1, engine'];
    const title = "Gradient of the convolution's weights";
    await picture('gradient', filters(both, { captions, columns: 2, title, label: 'gradient' }));
  },
});
