import { imageGrid, line, type Picture } from 'weft/plot';
import type { Run } from './example.js';
import type { Split } from './mnist.js';
import type { History } from './mnist-net.js';

/** Images of a set with a line below each, white on black as they are. */
export const digits = (
  { images }: Split,
  chosen: readonly number[],
  options: { readonly title: string; readonly captions: readonly string[]; readonly columns?: number },
): Picture =>
  imageGrid(
    chosen.map((i) => ({ data: images.data.subarray(784 * i, 784 * i + 784), shape: [28, 28] })),
    options,
  );

/** Percent, for axes. */
const percents = (parts: readonly number[]): number[] => parts.map((part) => 100 * part);

/** Saves loss and accuracy against the epochs, for training and, where there is one, for the test. */
export async function drawHistory(run: Run, history: History, subtitle?: string): Promise<void> {
  const tested = history.testLoss.length > 0;
  const curves = (train: readonly number[], test: readonly number[]) => [
    { y: train, name: 'training' },
    ...(tested ? [{ y: test, name: 'test' }] : []),
  ];
  const x = { label: 'epoch' };
  const under = subtitle === undefined ? {} : { subtitle };
  await run.picture(
    'loss',
    line(curves(history.trainLoss, history.testLoss), {
      ...under,
      title: 'Loss',
      x,
      y: { label: 'mean loss', min: 0 },
    }),
  );
  const last = history.testAccuracy.at(-1);
  const final = last === undefined ? '' : `: ${(100 * last).toFixed(2)} % of the test in the end`;
  await run.picture(
    'accuracy',
    line(curves(percents(history.trainAccuracy), percents(history.testAccuracy)), {
      ...under,
      title: `Accuracy${final}`,
      x,
      y: { label: 'accuracy (%)', max: 100 },
    }),
  );
}
