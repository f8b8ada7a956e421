import { BYTES_PER_ELEMENT, type DType, type TypedArray } from '../../dtype.js';
import type { BackendCore, DeviceBuffer } from '../backend.js';
import { toWords } from '../words.js';

/** Who gives a handle's memory: its contents last as long as a snapshot's, until the next run, or as long as the caller's. */
type Kind = 'kept' | 'transient' | 'borrowed';

/** A buffer that outlives its backend: tensors and programs hold it, and it gets other memory on another one. */
export class Handle implements DeviceBuffer {
  /** What it goes back to; null for zeros, as it was allocated. */
  words: Int32Array<ArrayBuffer> | null = null;
  /** By the clock of its table: when its contents changed last, and what they were when `words` were. */
  changed: number;
  saved: number;
  lost: string | null = null;

  constructor(
    readonly table: Handles,
    /** Its memory; null while there is none. */
    public inner: DeviceBuffer | null,
    readonly bytes: number,
    readonly label: string,
    readonly kind: Kind,
    readonly made: number,
  ) {
    this.changed = made;
    this.saved = made;
  }

  free(): void {
    this.table.forget(this);
    this.inner?.free();
  }
}

/** The buffers of a device that recovers, and what they go back to when it is lost. */
export class Handles {
  readonly #live = new Set<Handle>();
  #clock = 0;
  /** When the latest capture began. */
  #captured = 0;

  add(inner: DeviceBuffer | null, bytes: number, label: string, kind: Kind): Handle {
    const handle = new Handle(this, inner, bytes, label, kind, ++this.#clock);
    this.#live.add(handle);
    return handle;
  }

  forget(handle: Handle): void {
    this.#live.delete(handle);
  }

  /** Notes that a program may have changed the contents. */
  computed(handle: Handle): void {
    handle.changed = ++this.#clock;
    handle.lost = null;
  }

  /** Notes contents from the host. What a snapshot holds stays as it is there until the next one. */
  written(handle: Handle, data: TypedArray, dtype: DType): void {
    handle.lost = null;
    if (handle.kind !== 'kept') return;
    if (handle.made <= this.#captured || handle.changed > handle.saved) {
      handle.changed = ++this.#clock;
      return;
    }
    const { buffer, byteOffset, length } = toWords(data, dtype);
    handle.words ??= new Int32Array(handle.bytes / BYTES_PER_ELEMENT);
    handle.words.set(new Int32Array(buffer, byteOffset, length));
  }

  /** The memory that a snapshot must copy now: all that changed since the last one. `keep` takes the words that arrived. */
  begin(): {
    readonly buffers: readonly DeviceBuffer[];
    keep(words: readonly Int32Array<ArrayBuffer>[]): void;
  } {
    const now = ++this.#clock;
    this.#captured = now;
    const handles = [...this.#live].filter(
      ({ kind, lost, changed, saved }) => kind === 'kept' && !lost && changed > saved,
    );
    const keep = (words: readonly Int32Array<ArrayBuffer>[]) => {
      handles.forEach((handle, i) => {
        handle.words = words[i]!;
        handle.saved = now;
      });
    };
    return { buffers: handles.map(({ inner }) => inner!), keep };
  }

  /** Lets all go without memory: their device is gone. */
  detach(): void {
    for (const handle of this.#live) handle.inner = null;
  }

  /**
   * Gives all memory on another device, with the contents of the last snapshot or, where they are younger, those that the
   * host gave them at first.
   *
   * @param since what the snapshot is called in messages.
   */
  attach(backend: BackendCore, since: string): void {
    for (const handle of this.#live) {
      const { bytes, label, kind, words, changed, saved } = handle;
      if (kind === 'borrowed') {
        handle.lost =
          'lay in a GPUBuffer of a device that was lost; make it again from one of the new device';
        continue;
      }
      handle.inner = backend.allocate(bytes, label);
      if (kind === 'transient') handle.lost = 'was lost with the device; run the function again';
      else if (words) backend.write(handle.inner, words, 'i32');
      else if (changed > saved)
        handle.lost ??= `was lost with the device: it was computed after ${since}; compute it again`;
      handle.changed = saved;
    }
  }
}
