import { DeviceLostError, fail, WeftError } from '../../errors.js';
import type { OnLost } from '../backend.js';
import type { OpenedDevice } from './open.js';

const FILTERS = ['validation', 'out-of-memory', 'internal'] as const;

const DESCRIPTIONS = {
  validation: 'refused by WebGPU',
  'out-of-memory': 'out of memory',
  internal: 'failed inside the GPU driver',
};

/** Milliseconds within which a loss is told of that broke something off. */
const TELLS_MS = 1000;

const stayLost: OnLost = (why) =>
  new DeviceLostError(
    `webgpu: the device was lost (${why}); open a new one and load the parameters again, or open it to recover`,
  );

/**
 * What has gone wrong on a device. WebGPU reports errors later than it makes them: each is kept here until a call can
 * raise it. A lost device stays lost; other errors are raised once, and the device can be used again.
 */
export class Health {
  #lost: WeftError | null = null;
  #problems: WeftError[] = [];
  readonly #pending = new Set<Promise<void>>();
  /** All that the device has yet to answer. */
  readonly #unanswered = new Set<Promise<unknown>>();
  readonly #waiting = new Set<(error: WeftError) => void>();

  readonly device: GPUDevice;

  /**
   * `opened` is held until its device is lost: `device.lost` holds this.
   *
   * @param lost is told why the device was lost, and gives the error that every call raises from then on.
   */
  constructor(
    readonly opened: OpenedDevice,
    lost: OnLost = stayLost,
  ) {
    const { device, owned } = opened;
    this.device = device;
    void device.lost.then((info) => {
      const why = info.message ? `${info.reason}: ${info.message}` : info.reason;
      if (!this.#lost) this.lose(lost(why));
    });
    if (owned) {
      device.addEventListener('uncapturederror', (event) => {
        event.preventDefault();
        this.#problems.push(new WeftError(`webgpu: ${event.error.message}`));
      });
    }
  }

  /** Makes every later call and every call under way fail with `error`; the first one stays. */
  lose(error: WeftError): void {
    if (this.#lost) return;
    this.#lost = error;
    for (const reject of this.#waiting) reject(this.#lost);
    this.#waiting.clear();
  }

  /** Throws if the device is lost, or the first error that no call has raised yet. */
  check(): void {
    if (this.#lost) throw this.#lost;
    if (this.#problems.length === 0) return;
    const [first] = this.#problems;
    this.#problems = [];
    throw first!;
  }

  /** Waits for the verdict on everything that was asked of the device so far, then checks. */
  async settle(): Promise<void> {
    await this.guard(Promise.all(this.#pending));
    this.check();
  }

  /** `promise`, which rejects at once when the device is lost. */
  guard<T>(promise: Promise<T>): Promise<T> {
    this.#expect(promise);
    if (this.#lost) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise
        .then(resolve, async (error: unknown) => reject(await this.#reasonOf(error)))
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Browsers break off what waits for a device that is lost before they tell that it is. */
  async #reasonOf(error: unknown): Promise<unknown> {
    if (!this.#lost && error instanceof Error && error.name === 'AbortError') {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const enough = new Promise((wake) => {
        timer = setTimeout(wake, TELLS_MS);
      });
      await Promise.race([this.device.lost, enough]);
      clearTimeout(timer);
    }
    return this.#lost ?? error;
  }

  /** Calls `make` and waits for WebGPU's verdict on it; fails with `where` and what WebGPU says. */
  async attempt<T>(where: string, make: () => T): Promise<T> {
    const { value, verdict } = this.#scoped(where, make);
    const error = await this.guard(verdict);
    if (error) throw error;
    return value;
  }

  /** Calls `make` and goes on; an error is raised by the next call that waits, after `judged` was told of it. */
  defer<T>(where: string, make: () => T, judged?: (failed: boolean) => void): T {
    const { value, verdict } = this.#scoped(where, make);
    const pending = verdict.then((error) => {
      this.#pending.delete(pending);
      if (error) this.#problems.push(error);
      judged?.(error !== null);
    });
    this.#pending.add(pending);
    return value;
  }

  /** Resolves when the device has answered everything: destroyed earlier, Node's implementation may crash. */
  async quiet(): Promise<void> {
    while (this.#unanswered.size > 0) await Promise.allSettled(this.#unanswered);
  }

  #expect(promise: Promise<unknown>): void {
    this.#unanswered.add(promise);
    const answered = () => this.#unanswered.delete(promise);
    promise.then(answered, answered);
  }

  #scoped<T>(where: string, make: () => T): { value: T; verdict: Promise<WeftError | null> } {
    for (const filter of FILTERS) this.device.pushErrorScope(filter);
    const verdicts: Promise<WeftError | null>[] = [];
    const close = () => {
      for (const filter of [...FILTERS].reverse()) {
        // A lost device may reject here; the loss itself is reported by guard and check.
        const popped = this.device.popErrorScope().catch(() => null);
        this.#expect(popped);
        verdicts.push(popped.then((error) => error && describe(where, filter, error)));
      }
    };
    let value: T;
    try {
      value = make();
    } finally {
      close();
    }
    return { value, verdict: Promise.all(verdicts).then((errors) => errors.find((error) => error) ?? null) };
  }
}

function describe(where: string, filter: (typeof FILTERS)[number], error: GPUError): WeftError {
  const advice = filter === 'out-of-memory' ? '; free buffers or use smaller batches' : '';
  // Node's implementation appends the C++ call stack.
  const message = error.message.replace(/\n\s+at .*/g, '').trim();
  return new WeftError(`${where}: ${DESCRIPTIONS[filter]}: ${message}${advice}`);
}

/** Refuses a use of something that was given back. */
export const refuseFreed = (label: string): never =>
  fail('webgpu', `buffer '${label}' is used after it was freed`);
