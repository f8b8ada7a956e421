import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { savePicture } from 'weft/node';
import * as plot from 'weft/plot';
import { runPage } from '../scripts/browser.js';
import { somePictures } from './support/pictures.js';
import { imagesOf, parseSvg, pixelsOf, placeOf, pointsOf, textsOf } from './support/svg.js';

const BLUE = '#0072b2';
const ORANGE = '#d55e00';

/** The path of that colour that is `width` wide. */
const curveOf = (svg: string, colour: string, width = '2') =>
  pointsOf(
    parseSvg(svg).find(
      ({ name, attributes }) =>
        name === 'path' && attributes.stroke === colour && attributes['stroke-width'] === width,
    )!,
  );

describe('every kind of picture', () => {
  const pictures = somePictures(plot);

  it.each(Object.keys(pictures))('%s is well-formed, named, finite and the same each time', (kind) => {
    const { width, height, svg } = pictures[kind]!;
    const [root, title] = parseSvg(svg());
    expect(root).toMatchObject({ name: 'svg', attributes: { width: `${width}`, height: `${height}` } });
    expect(title!.name).toBe('title');
    expect(title!.text).not.toBe('');
    expect(svg()).not.toMatch(/NaN(?!<)|Infinity|undefined|class=|<style/);
    expect(somePictures(plot)[kind]!.svg()).toBe(svg());
  });

  it.each(Object.keys(pictures))('%s as PNG has twice the size and is not blank', async (kind) => {
    const picture = pictures[kind]!;
    const { width, height, at } = pixelsOf(await picture.png());
    expect([width, height]).toEqual([2 * picture.width, 2 * picture.height]);
    const colours = new Set<string>();
    for (let y = 0; y < height; y += 2) for (let x = 0; x < width; x += 2) colours.add(at(x, y).join());
    expect(colours.size).toBeGreaterThan(20);
  });

  it.each(Object.keys(pictures))('%s has no text that leaves the picture', (kind) => {
    const { width, height, svg } = pictures[kind]!;
    const texts = parseSvg(svg()).filter(({ name }) => name === 'text');
    // Nested pictures have places of their own.
    if (parseSvg(svg()).filter(({ name }) => name === 'svg').length > 1) return;
    expect(texts.length).toBeGreaterThan(0);
    for (const { attributes, text } of texts) {
      const [x, y] = placeOf(svg(), text);
      // Arial's characters are about half as wide as high, 12 pixels here.
      const wide = 6 * text.replace(/&\w+;/g, '&').length;
      const before = { start: 0, middle: wide / 2, end: wide }[attributes['text-anchor'] as 'start'] ?? 0;
      // Turned text runs upward.
      const turned = attributes.transform?.startsWith('matrix');
      const [start, room] = turned ? [height - y - before, height] : [x - before, width];
      expect(start, text).toBeGreaterThan(-2);
      expect(start + wide, text).toBeLessThan(room + 4);
      expect(y, text).toBeGreaterThan(4);
      expect(y, text).toBeLessThan(height - 4);
    }
  });

  it('is the same in a page, PNG too but for its font', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-plot-page-'));
    try {
      const contents = `
        import * as plot from './dist/plot.js';
        import { somePictures } from './test/support/pictures.js';
        const result = {};
        for (const [kind, picture] of Object.entries(somePictures(plot)))
          result[kind] = { svg: picture.svg(), png: [...(await picture.png({ scale: 1 }))] };
        window.result = result;`;
      await build({
        stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
        bundle: true,
        format: 'esm',
        outfile: join(folder, 'page.js'),
        external: ['node:*'],
        logLevel: 'error',
      });
      await writeFile(join(folder, 'index.html'), '<script type="module" src="page.js"></script>');
      const found = (await runPage(folder, 'index.html', 100_000)) as Record<
        string,
        { svg: string; png: number[] }
      >;
      for (const [kind, picture] of Object.entries(pictures)) {
        expect(found[kind]!.svg).toBe(picture.svg());
        const own = pixelsOf(await picture.png({ scale: 1 }));
        const page = pixelsOf(Uint8Array.from(found[kind]!.png));
        expect([page.width, page.height]).toEqual([own.width, own.height]);
        let apart = 0;
        for (let y = 0; y < own.height; y++)
          for (let x = 0; x < own.width; x++) {
            const other = page.at(x, y);
            if (own.at(x, y).some((value, c) => Math.abs(value - other[c]!) > 96)) apart++;
          }
        // Text and the rims of lines; texts cover a few percent of a picture.
        expect(apart / (own.width * own.height), kind).toBeLessThan(0.03);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('line', () => {
  it('puts numbers where the ticks say', () => {
    const svg = plot
      .line({ x: [0, 20, 100], y: [0, 5, 4] }, { x: { label: 'epoch' }, y: { label: 'loss' } })
      .svg();
    const [left] = placeOf(svg, '20');
    const [right] = placeOf(svg, '100');
    const [, top] = placeOf(svg, '5');
    const [, bottom] = placeOf(svg, '1');
    const y = (value: number) => bottom + ((top - bottom) * (value - 1)) / 4;
    const points = curveOf(svg, BLUE);
    const expected = [
      [left - (right - left) / 4, y(0)],
      [left, y(5)],
      [right, y(4)],
    ];
    // echarts rounds paths to a tenth of a pixel.
    for (const [i, [x, height]] of points.entries()) {
      expect(Math.abs(x - expected[i]![0]!)).toBeLessThan(0.1);
      expect(Math.abs(height - expected[i]![1]!)).toBeLessThan(0.1);
    }
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['epoch', 'loss']));
  });

  it('spaces decades evenly on a logarithmic axis', () => {
    const svg = plot.line({ y: [0.001, 0.1, 10] }, { y: { scale: 'log' } }).svg();
    const ys = ['0.001', '0.01', '0.1', '1', '10'].map((text) => placeOf(svg, text)[1]);
    for (let i = 1; i < 5; i++) expect(ys[i - 1]! - ys[i]!).toBeCloseTo((ys[0]! - ys[4]!) / 4, 1);
    expect(Math.abs(curveOf(svg, BLUE)[1]![1] - ys[2]!)).toBeLessThan(0.1);
  });

  it('shows values that are not finite as gaps, and says so', () => {
    const svg = plot.line({ y: [3, 2, Number.NaN, Number.POSITIVE_INFINITY, 1, 2], name: 'diverged' }).svg();
    const path = parseSvg(svg).find(
      ({ attributes }) => attributes.stroke === BLUE && attributes.d?.includes('L'),
    )!;
    expect(path.attributes.d!.match(/M/g)).toHaveLength(2);
    expect(textsOf(svg)).toContain('diverged: 2 of 6 values are not finite, shown as gaps');
    const log = plot.line({ y: [1, 0, 2] }, { y: { scale: 'log' } }).svg();
    expect(textsOf(log)).toContain('the curve: 1 of 3 values is not above 0, shown as a gap');
  });

  it('gives a faint curve the colour of its average, and each other its own', () => {
    const svg = plot.line([{ y: [1, 2], faint: true }, { y: [1, 3] }, { y: [2, 4] }]).svg();
    expect(curveOf(svg, BLUE)).toHaveLength(2);
    expect(curveOf(svg, ORANGE)).toHaveLength(2);
  });
});

describe('counting', () => {
  it("bins as numpy.histogram: a bin holds its lower edge, the last one's upper edge too", () => {
    const { heights, edges, outside } = plot.histogramBins([0, 1, 1, 2, 4, 9], { bins: 4, range: [0, 4] });
    expect([...edges]).toEqual([0, 1, 2, 3, 4]);
    expect([...heights]).toEqual([1, 2, 1, 1]);
    expect(outside).toBe(1);
    const tenths = Float64Array.from({ length: 11 }, (_, i) => i / 10);
    expect([...plot.histogramBins(tenths, { bins: 10 }).heights]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  });

  it('makes densities of area one', () => {
    const { heights } = plot.histogramBins([1, 2, 2, 5], { bins: 8, range: [0, 8], density: true });
    expect(heights.reduce((sum, height) => sum + height, 0)).toBeCloseTo(1, 12);
  });

  it('confusion: rows are the true classes', () => {
    const data = { labels: [0, 0, 0, 1, 1], predictions: [0, 0, 1, 1, 1] };
    const svg = plot.confusionMatrix(data, { classes: ['no', 'yes'] }).svg();
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['accuracy 80.00 %, 4 of 5 samples', 'true class', 'predicted class']),
    );
    const [, row] = placeOf(svg, '1');
    expect(row).toBeLessThan(placeOf(svg, '0')[1]);
    const wrong = placeOf(svg, '1')[0];
    expect(Math.abs(wrong - placeOf(svg, 'yes')[0])).toBeGreaterThan(0);
    const [cells] = imagesOf(svg);
    expect([cells!.width, cells!.height]).toEqual([2, 2]);
    // Blues from 0 to 100 % of the true class.
    expect(cells!.at(1, 1)).toEqual([8, 48, 107]);
    expect(cells!.at(0, 1)).toEqual([247, 251, 255]);
  });
});

describe('images', () => {
  it('keeps grey values, least black and greatest white', () => {
    const svg = plot.imageGrid({ data: [0, 1, 2, 4], shape: [1, 2, 2] }, { captions: ['a < b'] }).svg();
    const [image] = imagesOf(svg);
    expect(
      [image!.at(0, 0), image!.at(1, 0), image!.at(0, 1), image!.at(1, 1)].map(([grey]) => grey),
    ).toEqual([0, 64, 128, 255]);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['a &lt; b', 'black 0, white 4']));
  });

  it('reads channels first', () => {
    const svg = plot.imageGrid({ data: [1, 0, 0, 1, 0, 0], shape: [1, 3, 1, 2] }, { range: [0, 1] }).svg();
    const [image] = imagesOf(svg);
    expect([image!.at(0, 0), image!.at(1, 0)]).toEqual([
      [255, 0, 0],
      [0, 255, 0],
    ]);
  });

  it('draws filters in colours that are white at zero, alike in all', () => {
    const svg = plot.filters({ data: [-2, 0, 2, 1], shape: [2, 1, 1, 2] }).svg();
    const [first, second] = imagesOf(svg);
    expect(first!.at(1, 0)).toEqual([247, 247, 247]);
    expect(first!.at(0, 0)).toEqual([5, 48, 97]);
    expect(second!.at(0, 0)).toEqual([103, 0, 31]);
  });

  it('a heat map of numbers has row 0 at the bottom, one of names at the top', () => {
    const values = [
      [0, 0],
      [1, 1],
    ];
    const bottom = imagesOf(plot.heatMap(values).svg())[0]!;
    const top = imagesOf(plot.heatMap(values, { y: { names: ['a', 'b'] } }).svg())[0]!;
    const [dark, light] = [
      [68, 1, 84],
      [253, 231, 37],
    ];
    expect([bottom.at(0, 0), bottom.at(0, 1)]).toEqual([light, dark]);
    expect([top.at(0, 0), top.at(0, 1)]).toEqual([dark, light]);
  });
});

