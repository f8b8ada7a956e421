/** Hidden nodes that see one region each, 4 x 4 pixels in 2 x 2 regions: weights of their own, then shared ones. */
import { type Device, functional as F, nn, type Tensor } from 'weft';
import { gradcheck } from 'weft/verify';
import { example } from '../support/example.js';
import { claimEqual, claimExact, inDouble } from '../support/worked.js';

const [SIZE, REGION, COLLECTIONS] = [4, 2, 2];
const PLACES = (SIZE / REGION) ** 2;
const TAPS = REGION * REGION;

const parametersOf = (module: nn.Module, device: Device): number =>
  module
    .to(device)
    .parameters()
    .reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);

/** The regions of images [n, 1, 4, 4] as rows [n, places, taps]. */
const regions = (x: Tensor): Tensor => F.unfold(x, { kernel: REGION, stride: REGION }).transpose(1, 2);

async function gradients(
  device: Device,
  values: { readonly x: number[]; readonly w: number[]; readonly dy: number[] },
) {
  const n = values.x.length / SIZE ** 2;
  const x = device.tensor(values.x, [n, 1, SIZE, SIZE]);
  const weight = device.tensor(values.w, [PLACES, COLLECTIONS, TAPS]);
  const dy = device.tensor(values.dy, [n, COLLECTIONS, SIZE / REGION, SIZE / REGION]);
  const kernels = weight.narrow(0, 0, 1).reshape([COLLECTIONS, 1, REGION, REGION]);
  const shared = device.tensor(await kernels.data(), kernels.shape);
  for (const leaf of [weight, x, shared]) leaf.requiresGrad = true;
  const y = F.locallyConnected2d(x, weight, null, { kernel: REGION, stride: REGION });
  y.backward(dy);
  F.conv2d(x.detach(), shared, null, { stride: REGION }).backward(dy);

  // By hand: a node's output is its weights times its region; their gradient is dy times the region, over all images.
  const rows = regions(x.detach());
  const forward = F.einsum([rows, weight.detach()], { equation: 'npt,pct->ncp' });
  const flatDy = dy.flatten(2);
  const byWeight = F.einsum([flatDy, rows], { equation: 'ncp,npt->pct' });
  const byRegion = F.einsum([flatDy, weight.detach()], { equation: 'ncp,pct->ntp' });
  const byImage = F.fold(byRegion, { kernel: REGION, stride: REGION, outputSize: SIZE });
  const flat = async (...tensors: Tensor[]) =>
    Array.from(await F.concat(tensors.map((tensor) => tensor.flatten())).data());
  return {
    engine: await flat(y, weight.grad!, x.grad!),
    hand: await flat(forward, byWeight, byImage),
    shared: await flat(shared.grad!),
    summed: await flat(weight.grad!.sum({ axes: 0 })),
  };
}

export default example({
  id: 'C6',
  title: 'locally connected layer: parameters and gradients',
  async run(run) {
    const { device, claim, print } = run;
    const vector = await device
      .arange({ end: 16, dtype: 'f32' })
      .reshape([1, 1, SIZE, SIZE])
      .flatten(1)
      .data();
    const inOrder = Array.from({ length: 16 }, (_, i) => i);
    claimExact(run, 'a 4 x 4 image as a vector, row by row', vector, inOrder);

    const dense = new nn.Linear(16, 4);
    const local = new nn.LocallyConnected2d(1, 1, SIZE, REGION, { stride: REGION });
    const two = new nn.LocallyConnected2d(1, COLLECTIONS, SIZE, REGION, { stride: REGION });
    const shared = new nn.Conv2d(1, COLLECTIONS, REGION, { stride: REGION });
    const mlp = new nn.Sequential(new nn.Linear(16, 4), new nn.ReLU(), new nn.Linear(4, 10));
    const counts = [dense, local, mlp, two, shared].map((module) => parametersOf(module, device));
    claimExact(
      run,
      'parameters: a dense hidden layer, one node a region, the net 16-4-10',
      counts.slice(0, 3),
      [68, 20, 118],
    );
    claimExact(run, 'two collections of nodes, their weights not shared, shared', counts.slice(3), [40, 10]);

    const draw = async (...shape: number[]) => Array.from(await device.normal(shape).data());
    const values = {
      x: await draw(3, 16),
      w: await draw(PLACES, COLLECTIONS, TAPS),
      dy: await draw(3, COLLECTIONS, PLACES),
    };
    const here = await gradients(device, values);
    const exact = await inDouble((on) => gradients(on, values));
    print(`${here.engine.length} numbers: output, gradients by weights and images`);
    // Sums of up to 12 products of normal numbers, each below 25.
    const terms = 12 * 25;
    claimEqual(
      run,
      "output and gradients by hand are the engine's",
      exact.hand,
      exact.engine,
      terms * 2 ** -53,
    );
    claimEqual(run, 'in f32 too', here.hand, here.engine, terms * 2 ** -24);
    claimEqual(
      run,
      'weights shared by all regions get the sum of the gradients of each',
      here.shared,
      here.summed,
      4 * terms * 2 ** -24,
    );

    const image = device.normal([3, 1, SIZE, SIZE]);
    const kernel = device.normal([COLLECTIONS, 1, REGION, REGION]);
    await device.realize([image, kernel]);
    const everywhere = kernel.reshape([1, COLLECTIONS, TAPS]).expand([PLACES, -1, -1]);
    const unshared = F.locallyConnected2d(image, everywhere, null, { kernel: REGION, stride: REGION });
    const convolved = F.conv2d(image, kernel, null, { stride: REGION });
    claimEqual(
      run,
      'the same weights at every place: a convolution',
      await unshared.data(),
      await convolved.data(),
      terms * 2 ** -24,
    );

    const { ok, results } = await gradcheck(
      (x, weight, bias) => F.locallyConnected2d(x, weight, bias, { kernel: REGION, stride: REGION }),
      [{ shape: [2, 1, SIZE, SIZE] }, { shape: [PLACES, COLLECTIONS, TAPS] }, { shape: [COLLECTIONS, 2, 2] }],
      { mode: 'full', kernels: [device] },
    );
    const found = results.filter(({ check }) => check === 'gradient');
    claim({
      told: 'gradients by image, weights and bias agree with finite differences, kernels with double precision',
      reached: `relative difference ${Math.max(...found.map(({ error }) => error)).toPrecision(2)}, ${results.length - found.length} kernels`,
      holds: ok && found.length === 3,
    });
  },
});
