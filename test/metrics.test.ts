import { describe, expect, it } from 'vitest';
import { type HostTensor, train } from '../src/index.js';

const f32 = (values: readonly number[], shape: readonly number[]): HostTensor => ({
  data: Float32Array.from(values),
  shape,
  dtype: 'f32',
});
const i32 = (values: readonly number[], shape: readonly number[] = [values.length]): HostTensor => ({
  data: Int32Array.from(values),
  shape,
  dtype: 'i32',
});
/** Scores whose highest is at each of the classes. */
const scores = (classes: readonly number[], count: number) =>
  f32(
    classes.flatMap((label) => Array.from({ length: count }, (_, k) => (k === label ? 1 : -k / 10))),
    [classes.length, count],
  );

describe('accuracy', () => {
  it('counts over batches of any size, and starts anew', () => {
    const accuracy = new train.Accuracy();
    expect(accuracy.value()).toBeNaN();
    accuracy.update(scores([0, 1, 2], 3), i32([0, 1, 1]));
    accuracy.update(scores([2], 3), i32([2]));
    expect(accuracy.value()).toBe(3 / 4);
    const state = accuracy.stateDict();
    accuracy.reset();
    accuracy.update(scores([2], 3), i32([1]));
    expect(accuracy.value()).toBe(0);
    accuracy.loadStateDict(JSON.parse(JSON.stringify(state)));
    expect(accuracy.value()).toBe(3 / 4);
  });

  it('takes scores with further axes, classes, one number against a threshold, and targets of scores', () => {
    const value = (output: HostTensor, target: HostTensor, options?: train.ClassOptions) => {
      const accuracy = new train.Accuracy(options);
      accuracy.update(output, target);
      return accuracy.value();
    };
    // [batch 1, classes 2, width 3]: classes 1, 0, 1.
    expect(value(f32([0, 5, 0, 1, 4, 1], [1, 2, 3]), i32([1, 0, 0], [1, 3]))).toBe(2 / 3);
    expect(value(i32([3, 1, 2]), i32([3, 2, 2]))).toBe(2 / 3);
    expect(value(f32([0.2, 0.7, 0.5, 0.9], [4, 1]), i32([0, 1, 0, 0]), { threshold: 0.5 })).toBe(3 / 4);
    expect(value(f32([-1, 2], [2]), f32([0, 1], [2, 1]), { threshold: 0 })).toBe(1);
    expect(value(scores([0, 2], 3), scores([1, 2], 3))).toBe(1 / 2);
    expect(value(scores([0, 2, 1], 3), i32([0, -100, 0]), { ignoreIndex: -100 })).toBe(1 / 2);
  });

  it('of the k highest scores', () => {
    // Labels have the first, first (of two equal ones), third (after an equal one) and second score.
    const output = f32([0, 3, 1, 0, 2, 3, 0, 3, 4, 2, 1, 2, 2, 2, 0, 0], [4, 4]);
    const target = i32([1, 1, 3, 1]);
    const value = (k: number) => {
      const metric = new train.TopKAccuracy({ k });
      metric.update(output, target);
      return metric.value();
    };
    expect([1, 2, 3, 4].map(value)).toEqual([1 / 2, 3 / 4, 1, 1]);
    expect(() => value(5)).toThrow('TopKAccuracy: k is 5, there are 4 classes');
    expect(() => new train.TopKAccuracy({ k: 0 })).toThrow(
      'TopKAccuracy: k must be a whole number from 1, got 0',
    );
  });
});

/** Labels and told classes of scikit-learn's own example of average precision, with a class 3 that never comes. */
const labels = [0, 1, 2, 0, 1, 2];
const told = [0, 2, 1, 0, 0, 1];

