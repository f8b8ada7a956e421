import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;

/**
 * Why `npm ci` is needed in `root`, or null. npm records what it installed in
 * `node_modules/.package-lock.json`, as the last thing it does; packages for other platforms are marked
 * optional and may be absent.
 */
function installReason(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return 'node_modules is missing or incomplete';
  const installed = read(record);
  for (const [path, wanted] of Object.entries(read(join(root, 'package-lock.json')))) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!installed[path] && !wanted.optional) return `${name} is not installed`;
    if (installed[path] && installed[path].version !== wanted.version) {
      return `${name} is ${installed[path].version}, package-lock.json asks for ${wanted.version}`;
    }
  }
  return null;
}

/** Installs what package-lock.json names, if it is not there yet. */
export function ensureInstalled(root) {
  const reason = installReason(root);
  if (!reason) return;
  console.log(`weft: installing packages with npm ci (${reason})`);
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const [command, ...first] = npm;
  const { status, error } = spawnSync(command, [...first, 'ci', '--no-fund', '--no-audit'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (status !== 0)
    throw new Error(`npm ci failed (${error?.message ?? `exit code ${status}`}); see its output above`);
}
