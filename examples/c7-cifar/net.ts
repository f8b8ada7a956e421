import { type Device, functional as F, nn, optim } from 'weft';

/** Three convolutions of 3x3, each halved by pooling, and two dense layers: [n, 3, 32, 32] -> [n, 10]. */
export const cifarNet = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(3, 16, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 32, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(32, 64, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.25),
    new nn.Linear(1024, 500),
    new nn.ReLU(),
    new nn.Dropout(0.25),
    new nn.Linear(500, 10),
  );

/** A training step of SGD .01; gives the batch's mean loss. */
export function trainingStep(device: Device, net: nn.Sequential) {
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  return device.compile((x, y) => {
    const loss = F.crossEntropy(net.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
}
