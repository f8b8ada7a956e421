import { describe, expect, it } from 'vitest';
import { WeftError } from 'weft';
import * as plot from 'weft/plot';

const NAN = Number.NaN;
const box = { x: [0, 1], y: [0, 1] } as const;

const cases: readonly [string, () => unknown, string][] = [
  ['no curve', () => plot.line([]), 'line: series is empty'],
  ['an empty curve', () => plot.line({ y: [] }), 'line: series[0].y is empty'],
  ['x and y apart', () => plot.line({ x: [1, 2], y: [1] }), 'line: series[0].x has 2 values, series[0].y 1'],
  ['x that is NaN', () => plot.line({ x: [NAN], y: [1] }), 'line: series[0].x[0] is NaN'],
  ['nothing finite', () => plot.line({ y: [NAN] }), 'line: no y of any curve is finite'],
  [
    'text among numbers',
    () => plot.line({ y: ['1'] as unknown as number[] }),
    'line: series[0].y[0] must be a number',
  ],
  [
    'no list',
    () => plot.line({ y: 3 as unknown as number[] }),
    'line: series[0].y must be an array of numbers',
  ],
  [
    'an unknown style',
    () => plot.line({ y: [1], style: 'wavy' as 'solid' }),
    "series[0].style must be 'solid'",
  ],
  [
    'a guide of nothing',
    () => plot.line({ y: [1] }, { guides: [{}] }),
    'line: guides[0] must have a finite x',
  ],
  [
    'values that hardly differ from 0',
    () => plot.line({ y: [1e-30, 2e-30] }).svg(),
    "line: y from 1e-30 to 2e-30 is too short to be divided; scale the numbers, or use scale: 'log'",
  ],
  ['ends turned round', () => plot.line({ y: [1, 2] }, { y: { min: 3, max: 1 } }), 'line: y.min is 3'],
  [
    'an end beyond the data',
    () => plot.line({ y: [1, 2] }, { y: { min: 5 } }),
    'line: y would run from 5 to',
  ],
  [
    'a log axis from 0',
    () => plot.line({ y: [1, 2] }, { y: { min: 0, scale: 'log' } }),
    'line: y is logarithmic',
  ],
  [
    'a log axis of x',
    () => plot.line({ x: [0, 1], y: [1, 2] }, { x: { scale: 'log' } }),
    "x is logarithmic and can't show 0",
  ],
  [
    'an unknown scale',
    () => plot.line({ y: [1] }, { x: { scale: 'sqrt' as 'log' } }),
    "x.scale must be 'linear' or 'log'",
  ],
  ['no room', () => plot.line({ y: [1] }, { width: 20 }), 'line: width must be 120 to 10000'],
  [
    'a tensor not full',
    () => plot.line({ y: { data: [1], shape: [2] } }),
    'series[0].y has 1 values, its shape [2] takes 2',
  ],
  ['no learning curve', () => plot.learningCurves({}), 'learningCurves: there is no curve'],
  [
    'accuracy in percent',
    () => plot.learningCurves({ accuracy: { test: [97] } }),
    'accuracy.test[0] is 97; give accuracies from 0 to 1',
  ],
  [
    'labels not as many',
    () => plot.scatter({ x: [1, 2], y: [1, 2], labels: [0] }),
    'scatter: labels has 1 values, x 2',
  ],
  [
    'a class without name',
    () => plot.scatter({ x: [1], y: [1], labels: [2], classes: ['a', 'b'] }),
    'labels[0] is 2; classes are whole numbers from 0 to 1',
  ],
  ['half a class', () => plot.scatter({ x: [1], y: [1], labels: [0.5] }), 'labels[0] is 0.5'],
  [
    'names without labels',
    () => plot.scatter({ x: [1], y: [1], classes: ['a'] }),
    'classes are named but there are no labels',
  ],
  ['NaN in points', () => plot.scatter({ x: [NAN], y: [1] }), 'scatter: x[0] is NaN'],
  [
    'equal log axes',
    () => plot.scatter({ x: [1, 2], y: [1, 2] }, { equal: true, x: { scale: 'log' } }),
    'equal needs two linear axes',
  ],
  ['no values', () => plot.histogram([]), 'histogram: series is empty'],
  ['NaN in values', () => plot.histogram([1, NAN]), 'histogram: values[1] is NaN'],
  ['no bins', () => plot.histogram([1, 2], { bins: 0 }), 'bins must be a whole number of at least 1'],
  ['a range elsewhere', () => plot.histogram([1], { range: [3, 4] }), 'no value lies within range [3, 4]'],
  ['no epochs', () => plot.histogramsOverEpochs([]), 'histogramsOverEpochs: values is empty'],
  [
    'edges not as many',
    () => plot.histogramsOverEpochs({ heights: [[1, 2]], edges: [0, 1] }),
    'edges has 2 values, one more than the bins are 3',
  ],
  [
    'epochs that fall',
    () =>
      plot.histogramsOverEpochs(
        [
          [1, 2],
          [1, 3],
        ],
        { epochs: [2, 1] },
      ),
    'epochs must rise',
  ],
  ['counts not square', () => plot.confusionMatrix([[1, 2]]), 'confusionMatrix: counts is [1,2]'],
  [
    'a count below 0',
    () =>
      plot.confusionMatrix([
        [1, -2],
        [0, 1],
      ]),
    'counts[0][1] is -2',
  ],
  ['counts all 0', () => plot.confusionMatrix([[0]]), 'all counts are 0'],
  [
    'a guess outside',
    () => plot.confusionMatrix({ labels: [0], predictions: [3] }, { classes: ['a', 'b'] }),
    'predictions[0] is 3',
  ],
  ['rows apart', () => plot.heatMap([[1, 2], [3]]), 'heatMap: values[1] has 1 values, values[0] 2'],
  [
    'names not as many',
    () => plot.heatMap([[1, 2]], { x: { names: ['a'] } }),
    'x.names has 1 names, the columns are 2',
  ],
  ['no finite cell', () => plot.heatMap([[NAN]]), 'no value is finite'],
  [
    'unknown colours',
    () => plot.heatMap([[1]], { colours: 'jet' as 'grey' }),
    'colours must be one of viridis',
  ],
  [
    'five channels',
    () => plot.imageGrid({ data: new Float32Array(20), shape: [1, 5, 2, 2] }),
    'images must be [n, h, w], [n, 1, h, w] or [n, 3, h, w]',
  ],
  ['no images', () => plot.imageGrid([]), 'imageGrid: images is empty'],
  [
    'captions not as many',
    () => plot.imageGrid({ data: [1, 2], shape: [2, 1, 1] }, { captions: ['a'] }),
    'captions has 1 texts, there are 2 images',
  ],
  [
    'weights of rank 2',
    () => plot.filters({ data: [1], shape: [1, 1] }),
    'weights must be [out, in, kh, kw], it has the shape [1,1]',
  ],
  [
    'a batch of maps',
    () => plot.featureMaps({ data: [1, 2], shape: [2, 1, 1, 1] }),
    'activations must be [channels, h, w]',
  ],
  ['regions of nothing', () => plot.decisionRegions(box), 'give classes or probabilities, neither is there'],
  [
    'a probability above 1',
    () =>
      plot.decisionRegions({
        ...box,
        probabilities: [
          [0, 2],
          [0, 1],
        ],
      }),
    'probabilities[1] is 2',
  ],
  [
    'a grid of one row',
    () => plot.decisionRegions({ ...box, classes: [[0, 1]] }),
    'at least 2 x 2 nodes, it has 1 x 2',
  ],
  [
    'ends that fall',
    () =>
      plot.decisionRegions({
        x: [1, 0],
        y: [0, 1],
        classes: [
          [0, 1],
          [1, 0],
        ],
      }),
    'x must be two finite numbers, the second greater',
  ],
  [
    'a path apart',
    () =>
      plot.contour(
        [
          [0, 1],
          [1, 2],
        ],
        { ...box, paths: [{ x: [0], y: [0, 1] }] },
      ),
    'paths[0].y has 2 values, paths[0].x 1',
  ],
  [
    'a path from nowhere',
    () => plot.descent({ y: [1, 2] }, [{ x: [NAN], y: [1] }]),
    'paths[0] starts at (NaN, 1)',
  ],
  ['no groups', () => plot.bars([], { values: [] }), 'bars: groups is empty'],
  [
    'bars not as many',
    () => plot.bars(['a', 'b'], { values: [1] }),
    'series[0].values has 1 values, groups 2',
  ],
  [
    'a whisker upside down',
    () => plot.bars(['a'], { values: [1], spread: { low: [2], high: [1] } }),
    'spread.low[0] is 2, above high, 1',
  ],
  ['no panels', () => plot.panels([]), 'panels: pictures is empty'],
  [
    'no columns',
    () => plot.panels([plot.line({ y: [1] })], { columns: 0 }),
    'columns must be a whole number of at least 1',
  ],
  [
    'a mesh of one column',
    () => plot.mesh({ ...box, columns: 1 }),
    'mesh: columns must be a whole number of at least 2',
  ],
];

describe('weft/plot refuses', () => {
  it.each(cases)('%s', (_, make, message) => {
    expect(make).toThrow(WeftError);
    expect(make).toThrow(message);
  });
});
