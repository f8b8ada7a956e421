import { fail, WeftError } from '../errors.js';
import { anyNumber, anything, either, expectOptions, type Kinds, object, text } from '../kinds.js';
import { type BatchedDataset, checkIndex, type DataTensor, type SeedOf } from './sample.js';
import type { Reply, Request } from './worker-protocol.js';
import { type Channel, channelStarter, type StartOptions, typeScriptLoader } from './worker-start.js';

export interface WorkerDatasetOptions extends StartOptions {
  /** The name under which the module exports the factory; default 'default'. */
  readonly factory?: string;
  /** What the factory is called with; anything that can be sent to a worker. */
  readonly args?: unknown;
  /** Workers, each with a dataset of its own; default 1. */
  readonly workers?: number;
  /** Stops the workers when it is aborted. */
  readonly signal?: AbortSignal;
}

const kinds: Kinds<WorkerDatasetOptions> = {
  factory: text,
  args: anything,
  workers: anyNumber,
  signal: object('an AbortSignal'),
  script: either(text, object<URL>('a URL')),
};

interface Pending {
  readonly resolve: (parts: DataTensor[]) => void;
  readonly reject: (error: unknown) => void;
}

/** One worker and what is expected of it. */
class Member {
  readonly pending = new Map<number, Pending>();
  readonly opened: Promise<number>;
  readonly #channel: Channel;
  #settle: { resolve: (length: number) => void; reject: (error: unknown) => void } | null = null;
  #ended: unknown = null;

  constructor(
    start: (listener: { reply(reply: Reply): void; trouble(why: string): void }) => Channel,
    readonly module: string,
    open: Request,
  ) {
    this.opened = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#channel = start({
      reply: (reply) => this.#take(reply),
      trouble: (why) => this.end(this.#error(why)),
    });
    this.#channel.post(open);
  }

  request(
    request: Request & { readonly id: number },
    signal?: AbortSignal,
    transfer?: ArrayBuffer[],
  ): Promise<DataTensor[]> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { id } = request;
    return new Promise<DataTensor[]>((resolve, reject) => {
      const cancel = () => {
        this.#channel.post({ kind: 'cancel', id });
        this.#done(id)?.reject(signal!.reason);
      };
      const over =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', cancel);
          then(value);
        };
      signal?.addEventListener('abort', cancel, { once: true });
      this.pending.set(id, { resolve: over(resolve), reject: over(reject) });
      this.#channel.hold(true);
      this.#channel.post(request, transfer);
    });
  }

  /** Stops the worker; everything that is expected of it fails with `error`, now and later. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#channel.stop();
    this.#settle?.reject(error);
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  #error(message: string): WeftError {
    return new WeftError(`${message} (in the worker of ${this.module})`);
  }

  #done(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (this.pending.size === 0) this.#channel.hold(false);
    return pending;
  }

  #take(reply: Reply): void {
    if (reply.kind === 'done') this.#done(reply.id)?.resolve(reply.parts);
    else if (reply.kind === 'failed') this.#done(reply.id)?.reject(this.#error(reply.message));
    else if (reply.kind === 'refused') this.end(this.#error(reply.message));
    else {
      this.#settle?.resolve(reply.length);
      this.#settle = null;
      if (this.pending.size === 0) this.#channel.hold(false);
    }
  }
}

/**
 * A dataset that lives in workers, for a DataLoader with `prefetch`: reading and transforms go on while the loop computes.
 * The batches are those that the dataset itself would give, bit for bit. A batch that a loop left behind is cancelled; the
 * workers stop at `close`, when the signal of `openWorkerDataset` is aborted, or with the program, which they don't keep
 * alive.
 */
export class WorkerDataset implements BatchedDataset {
  readonly #members: readonly Member[];
  #id = 0;

  /** By `openWorkerDataset`. */
  constructor(
    members: readonly Member[],
    readonly length: number,
  ) {
    this.#members = members;
  }

  get(index: number, seed?: number): Promise<DataTensor[]> {
    checkIndex('WorkerDataset', index, this.length);
    return this.#free().request({ kind: 'sample', id: this.#id++, index, seed: seed ?? null });
  }

  getBatch(indices: ArrayLike<number>, seed?: SeedOf, signal?: AbortSignal): Promise<DataTensor[]> {
    const list = Int32Array.from(indices);
    for (const index of list) checkIndex('WorkerDataset', index, this.length);
    const seeds = seed ? Float64Array.from(list, (_, place) => seed(place)) : null;
    const transfer = [list.buffer, ...(seeds ? [seeds.buffer] : [])] as ArrayBuffer[];
    return this.#free().request({ kind: 'batch', id: this.#id++, indices: list, seeds }, signal, transfer);
  }

  /** Stops the workers. What is still expected of them fails. */
  close(): void {
    for (const member of this.#members) member.end(new WeftError('WorkerDataset: it is closed'));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The worker of which least is expected. */
  #free(): Member {
    return this.#members.reduce((least, member) =>
      member.pending.size < least.pending.size ? member : least,
    );
  }
}

/** The address of a module, which a worker can import from anywhere. */
function addressOf(module: string | URL): string {
  if (URL.canParse(module)) return String(module);
  return fail(
    'openWorkerDataset',
    `'${module}' is no URL; name the module by new URL('./dataset.js', import.meta.url)`,
  );
}

/**
 * Starts workers that import `module` and call the factory that it exports, which returns a dataset or a promise of one:
 * functions can't be sent to a worker. Works in Node and in pages; a module in TypeScript needs the npm package tsx in Node. Raises a WeftError where the module can't be imported or
 * the factory fails, with its message.
 */
export async function openWorkerDataset(
  module: string | URL,
  options: WorkerDatasetOptions = {},
): Promise<WorkerDataset> {
  const where = 'openWorkerDataset';
  expectOptions(where, options, kinds);
  const { factory = 'default', args, workers = 1, signal } = options;
  if (!Number.isInteger(workers) || workers < 1)
    fail(where, `workers must be a whole number from 1, got ${workers}`);
  const address = addressOf(module);
  signal?.throwIfAborted();
  const start = await channelStarter(options);
  const open: Request = {
    kind: 'open',
    module: address,
    factory,
    args,
    loader: typeScriptLoader(address),
  };
  const members = Array.from({ length: workers }, () => new Member(start, address, open));
  const stop = (reason: unknown) => {
    for (const member of members) member.end(reason);
  };
  signal?.addEventListener('abort', () => stop(signal.reason), { once: true });
  try {
    const lengths = await Promise.all(members.map(({ opened }) => opened));
    if (lengths.some((length) => length !== lengths[0])) {
      fail(
        where,
        `the workers' datasets differ in length: ${lengths.join(', ')}; the factory must give the same to all`,
      );
    }
    return new WorkerDataset(members, lengths[0]!);
  } catch (error) {
    stop(error);
    throw error;
  }
}
