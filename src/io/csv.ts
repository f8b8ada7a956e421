import type { HostTensor } from '../dtype.js';
import { fail, messageOf, WeftError } from '../errors.js';

/** What is used of `parse` from 'csv-parse/sync'. */
export type CsvParser = (
  text: string,
  options: {
    readonly delimiter: string;
    readonly bom: boolean;
    readonly skip_empty_lines: boolean;
    readonly relax_column_count: boolean;
    readonly on_record: (record: string[], context: { readonly lines: number }) => null;
  },
) => unknown;

export interface CsvOptions {
  /** Whether the first line names the columns; default true. Without it they are '0', '1', ... */
  readonly header?: boolean;
  /** Default ','. */
  readonly delimiter?: string;
  /** Columns of features, by name; default: all but the label's. */
  readonly columns?: readonly string[];
  /** The column of labels, by name; default none. */
  readonly label?: string;
  /**
   * `class`: whole numbers from 0 as they are, or else the texts' places in their sorted list (default); `number`: f32, for
   * regression.
   */
  readonly labelType?: 'class' | 'number';
  /** What an empty field stands for; default: it is an error. */
  readonly missing?: number;
  /** `parse` of 'csv-parse/browser/esm/sync', in a page; Node imports the npm package csv-parse by itself. */
  readonly parser?: CsvParser;
}

/** The numbers of a table. */
export interface CsvFile {
  /** Names of the features' columns. */
  readonly columns: readonly string[];
  /** f32 [rows, columns]. */
  readonly features: HostTensor;
  /** [rows], i32 of classes or f32 of numbers; null without a label's column. */
  readonly labels: HostTensor | null;
  /** The labels' texts, where they are not whole numbers: label i is `classes[i]`. */
  readonly classes: readonly string[] | null;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

async function csvParse(where: string): Promise<CsvParser> {
  // In a variable so that bundlers leave the import alone.
  const specifier = 'csv-parse/sync';
  try {
    return ((await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as { parse: CsvParser })
      .parse;
  } catch (error) {
    return fail(
      where,
      `reading CSV needs the npm package 'csv-parse' (${messageOf(error)}); run 'npm install csv-parse', or hand its parse by the option parser`,
    );
  }
}

interface Row {
  readonly fields: readonly string[];
  readonly line: number;
}

/** The columns' names and the rows of a text whose rows are all of one length. */
function parseTable(text: string, name: string, options: CsvOptions, parse: CsvParser) {
  const { header = true, delimiter = ',' } = options;
  const rows: Row[] = [];
  const take = (fields: string[], { lines: line }: { readonly lines: number }): null => {
    const wanted = rows[0]?.fields.length ?? fields.length;
    if (fields.length !== wanted)
      fail(name, `line ${line} has ${fields.length} fields, the first line has ${wanted}`);
    rows.push({ fields: fields.map((field) => field.trim()), line });
    return null;
  };
  try {
    parse(text, { delimiter, bom: true, skip_empty_lines: true, relax_column_count: true, on_record: take });
  } catch (error) {
    if (error instanceof WeftError) throw error;
    fail(name, `can't be read as CSV: ${messageOf(error)}`);
  }
  const first = rows[0] ?? fail(name, 'the file is empty');
  const names = header ? first.fields : first.fields.map((_, i) => String(i));
  const twice = names.find((column, i) => names.indexOf(column) !== i);
  if (twice !== undefined) fail(name, `the header names column '${twice}' twice`);
  if (header) rows.shift();
  if (rows.length === 0) fail(name, 'the file has a header and no rows');
  return { names, rows };
}

interface Column {
  readonly name: string;
  readonly place: number;
}

function columnOf(file: string, names: readonly string[], name: string): Column {
  const place = names.indexOf(name);
  if (place < 0) fail(file, `there is no column '${name}', the columns are ${names.join(', ')}`);
  return { name, place };
}

function numberAt(file: string, { fields, line }: Row, { name, place }: Column, missing?: number): number {
  const field = fields[place]!;
  const at = `line ${line}, column '${name}'`;
  if (NUMBER.test(field)) {
    if (!Number.isFinite(Math.fround(Number(field)))) fail(file, `${at}: '${field}' is more than f32 holds`);
    return Number(field);
  }
  if (field !== '') return fail(file, `${at}: '${field}' is not a number`);
  return (
    missing ??
    fail(file, `${at}: the field is empty; fill it, or say by the option missing what it stands for`)
  );
}

function readLabels(
  file: string,
  rows: readonly Row[],
  column: Column,
  { labelType = 'class', missing }: CsvOptions,
): Pick<CsvFile, 'labels' | 'classes'> {
  const shape = [rows.length];
  if (labelType === 'number') {
    const data = Float32Array.from(rows, (row) => numberAt(file, row, column, missing));
    return { labels: { data, shape, dtype: 'f32' }, classes: null };
  }
  if (labelType !== 'class') return fail(file, `labelType must be class or number, got ${labelType}`);
  const texts = rows.map(({ fields, line }) => {
    if (fields[column.place] === '') fail(file, `line ${line}, column '${column.name}': the label is empty`);
    return fields[column.place]!;
  });
  if (texts.every((text) => /^\d{1,9}$/.test(text)))
    return { labels: { data: Int32Array.from(texts, Number), shape, dtype: 'i32' }, classes: null };
  const classes = [...new Set(texts)].sort();
  const places = new Map(classes.map((text, i) => [text, i]));
  const data = Int32Array.from(texts, (text) => places.get(text)!);
  return { labels: { data, shape, dtype: 'i32' }, classes };
}

/**
 * Reads a table of numbers, with a column of labels if `label` names one, by the npm package csv-parse. Raises a WeftError
 * that names file, line and column for fields that are empty or no numbers, rows of another length, unknown columns.
 * @param name the file's name, for errors
 */
export async function decodeCsv(text: string, name = 'csv', options: CsvOptions = {}): Promise<CsvFile> {
  const { label, missing } = options;
  const { names, rows } = parseTable(text, name, options, options.parser ?? (await csvParse(name)));
  const target = label === undefined ? null : columnOf(name, names, label);
  const columns = (options.columns ?? names.filter((one) => one !== label)).map((one) =>
    columnOf(name, names, one),
  );
  if (columns.length === 0) fail(name, 'no column of features is left');
  const data = new Float32Array(rows.length * columns.length);
  let at = 0;
  for (const row of rows) for (const column of columns) data[at++] = numberAt(name, row, column, missing);
  return {
    columns: columns.map((column) => column.name),
    features: { data, shape: [rows.length, columns.length], dtype: 'f32' },
    ...(target ? readLabels(name, rows, target, options) : { labels: null, classes: null }),
  };
}
