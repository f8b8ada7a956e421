import { worker as script } from '../../../build/worker.js';
import { inNode, nodeModule } from '../../platform.js';
import type { CrewMember } from './crew.js';

/** A running worker. */
export interface Worker {
  stop(): void;
}

/** Starts a worker; `trouble` is called once where it can't start or ends by itself. */
export type StartWorker = (member: CrewMember, trouble: (why: string) => void) => Worker;

/** Node's modules that are used, as far as they are used. */
interface NodeWorker {
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'exit', listener: (code: number) => void): void;
  unref(): void;
  terminate(): void;
}
interface WorkerThreads {
  readonly Worker: new (code: string, options: object) => NodeWorker;
}
interface OperatingSystem {
  availableParallelism(): number;
}

/** Processors that this process may use. */
export async function processors(): Promise<number> {
  if (inNode()) return (await nodeModule<OperatingSystem>('os')).availableParallelism();
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Why threads can't share memory here; null where they can. */
export function whyNoThreads(): string | null {
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) {
    return (
      'shared memory is not to be had: the page is not cross-origin isolated; serve it with the headers ' +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    );
  }
  if (!inNode() && typeof globalThis.Worker === 'undefined') return 'there are no workers here';
  return null;
}

/** How workers are started here. `url` is where a page serves `weft/worker.js`, if it forbids blob: scripts. */
export async function workerStarter(url: string | URL | undefined): Promise<StartWorker> {
  return inNode() ? nodeStarter(await nodeModule<WorkerThreads>('worker_threads')) : pageStarter(url);
}

const NODE_SCRIPT = `globalThis.member = require('node:worker_threads').workerData;\n${script}`;

function nodeStarter({ Worker }: WorkerThreads): StartWorker {
  return (workerData, trouble) => {
    // Without the parent's flags, such as loaders of other languages.
    const worker = new Worker(NODE_SCRIPT, { eval: true, workerData, execArgv: [] });
    worker.on('error', ({ message }) => trouble(message));
    worker.on('exit', (code) => trouble(`it ended with code ${code}`));
    worker.unref();
    return { stop: () => worker.terminate() };
  };
}

function pageStarter(url: string | URL | undefined): StartWorker {
  return (member, trouble) => {
    const blob =
      url === undefined ? URL.createObjectURL(new Blob([script], { type: 'text/javascript' })) : null;
    const worker = new globalThis.Worker(url ?? blob!);
    worker.onerror = ({ message }) => {
      const advice =
        "serve 'weft/worker.js' and name it by the option `worker` where the page forbids blob: scripts";
      trouble(message || `its script can't be loaded; ${advice}`);
    };
    worker.postMessage(member);
    return {
      stop() {
        worker.terminate();
        if (blob !== null) URL.revokeObjectURL(blob);
      },
    };
  };
}
