import type { BackendCore, DeviceBuffer } from './backend/backend.js';
import type { HostTensor, TypedArray } from './dtype.js';
import { fail } from './errors.js';
import type { Node, TensorType, Value } from './op.js';
import { bytesOf } from './plan.js';
import { showShape } from './shape.js';

/** Memory of one tensor on the device. Its version grows each time its contents change. */
export interface Storage {
  readonly buffer: DeviceBuffer;
  version: number;
  disposed: boolean;
  /** Whether it holds what a program computed and nothing has replaced since. */
  computed: boolean;
}

/** Where the contents of a graph's leaf come from. */
export type Source =
  | { readonly kind: 'stored'; readonly storage: Storage; readonly version: number }
  /** An output of a compiled function, there until the function runs again. */
  | {
      readonly kind: 'run';
      readonly buffer: DeviceBuffer;
      readonly run: number;
      readonly owner: { readonly run: number };
    }
  /** An argument of the function that is being traced. */
  | { readonly kind: 'argument'; readonly index: number }
  /** Drawn anew before each run: a seed, a learning rate. */
  | { readonly kind: 'feed'; readonly draw: () => TypedArray }
  /** Not there any more. */
  | { readonly kind: 'lost'; readonly why: string };

/** Memory that is given back by `free`; a second call does nothing. */
interface Freeable {
  free(): void;
}

/** Dtype and shape, with the label where there is one: how messages name a value. */
export const nameOf = ({ label, dtype, shape }: TensorType & { readonly label?: string }): string =>
  `${label ? `'${label}' ` : ''}${dtype}${showShape(shape)}`;

const notLost = (buffer: DeviceBuffer, name: string): DeviceBuffer =>
  buffer.lost ? fail('read', `tensor ${name} ${buffer.lost}`) : buffer;

/** A device's memory of values: which buffer holds what, until when it is valid, and who gives it back. */
export class Store {
  readonly #backend: BackendCore;
  readonly #evict: () => boolean;
  readonly #sources = new WeakMap<Value, Source>();
  readonly #held = new Set<Freeable>();
  readonly #forgotten = new FinalizationRegistry<Freeable>((held) => this.release(held));
  readonly #scopes: Set<Value>[] = [];

  /** @param evict gives back memory that can be had again; false where there is none. */
  constructor(backend: BackendCore, evict: () => boolean) {
    this.#backend = backend;
    this.#evict = evict;
  }

  /** Whether a value is there, or will be when a compiled function runs. */
  has(value: Value): boolean {
    return this.#sources.has(value);
  }

  source(value: Value): Source | undefined {
    return this.#sources.get(value);
  }

  set(value: Value, source: Source): void {
    this.#sources.set(value, source);
  }

  /** Memory that comes back by itself when nothing refers to the storage any more. */
  allocate(value: Value): Storage {
    const buffer = this.#allocate(bytesOf(value), value.label ?? 'a tensor');
    const storage: Storage = { buffer, version: 0, disposed: false, computed: true };
    this.keep(storage, buffer);
    return storage;
  }

  /** Takes memory that is there already as the contents of a leaf. */
  hold(value: Value, buffer: DeviceBuffer): void {
    const storage: Storage = { buffer, version: 0, disposed: false, computed: false };
    this.keep(storage, buffer);
    this.adopt(value, storage);
  }

  #allocate(bytes: number, label: string): DeviceBuffer {
    try {
      return this.#backend.allocate(bytes, label);
    } catch (error) {
      if (!this.#evict()) throw error;
      return this.#backend.allocate(bytes, label);
    }
  }

  /** Copies host data to the device, as the contents of a leaf. */
  upload(value: Value, { data, dtype }: HostTensor): void {
    const storage = this.allocate(value);
    this.#backend.write(storage.buffer, data, dtype);
    this.changed(storage);
    this.adopt(value, storage);
  }

  /** Notes new contents: what was recorded from the old ones is stale. */
  changed(storage: Storage): void {
    storage.version++;
    storage.computed = false;
  }

  /** A result turned out to be wrong: it must be computed again or, where that can't be, is lost. */
  spoil(value: Value, why: string): void {
    const source = this.#sources.get(value);
    if (source?.kind === 'stored' && !source.storage.computed) return;
    this.dispose(value);
    if (value.node) this.#sources.delete(value);
    else this.#sources.set(value, { kind: 'lost', why });
  }

