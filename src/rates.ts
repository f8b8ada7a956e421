import type { Sides } from './backend/woven.js';
import { fail } from './errors.js';
import { measureOverlap, measureSide, measureTransfers } from './measure.js';
import type { Node, Side } from './op.js';
import { bytesOf } from './plan.js';

/** What one side of a woven device reaches. */
export interface SideRates {
  /** Arithmetic of a matrix product, in 1e9 operations a second. */
  readonly gflops: number;
  /** What elementwise ops read and write, in 1e9 bytes a second. */
  readonly gbps: number;
  /** What each launch of a kernel takes beside, in microseconds. */
  readonly launch: number;
}

/** What it takes to send a value: microseconds for any, and 1e9 bytes a second. */
export interface TransferRates {
  readonly latency: number;
  readonly gbps: number;
}

/** What placing the nodes of a graph goes by: see `Device.rates`. */
export interface Rates extends Readonly<Record<Side, SideRates>> {
  /** From wasm to webgpu. */
  readonly upload: TransferRates;
  /** From webgpu to wasm. */
  readonly download: TransferRates;
  /**
   * Which share of the shorter time is gained where both sides work at once: 1 where neither slows the other down, 0 where they
   * share processors.
   */
  readonly overlap: number;
}

/** Rates that replace measured ones. */
export type GivenRates = {
  readonly [K in keyof Rates]?: Rates[K] extends number ? number : Partial<Rates[K]>;
};

const GROUPS = {
  wasm: ['gflops', 'gbps', 'launch'],
  webgpu: ['gflops', 'gbps', 'launch'],
  upload: ['latency', 'gbps'],
  download: ['latency', 'gbps'],
} as const;

/** Measured rates but for those that are given; with all given, nothing is measured. */
export async function ratesOf(sides: Sides, given: GivenRates = {}): Promise<Rates> {
  check(given);
  const whole = (group: keyof typeof GROUPS) =>
    (GROUPS[group] as readonly string[]).every((name) => name in (given[group] ?? {}));
  const wasm = whole('wasm') ? null : await measureSide(sides.wasm);
  const webgpu = whole('webgpu') ? null : await measureSide(sides.webgpu);
  const transfers = whole('upload') && whole('download') ? null : await measureTransfers(sides);
  return {
    wasm: { ...wasm, ...given.wasm },
    webgpu: { ...webgpu, ...given.webgpu },
    upload: { ...transfers?.upload, ...given.upload },
    download: { ...transfers?.download, ...given.download },
    overlap: given.overlap ?? (await measureOverlap(sides)),
  } as Rates;
}

function check({ overlap, ...given }: GivenRates): void {
  const refuse = (name: string, value: unknown, range: string) =>
    fail('open', `rates.${name} must be a number ${range}, got ${value}`);
  if (overlap !== undefined && !(overlap >= 0 && overlap <= 1)) refuse('overlap', overlap, 'from 0 to 1');
  for (const [group, values] of Object.entries(given)) {
    const known: readonly string[] =
      GROUPS[group as keyof typeof GROUPS] ??
      fail('open', `rates has no '${group}'; it has ${Object.keys(GROUPS).join(', ')}, overlap`);
    for (const [name, value] of Object.entries(values)) {
      if (!known.includes(name)) fail('open', `rates.${group} has no '${name}'; it has ${known.join(', ')}`);
      if (!(value >= 0)) refuse(`${group}.${name}`, value, 'from 0');
    }
  }
}

/** Nanoseconds that a node takes by rates: its arithmetic or its traffic, whichever is longer, and its launches. */
export function computeTime(
  { op, inputs, outputs, attrs }: Node,
  launches: number,
  rates: SideRates,
): number {
  const { flops, bytes } = op.cost(inputs, attrs);
  const traffic = bytes || outputs.reduce((sum, value) => sum + bytesOf(value), 0);
  return Math.max(flops / rates.gflops, traffic / rates.gbps) + 1000 * rates.launch * launches;
}

/** Nanoseconds that a transfer takes. */
export const transferTime = (bytes: number, { latency, gbps }: TransferRates): number =>
  1000 * latency + bytes / gbps;
