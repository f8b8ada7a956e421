import type * as plotting from 'weft/plot';

type Plot = typeof plotting;

/** One picture of each kind from plain formulas, the same in Node and in a page. */
export function somePictures(plot: Plot): Record<string, plotting.Picture> {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const wave = range(60).map((i) => Math.sin(i / 5) + 2);
  const points = {
    x: range(90).map((i) => (i % 3) + Math.sin(i * 7) / 2),
    y: range(90).map((i) => ((i * 2) % 3) + Math.cos(i * 5) / 2),
    labels: range(90).map((i) => i % 3),
    classes: ['a', 'b & c', '<d>'],
  };
  const nodes = plot.mesh({ x: [-1, 1], y: [-1, 1], columns: 20, rows: 20 });
  const bowl = {
    data: range(400).map((i) => nodes.data[2 * i]! ** 2 + nodes.data[2 * i + 1]! ** 2),
    shape: [20, 20],
  };
  const p = { data: range(400).map((i) => 1 / (1 + Math.exp(-5 * nodes.data[2 * i]!))), shape: [20, 20] };
  const normal = (e: number) => range(500).map((i) => Math.sin(i * 12.9898) * (1 + e / 4));
  const noise = range(2 * 3 * 16).map((i) => Math.sin(i * 3));
  return {
    line: plot.line(
      [
        { y: wave, name: 'train' },
        { y: wave.map((v) => v / 2), name: 'test', style: 'dashed', spread: wave.map(() => 0.1) },
      ],
      { title: 'Curves', y: { scale: 'log', label: 'loss' } },
    ),
    learningCurves: plot.learningCurves(
      { loss: { train: wave }, accuracy: { train: wave.map((v) => v / 4) } },
      { title: 'Learning', best: 20 },
    ),
    scatter: plot.scatter(points, { title: 'Points', equal: true }),
    histogram: plot.histogram([
      { values: normal(0), name: 'a' },
      { values: normal(4), name: 'b' },
    ]),
    epochs: plot.histogramsOverEpochs(range(6).map(normal), { bins: 20 }),
    epochsImage: plot.histogramsOverEpochs(range(6).map(normal), { bins: 20, as: 'image' }),
    confusionMatrix: plot.confusionMatrix(
      [
        [5, 1],
        [0, 7],
      ],
      { classes: ['cat', 'dog'] },
    ),
    imageGrid: plot.imageGrid({ data: noise, shape: [2, 3, 4, 4] }, { captions: ['one', 'two'] }),
    filters: plot.filters({ data: noise, shape: [6, 1, 4, 4] }),
    featureMaps: plot.featureMaps({ data: noise.map(Math.abs), shape: [6, 4, 4] }),
    heatMap: plot.heatMap(
      [
        [1, 2],
        [3, Number.NaN],
      ],
      { x: { names: ['u', 'v'] } },
    ),
    decisionRegions: plot.decisionRegions(
      { x: [-1, 1], y: [-1, 1], probabilities: p },
      { names: ['no', 'yes'] },
    ),
    contour: plot.contour(bowl, {
      x: [-1, 1],
      y: [-1, 1],
      paths: [{ x: [0.9, 0.5, 0], y: [0.8, 0.4, 0], name: 'descent' }],
    }),
    descent: plot.descent(
      { x: range(21).map((i) => i / 10 - 1), y: range(21).map((i) => (i / 10 - 1) ** 2) },
      [{ x: [0.9, 0.4, 0.1], y: [0.81, 0.16, 0.01] }],
    ),
    bars: plot.bars(
      ['u', 'v'],
      [
        { values: [1, 2], spread: [0.1, 0.2], name: 'one' },
        { values: [2, 1], name: 'two' },
      ],
    ),
  };
}
