import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail } from '../../src/errors.js';
import { installedVersion } from './open.js';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Peers' packages that are absent or not of the version that package.json here names. */
function missing(): string[] {
  const { dependencies } = JSON.parse(readFileSync(`${FOLDER}package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return Object.entries(dependencies).flatMap(([name, version]) => {
    try {
      return installedVersion(name) === version ? [] : [`${name}@${version}`];
    } catch {
      return [`${name}@${version}`];
    }
  });
}

/**
 * Installs the engines to compare with into `bench/compare/node_modules`, from the lock file there, unless
 * they are there already; says so first through `say`. Throws when npm fails.
 */
export function installPeers(say: (line: string) => void = console.log): void {
  const absent = missing();
  if (absent.length === 0) return;
  say(`Installing the engines to compare with (about 540 MB, once) into ${FOLDER}node_modules:`);
  say(`  ${absent.join(' ')}`);
  const { status, error } = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--ignore-scripts'], {
    cwd: FOLDER,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (error) fail('bench/compare', `npm could not be started (${error.message}), put npm on the PATH`);
  if (status !== 0)
    fail('bench/compare', `npm ci ended with status ${status} in ${FOLDER}; its message is above`);
  const still = missing();
  if (still.length > 0)
    fail('bench/compare', `npm ci ran, yet ${still.join(' ')} are absent; delete node_modules there`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installPeers();
