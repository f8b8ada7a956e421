/** Builds the benchmark's page, and runs it in a Chromium or serves it for any browser. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runPage, serve } from '../../scripts/browser.js';
import { installPeers } from '../compare/install.js';
import { versionsOf } from '../compare/open.js';
import type { PeerName } from '../compare/peer.js';
import { currentCommit, machineFacts, today } from '../node.js';
import type { BenchOptions } from '../options.js';
import type { Replays } from '../replay.js';
import type { BenchReport } from '../report.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const compare = fileURLToPath(new URL('../compare/', import.meta.url));

/** What onnxruntime-web's module for WebGPU fetches. */
const ORT_FILES = ['ort-wasm-simd-threaded.asyncify.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'];

/** The page as a folder of its own, which the caller removes; with these peers, which must be installed, in a file beside it. */
async function buildPage(peers: readonly PeerName[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-bench-'));
  const beside: Record<string, string> = peers.length > 0 ? { peers: join(compare, 'page.ts') } : {};
  await build({
    entryPoints: { page: join(here, 'page.ts'), ...beside },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    external: ['node:*', 'webgpu'],
    logLevel: 'warning',
  });
  await copyFile(join(here, 'index.html'), join(folder, 'index.html'));
  for (const file of peers.includes('ort-webgpu') ? ORT_FILES : [])
    await copyFile(join(compare, 'node_modules/onnxruntime-web/dist', file), join(folder, file));
  const facts = {
    machine: machineFacts(),
    date: today(),
    commit: currentCommit(),
    peers: versionsOf(peers),
  };
  await writeFile(join(folder, 'facts.json'), JSON.stringify(facts));
  return folder;
}

/** Hours that a run in a page may take. */
const LIMIT_HOURS = 1;

/** Runs the cases that `options` ask for in the page, in a Chromium; `say` is told of its progress. */
export async function runInPage(
  {
    suites,
    texts,
    backends,
    threads,
    peers,
  }: Pick<BenchOptions, 'suites' | 'texts' | 'backends' | 'threads' | 'peers'>,
  say: (line: string) => void,
): Promise<BenchReport> {
  if (peers.length > 0) installPeers(say);
  const wishes = { suite: suites, case: texts, backend: backends, threads, peer: peers };
  const query = Object.entries(wishes).map(
    ([name, values]) => `${name}=${encodeURIComponent(values.join(','))}`,
  );
  const folder = await buildPage(peers);
  try {
    const path = `index.html?run&${query.join('&')}`;
    return (await runPage(folder, path, LIMIT_HOURS * 3600e3, say)) as BenchReport;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Times the replay of training steps in the page, in a Chromium. */
export async function replayInPage(
  { texts, small }: Pick<BenchOptions, 'texts' | 'small'>,
  say: (line: string) => void,
): Promise<Replays> {
  const folder = await buildPage();
  try {
    const path = `index.html?replay${small ? '&small' : ''}&case=${encodeURIComponent(texts.join(','))}`;
    return (await runPage(folder, path, LIMIT_HOURS * 3600e3, say)) as Replays;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Serves the page until the process is told to end. */
export async function servePage(): Promise<void> {
  const folder = await buildPage();
  const server = await serve(folder);
  console.log(`the benchmark's page: ${server.origin}/index.html (Ctrl-C ends it)`);
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, done);
  });
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
