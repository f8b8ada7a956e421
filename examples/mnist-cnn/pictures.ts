import type { HostTensor } from 'weft';
import * as plot from 'weft/plot';

/**
 * The mean over up to `half` steps on either side, fewer at the ends, so that the curve doesn't lag
 * behind.
 */
function smooth(values: readonly number[], half: number): number[] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - half), i + half + 1);
    return window.reduce((sum, value) => sum + value, 0) / window.length;
  });
}

/** The training loss of every step, faint, under its moving average, beside the test accuracy (0 to 1). */
export function lossCurve(
  losses: readonly number[],
  testAccuracy: readonly { readonly step: number; readonly value: number }[],
): plot.Picture {
  const half = Math.min(25, Math.ceil(losses.length / 40));
  const accuracy = testAccuracy.map(({ value }) => value);
  const last = accuracy.at(-1);
  const reached = last === undefined ? '' : `, test accuracy ${(100 * last).toFixed(2)} %`;
  return plot.learningCurves(
    {
      loss: {
        'each step': { y: losses, faint: true },
        'moving average': smooth(losses, half),
      },
      ...(accuracy.length > 0
        ? { accuracy: { test: { x: testAccuracy.map(({ step }) => step), y: accuracy } } }
        : {}),
    },
    {
      title: 'Training loss and test accuracy',
      subtitle: `${losses.length} steps${reached}`,
      x: { label: 'step', min: 0 },
      loss: { label: 'loss (cross-entropy)', min: 0 },
    },
  );
}

export interface Mistake {
  /** 28 x 28 values in any range. */
  readonly pixels: Uint8Array | Float32Array;
  readonly label: number;
  readonly guess: number;
  /** The guess's probability, 0 to 1. */
  readonly probability: number;
}

/** Test images that were taken for another digit, one at least, each with its label and the guess. */
export const misclassified = (items: readonly Mistake[]): plot.Picture =>
  plot.imageGrid(
    items.map(({ pixels }) => ({ data: pixels, shape: [28, 28] })),
    {
      title: 'Misclassified test images',
      subtitle: 'the true label, and the guess with its probability',
      captions: items.map(
        ({ label, guess, probability }) =>
          `label ${label}, guess ${guess} (${Math.round(100 * probability)} %)`,
      ),
    },
  );

/** The filters of the first convolution, weights [o, c, kh, kw]. */
export const firstFilters = (weights: HostTensor): plot.Picture =>
  plot.filters(weights, {
    title: 'Filters of the first convolution',
    subtitle: `${weights.shape[0]} filters of ${weights.shape[2]} x ${weights.shape[3]}`,
  });
