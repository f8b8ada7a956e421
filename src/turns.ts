import type { Recovery } from './backend/backend.js';

/** Milliseconds of work after which other tasks get their turn. */
const TURN = 50;

/** Work on a device happens in the order in which it was asked for, and fails where the device is lost meanwhile. */
export class Turns {
  readonly #recovery: Recovery | null;
  readonly #check: () => void;
  #last: Promise<unknown> = Promise.resolve();
  #lastTask = performance.now();

  /** @param check throws where the device can do no work any more. */
  constructor(recovery: Recovery | null, check: () => void) {
    this.#recovery = recovery;
    this.#check = check;
  }

  /** Resolves when all that was asked for has ended. */
  get last(): Promise<unknown> {
    return this.#last;
  }

  take<T>(work: () => Promise<T>): Promise<T> {
    const losses = this.#recovery?.losses ?? 0;
    const result = this.#last.then(async () => {
      this.#check();
      if (performance.now() - this.#lastTask > TURN) {
        // Rendering, timers, and the engine's clean-up of what was forgotten: none runs between promises.
        await nextTask();
        this.#lastTask = performance.now();
      }
      return this.#surviving(losses, work);
    });
    const ended = () => {};
    this.#last = result.then(ended, ended);
    return result;
  }

  /** Work fails where the device is lost meanwhile, also where it has its result: all went back. */
  async #surviving<T>(losses: number, work: () => Promise<T>): Promise<T> {
    const recovery = this.#recovery;
    await recovery?.ready(losses);
    try {
      return await work();
    } finally {
      if (recovery && recovery.losses !== losses) await recovery.ready(losses);
    }
  }
}

/** Resolves in a later task of the event loop. */
const nextTask = (): Promise<void> =>
  new Promise((done) => {
    if (typeof setImmediate === 'function') return setImmediate(done);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
