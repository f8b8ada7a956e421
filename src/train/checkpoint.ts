import type { HostTensor } from '../dtype.js';
import { fail, WeftError } from '../errors.js';
import type { SafetensorsFile } from '../io/index.js';
import { expectOptions, flag, type Kinds, text } from '../kinds.js';
import { Module } from '../nn/index.js';
import { Optimizer } from '../optim/index.js';

/**
 * What a checkpoint holds a state of: a module, an optimiser, a schedule, an average, a loader, a generator, or anything
 * else with these methods. A state is data for JSON that may hold tensors anywhere.
 */
export interface Stateful {
  stateDict(): unknown;
  /** Takes a state up, or refuses it and changes nothing. */
  loadStateDict(state: never): unknown;
  /** Refuses a state that `loadStateDict` would refuse. */
  checkStateDict?(state: never): void;
}

/** What a run continues from, each under a name of its own. */
export type CheckpointParts = Readonly<Record<string, Stateful | null | undefined>>;

const FORMAT = 'weft checkpoint';
const VERSION = '1';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

/** Whether an object is of no class, also one of another frame. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const isTensor = (value: unknown): value is HostTensor =>
  isRecord(value) && ArrayBuffer.isView(value.data) && Array.isArray(value.shape);

/** What stands in JSON for a tensor, by its name in the file, and for a number that JSON lacks, by its text. */
const MARKS = ['$tensor', '$number'];

/** A state as JSON: tensors become { $tensor: name } and go into `tensors`, numbers that JSON lacks { $number: text }. */
function toJson(value: unknown, path: string, tensors: Record<string, HostTensor>): unknown {
  if (Object.is(value, -0)) return { $number: '-0' };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (Array.isArray(value)) return value.map((item, i) => toJson(item, `${path}.${i}`, tensors));
  if (isTensor(value)) {
    // A dot in a key may give two tensors one path.
    let name = path;
    while (Object.hasOwn(tensors, name)) name += '_';
    tensors[name] = value;
    return { $tensor: name };
  }
  if (isRecord(value) && isPlain(value) && !MARKS.some((mark) => Object.hasOwn(value, mark))) {
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      toJson(item, `${path}.${key}`, tensors),
    ]);
    return Object.fromEntries(entries);
  }
  if (['string', 'number', 'boolean', 'undefined'].includes(typeof value) || value === null) return value;
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return fail(
    'checkpoint',
    `${path} can't be kept in a file, it is of type ${kind}; a state is made of tensors, numbers, texts, booleans, null, and of ` +
      `arrays and plain objects of them, without a key ${MARKS.join(' or ')}`,
  );
}

function fromJson(value: unknown, tensors: Readonly<Record<string, HostTensor>>, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => fromJson(item, tensors, name));
  if (!isRecord(value)) return value;
  if (typeof value.$number === 'string') return Number(value.$number);
  if (typeof value.$tensor === 'string') {
    if (!Object.hasOwn(tensors, value.$tensor)) fail(name, `tensor '${value.$tensor}' is missing`);
    return tensors[value.$tensor];
  }
  const entries = Object.entries(value).map(([key, item]) => [key, fromJson(item, tensors, name)]);
  return Object.fromEntries(entries);
}

/**
 * The states of all parts as one file: `writeSafetensors` of weft/node writes it, `io.encodeSafetensors` gives its bytes. The
 * tensors of a part called `model` are `model.0.weight` and so on; f32 as they are, so that a run on wasm or webgpu goes on with
 * equal bits.
 */
export async function checkpoint(parts: CheckpointParts): Promise<SafetensorsFile> {
  const tensors: Record<string, HostTensor> = {};
  const states: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(parts))
    if (part) states[name] = toJson(await part.stateDict(), name, tensors);
  return { tensors, metadata: { format: FORMAT, version: VERSION, state: JSON.stringify(states) } };
}

/** The states in a file. @throws WeftError where it is no checkpoint of this version. */
function statesIn({ tensors, metadata }: SafetensorsFile, file: string): Record<string, unknown> {
  if (metadata.format !== FORMAT)
    fail(
      file,
      'is no checkpoint: its metadata lack what train.checkpoint() writes; weights alone load by model.loadStateDict()',
    );
  if (metadata.version !== VERSION)
    fail(file, `is a checkpoint of version ${metadata.version}, this Weft reads version ${VERSION}`);
  let states: unknown;
  try {
    states = fromJson(JSON.parse(metadata.state ?? ''), tensors, file);
  } catch (error) {
    if (error instanceof WeftError) throw error;
    fail(file, `its metadata hold no state (${(error as Error).message})`);
  }
  return isRecord(states) ? states : fail(file, 'its metadata hold no state');
}

/** Calls `work`; what it throws begins with the file's name, and the part's. */
async function within(file: string, part: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) throw new WeftError(`${file}: ${part}: ${error.message}`, { cause: error });
    throw error;
  }
}

export interface RestoreOptions {
  /** The file's name, for errors. */
  readonly file?: string;
  /** Refuses a file that holds more than these parts, default false. */
  readonly exact?: boolean;
}

const restoreKinds: Kinds<RestoreOptions> = { file: text, exact: flag };

/**
 * Takes up all parts' states from a file that `checkpoint` made of parts with these names.
 *
 * @throws WeftError naming file, part and tensor where something is missing or doesn't fit; then no part was changed.
 */
export async function restore(
  parts: CheckpointParts,
  contents: SafetensorsFile,
  options: RestoreOptions = {},
): Promise<void> {
  expectOptions('restore', options, restoreKinds);
  const { file = 'checkpoint', exact = false } = options;
  const states = statesIn(contents, file);
  const held = Object.keys(states);
  const given = Object.entries(parts).flatMap(([name, part]) => (part ? [{ name, part }] : []));
  for (const { name } of given)
    if (!held.includes(name)) fail(file, `holds no '${name}', only ${held.join(', ') || 'nothing'}`);
  const more = held.filter((name) => !Object.hasOwn(parts, name) || !parts[name]);
  if (exact && more.length > 0)
    fail(file, `holds ${more.join(', ')}, which would be lost: nothing here takes it up`);
  const stateOf = (name: string) => states[name] as never;
  // Schedules set the rates that they set last; an optimiser comes after them, with those that others set since.
  const checked = given
    .filter(({ part }) => part.checkStateDict)
    .sort((a, b) => Number(a.part instanceof Optimizer) - Number(b.part instanceof Optimizer));
  for (const { name, part } of checked) await within(file, name, () => part.checkStateDict!(stateOf(name)));
  // What can't be checked beforehand is taken up first, the model last of it, and goes back where one refuses.
  const unchecked = given
    .filter((one) => !checked.includes(one))
    .sort((a, b) => Number(a.part instanceof Module) - Number(b.part instanceof Module));
  const undo: (() => unknown)[] = [];
  try {
    for (const [i, { name, part }] of unchecked.entries()) {
      const before = i + 1 < unchecked.length ? await part.stateDict() : null;
      await within(file, name, () => part.loadStateDict(stateOf(name)));
      if (before) undo.push(() => part.loadStateDict(before as never));
    }
  } catch (error) {
    for (const back of undo.reverse()) await back();
    throw error;
  }
  for (const { name, part } of checked) await within(file, name, () => part.loadStateDict(stateOf(name)));
}
