/** Builds the benchmark's page, and runs it in a Chromium or serves it for any browser. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runPage, serve } from '../../scripts/browser.js';
import { currentCommit, machineFacts, today } from '../node.js';
import type { BenchOptions } from '../options.js';
import type { BenchReport } from '../report.js';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The page as a folder of its own, which the caller removes. */
export async function buildPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-bench-'));
  await build({
    entryPoints: [join(here, 'page.ts')],
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
  const facts = { machine: machineFacts(), date: today(), commit: currentCommit() };
  await writeFile(join(folder, 'facts.json'), JSON.stringify(facts));
  return folder;
}

/** Hours that a run in a page may take. */
const LIMIT_HOURS = 1;

/** Runs the cases that `options` ask for in the page, in a Chromium; `say` is told of its progress. */
export async function runInPage(
  { suites, texts, backends, threads }: Pick<BenchOptions, 'suites' | 'texts' | 'backends' | 'threads'>,
  say: (line: string) => void,
): Promise<BenchReport> {
  const wishes = { suite: suites, case: texts, backend: backends, threads };
  const query = Object.entries(wishes).map(
    ([name, values]) => `${name}=${encodeURIComponent(values.join(','))}`,
  );
  const folder = await buildPage();
  try {
    const path = `index.html?run&${query.join('&')}`;
    return (await runPage(folder, path, LIMIT_HOURS * 3600e3, say)) as BenchReport;
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