  /** Says that a value is what a storage holds now. */
  adopt(value: Value, storage: Storage): void {
    this.#sources.set(value, { kind: 'stored', storage, version: storage.version });
  }

  /** The storage of a value that is stored and still what it was when it was recorded, or an error. */
  storageOf(value: Value): Storage {
    this.bufferOf(value);
    const source = this.#sources.get(value)!;
    return source.kind === 'stored'
      ? source.storage
      : fail('read', `${nameOf(value)} has no memory of its own`);
  }

  /** Whether a value is there and still what it was when it was recorded. */
  isValid(value: Value): boolean {
    try {
      return Boolean(this.bufferOf(value));
    } catch {
      return false;
    }
  }

  /** The buffer that holds a value. @throws WeftError saying why it is not there, or not any more. */
  bufferOf(value: Value): DeviceBuffer {
    const source = this.#sources.get(value);
    const name = nameOf(value);
    if (!source) return fail('read', `tensor ${name} belongs to another device`);
    if (source.kind === 'stored') {
      if (source.storage.disposed) return fail('read', `tensor ${name} was disposed`);
      if (source.storage.version === source.version) return notLost(source.storage.buffer, name);
      return fail(
        'read',
        `this was recorded before tensor ${name} changed; read it before the update, or record it again ` +
          '(a gradient of an earlier step: call zeroGrad() before backward())',
      );
    }
    if (source.kind === 'lost') return fail('read', `tensor ${name} ${source.why}`);
    if (source.kind !== 'run') return fail('read', `tensor ${name} exists only while its function is traced`);
    if (source.owner.run === source.run) return notLost(source.buffer, name);
    return fail(
      'read',
      `output ${name} of a compiled function is gone: the function ran again or was disposed; before that, read the ` +
        'output or copy it with `await device.realize([copy = output.clone()])`',
    );
  }

  /** Frees a stored value's memory now. */
  dispose(value: Value): void {
    const storage = this.#storage(value);
    if (storage) this.discard(storage);
  }

  /**
   * Drops what a stored value was computed from, so that its memory can come back. Only for values that no gradient
   * passes through.
   */
  forgetHistory(value: Value): void {
    (value as { node: Node | null }).node = null;
  }

  discard(storage: Storage): void {
    storage.disposed = true;
    this.release(storage.buffer);
  }

  /** Gives `held` back when nobody can reach `owner` any more, or at the end. */
  keep(owner: object, held: Freeable): void {
    this.#held.add(held);
    this.#forgotten.register(owner, held);
  }

  release(held: Freeable): void {
    this.#held.delete(held);
    held.free();
  }

  releaseAll(): void {
    for (const held of [...this.#held]) this.release(held);
  }

  /** Opens a scope; until it is closed, `created` notes values in it. */
  openScope(): Set<Value> {
    const scope = new Set<Value>();
    this.#scopes.push(scope);
    return scope;
  }

  created(value: Value): void {
    this.#scopes.at(-1)?.add(value);
  }

  /** Runs `make`, whose values belong to no scope. */
  outsideScopes<T>(make: () => T): T {
    const scope = this.openScope();
    try {
      return make();
    } finally {
      this.#scopes.splice(this.#scopes.indexOf(scope), 1);
    }
  }

  /** Frees what was made in a scope, except the memory of `kept`, which passes to the scope around it. */
  closeScope(scope: Set<Value>, kept: readonly Value[]): void {
    const last = this.#scopes.at(-1) === scope;
    this.#scopes.splice(this.#scopes.indexOf(scope), 1);
    const spared = new Set(kept.map((value) => this.#storage(value)));
    for (const value of scope) {
      const storage = this.#storage(value);
      if (storage && spared.has(storage)) this.created(value);
      else if (storage) this.discard(storage);
    }
    if (!last) fail('scope', 'a scope ended before one that was opened inside it; await the inner one first');
  }

  #storage(value: Value): Storage | null {
    const source = this.#sources.get(value);
    return source?.kind === 'stored' ? source.storage : null;
  }
}
