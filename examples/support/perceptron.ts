import { type Device, functional as F, type Tensor } from 'weft';

/** Points [n, d] with the constant 1 of the bias added to each, [n, d + 1]. */
export const withOne = (points: Tensor): Tensor =>
  F.concat([points, points.device.ones([points.shape[0]!, 1])], { axis: 1 });

/** The step of a perceptron: 1 where the score is at least 0, also at 0, else 0. */
export const stepOf = (score: Tensor): Tensor => F.heaviside(score, 1);

/**
 * The perceptron trick: a misclassified point (x, 1) is added to the line, times the rate, where it should be positive, and
 * subtracted where not; any other leaves the line as it is.
 *
 * @param line (w1, .., wd, b), [d + 1]. @param point [1, d + 1], the last is 1. @param label [1], 0 or 1.
 */
export function perceptronTrick(line: Tensor, point: Tensor, label: Tensor, rate: number): Tensor {
  const wrong = label.sub(stepOf(point.mul(line).sum({ axes: 1 })));
  return line.add(point.squeeze(0).mul(wrong).mul(rate));
}

export interface PerceptronRun {
  /** In each pass, the points that changed the line. */
  readonly errors: readonly number[];
  /** The line at first and after each change. */
  readonly lines: readonly (readonly number[])[];
}

export interface PerceptronOptions {
  readonly rate: number;
  /** Stops after so many passes, sooner where one had no errors. */
  readonly passes: number;
}

/** The perceptron algorithm, point by point; `line` is changed. @param points rows. @param labels 0 or 1 for each. */
export async function trainPerceptron(
  device: Device,
  line: Tensor,
  points: readonly (readonly number[])[],
  labels: readonly number[],
  { rate, passes }: PerceptronOptions,
): Promise<PerceptronRun> {
  const step = device.compile((point: Tensor, label: Tensor) => {
    const next = perceptronTrick(line, point, label, rate);
    const changed = next.sub(line).abs().sum();
    line.assign(next);
    return changed;
  });
  const samples = points.map((point, i) => ({
    point: device.tensor([...point, 1], [1, point.length + 1]),
    label: device.tensor([labels[i]!]),
  }));
  const errors: number[] = [];
  const lines = [Array.from(await line.data())];
  for (let pass = 0; pass < passes && errors.at(-1) !== 0; pass++) {
    const before = lines.length;
    for (const { point, label } of samples) {
      if ((await (await step(point, label)).item()) > 0) lines.push(Array.from(await line.data()));
    }
    errors.push(lines.length - before);
  }
  step.dispose();
  return { errors, lines };
}
