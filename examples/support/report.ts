import type { BackendKind } from 'weft';
import type { Claim, Size } from './example.js';

/** One run of a system, as `--json` writes it. */
export interface SystemResult {
  readonly id: string;
  readonly title: string;
  readonly size: Size;
  readonly backend: BackendKind;
  readonly seed: number;
  readonly seconds: number;
  /** `holds` is null where the size was too small to judge. */
  readonly claims: readonly {
    readonly told: string;
    readonly reached: string;
    readonly holds: boolean | null;
  }[];
  /** Paths of the pictures from the working folder. */
  readonly pictures: readonly string[];
  /** Why it didn't end, or null. */
  readonly error: string | null;
  /** Whether that is a data set that isn't at hand. */
  readonly missingData: boolean;
}

const ORDER: readonly Size[] = ['slice', 'fast', 'full'];

/** Whether a claim holds, null where a run of this size can't tell. */
export const judge = ({ holds, from = 'slice' }: Claim, size: Size): boolean | null =>
  ORDER.indexOf(size) < ORDER.indexOf(from) ? null : holds;

export const passed = ({ claims, error }: SystemResult): boolean =>
  error === null && claims.every(({ holds }) => holds !== false);

/** Rows in columns, each as wide as its longest cell, but at most `most`: longer cells go on below. */
function columns(rows: readonly (readonly string[])[], most: number): string[] {
  const wrapped = rows.flatMap((row) => {
    const cells = row.map((cell) => wrap(cell, most));
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, i) => cells.map((lines) => lines[i] ?? ''));
  });
  const widths = wrapped[0]!.map((_, i) => Math.max(...wrapped.map((row) => row[i]!.length)));
  return wrapped.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}

function wrap(text: string, most: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = [lines.at(-1)!, word].filter(Boolean).join(' ');
    if (line.length <= most || lines.at(-1) === '') lines[lines.length - 1] = line;
    else lines.push(`  ${word}`);
  }
  return lines;
}

const VERDICT = new Map<boolean | null, string>([
  [true, 'yes'],
  [false, 'NO'],
  [null, 'not judged at this size'],
]);

/** The table at a run's end. */
export function resultTable(result: SystemResult): string {
  const rows = result.claims.map(({ told, reached, holds }) => [told, reached, VERDICT.get(holds)!]);
  const table = rows.length > 0 ? columns([['told', 'reached', 'holds'], ...rows], 60) : [];
  return [
    `${result.id} ${result.title}: ${result.size}, ${result.backend}, seed ${result.seed}, ${result.seconds.toFixed(1)} s`,
    ...table.map((line) => `  ${line}`),
    ...(result.error === null ? [] : [`  stopped: ${result.error}`]),
    ...result.pictures.map((path) => `  ${path}`),
  ].join('\n');
}
