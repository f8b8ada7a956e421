export { type BarSeries, type BarsOptions, bars } from './bars.js';
export { type ConfusionOptions, confusionMatrix, type Predictions } from './confusion.js';
export { type ContourOptions, contour } from './contour.js';
export { type DescentOptions, descent } from './descent.js';
export { type CountedHistograms, type EpochsOptions, histogramsOverEpochs } from './epochs.js';
export type { FrameOptions } from './frame.js';
export { type CellAxis, type HeatMapOptions, heatMap } from './heat-map.js';
export {
  type BinOptions,
  type Bins,
  type HistogramOptions,
  type HistogramSeries,
  histogram,
  histogramBins,
} from './histogram.js';
export {
  featureMaps,
  filters,
  type ImageGridOptions,
  imageGrid,
  type MapsOptions,
} from './images.js';
export { type LearningData, type LearningOptions, learningCurves, type NamedCurves } from './learning.js';
export { type Guide, type LineOptions, type LineSeries, line } from './line.js';
export { type PanelsOptions, panels } from './panels.js';
export type { DescentPath } from './path.js';
export type { Picture, PngOptions } from './picture.js';
export type { Points } from './points.js';
export {
  decisionRegions,
  type MeshOptions,
  mesh,
  type Regions,
  type RegionsOptions,
} from './regions.js';
export type { AxisOptions } from './scale.js';
export { type ScatterOptions, scatter } from './scatter.js';
export type { ColourMap } from './style.js';
export type { TilesOptions } from './tiles.js';
export type { Grid, Numbers, Table } from './values.js';
