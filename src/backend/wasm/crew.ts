/**
 * How threads share the work of one kernel call. The thread that runs the program writes a job into a block of shared
 * words and opens it; every thread that is awake takes ranges of its work units until none is left. Nobody waits for a
 * thread that sleeps or has not started: whoever comes late finds nothing to do. A job is rewritten only when no thread
 * is inside it, which `ACTIVE` counts. Words that several threads write lie in cache lines of their own.
 */
import { withGroups } from './group.js';
import type { Kernel } from './module.js';

/** Changes with every job: what idle threads watch. */
export const TICKET = 0;
/** The first unit that nobody has taken; at least `UNITS` while the job is closed. */
export const NEXT = 16;
/** Threads other than the first that may be inside the job. */
export const ACTIVE = 32;
/** Counts the ranges that other threads have finished. */
export const PROGRESS = 48;
export const UNITS = 64;
export const KERNEL = 65;
export const OPERANDS = 66;
export const PARAMS = 67;
/** Scratch memory of thread 0, and the bytes from one thread's to the next. */
export const SCRATCH = 68;
export const STRIDE = 69;
/** Threads that sleep until the ticket changes. */
export const SLEEPERS = 80;
/** 1 while the first thread sleeps until the others are done. */
export const WAITING = 81;
/** The number of a thread whose kernel threw. */
export const FAILED = 82;
export const STOP = 83;
/** Threads that have come up. */
export const READY = 84;
export const WORDS = 96;

/** Above any number of units. */
export const CLOSED = 0x7fffffff;

/** About 50 microseconds of looking for work before a thread sleeps. */
export const SPINS = 20_000;

/** What a worker is started with. */
export interface CrewMember {
  readonly memory: WebAssembly.Memory;
  /** Address of the shared words. */
  readonly address: number;
  readonly modules: readonly WebAssembly.Module[];
  /** Kernels by the number that jobs name them by: which module's export it is. */
  readonly kernels: readonly (readonly [module: number, name: string])[];
  /** 1 for the first worker; the thread that runs the program is 0. */
  readonly thread: number;
  readonly threads: number;
}

/**
 * Takes ranges of the open job's units, large ones first, and computes them until none is left. src/ops/unit_turns.ts reckons
 * with it.
 */
export function takeShare(
  words: Int32Array,
  kernels: readonly Kernel[],
  thread: number,
  threads: number,
): void {
  for (;;) {
    const next = Atomics.load(words, NEXT);
    const units = Atomics.load(words, UNITS);
    if (next >= units) return;
    const count = Math.max(1, Math.floor((units - next) / (2 * threads)));
    if (Atomics.compareExchange(words, NEXT, next, next + count) !== next) continue;
    // Whoever has taken a range may read the job: it is not rewritten before he is done.
    const scratch = words[SCRATCH]! + thread * words[STRIDE]!;
    const end = Math.min(next + count, words[UNITS]!);
    kernels[words[KERNEL]!]!(words[OPERANDS]!, words[PARAMS]!, scratch, next, end);
    if (thread > 0) Atomics.add(words, PROGRESS, 1);
  }
}

/** A worker's life: waits for jobs and takes its share, until it is stopped. */
export function serve(member: CrewMember): void {
  const { memory, address, thread, threads } = member;
  const words = new Int32Array(memory.buffer, address, WORDS);
  const exports = member.modules.map(
    (module) => new WebAssembly.Instance(module, { env: { memory } }).exports,
  );
  const own = member.kernels.map(([module, name]) => exports[module]![name] as Kernel);
  const { kernels } = withGroups(own, exports[0]!);
  let seen = Atomics.load(words, TICKET) - 1;
  Atomics.add(words, READY, 1);
  while (Atomics.load(words, STOP) === 0) {
    seen = awaitTicket(words, seen);
    Atomics.add(words, ACTIVE, 1);
    try {
      takeShare(words, kernels, thread, threads);
    } catch {
      Atomics.store(words, NEXT, CLOSED);
      Atomics.store(words, FAILED, thread);
    }
    const left = Atomics.sub(words, ACTIVE, 1) - 1;
    if (left === 0 && Atomics.load(words, WAITING) === 1) Atomics.notify(words, ACTIVE);
  }
}

/** The ticket once it differs from `seen`: looks for a while, then sleeps. */
function awaitTicket(words: Int32Array, seen: number): number {
  for (let spin = 0; spin < SPINS; spin++) {
    const ticket = Atomics.load(words, TICKET);
    if (ticket !== seen) return ticket;
  }
  Atomics.add(words, SLEEPERS, 1);
  Atomics.wait(words, TICKET, seen);
  Atomics.sub(words, SLEEPERS, 1);
  return Atomics.load(words, TICKET);
}
