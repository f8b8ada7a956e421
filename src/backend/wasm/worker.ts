/** The script of a worker thread, in Node and in browsers: it binds the kernels to the shared memory and serves. */
import { type CrewMember, serve } from './crew.js';

declare const require: ((name: string) => { readonly workerData: CrewMember }) | undefined;

if (typeof require === 'function') serve(require('node:worker_threads').workerData);
else globalThis.onmessage = ({ data }: MessageEvent<CrewMember>) => serve(data);
