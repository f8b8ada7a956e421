/** Rows under a header as text: the first `left` columns to the left, the others, numbers, to the right. */
export function aligned(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: number,
): string[] {
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((cells) => cells[i]!.length)));
  return [header, ...rows].map((cells) =>
    cells
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
