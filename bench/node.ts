import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BenchReport, type Machine, onGPU } from './report.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What the figures depend on, as far as Node can tell. */
export function machineFacts(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    engine: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
  };
}

/** The commit that runs, `+` where files differ from it; null without git. */
export function currentCommit(): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const commit = git('rev-parse', '--short=10', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`;
  } catch {
    return null;
  }
}

/** Today as YYYY-MM-DD. */
export const today = (): string => new Date().toISOString().slice(0, 10);

export const resultsFolder = path.join(root, 'bench', 'results');

/**
 * Where a report is kept that is given no name: `bench/results/2026-11-21-amd-epyc-node-26.json`, with the adapter instead of
 * the CPU where all is on the GPU.
 */
export function resultsFile({
  date,
  machine,
  adapter,
  results,
}: Pick<BenchReport, 'date' | 'machine' | 'adapter' | 'results'>): string {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
  const gpu = adapter !== null && results.every(({ engine }) => onGPU(engine));
  // `SwiftShader driver 5.0.0, google, swiftshader` without the driver, each word once.
  const words = gpu ? plain(adapter.replace(/ driver [^,]*/, '')).split('-') : [];
  const on = gpu ? [...new Set(words)].join(' ') : machine.cpu;
  const [, engine = 'engine', major = ''] = /(\w+)\W+(\d+)?/.exec(machine.engine) ?? [];
  return path.join(resultsFolder, `${date}-${plain(on)}-${plain(`${engine} ${major}`)}.json`);
}

/**
 * Writes text beside its place, for a link the one that it leads to, and renames it there, so that a reader never sees half of
 * it. Makes the folder.
 */
export function writeWhole(file: string, text: string): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  const target = existsSync(file) ? realpathSync(file) : file;
  const beside = `${target}.${process.pid}.part`;
  writeFileSync(beside, text);
  renameSync(beside, target);
}

/** The report as the JSON of `--json FILE`. */
export const writeReport = (report: BenchReport, file: string): void =>
  writeWhole(file, `${JSON.stringify(report, null, 2)}\n`);
