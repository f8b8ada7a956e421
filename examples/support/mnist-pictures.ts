import { imageGrid, learningCurves, type Picture } from 'weft/plot';
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

/** Loss and accuracy against the epochs, for training and, where there is one, for the test. */
export function curves(history: History, subtitle?: string): Picture {
  const { trainLoss, testLoss, trainAccuracy, testAccuracy } = history;
  const last = testAccuracy.at(-1);
  const tested = last !== undefined;
  const options = {
    title: tested ? `Final test accuracy: ${(100 * last).toFixed(2)} %` : 'Loss and accuracy',
    loss: { min: 0 },
  };
  return learningCurves(
    {
      loss: { training: trainLoss, ...(tested ? { test: testLoss } : {}) },
      accuracy: { training: trainAccuracy, ...(tested ? { test: testAccuracy } : {}) },
    },
    subtitle === undefined ? options : { ...options, subtitle },
  );
}
