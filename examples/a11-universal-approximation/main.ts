/** Universal approximation: one hidden layer comes as near to a continuous function as it is wide, sup |f - g| < ε. */
import { nn, optim } from 'weft';
import { line } from 'weft/plot';
import { example } from '../support/example.js';
import { Linears, linspace } from '../support/small-nets.js';

/** On [-5, 5]: two hills and two valleys. */
const f = (x: number): number => Math.sin(x) * Math.exp(-0.05 * x * x);
const RESTARTS = 8;
const GRID = 200;

export default example({
  id: 'A11',
  title: 'universal approximation of a 1-D function',
  async run({ device, pick, claim, print, progress, picture }) {
    const widths = pick({ full: [1, 2, 4, 8, 16, 32, 64], fast: [1, 4, 16], slice: [1, 4] });
    const epochs = pick({ full: 5000, fast: 1500, slice: 5 });
    const points = linspace(-5, 5, GRID + 1);
    const x = device.tensor(points, [1, GRID + 1, 1]).div(5);
    const y = device.tensor(points.map(f), [1, GRID + 1, 1]);
    // Between the points that it was trained on.
    const between = linspace(-5, 5, 8 * GRID + 1);
    const fine = device.tensor(between, [1, between.length, 1]).div(5);
    const target = device.tensor(between.map(f), [1, between.length, 1]);

    const bar = progress('steps', epochs * widths.length);
    const errors: number[] = [];
    const curves: number[][] = [];
    for (const [i, width] of widths.entries()) {
      // Training may end in a poor valley: the best of some starts.
      const model = new nn.Sequential(
        new Linears(RESTARTS, 1, width),
        new nn.Tanh(),
        new Linears(RESTARTS, width, 1),
      ).to(device);
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
      const step = device.compile(() => {
        model
          .forward(x)
          .sub(y)
          .square()
          .mean({ axes: [1, 2] })
          .sum()
          .backward();
        optimizer.step();
      });
      for (let epoch = 1; epoch <= epochs; epoch++) {
        optimizer.lr = 0.02 * (1 - (epoch - 1) / epochs);
        await step();
        bar.update(epochs * i + epoch, `${width} units`);
      }
      const sup = await model
        .forward(fine)
        .sub(target)
        .abs()
        .max({ axes: [1, 2] })
        .data();
      errors.push(Math.min(...sup));
      curves.push(
        Array.from(
          await model
            .forward(fine)
            .select(0, sup.indexOf(errors.at(-1)!))
            .data(),
        ),
      );
      print(`${width} hidden units: sup |f - g| = ${errors.at(-1)!.toFixed(4)}`);
    }
    bar.stop();

    const few = widths
      .map((width, i) => ({
        x: between,
        y: curves[i]!,
        name: width === 1 ? '1 hidden unit' : `${width} hidden units`,
      }))
      .slice(0, 3);
    await picture(
      'functions',
      line(
        [{ x: between, y: between.map(f), name: 'f', colour: '#222222', style: 'dotted' as const }, ...few],
        {
          title: 'f(x) = sin x · exp(-x² / 20) and nets of one hidden layer',
          x: { label: 'x' },
        },
      ),
    );
    await picture(
      'sup-error',
      line(
        { x: widths, y: errors, points: true },
        {
          title: 'sup |f - g| by width',
          x: { label: 'hidden units', scale: 'log' },
          y: { label: 'sup |f - g| on [-5, 5]', scale: 'log' },
        },
      ),
    );
    claim({
      told: 'the sup error falls with the width',
      reached: widths.map((width, i) => `${width}: ${errors[i]!.toPrecision(2)}`).join(', '),
      // From some width on training, not the width, sets the error: among the widest it may rise a little.
      holds:
        errors.every((error, i) => i === 0 || error < errors[i - 1]! || error < 0.02) &&
        errors.at(-1)! < 0.1 * errors[0]!,
      from: 'fast',
    });
    const epsilon = pick({ full: 0.02, fast: 0.05 });
    claim({
      told: `for ε = ${epsilon} there is a width with sup |f - g| < ε`,
      reached: errors.at(-1)!.toFixed(4),
      holds: Math.min(...errors) < epsilon,
      from: 'fast',
    });
  },
});
