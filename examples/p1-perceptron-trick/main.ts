/** A line that separates two classes: its scores, the perceptron trick that moves it, and the algorithm that finds it. */
import { type Device, functional as F, Generator, type Tensor } from 'weft';
import { type LineSeries, scatter } from 'weft/plot';
import { example } from '../support/example.js';
import { perceptronTrick, stepOf, trainPerceptron, withOne } from '../support/perceptron.js';
import { claimEqual, claimExact, claimNumbers, inDouble } from '../support/worked.js';

/** 2 test + 1 grades - 18. */
const ADMISSION = [2, 1, -18];
const STUDENTS = [9, 8, 3, 4, 7, 6, 9, 1];
/** 3 x1 + 4 x2 - 10. */
const LINE = [3, 4, -10];
const RATE = 0.1;

async function admissions(device: Device) {
  const x = device.tensor(STUDENTS, [4, 2]);
  const outside = F.linear(x, device.tensor([2, 1], [1, 2]), device.tensor([-18])).flatten();
  const inside = F.linear(withOne(x), device.tensor(ADMISSION, [1, 3])).flatten();
  const all = [outside, inside, stepOf(inside), stepOf(device.tensor([0, 1e-6, -1e-6])), F.sigmoid(inside)];
  return Promise.all(all.map(async (tensor) => Array.from(await tensor.data())));
}

/** Three points of label 1, three of label 0, and a line that has two of them wrong. */
const SIX = [
  [1, 5],
  [2, 3],
  [4, 6],
  [3, 1],
  [5, 2],
  [6, 4],
];
const SIX_LABELS = [1, 1, 1, 0, 0, 0];
const SIX_LINE = [-3, 1, 2];

/** How many of the points a line has wrong. */
const errorsOf = (line: Tensor, points: Tensor, labels: Tensor): Tensor =>
  stepOf(points.matmul(line)).sub(labels).abs().sum();

/** What the trick does to LINE: the new line, and the point's score and distance before and after. */
async function trick(device: Device, [x1, x2, label]: readonly number[], rate: number, times = 1) {
  const point = device.tensor([x1!, x2!, 1], [1, 3]);
  const score = (line: Tensor) => point.mul(line).sum();
  const distance = (line: Tensor) =>
    score(line)
      .abs()
      .div(F.norm(line.narrow(0, 0, 2)));
  const before = device.tensor(LINE);
  let line = before;
  for (let i = 0; i < times; i++) line = perceptronTrick(line, point, device.tensor([label!]), rate);
  const numbers = [score(before), score(line), distance(before), distance(line)];
  return {
    line: Array.from(await line.data()),
    numbers: await Promise.all(numbers.map((tensor) => tensor.item())),
  };
}

/** Exams and grades, 0 to 10, that the admission's line separates with some space between. */
function students(count: number, seed: number) {
  const generator = new Generator(seed);
  const points: number[][] = [];
  while (points.length < count) {
    const [test, grades] = [generator.uniform(0, 10), generator.uniform(0, 10)];
    if (Math.abs(2 * test + grades - 18) > 1) points.push([test / 10, grades / 10]);
  }
  return { points, labels: points.map(([test, grades]) => Number(20 * test! + 10 * grades! >= 18)) };
}

/** Where w1 x + w2 y + b is 0, from x = low to x = high. */
const boundary = ([w1, w2, b]: readonly number[], low: number, high: number): LineSeries => ({
  x: [low, high],
  y: [low, high].map((x) => -(w1! * x + b!) / w2!),
});

