import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GraphicComponent, GridComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, CustomChart, LineChart, ScatterChart, GraphicComponent, GridComponent, SVGRenderer]);

/** What browsers call pixels without smoothing between them. */
export const PIXELATED = 'style="image-rendering:pixelated"';

/** FNV-1a, 32 bits: a name for a picture's definitions, so that several pictures in one page don't share them. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** What a chart of `width` x `height` pixels holds as SVG elements, drawn without a page; equal options, equal text. */
export function draw(width: number, height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, ...option });
    const inner = chart
      .renderToSVGString()
      .replace(/^<svg[^>]*>\s*/, '')
      .replace(/<\/svg>\s*$/, '')
      // Styles of the pointer: pictures don't react to it.
      .replace(/<style >.*?<\/style>\s*/s, '')
      .replace(/ class="zr\d+-cls-\d+"| pointer-events="visible"| ecmeta_\w+="[^"]*"/g, '')
      // Boxes around texts, invisible, as large as the machine's fonts make them.
      .replace(/<path (?![^>]*stroke=)[^>]*fill="none"[^>]*><\/path>\s*/g, '')
      // Pixels of small images stay squares, or rectangles, when they are drawn larger.
      .replace(/<image /g, `<image preserveAspectRatio="none" image-rendering="optimizeSpeed" ${PIXELATED} `);
    const names = /\bzr\d+-c(?=\d)/g;
    return inner.replace(names, `c${hashOf(inner.replace(names, 'c'))}-`);
  } finally {
    chart.dispose();
  }
}