describe('surfaces', () => {
  const nodes = plot.mesh({ x: [0, 1], y: [0, 2], columns: 3, rows: 2 });

  it('mesh goes row by row from the lowest y', () => {
    expect(nodes.shape).toEqual([6, 2]);
    expect([...nodes.data]).toEqual([0, 0, 0.5, 0, 1, 0, 0, 2, 0.5, 2, 1, 2]);
  });

  it('regions part where the probability is 1/2', () => {
    // p = x: the line is upright in the middle.
    const probabilities = { data: [0, 0.5, 1, 0, 0.5, 1], shape: [2, 3] };
    const svg = plot.decisionRegions({ x: [0, 1], y: [0, 2], probabilities }, { levels: [0.25, 0.5] }).svg();
    const lines = parseSvg(svg).filter(
      ({ name, attributes }) =>
        name === 'polyline' && attributes['stroke-linejoin'] === 'round' && attributes.stroke === '#2b2b2b',
    );
    const upright = lines
      .map(pointsOf)
      .filter((points) => points[0]![0] === points[1]![0] && Math.abs(points[0]![1] - points[1]![1]) > 100);
    const [quarter, half] = ['0.2', '0.6'].map((text) => placeOf(svg, text)[0]);
    const x = (value: number) => quarter! + ((half! - quarter!) * (value - 0.2)) / 0.4;
    expect(upright.map(([point]) => point![0]).sort((a, b) => a - b)).toEqual([
      expect.closeTo(x(0.25), 0),
      expect.closeTo(x(0.5), 0),
    ]);
  });

  it('a path is drawn over the contours from ring to diamond', () => {
    const values = { data: [0, 1, 2, 0, 1, 2], shape: [2, 3] };
    const svg = plot
      .contour(values, { x: [0, 1], y: [0, 2], paths: [{ x: [1, 0.5], y: [2, 1] }], levels: [1] })
      .svg();
    const way = curveOf(svg, BLUE);
    expect(way).toHaveLength(2);
    const ring = parseSvg(svg).find(
      ({ name, attributes }) => name === 'circle' && attributes.stroke === BLUE,
    )!;
    expect(Math.abs(Number(ring.attributes.cx) - way[0]![0])).toBeLessThan(0.1);
    expect(Math.abs(Number(ring.attributes.cy) - placeOf(svg, '2.0')[1])).toBeLessThan(1);
  });
});

