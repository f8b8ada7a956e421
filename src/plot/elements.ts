import { FAINT_INK, FONT, INK, TEXT_SIZE } from './style.js';

/** An element of echarts' graphic component, or a series. */
export type Element = Readonly<Record<string, unknown>>;

export interface TextStyle {
  readonly align?: 'left' | 'center' | 'right';
  readonly size?: number;
  readonly bold?: boolean;
  readonly fill?: string;
  /** A quarter turn against the clock. */
  readonly turned?: boolean;
  /** A white rim, for text that may lie on data. */
  readonly rim?: boolean;
}

/** A line of text whose middle is at the height `y`. */
export function text(content: string, x: number, y: number, style: TextStyle = {}): Element {
  const { align = 'left', size = TEXT_SIZE, bold = false, fill = INK, turned = false, rim = false } = style;
  const place = turned ? { x, y, rotation: Math.PI / 2 } : {};
  return {
    type: 'text',
    silent: true,
    z: 20,
    ...place,
    style: {
      text: content,
      ...(turned ? { x: 0, y: 0 } : { x, y }),
      align,
      verticalAlign: 'middle',
      lineHeight: size,
      fontFamily: FONT,
      fontSize: size,
      fontWeight: bold ? 'bold' : 'normal',
      fill,
      ...(rim ? { stroke: '#ffffff', lineWidth: 3 } : {}),
    },
  };
}

export const faint = (content: string, x: number, y: number, style: TextStyle = {}): Element =>
  text(content, x, y, { fill: FAINT_INK, ...style });

export const image = (uri: string, x: number, y: number, width: number, height: number, z = -1): Element => ({
  type: 'image',
  silent: true,
  z,
  style: { image: uri, x, y, width, height },
});

export const box = (
  x: number,
  y: number,
  width: number,
  height: number,
  style: Element,
  z = 10,
): Element => ({
  type: 'rect',
  silent: true,
  z,
  shape: { x, y, width, height },
  style: { fill: 'none', ...style },
});

export const polyline = (
  points: readonly (readonly [number, number])[],
  style: Element,
  z = 10,
): Element => ({
  type: 'polyline',
  silent: true,
  z,
  shape: { points },
  style: { fill: 'none', lineJoin: 'round', lineCap: 'round', ...style },
});