describe('scores of classes', () => {
  const fed = <M extends train.Metric>(metric: M): M => {
    metric.update(scores(told.slice(0, 4), 4), i32(labels.slice(0, 4)));
    metric.update(scores(told.slice(4), 4), i32(labels.slice(4)));
    return metric;
  };

  it('the confusion matrix has labels as rows', () => {
    const matrix = fed(new train.ConfusionMatrix({ classes: 4 }));
    const value = [
      [2, 0, 0, 0],
      [1, 0, 1, 0],
      [0, 2, 0, 0],
      [0, 0, 0, 0],
    ];
    expect(matrix.value()).toEqual(value);
    const other = new train.ConfusionMatrix({ classes: 4 });
    other.loadStateDict(matrix.stateDict());
    expect(other.value()).toEqual(value);
    matrix.reset();
    expect(
      matrix
        .value()
        .flat()
        .every((count) => count === 0),
    ).toBe(true);
    expect(() => new train.ConfusionMatrix({ classes: 3 }).loadStateDict(other.stateDict())).toThrow(
      'ConfusionMatrix: the state must hold 9 numbers',
    );
  });

  it('accuracy of each class', () => {
    expect(fed(new train.PerClassAccuracy({ classes: 4 })).value()).toEqual([1, 0, 0, Number.NaN]);
  });

  // sklearn.metrics' documentation gives 0.22, 0.33, 0.26 as macro, 0.33 as micro averages.
  it.each([
    ['Precision', [2 / 3, 0, 0, 0], 2 / 9, 1 / 3, 2 / 9],
    ['Recall', [1, 0, 0, 0], 1 / 3, 1 / 3, 1 / 3],
    ['F1', [4 / 5, 0, 0, 0], 4 / 15, 1 / 3, 4 / 15],
  ] as const)('%s', (name, perClass, macro, micro, weighted) => {
    const value = (average?: 'macro' | 'micro' | 'weighted') =>
      fed(new train[name]({ classes: 4, ...(average && { average }) }));
    expect(value().perClass()).toEqual(perClass);
    expect(value().value()).toBeCloseTo(macro, 15);
    expect(value('macro').value()).toBeCloseTo(macro, 15);
    expect(value('micro').value()).toBeCloseTo(micro, 15);
    expect(value('weighted').value()).toBeCloseTo(weighted, 15);
    expect(new train[name]({ classes: 2 }).value()).toBeNaN();
  });

  it('are weighted by how often a class comes, and leave out only what neither came nor was told', () => {
    const value = (average: 'macro' | 'weighted') => {
      const recall = new train.Recall({ classes: 4, average });
      // Class 0: 3 of 3, class 1: 0 of 1; class 2 was told, so it counts as 0; class 3 is left out.
      recall.update(i32([0, 0, 0, 2]), i32([0, 0, 0, 1]));
      return recall.value();
    };
    expect(value('macro')).toBeCloseTo(1 / 3, 15);
    expect(value('weighted')).toBeCloseTo(3 / 4, 15);
  });

  it('of two classes, by a threshold', () => {
    const f1 = new train.F1({ classes: 2, threshold: 0.5 });
    f1.update(f32([0.9, 0.6, 0.1, 0.2], [4]), i32([1, 0, 1, 0]));
    expect(f1.perClass()).toEqual([1 / 2, 1 / 2]);
    expect(() => new train.F1({ classes: 3, threshold: 0.5 })).toThrow(
      'F1: a threshold tells 2 classes apart, not 3',
    );
  });
});

describe('the mean of numbers', () => {
  it('weighs them', () => {
    const mean = new train.Mean();
    expect(mean.value()).toBeNaN();
    mean.update(1, 30);
    mean.update(4, 10);
    expect(mean.value()).toBe(1.75);
    mean.reset();
    mean.update(3);
    expect(mean.value()).toBe(3);
    expect(() => mean.update(1, -1)).toThrow('Mean: weight must be a number of at least 0, got -1');
  });
});

describe('wrong input is refused', () => {
  const accuracy = () => new train.Accuracy();
  it.each<[() => void, string]>([
    [
      () => accuracy().update(scores([0, 1], 3), i32([0, 3])),
      'Accuracy: label 3 of element 1 is outside the 3 classes',
    ],
    [
      () => accuracy().update(scores([0, 1], 3), i32([-1, 0])),
      'Accuracy: label -1 of element 0 is outside the 3 classes',
    ],
    [
      () => accuracy().update(scores([0, 1], 3), i32([0, 1, 2])),
      "Accuracy: targets [3] don't fit outputs [2,3]",
    ],
    [
      () => accuracy().update(f32([0.5], [1]), i32([0])),
      'Accuracy: outputs must be [n, classes, ...], they are [1]; give a threshold for outputs of one number',
    ],
    [
      () => accuracy().update(scores([0], 3), f32([0.5], [1])),
      'Accuracy: label 0.5 of element 0 is no whole number',
    ],
    [
      () => accuracy().update({ ...scores([0], 3), shape: [1, 4] }, i32([0])),
      'Accuracy: output: shape [1,4] needs 4 elements, got 3',
    ],
    [
      () => new train.TopKAccuracy({ k: 2 }).update(scores([0], 3), i32([7])),
      'TopKAccuracy: label 7 of element 0 is outside the 3 classes',
    ],
    [
      () => new train.ConfusionMatrix({ classes: 4 }).update(scores([0], 3), i32([0])),
      'ConfusionMatrix: outputs have 3 classes, the metric 4',
    ],
    [
      () => new train.Precision({ classes: 3 }).update(i32([3]), i32([0])),
      'Precision: told class 3 of element 0 is outside the 3 classes',
    ],
    [
      () => new train.Recall({ classes: 3 }).update(i32([0]), i32([3])),
      'Recall: label 3 of element 0 is outside the 3 classes',
    ],
    [
      () => new train.ConfusionMatrix({ classes: 1 }),
      'ConfusionMatrix: classes must be a whole number from 2, got 1',
    ],
    [
      () => new train.F1({ classes: 2, average: 'mean' as never }),
      "F1: average must be one of macro, micro, weighted, got 'mean'",
    ],
    [() => accuracy().loadStateDict([1]), 'Accuracy: the state must hold 2 numbers, it is [1]'],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});
