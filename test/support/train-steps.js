// Plain JavaScript, as a user of the installed package writes it: copied beside pages and scripts by the tests.

/**
 * Losses of the first `steps` of a small CNN on made-up images.
 * @param {typeof import('weft')} weft
 * @param {'wasm' | 'webgpu'} backend
 * @param {number} steps
 * @returns {Promise<number[]>}
 */
export async function trainSteps(weft, backend, steps) {
  const { open, nn, optim, functional: F, Generator } = weft;
  // The plain binary everywhere: engines with relaxed SIMD round products differently.
  const device = await open(backend, { seed: 7, wasm: { binary: 'simd' } });
  const model = new nn.Sequential(
    new nn.Conv2d(1, 4, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.1),
    new nn.Linear(4 * 7 * 7, 10),
  ).to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });
  const generator = new Generator(3);
  const x = device.tensor(
    Float32Array.from({ length: 16 * 14 * 14 }, () => generator.normal()),
    [16, 1, 14, 14],
  );
  const y = device.tensor(
    Int32Array.from({ length: 16 }, () => generator.below(10)),
    [16],
  );
  const step = device.compile((x, y) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses = [];
  for (let i = 0; i < steps; i++) losses.push(await (await step(x, y)).item());
  device.dispose();
  return losses;
}
