/** Perceptrons as logic gates: AND, OR and NOT are one each, XOR needs a second layer. */
import { type Device, functional as F, type Tensor } from 'weft';
import { decisionRegions, mesh, panels } from 'weft/plot';
import { example } from '../support/example.js';
import { stepOf, trainPerceptron } from '../support/perceptron.js';
import { claimExact } from '../support/worked.js';

const INPUTS = [
  [1, 1],
  [1, 0],
  [0, 1],
  [0, 0],
];
const AND = [1, 0, 0, 0];
const OR = [1, 1, 1, 0];
const NOT_SECOND = [0, 1, 0, 1];
const XOR = [0, 1, 1, 0];

/** A perceptron of two inputs, by its weights and bias: x [n, 2] to [n, 1]. */
const perceptron =
  (device: Device, w1: number, w2: number, bias: number) =>
  (x: Tensor): Tensor =>
    stepOf(F.linear(x, device.tensor([w1, w2], [1, 2]), device.tensor([bias])));

export default example({
  id: 'P2',
  title: 'AND, OR, NOT, XOR from perceptrons',
  async run(run) {
    const { device, claim, print, picture } = run;
    const x = device.tensor(INPUTS.flat(), [4, 2]);
    const and = perceptron(device, 1, 1, -1.5);
    const or = perceptron(device, 1, 1, -0.5);
    const not = perceptron(device, 0, -1, 0.5);
    const nand = perceptron(device, -1, -1, 1.5);
    const xor = (x: Tensor) => and(F.concat([nand(x), or(x)], { axis: 1 }));

    const gates = { AND: and, OR: or, 'NOT of the second': not, XOR: xor };
    const labels = { xLabel: 'first input', yLabel: 'second input' };
    const drawings: ReturnType<typeof decisionRegions>[] = [];
    const tables = { AND, OR, 'NOT of the second': NOT_SECOND, XOR };
    for (const [name, gate] of Object.entries(gates)) {
      const out = Array.from(await gate(x).data());
      print(`${name}: ${INPUTS.map((input, i) => `${input.join(' ')} -> ${out[i]}`).join(', ')}`);
      const table = tables[name as keyof typeof tables];
      const range = { x: [-0.5, 1.5], y: [-0.5, 1.5] } as const;
      const said = await gate(device.tensor(mesh(range))).data();
      const points = { x: INPUTS.map(([a]) => a!), y: INPUTS.map(([, b]) => b!), labels: table };
      const regions = { ...range, classes: { data: said, shape: [100, 100] } };
      drawings.push(decisionRegions(regions, { points, title: name, ...labels, width: 380, height: 360 }));
      claimExact(run, `${name} of (1,1), (1,0), (0,1), (0,0)`, out, table);
    }

    for (const [name, table] of Object.entries({ AND, OR, XOR })) {
      const line = device.zeros([3]);
      await device.realize([line]);
      const { errors } = await trainPerceptron(device, line, INPUTS, table, { rate: 0.1, passes: 100 });
      const learnable = name !== 'XOR';
      claim({
        told: learnable ? `one perceptron learns ${name}` : 'one perceptron never gets XOR right',
        reached: `${errors.at(-1)} errors in pass ${errors.length}`,
        holds: learnable ? errors.at(-1) === 0 : errors.every((count) => count > 0),
      });
    }
    await picture('gates', panels(drawings));
  },
});
