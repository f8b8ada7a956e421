import type { Recovered } from '../../errors.js';
import type { HostState, Losable } from '../backend.js';
import type { Handles } from './handles.js';

/** What the host kept with a snapshot. */
interface Host {
  readonly host: unknown;
  readonly state: unknown;
}

interface Snapshot extends Host {
  readonly updates: number;
}

/** When snapshots are made, and what the host keeps with each. The last one holds until all of the next has arrived. */
export class Snapshots {
  host: HostState | null = null;
  /** Runs that updated tensors, on the way that goes on: those that were undone don't count. */
  updates = 0;
  /** The number of updates before which the next one is made. */
  #due: number;
  /** Whether an update has begun: what the host draws for it is drawn, and it is too late for a snapshot of before. */
  #began = false;
  /** The host's side of the next one, captured when its update began. */
  #begun: Host | null = null;
  #pending: Promise<void> | null = null;
  #last: Snapshot | null = null;

  constructor(
    readonly handles: Handles,
    readonly every: number,
    readonly state: (() => unknown) | undefined,
  ) {
    this.#due = every === Number.POSITIVE_INFINITY ? every : 0;
  }

  /** What the last one is called in messages. */
  get name(): string {
    return this.#last ? `the snapshot of ${this.#last.updates} updates` : 'the beginning';
  }

  begin(): void {
    if (this.#began) return;
    this.#began = true;
    if (this.updates < this.#due || this.#pending) return;
    this.#begun = { host: this.host?.capture(), state: this.state?.() };
  }

  /** Before an update: a promise of a snapshot if one is due. */
  beforeUpdate(backend: Losable): Promise<void> | null {
    this.begin();
    const begun = this.#begun;
    this.#began = false;
    this.#begun = null;
    if (!begun || this.#pending) return null;
    this.#due = this.#next(this.updates);
    return this.#capture(backend, begun);
  }

  #next(updates: number): number {
    return updates - (updates % this.every) + this.every;
  }

  async take(backend: () => Losable, state: unknown): Promise<void> {
    while (this.#pending) await this.#pending.catch(() => {});
    await this.#capture(backend(), { host: this.host?.capture(), state });
  }

  #capture(backend: Losable, host: Host): Promise<void> {
    const snapshot = { ...host, updates: this.updates };
    const { buffers, keep } = this.handles.begin();
    const pending = backend.capture(buffers).then((words) => {
      if (this.#pending !== pending) return;
      keep(words);
      this.#last = snapshot;
    });
    this.#pending = pending;
    const ended = () => {
      if (this.#pending === pending) this.#pending = null;
    };
    pending.then(ended, ended);
    return pending;
  }

  /** Drops what is half done. */
  interrupt(): void {
    this.#pending = null;
    this.#began = false;
    this.#begun = null;
  }

  /** Sets the host's side back to the last one. */
  restore(): Recovered {
    const { updates = 0, host, state } = this.#last ?? {};
    const undone = this.updates - updates;
    this.updates = updates;
    if (this.#last) this.#due = this.#next(updates);
    else if (this.every < Number.POSITIVE_INFINITY) this.#due = 0;
    this.host?.restore(host);
    return { updates, undone, state };
  }
}
