/** The same net as a Sequential and as a class of its own; and what wide and deep nets of seven nodes have in parameters. */
import { type Device, functional as F, Generator, type HostTensor, nn, optim, type Tensor } from 'weft';
import { example } from '../support/example.js';
import { blobs } from '../support/small-nets.js';

const wide = () => new nn.Sequential(new nn.Linear(2, 4), new nn.Linear(4, 3));
const deep = () => new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 2), new nn.Linear(2, 3));

const sequential = () => new nn.Sequential(new nn.Linear(2, 4), new nn.ReLU(), new nn.Linear(4, 3));

class Net extends nn.Module {
  readonly input = new nn.Linear(2, 4);
  readonly output = new nn.Linear(4, 3);

  forward(x: Tensor): Tensor {
    return this.output.forward(F.relu(this.input.forward(x)));
  }
}

/** Each bias belongs to one node. */
const nodes = (model: nn.Module) =>
  model
    .namedParameters()
    .filter(([name]) => name.endsWith('bias'))
    .reduce((total, [, { shape }]) => total + shape[0]!, 0);

async function train(
  device: Device,
  model: nn.Sequential | Net,
  data: { points: HostTensor; labels: HostTensor },
  steps: number,
) {
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const step = device.compile((x, y) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push(await (await step(data.points, data.labels)).item());
  return losses;
}

export default example({
  id: 'A8',
  title: 'Sequential against class, parameter counts',
  async run({ device, pick, seed, claim, print }) {
    for (const [told, nodesTold, name, model] of [
      [27, 7, 'wide 2-4-3', wide().to(device)],
      [21, 7, 'deep 2-2-2-3', deep().to(device)],
    ] as const) {
      for (const [parameter, { shape }] of model.namedParameters())
        print(`${name}  ${parameter.padEnd(10)} [${shape.join(', ')}]`);
      claim({
        told: `${name}: ${nodesTold} nodes, ${told} parameters`,
        reached: `${nodes(model)} nodes, ${model.parameterCount()} parameters`,
        holds: model.parameterCount() === told && nodes(model) === nodesTold,
      });
    }

    // Equal weights: layers 0 and 2 of the one are input and output of the other.
    const first = sequential().to(device);
    const second = new Net().to(device);
    const state = Object.entries(await first.stateDict()).map(
      ([name, tensor]) => [name.replace(/^0/, 'input').replace(/^2/, 'output'), tensor] as const,
    );
    await second.loadStateDict(Object.fromEntries(state));
    print(String(nn.summary(first, device.zeros([1, 2]))));

    const data = blobs(
      new Generator(seed),
      [
        [1, 1],
        [5, 1],
        [3, -2],
      ],
      50,
    );
    const x = device.tensor(data.points);
    const apart = async () => first.forward(x).sub(second.forward(x)).abs().max().item();
    const before = await apart();
    claim({
      told: 'equal weights give equal outputs',
      reached: `they differ by ${before}`,
      holds: before === 0,
    });
    const steps = pick({ full: 500, fast: 100, slice: 5 });
    const losses = [
      await train(device, first, data, steps),
      await train(device, second, data, steps),
    ] as const;
    const equal = losses[0].every((loss, i) => loss === losses[1][i]);
    const after = await apart();
    claim({
      told: 'and the same training: every loss, and the outputs at the end',
      reached: `${steps} losses ${equal ? 'equal' : 'not equal'}, ${losses[0][0]!.toFixed(3)} to ${losses[0].at(-1)!.toFixed(3)}; outputs differ by ${after}`,
      holds: equal && after === 0 && losses[0].at(-1)! < losses[0][0]!,
    });
  },
});
