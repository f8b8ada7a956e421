/** Sums and extremes on a GPU, where what stays and what is reduced are two axes each at most: shaders/reduce_rows.wgsl. */
import type { KernelCall, Launch, Variant } from '../op.js';
import { collapse, type Shape, sizeOf, stridesOf } from '../shape.js';
import { type RowPlan, rowVariants } from './row_lanes.js';

/** How the kernel walks, in elements. */
interface Walk {
  readonly rows: number;
  readonly inner: number;
  readonly outerStep: number;
  readonly innerStep: number;
  readonly blocks: number;
  readonly blockStep: number;
  readonly run: number;
  readonly runStep: number;
}

/** Rows that keep a GPU busy, and the least of a part, where lanes go along rows and where neighbouring rows are each a lane. */
const ALONG = { busy: 1024, least: 256 };
const ACROSS = { busy: 16384, least: 64 };

/** Stretches shorter than this change places with what they repeat along. */
const SHORT = 16;

/** The walk of a reduction over `axes`; null where a side has more than two axes, or nothing at all. */
function walkOf(shape: Shape, axes: readonly number[]): Walk | null {
  const strides = stridesOf(shape);
  const side = (keep: boolean) => {
    const chosen = shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) !== keep);
    const { shape: sizes, strides: steps } = collapse(
      chosen.map((axis) => shape[axis]!),
      [chosen.map((axis) => strides[axis]!)],
    );
    return { sizes: [1, 1, ...sizes].slice(-2), steps: [0, 0, ...steps[0]!].slice(-2), rank: sizes.length };
  };
  const [kept, reduced] = [side(true), side(false)];
  if (reduced.sizes[1]! < Math.min(SHORT, reduced.sizes[0]!)) {
    reduced.sizes.reverse();
    reduced.steps.reverse();
  }
  if (kept.rank > 2 || reduced.rank > 2 || sizeOf(shape) === 0) return null;
  return {
    rows: kept.sizes[0]! * kept.sizes[1]!,
    inner: kept.sizes[1]!,
    outerStep: kept.steps[0]!,
    innerStep: kept.steps[1]!,
    blocks: reduced.sizes[0]!,
    blockStep: reduced.steps[0]!,
    run: reduced.sizes[1]!,
    runStep: reduced.steps[1]! || 1,
  };
}

/** Parts of each row, of whole stretches where these are enough. */
function partsOf({ rows, blocks, run, runStep }: Walk) {
  const { busy, least } = runStep >= 8 ? ACROSS : ALONG;
  const wanted = Math.min(Math.floor((blocks * run) / least), Math.floor(busy / rows));
  if (wanted < 2) return { parts: 1, partBlocks: blocks, partRun: run };
  const partBlocks = Math.max(1, Math.floor(blocks / wanted));
  const stretches = Math.ceil(blocks / partBlocks);
  // Whole quads, so that a part begins with one.
  const partRun = Math.min(run, 4 * Math.ceil(run / Math.max(1, Math.floor(wanted / stretches)) / 4));
  return { parts: stretches * Math.ceil(run / partRun), partBlocks, partRun };
}

const QUAD = 4;

/** One launch but for its operands. */
function launchOf(
  kernel: string,
  walk: Walk,
  parts: ReturnType<typeof partsOf>,
  plan: RowPlan,
  scale: number,
) {
  const width = plan.wide ? QUAD : 1;
  const params = {
    ...walk,
    ...parts,
    outerStep: walk.outerStep / width,
    innerStep: walk.innerStep / width,
    blockStep: walk.blockStep / width,
    run: walk.run / width,
    partRun: parts.partRun / width,
    lanes: plan.lanes,
    scale,
  };
  return { kernel: kernel + plan.suffix, params, units: walk.rows * parts.parts * plan.lanes };
}

/** The launch that joins parts, [parts, rows], by single numbers. */
function joinOf(kernel: string, rows: number, parts: number, plan: RowPlan, scale: number) {
  const walk = {
    rows,
    inner: rows,
    outerStep: 0,
    innerStep: 1,
    blocks: 1,
    blockStep: 0,
    run: parts,
    runStep: rows,
  };
  const lanes = rows >= 512 ? 1 : plan.suffix.startsWith('__lanes') ? plan.most : 64;
  const single = { ...plan, suffix: plan.suffix.replace(/_*4$/, ''), wide: false, lanes };
  return launchOf(kernel, walk, { parts: 1, partBlocks: 1, partRun: parts }, single, scale);
}

/** One launch that adds up `count` numbers, by one workgroup, and scales their sum. */
export const sumLaunch = (operands: readonly [string, string], count: number, scale: number): Launch => {
  const walk = {
    rows: 1,
    inner: 1,
    outerStep: 0,
    innerStep: 0,
    blocks: 1,
    blockStep: 0,
    run: count,
    runStep: 1,
  };
  const parts = { parts: 1, partBlocks: 1, partRun: count };
  const plan = { suffix: '', wide: false, lanes: 64, most: 64 };
  return { ...launchOf('sum_rows_f32', walk, parts, plan, scale), operands };
};

/** Variants of a reduction that some kernel of reduce_rows makes, by a scale in the end. */
export function reduceRowVariants<A extends { readonly axes: readonly number[] }>(
  kernel: string,
  takes: (call: KernelCall<'x', A>) => boolean,
  scaleOf: (call: KernelCall<'x', A>) => number,
): Variant<'x', A>[] {
  type Call = KernelCall<'x', A>;
  const walk = ({ types, attrs }: Call) => walkOf(types.x.shape, attrs.axes);
  const fits = (call: Call) => takes(call) && walk(call) !== null;
  const variants = rowVariants<'x', A>(
    kernel,
    (call) => {
      const own = walk(call)!;
      const { parts, partRun } = partsOf(own);
      const steps = [own.outerStep, own.innerStep, own.blockStep, own.run, partRun];
      const quads = own.runStep === 1 && steps.every((step) => step % QUAD === 0);
      return { rows: own.rows * parts, length: partRun, inner: quads ? 1 : Math.max(2, own.runStep) };
    },
    (call, plan): Launch[] => {
      const own = walk(call)!;
      const parts = partsOf(own);
      const scale = scaleOf(call);
      if (parts.parts === 1)
        return [{ ...launchOf(kernel, own, parts, plan, scale), operands: ['x', 'output'] }];
      return [
        { ...launchOf(kernel, own, parts, plan, 1), operands: ['x', 'parts'] },
        { ...joinOf(kernel, own.rows, parts.parts, plan, scale), operands: ['parts', 'output'] },
      ];
    },
    (call): Record<string, number> => {
      const own = walk(call)!;
      const { parts } = partsOf(own);
      return parts === 1 ? {} : { parts: 4 * own.rows * parts };
    },
    ['lanes', 'tree'],
  );
  return variants.map((variant) => ({ ...variant, when: (call) => fits(call) && variant.when!(call) }));
}
