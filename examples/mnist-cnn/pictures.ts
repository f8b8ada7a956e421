import { LineChart } from 'echarts/charts';
import { GraphicComponent, GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { encode } from 'fast-png';

use([LineChart, GraphicComponent, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const FONT = 'Helvetica, Arial, sans-serif';
const TEXT = '#333333';
const MARGIN = 24;
const TITLE_HEIGHT = 56;

type Rgb = readonly [number, number, number];

/** Draws a chart without a browser; sizes in pixels. */
function render(width: number, height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    const fixed = {
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: FONT, color: TEXT },
    };
    chart.setOption({ ...fixed, ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

const title = (text: string, subtext: string) => ({
  text,
  subtext,
  left: MARGIN,
  top: 12,
  itemGap: 4,
  textStyle: { fontFamily: FONT, fontSize: 16, color: TEXT },
  subtextStyle: { fontFamily: FONT, fontSize: 12, color: '#666666' },
});

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

const axisStyle = (name: string, gap: number) => ({
  name,
  nameLocation: 'middle',
  nameGap: gap,
  nameTextStyle: { fontFamily: FONT, fontSize: 13, color: TEXT },
  axisLabel: { fontFamily: FONT, color: TEXT },
});

/**
 * The training loss of every step, faint, under its moving average, and the test accuracy (0 to 1) on an
 * axis of its own.
 * @returns an SVG
 */
export function lossCurve(
  losses: readonly number[],
  testAccuracy: readonly { readonly step: number; readonly value: number }[],
): string {
  const half = Math.min(25, Math.ceil(losses.length / 40));
  const percent = testAccuracy.map(({ step, value }) => [step, 100 * value]);
  const last = percent.at(-1)?.[1];
  const subtext =
    last === undefined
      ? `${losses.length} steps`
      : `${losses.length} steps, test accuracy ${last.toFixed(2)} %`;
  const line = (name: string, values: readonly number[], width: number, opacity: number) => ({
    name,
    type: 'line',
    data: values.map((value, i) => [i + 1, value]),
    symbol: 'none',
    silent: true,
    lineStyle: { width, opacity },
    itemStyle: { color: '#1f77b4', opacity },
  });
  return render(860, 460, {
    title: title('Training loss and test accuracy', subtext),
    legend: { right: 70, top: 20, itemGap: 28, textStyle: { fontFamily: FONT, color: TEXT } },
    grid: { left: 76, right: 84, top: 84, bottom: 62 },
    xAxis: {
      type: 'value',
      min: 0,
      max: Math.max(1, losses.length),
      ...axisStyle('step', 34),
      splitLine: { show: false },
    },
    yAxis: [
      { type: 'value', min: 0, ...axisStyle('loss (cross-entropy)', 48) },
      {
        type: 'value',
        max: 100,
        min: Math.max(0, Math.floor(Math.min(99, ...percent.map(([, value]) => value! - 0.5)))),
        ...axisStyle('test accuracy (%)', 52),
        nameRotate: -90,
        splitLine: { show: false },
      },
    ],
    series: [
      line('loss, each step', losses, 1, 0.25),
      line('loss, moving average', smooth(losses, half), 2, 1),
      {
        name: 'test accuracy',
        type: 'line',
        yAxisIndex: 1,
        data: percent,
        symbol: 'circle',
        symbolSize: 8,
        lineStyle: { width: 2 },
        itemStyle: { color: '#d95f02' },
      },
    ],
  });
}

/** A PNG as a data URI: every element becomes a square of `scale` pixels. */
function tile(height: number, width: number, scale: number, colour: (index: number) => Rgb): string {
  const data = new Uint8Array(height * width * scale * scale * 3);
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const index = Math.floor(y / scale) * width + Math.floor(x / scale);
      data.set(colour(index), (y * width * scale + x) * 3);
    }
  }
  const png = encode({ width: width * scale, height: height * scale, data, channels: 3, depth: 8 });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

interface Tile {
  readonly image: string;
  readonly caption: string;
}

interface Layout {
  readonly columns: number;
  /** Size of a tile's image in pixels. */
  readonly width: number;
  readonly height: number;
  /** Width of a column, with room for the caption. */
  readonly step: number;
}

const CAPTION_HEIGHT = 34;

const sizeOfGrid = (count: number, { columns, height, step }: Layout) => ({
  width: 2 * MARGIN + columns * step,
  height: TITLE_HEIGHT + MARGIN + Math.ceil(count / columns) * (height + CAPTION_HEIGHT),
});

const text = (content: string, x: number, y: number, align: 'left' | 'center' | 'right') => ({
  type: 'text',
  silent: true,
  style: { text: content, x, y, align, verticalAlign: 'top', font: `12px ${FONT}`, fill: TEXT },
});

/** Images in rows under the title, each with its caption below, in the middle of its column. */
function grid(tiles: readonly Tile[], { columns, width, height, step }: Layout): object[] {
  return tiles.flatMap(({ image, caption }, i) => {
    const left = MARGIN + (i % columns) * step;
    const x = left + (step - width) / 2;
    const y = TITLE_HEIGHT + 12 + Math.floor(i / columns) * (height + CAPTION_HEIGHT);
    return [
      { type: 'image', silent: true, style: { image, x, y, width, height } },
      {
        type: 'rect',
        silent: true,
        shape: { x, y, width, height },
        style: { fill: 'none', stroke: '#bbbbbb' },
      },
      text(caption, left + step / 2, y + height + 6, 'center'),
    ];
  });
}

export interface Mistake {
  /** 28 x 28 values in any range; the largest is drawn white. */
  readonly pixels: Uint8Array | Float32Array;
  readonly label: number;
  readonly guess: number;
  /** The guess's probability, 0 to 1. */
  readonly probability: number;
}

/** Test images that were taken for another digit, each with its label and the guess. @returns an SVG */
export function misclassified(items: readonly Mistake[]): string {
  const tiles = items.map(({ pixels, label, guess, probability }) => {
    if (pixels.length !== 28 * 28)
      throw new RangeError(`misclassified: an image has ${pixels.length} pixels, not 28 x 28`);
    const low = Math.min(...pixels);
    const high = Math.max(...pixels);
    const image = tile(28, 28, 4, (i) => {
      const grey = Math.round((255 * (pixels[i]! - low)) / (high - low || 1));
      return [grey, grey, grey];
    });
    return { image, caption: `label ${label}, guess ${guess} (${Math.round(100 * probability)} %)` };
  });
  const layout = { columns: Math.max(3, Math.min(6, tiles.length)), width: 112, height: 112, step: 160 };
  const { width, height } = sizeOfGrid(tiles.length, layout);
  const subtext = tiles.length === 0 ? 'none' : 'the true label, and the guess with its probability';
  return render(width, height, {
    title: title('Misclassified test images', subtext),
    graphic: grid(tiles, layout),
  });
}

/** Ends and middle of ColorBrewer's RdBu: below zero, zero, above zero. */
const BLUE: Rgb = [33, 102, 172];
const WHITE: Rgb = [247, 247, 247];
const RED: Rgb = [178, 24, 43];

/** The colour of `value` in [-1, 1]. */
function diverging(value: number): Rgb {
  const end = value < 0 ? BLUE : RED;
  const mix = (c: 0 | 1 | 2) => Math.round(WHITE[c] + (end[c] - WHITE[c]) * Math.min(1, Math.abs(value)));
  return [mix(0), mix(1), mix(2)];
}

/** A bar of all colours with its ends and middle named. */
function colourBar(x: number, y: number, width: number, limit: number): object[] {
  const height = 12;
  const image = tile(height, width, 1, (i) => diverging((2 * (i % width)) / (width - 1) - 1));
  const label = limit.toPrecision(2);
  return [
    { type: 'image', silent: true, style: { image, x, y, width, height } },
    {
      type: 'rect',
      silent: true,
      shape: { x, y, width, height },
      style: { fill: 'none', stroke: '#bbbbbb' },
    },
    text(`-${label}`, x, y + 17, 'center'),
    text('0', x + width / 2, y + 17, 'center'),
    text(`+${label}`, x + width, y + 17, 'center'),
  ];
}

/**
 * The filters of a convolution, weights [o, c, kh, kw], one tile per output and input channel; colours
 * diverge from white at zero and are the same in all tiles.
 * @returns an SVG
 */
export function filters(weights: Float32Array, shape: readonly [number, number, number, number]): string {
  const [outputs, inputs, rows, columns] = shape;
  const size = rows * columns;
  if (weights.length !== outputs * inputs * size) {
    throw new RangeError(`filters: ${weights.length} weights don't fill the shape [${shape.join(',')}]`);
  }
  const limit = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const scale = Math.max(1, Math.floor(80 / Math.max(rows, columns)));
  const tiles = Array.from({ length: outputs * inputs }, (_, i) => ({
    image: tile(rows, columns, scale, (k) => diverging(weights[i * size + k]! / (limit || 1))),
    caption: inputs === 1 ? `${i}` : `${Math.floor(i / inputs)}, input ${i % inputs}`,
  }));
  const most = inputs <= 8 ? inputs * Math.floor(8 / inputs) : 8;
  const layout = {
    columns: Math.min(most, tiles.length),
    width: columns * scale,
    height: rows * scale,
    step: columns * scale + 24,
  };
  const { width, height } = sizeOfGrid(tiles.length, layout);
  const full = Math.max(width, 580);
  return render(full, height, {
    title: title('Filters of the first convolution', `${outputs} filters of ${rows} x ${columns}`),
    graphic: [...grid(tiles, layout), ...colourBar(full - MARGIN - 180, 22, 160, limit)],
  });
}
