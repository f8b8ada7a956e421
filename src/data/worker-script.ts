/** The script of a worker that holds a dataset. In Node, `port` is set before. */
import { messageOf } from '../errors.js';
import { collect } from './batch.js';
import { type Dataset, type DataTensor, withData } from './sample.js';
import type { Reply, Request } from './worker-protocol.js';

type OpenRequest = Extract<Request, { kind: 'open' }>;
type Job = Extract<Request, { id: number }>;

interface NodePort {
  postMessage(message: Reply, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (request: Request) => void): void;
}

const { port } = globalThis as { port?: NodePort };
const page = globalThis as unknown as {
  postMessage(message: Reply, transfer: readonly ArrayBuffer[]): void;
  onmessage: (event: { readonly data: Request }) => void;
};
const post = (reply: Reply, transfer: readonly ArrayBuffer[] = []): void =>
  (port ?? page).postMessage(reply, transfer);
/** Lets messages in that have come meanwhile, such as those that cancel. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

let dataset: Dataset;
const jobs: Job[] = [];
let isBusy = false;

async function openDataset({ module, factory, args, loader }: OpenRequest): Promise<void> {
  if (loader) ((await import(loader)) as { register(): unknown }).register();
  const exported = ((await import(module)) as Record<string, unknown>)[factory];
  if (typeof exported !== 'function') throw new Error(`the module exports no function '${factory}'`);
  const made = (await exported(args)) as Dataset | undefined;
  if (typeof made?.get !== 'function' || !Number.isInteger(made.length)) {
    throw new Error(`'${factory}' must return a dataset, with a length and get(index)`);
  }
  dataset = made;
  post({ kind: 'opened', length: made.length });
}

async function partsOf(job: Exclude<Job, { kind: 'cancel' }>): Promise<readonly DataTensor[]> {
  if (job.kind === 'sample') return dataset.get(job.index, job.seed ?? undefined);
  const { indices, seeds } = job;
  return collect(dataset, indices, seeds ? (place) => seeds[place]! : undefined);
}

/** What is transferred is lost here, and the dataset may keep what it gave. */
function copyOf(part: DataTensor): DataTensor {
  const { tensor, data } = withData(part, part.data.length, part.shape);
  data.set(part.data);
  return tensor;
}

async function answer(job: Exclude<Job, { kind: 'cancel' }>): Promise<void> {
  try {
    const parts = (await partsOf(job)).map(copyOf);
    post({ kind: 'done', id: job.id, parts }, [
      ...new Set(parts.map(({ data }) => data.buffer as ArrayBuffer)),
    ]);
  } catch (error) {
    post({ kind: 'failed', id: job.id, message: messageOf(error) });
  }
}

async function work(): Promise<void> {
  if (isBusy) return;
  isBusy = true;
  for (await turn(); jobs.length > 0; await turn()) {
    const job = jobs.shift()!;
    if (job.kind !== 'cancel') await answer(job);
  }
  isBusy = false;
}

function receive(request: Request): void {
  if (request.kind === 'open') {
    openDataset(request).catch((error) => post({ kind: 'refused', message: messageOf(error) }));
  } else if (request.kind === 'cancel') {
    const at = jobs.findIndex(({ id }) => id === request.id);
    if (at >= 0) jobs.splice(at, 1);
  } else {
    jobs.push(request);
    void work();
  }
}

if (port) port.on('message', receive);
else page.onmessage = ({ data }) => receive(data);