export default example({
  id: 'P1',
  title: 'linear boundary and the perceptron trick',
  async run(run) {
    const { device, claim, print, seed, picture } = run;
    const [outside, inside, accepted, steps] = await admissions(device);
    const scored = '2 test + grades - 18 of (9,8), (3,4), (7,6), (9,1)';
    claimExact(run, scored, inside!, [8, -8, 2, 1]);
    claimExact(run, 'the same with the bias in the node', outside!, inside!);
    claimExact(run, 'accepted: students 1, 3 and, unwanted, 4', accepted!, [1, 0, 1, 1]);
    claimExact(run, 'step of 0, of more, of less', steps!, [1, 1, 0]);
    const [, , , , sigmoids] = await inDouble(admissions);
    const probabilities = [
      '.9996646498695336',
      '.0003353501304664781',
      '.8807970779778823',
      '.7310585786300049',
    ];
    const written = (told: string, texts: readonly string[], values: readonly number[], slack = 0) =>
      claimNumbers(
        run,
        told,
        texts.map((text, i) => [text, values[i]!]),
        slack,
      );
    // Some roundings of numbers up to 1 in double precision.
    written('sigmoids of the scores', probabilities, sigmoids!, 4 * 2 ** -53);

    const numbers = await inDouble(async (on) => ({
      whole: await trick(on, [4, 5, 0], 1),
      red: await trick(on, [4, 5, 0], RATE),
      blue: await trick(on, [1, 1, 1], RATE),
      six: await trick(on, [4, 5, 0], RATE, 6),
    }));
    written('(3, 4, -10) without (4, 5, 1)', ['-1', '-1', '-11'], numbers.whole.line);
    written('the same at rate .1', ['2.6', '3.5', '-10.1'], numbers.red.line);
    written('(3, 4, -10) with (1, 1, 1) at rate .1', ['3.1', '4.1', '-9.9'], numbers.blue.line);
    const of = 'score before and after, distance before and after';
    // Distances are quotients of sums up to 22, in double precision.
    written(`(4, 5): ${of}`, ['22', '17.8', '4.4', '4.082525855311217'], numbers.red.numbers, 2e-15);
    written(`(1, 1): ${of}`, ['-3', '-2.7', '.6', '.5252878523076501'], numbers.blue.numbers, 2e-15);
    written('(4, 5) without a rate: score', ['-20'], [numbers.whole.numbers[1]!]);
    written(
      '(4, 5) six times: line, score',
      ['.6', '1.0', '-10.6', '-3.2'],
      [...numbers.six.line, numbers.six.numbers[1]!],
    );
    // A weight is a product and a sum of numbers up to 11.
    const here = (await trick(device, [4, 5, 0], RATE)).line;
    claimEqual(run, 'in f32 the same line', here, numbers.red.line, 2 * 11 * 2 ** -24);

    const six = withOne(device.tensor(SIX.flat(), [6, 2]));
    const sixLabels = device.tensor(SIX_LABELS);
    const sixLine = device.tensor(SIX_LINE);
    const { lines } = await trainPerceptron(device, sixLine, SIX, SIX_LABELS, { rate: RATE, passes: 10 });
    const counts: number[] = [];
    for (const line of lines) counts.push(await errorsOf(device.tensor(line), six, sixLabels).item());
    claimExact(
      run,
      'six points, three on either side: errors after each move of the line',
      counts,
      [2, 1, 0],
    );
    const moved = [0, 1, 2].flatMap((i) => [-0.01, 0.01].map((by) => SIX_LINE.with(i, SIX_LINE[i]! + by)));
    const still: number[] = [];
    for (const line of moved) still.push(await errorsOf(device.tensor(line), six, sixLabels).item());
    claimExact(run, 'small moves of the first line leave their number as it is', still, [2, 2, 2, 2, 2, 2]);

    const { points, labels } = students(100, seed);
    const line = device.tensor(await device.normal([3]).data());
    const { errors, lines: moves } = await trainPerceptron(device, line, points, labels, {
      rate: RATE,
      passes: 1000,
    });
    print(`errors in each pass: ${errors.join(', ')}`);
    const x = withOne(device.tensor(points.flat(), [100, 2]));
    const wrong = await errorsOf(line, x, device.tensor(labels)).item();
    claim({
      told: 'the algorithm ends without errors, in fewer than 1000 passes, where a line separates the points',
      reached: `${wrong} of 100 wrong after ${errors.length} passes, ${errors[0]} moves in the first`,
      holds: wrong === 0 && errors.at(-1) === 0 && errors[0]! > 0,
    });

    const column = (rows: readonly (readonly number[])[], i: number) => rows.map((row) => row[i]!);
    await picture(
      'trick',
      scatter(
        { x: [4, 1], y: [5, 1], labels: [0, 1], classes: ['(4, 5), label 0', '(1, 1), label 1'] },
        {
          title: 'The perceptron trick at rate .1',
          lines: [
            { ...boundary(LINE, 0, 6), name: '3 x1 + 4 x2 = 10' },
            { ...boundary(numbers.red.line, 0, 6), name: 'without (4, 5)', style: 'dashed' },
            { ...boundary(numbers.blue.line, 0, 6), name: 'with (1, 1)', style: 'dotted' },
          ],
          x: { label: 'x1', min: 0, max: 6 },
          y: { label: 'x2', min: 0, max: 6 },
        },
      ),
    );
    const shown = moves.filter((_, i) => i % Math.ceil(moves.length / 8) === 0);
    await picture(
      'training',
      scatter(
        { x: column(points, 0), y: column(points, 1), labels, classes: ['rejected', 'accepted'] },
        {
          title: 'The line on its way',
          subtitle: `pale: at first and after some of its ${moves.length - 1} moves`,
          lines: [
            ...shown.map((move) => ({ ...boundary(move, 0, 1), faint: true })),
            { ...boundary(moves.at(-1)!, 0, 1), name: 'at the end' },
          ],
          x: { label: 'test / 10', min: 0, max: 1 },
          y: { label: 'grades / 10', min: 0, max: 1 },
        },
      ),
    );
  },
});
