import { DeviceLostError, messageOf, type WeftError } from '../../errors.js';

/** Milliseconds before the second, third, ... try. */
const pause = (tried: number): number => 250 * 4 ** (tried - 1);

const giveUp = (why: string): never => {
  throw new DeviceLostError(`webgpu: the device was lost, and ${why}`);
};

/** How often a new device is tried for before it is given up. */
export class Patience {
  /** Losses in a row before more updates than ever were made, and so many. */
  #fruitless = 0;
  #reached = 0;
  #ended: WeftError | null = null;
  #wake: () => void = () => {};

  constructor(readonly tries: number) {}

  /** Notes that the device answered behind so many updates. */
  progressed(updates: number): void {
    if (updates >= this.#reached) this.#fruitless = 0;
  }

  /** Calls `make` until it succeeds, after a loss behind so many updates. */
  async recover<T>(updates: number, make: () => Promise<T>): Promise<T> {
    this.#reached = Math.max(this.#reached, updates);
    if (++this.#fruitless > this.tries)
      giveUp(
        `so were ${this.tries} new ones before they got any further; open a new one and load a checkpoint`,
      );
    let last: unknown;
    for (let tried = 0; tried < this.tries && !this.#ended; tried++) {
      if (tried > 0) await this.#sleep(pause(tried));
      if (this.#ended) break;
      try {
        return await make();
      } catch (error) {
        last = error;
      }
    }
    if (this.#ended) throw this.#ended;
    return giveUp(`no new one could be had in ${this.tries} tries: ${messageOf(last)}`);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  /** Lets what is under way fail with `why`. */
  end(why: WeftError): void {
    this.#ended = why;
    this.#wake();
  }
}
