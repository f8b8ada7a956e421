import { inNode, nodeModule } from '../platform.js';
import type { Reply, Request } from './worker-protocol.js';

/** A running worker. */
export interface Channel {
  post(request: Request, transfer?: readonly ArrayBuffer[]): void;
  /** Whether a program must wait for it; a page does not ask. */
  hold(isNeeded: boolean): void;
  stop(): void;
}

export interface Listener {
  reply(reply: Reply): void;
  /** Called once where the worker can't start or ends by itself. */
  trouble(why: string): void;
}

export interface StartOptions {
  /** Where a page serves the file `weft/data-worker.js`, if it forbids blob: scripts. */
  readonly script?: string | URL;
}

interface NodeWorker {
  on(event: 'message', listener: (reply: Reply) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'exit', listener: (code: number) => void): void;
  postMessage(request: Request, transfer?: readonly ArrayBuffer[]): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}
interface WorkerThreads {
  readonly Worker: new (code: string, options: object) => NodeWorker;
}

const NODE_START = `globalThis.port = require('node:worker_threads').parentPort;\n`;

/** The script's text, in a file of its own that is loaded when the first worker starts. */
const scriptText = async (): Promise<string> => (await import('../../build/data-worker.js')).worker;

/**
 * Where the npm package tsx is, by which a worker of Node imports a module in TypeScript: Node's own hooks for that stay in
 * the main thread. Null for other modules, and where it is not installed.
 */
export function typeScriptLoader(module: string): string | null {
  if (!inNode() || !/\.[cm]?tsx?$/.test(module)) return null;
  try {
    return import.meta.resolve('tsx/esm/api');
  } catch {
    return null;
  }
}

/** How workers are started here. */
export async function channelStarter(options: StartOptions): Promise<(listener: Listener) => Channel> {
  if (inNode()) return nodeStarter(await nodeModule<WorkerThreads>('worker_threads'), await scriptText());
  const { script } = options;
  return pageStarter(script, script === undefined ? await scriptText() : '');
}

function nodeStarter({ Worker }: WorkerThreads, text: string) {
  return ({ reply, trouble }: Listener): Channel => {
    const worker = new Worker(NODE_START + text, { eval: true });
    let isStopped = false;
    worker.on('message', reply);
    worker.on('error', ({ message }) => trouble(message));
    worker.on('exit', (code) => {
      if (!isStopped) trouble(`it ended with code ${code}`);
    });
    return {
      post: (request, transfer) => worker.postMessage(request, transfer),
      hold: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
      stop() {
        isStopped = true;
        void worker.terminate();
      },
    };
  };
}

function pageStarter(url: string | URL | undefined, text: string) {
  return ({ reply, trouble }: Listener): Channel => {
    const blob =
      url === undefined ? URL.createObjectURL(new Blob([text], { type: 'text/javascript' })) : null;
    const worker = new globalThis.Worker(url ?? blob!);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => reply(data);
    worker.onerror = ({ message }) => {
      const advice =
        "serve 'weft/data-worker.js' and name it by the option `script` where the page forbids blob: scripts";
      trouble(message || `its script can't be loaded; ${advice}`);
    };
    return {
      post: (request, transfer = []) => worker.postMessage(request, [...transfer]),
      hold() {},
      stop() {
        worker.terminate();
        if (blob !== null) URL.revokeObjectURL(blob);
      },
    };
  };
}
