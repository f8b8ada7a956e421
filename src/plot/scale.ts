import { fail } from '../errors.js';
import { formatLog, formatTick, logTicks, multiples, niceStep } from './ticks.js';

export interface AxisOptions {
  /** What is shown along the axis, with its unit. */
  readonly label?: string;
  /** Default `linear`. */
  readonly scale?: 'linear' | 'log';
  /** Ends of the axis; where they are missing the data decide. */
  readonly min?: number;
  readonly max?: number;
}

/** How an axis runs, and what stands along it. Values of a named axis are the indices of its names. */
export interface Scale {
  readonly log: boolean;
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  readonly text: (value: number) => string;
  readonly names?: readonly string[];
  /** Where `value` lies between the ends, 0 to 1. */
  readonly part: (value: number) => number;
}

export interface Fit {
  /**
   * What the ends do where the user gives none: `exact` at the data, `pad` with a twentieth on either side, `nice` at the
   * next tick.
   */
  readonly fit: 'exact' | 'pad' | 'nice';
  /** Whether the axis starts at zero where all data are positive. */
  readonly zero?: boolean;
  /** Whether ticks are whole numbers. */
  readonly whole?: boolean;
}

function checkEnds(where: string, name: string, options: AxisOptions): void {
  for (const end of ['min', 'max'] as const) {
    const value = options[end];
    if (value !== undefined && !Number.isFinite(value))
      fail(where, `${name}.${end} must be a finite number, it is ${value}`);
  }
  const { scale = 'linear', min, max } = options;
  if (scale !== 'linear' && scale !== 'log')
    fail(where, `${name}.scale must be 'linear' or 'log', it is '${String(scale)}'`);
  if (min !== undefined && max !== undefined && min >= max)
    fail(where, `${name}.min is ${min}, which is not below ${name}.max, ${max}`);
  if (scale === 'log' && ((min !== undefined && min <= 0) || (max !== undefined && max <= 0)))
    fail(
      where,
      `${name} is logarithmic, its ends must be above 0; they are ${min ?? 'open'} and ${max ?? 'open'}`,
    );
}

/** A scale for data from `extent`; about `count` ticks. */
export function numeric(
  where: string,
  name: string,
  options: AxisOptions,
  extent: readonly [number, number],
  count: number,
  fit: Fit,
): Scale {
  checkEnds(where, name, options);
  return options.scale === 'log'
    ? logarithmic(where, name, options, extent, count, fit)
    : linear(where, name, options, extent, count, fit);
}

function linear(
  where: string,
  name: string,
  options: AxisOptions,
  extent: readonly [number, number],
  count: number,
  { fit, zero = false, whole = false }: Fit,
): Scale {
  let [low, high] = extent;
  if (zero && low > 0) low = 0;
  if (zero && high < 0) high = 0;
  if (low === high) {
    const room = low === 0 ? 1 : Math.abs(low) / 2;
    [low, high] = zero && low === 0 ? [0, 1] : [low - room, high + room];
  }
  const pad = fit === 'pad' ? 0.05 * (high - low) : 0;
  low = options.min ?? low - pad;
  high = options.max ?? high + pad;
  if (low >= high)
    fail(
      where,
      `${name} would run from ${low} to ${high}: an end that you gave lies beyond the data; give both`,
    );
  const step = niceStep(high - low, count, whole);
  // echarts rounds ticks to 20 digits behind the point.
  if (step < 1e-20)
    fail(
      where,
      `${name} from ${low} to ${high} is too short to be divided; scale the numbers, or use scale: 'log'`,
    );
  if (fit === 'nice') {
    low = options.min ?? step * Math.floor(low / step + 1e-9);
    high = options.max ?? step * Math.ceil(high / step - 1e-9);
  }
  return {
    log: false,
    min: low,
    max: high,
    ticks: multiples(low, high, step),
    text: (value) => formatTick(value, step),
    part: (value) => (value - low) / (high - low),
  };
}

function logarithmic(
  where: string,
  name: string,
  options: AxisOptions,
  extent: readonly [number, number],
  count: number,
  { fit }: Fit,
): Scale {
  let [low, high] = extent;
  if (low <= 0)
    fail(where, `${name} is logarithmic and can't show ${low}; give values above 0, or scale: 'linear'`);
  if (low === high) [low, high] = [low / 10, high * 10];
  const pad = fit === 'pad' ? (high / low) ** 0.05 : 1;
  low = options.min ?? low / pad;
  high = options.max ?? high * pad;
  if (fit === 'nice' && high / low > 30) {
    low = options.min ?? 10 ** Math.floor(Math.log10(low) + 1e-9);
    high = options.max ?? 10 ** Math.ceil(Math.log10(high) - 1e-9);
  } else if (fit === 'nice') {
    low = options.min ?? niceBelow(low);
    high = options.max ?? niceAbove(high);
  }
  if (low >= high)
    fail(
      where,
      `${name} would run from ${low} to ${high}: an end that you gave lies beyond the data; give both`,
    );
  return {
    log: true,
    min: low,
    max: high,
    ticks: logTicks(low, high, count),
    text: formatLog,
    part: (value) => Math.log(value / low) / Math.log(high / low),
  };
}

/** The next of 1, 2, 5 times a power of ten. */
const steps = (value: number) => {
  const power = Math.floor(Math.log10(value));
  return [1, 2, 5, 10, 20].map((m) => Number(`${m}e${power}`));
};
const niceBelow = (value: number) => steps(value / 1.0000001).findLast((one) => one <= value) ?? value;
const niceAbove = (value: number) => steps(value).find((one) => one >= value * (1 - 1e-9)) ?? value;

/** A scale of names in bands of equal width, the first at 0. */
export const named = (names: readonly string[]): Scale => ({
  log: false,
  min: -0.5,
  max: names.length - 0.5,
  ticks: names.map((_, i) => i),
  text: (value) => names[value] ?? '',
  names,
  part: (value) => (value + 0.5) / names.length,
});