describe('bars', () => {
  it('have whiskers as long as their spread', () => {
    const svg = plot.bars(['a'], { values: [2], spread: [0.5] }, { y: { min: 0, max: 4 } }).svg();
    const unit = placeOf(svg, '1')[1] - placeOf(svg, '2')[1];
    const upright = parseSvg(svg)
      .filter(({ name, attributes }) => name === 'path' && attributes.stroke === '#2b2b2b')
      .map(pointsOf)
      .filter(([from, to]) => from![0] === to![0]);
    expect(upright).toHaveLength(1);
    const [[, low], [, high]] = upright[0]! as [[number, number], [number, number]];
    const two = placeOf(svg, '2')[1];
    expect(Math.abs(low - (two + unit / 2))).toBeLessThan(0.1);
    expect(Math.abs(high - (two - unit / 2))).toBeLessThan(0.1);
  });
});

describe('panels', () => {
  it('lie side by side, whole, with names of their own', () => {
    const one = plot.line({ y: [1, 2] }, { width: 300, height: 200 });
    const two = plot.line({ y: [2, 1] }, { width: 240, height: 260 });
    const { width, height, svg } = plot.panels([one, two, one], { columns: 2 });
    expect([width, height]).toEqual([540, 460]);
    const inner = parseSvg(svg())
      .filter(({ name }) => name === 'svg')
      .slice(1);
    expect(inner.map(({ attributes: { x, y } }) => [x, y])).toEqual([
      ['0', '0'],
      ['300', '0'],
      ['0', '260'],
    ]);
    const names = parseSvg(svg()).flatMap(({ attributes }) => attributes.id ?? []);
    expect(new Set(names).size).toBe(2);
  });
});

describe('savePicture', () => {
  const picture = plot.line({ y: [3, 2, 1], name: 'loss' }, { title: 'Loss', width: 320, height: 200 });

  it('writes SVG or PNG by the ending, and nothing else beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-plot-'));
    try {
      await savePicture(join(folder, 'a.svg'), picture);
      await savePicture(join(folder, 'a.PNG'), picture);
      await savePicture(join(folder, 'b.png'), picture, { scale: 1 });
      expect((await readdir(folder)).sort()).toEqual(['a.PNG', 'a.svg', 'b.png']);
      expect(await readFile(join(folder, 'a.svg'), 'utf8')).toBe(picture.svg());
      expect(decode(await readFile(join(folder, 'a.PNG')))).toMatchObject({ width: 640, height: 400 });
      expect(decode(await readFile(join(folder, 'b.png')))).toMatchObject({ width: 320, height: 200 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses another ending, and a scale that is none', async () => {
    await expect(savePicture('a.jpg', picture)).rejects.toThrow('a.jpg: must end in .svg or .png');
    await expect(picture.png({ scale: 0 })).rejects.toThrow('png: scale must be a number above 0, it is 0');
  });
});
