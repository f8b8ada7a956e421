import { fail, WeftError } from '../../errors.js';
import {
  ACTIVE,
  CLOSED,
  type CrewMember,
  FAILED,
  KERNEL,
  NEXT,
  OPERANDS,
  PARAMS,
  PROGRESS,
  READY,
  SCRATCH,
  SLEEPERS,
  SPINS,
  STOP,
  STRIDE,
  TICKET,
  takeShare,
  UNITS,
  WAITING,
  WORDS,
} from './crew.js';
import type { Kernel } from './module.js';
import type { StartWorker, Worker } from './workers.js';

/** A kernel call over all of its units. */
export interface Job {
  readonly label: string;
  /** Number of the kernel. */
  readonly kernel: number;
  readonly operands: number;
  readonly params: number;
  readonly units: number;
}

export interface ThreadsRequest extends Omit<CrewMember, 'thread'> {
  /** The same kernels, bound in this thread. */
  readonly run: readonly Kernel[];
  readonly start: StartWorker;
  /** Milliseconds without a sign of life of a thread that is inside a job, after which it counts as dead. */
  readonly patience?: number;
}

/** The first thread's side of the crew: starts the others at the first job, hands out jobs, waits for the rest. */
export class Threads {
  readonly #request: ThreadsRequest;
  readonly #words: Int32Array;
  readonly #workers: Worker[] = [];
  readonly #canSleep: boolean;
  /** What is wrong for good; every later job fails with it. */
  #broken: string | null = null;
  #started = false;

  constructor(request: ThreadsRequest) {
    this.#request = request;
    this.#words = new Int32Array(request.memory.buffer, request.address, WORDS);
    this.#words.fill(0);
    this.#words[NEXT] = CLOSED;
    this.#canSleep = maySleep(this.#words);
  }

  get count(): number {
    return this.#request.threads;
  }

  /** Threads that have come up, this one among them. */
  get ready(): number {
    return 1 + Atomics.load(this.#words, READY);
  }

  /** Computes all units of a job; thread t uses the scratch memory at `scratch + t * stride`. */
  run({ label, kernel, operands, params, units }: Job, scratch: number, stride: number): void {
    if (this.#broken !== null) fail('wasm', this.#broken);
    if (!this.#started) this.#start();
    const words = this.#words;
    // Closed since the last job; the fields are written before it opens.
    words[KERNEL] = kernel;
    words[OPERANDS] = operands;
    words[PARAMS] = params;
    words[SCRATCH] = scratch;
    words[STRIDE] = stride;
    Atomics.store(words, UNITS, units);
    Atomics.store(words, NEXT, 0);
    Atomics.add(words, TICKET, 1);
    if (Atomics.load(words, SLEEPERS) > 0) Atomics.notify(words, TICKET);
    try {
      takeShare(words, this.#request.run, 0, this.#request.threads);
    } finally {
      Atomics.store(words, NEXT, CLOSED);
      this.#settle(label);
    }
    const failed = Atomics.exchange(words, FAILED, 0);
    if (failed > 0) throw new WeftError(`${label}: the kernel failed on thread ${failed}`);
  }

  #start(): void {
    this.#started = true;
    const { memory, address, modules, kernels, threads, start } = this.#request;
    for (let thread = 1; thread < threads; thread++) {
      const trouble = (why: string) => {
        if (Atomics.load(this.#words, STOP) === 0) this.#break(`thread ${thread} is gone: ${why}`);
      };
      try {
        this.#workers.push(start({ memory, address, modules, kernels, thread, threads }, trouble));
      } catch (error) {
        this.#break(`thread ${thread} can't be started: ${(error as Error).message}`);
        fail('wasm', this.#broken!);
      }
    }
  }

  #break(what: string): void {
    this.#broken ??= `${what}; close the device and open it again, with { threads: 1 } to do without`;
  }

  /** Waits until no other thread is inside the job: looks for a while, then sleeps where this thread may. */
  #settle(label: string): void {
    const words = this.#words;
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, ACTIVE) === 0) return;
    const { patience = 10_000 } = this.#request;
    let progress = Atomics.load(words, PROGRESS);
    let since = performance.now();
    Atomics.store(words, WAITING, 1);
    for (let active = Atomics.load(words, ACTIVE); active !== 0; active = Atomics.load(words, ACTIVE)) {
      if (this.#canSleep) Atomics.wait(words, ACTIVE, active, 100);
      const now = Atomics.load(words, PROGRESS);
      if (now !== progress) [progress, since] = [now, performance.now()];
      else if (performance.now() - since > patience) {
        this.#break(`${label}: a thread gave no sign of life for ${patience / 1000} s`);
        fail('wasm', this.#broken!);
      }
    }
    Atomics.store(words, WAITING, 0);
  }

  /** Ends the workers; the crew can't be used after it. */
  stop(): void {
    this.#broken ??= 'the device is closed';
    Atomics.store(this.#words, STOP, 1);
    Atomics.add(this.#words, TICKET, 1);
    Atomics.notify(this.#words, TICKET);
    for (const worker of this.#workers.splice(0)) worker.stop();
  }
}

/** Whether this thread may sleep: the main thread of a page may not. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, TICKET, Atomics.load(words, TICKET) + 1, 0);
    return true;
  } catch {
    return false;
  }
}
