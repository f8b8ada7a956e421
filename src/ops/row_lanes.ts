/** How a GPU spreads rows over invocations: the variants of shaders/common/row.wgsl. */
import type { KernelCall, Launch, Variant } from '../op.js';

/** `rows` rows of `length` numbers that lie `inner` apart, or are neighbours where it is 1. */
export interface Rows {
  readonly rows: number;
  readonly length: number;
  readonly inner: number;
}

/** What a launch must know: what follows the kernel's name, numbers of an element, invocations of a row. */
export interface RowPlan {
  readonly suffix: string;
  readonly wide: boolean;
  readonly lanes: number;
  /** The most lanes that this way of joining them allows. */
  readonly most: number;
}

type Join = 'lanes' | 'group' | 'tree';

/** Lanes of a workgroup that is a row by itself, of one that a tree joins, and rows that keep a GPU busy by one lane each. */
const GROUP = 256;
const TREE = 64;
const MANY = 512;

/** The least power of two that is not below n. */
const powerFrom = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

/** The most neighbours in number that lie in one subgroup, in order; 0 where none do. */
const subgroupLanes = (features: ReadonlySet<string>): number =>
  [32, 16, 8, 4].find((lanes) => features.has(`lanes-${lanes}`)) ?? 0;

/**
 * Lanes of one subgroup for a row of `elements`. Where subgroups are narrow, the lanes of a processor's vectors, exchange costs
 * more than it saves once there are rows for all of them; else four elements a lane make loads of neighbours.
 */
function lanesOf({ rows, inner }: Rows, elements: number, features: ReadonlySet<string>): number {
  const most = subgroupLanes(features);
  const narrow = features.has('narrow');
  if (narrow ? rows >= MANY || elements <= 4 : inner >= 8 && rows >= MANY) return 1;
  return Math.min(most, powerFrom(narrow ? most : elements / 4));
}

/** Whether rows are better off in a subgroup than in a workgroup each: they are short, or many. */
function fitsSubgroup({ rows }: Rows, elements: number, features: ReadonlySet<string>): boolean {
  const most = subgroupLanes(features);
  return most > 0 && (features.has('narrow') || elements <= 32 * most || rows * most >= 32768);
}

/** The variants of a kernel over rows, the best first; what follows takes what none before does. */
export function rowVariants<N extends string, A>(
  name: string,
  rowsOf: (call: KernelCall<N, A>) => Rows,
  launches: (call: KernelCall<N, A>, plan: RowPlan) => readonly Launch[],
  temporaries?: (call: KernelCall<N, A>, plan: RowPlan) => Readonly<Record<string, number>>,
  joins: readonly Join[] = ['lanes', 'group', 'tree'],
  widths: readonly boolean[] = [true, false],
): Variant<N, A>[] {
  const suffixes: Record<Join, string> = { lanes: '__lanes', group: '__group', tree: '' };
  return joins.flatMap((join) =>
    widths.map((wide): Variant<N, A> => {
      const suffix = suffixes[join] + (wide ? (join === 'tree' ? '__4' : '4') : '');
      const elementsOf = (rows: Rows) => (wide ? rows.length / 4 : rows.length);
      const plan = (call: KernelCall<N, A>): RowPlan => {
        const rows = rowsOf(call);
        const elements = elementsOf(rows);
        const most = { lanes: subgroupLanes(call.features), group: GROUP, tree: TREE }[join];
        const own = {
          lanes: () => lanesOf(rows, elements, call.features),
          group: () => GROUP,
          // Neighbouring rows are neighbours in memory where elements of one are not.
          tree: () => (rows.inner >= 8 && rows.rows >= MANY ? 1 : Math.min(TREE, powerFrom(elements / 2))),
        };
        return { suffix, wide, lanes: own[join](), most };
      };
      return {
        name: name + suffix,
        when(call) {
          const rows = rowsOf(call);
          if (wide && (rows.inner !== 1 || rows.length % 4 !== 0)) return false;
          if (join === 'lanes') return fitsSubgroup(rows, elementsOf(rows), call.features);
          return join === 'tree' || call.features.has('lanes-4');
        },
        ...(temporaries && { temporaries: (call: KernelCall<N, A>) => temporaries(call, plan(call)) }),
        launches: (call) => launches(call, plan(call)),
      };
    }),
  );
}
