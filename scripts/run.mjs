#!/usr/bin/env node
// Runs before node_modules exists, so this file and the two it imports know only Node's own modules.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';
import { withLock } from './lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const USAGE = `usage: node scripts/run.mjs build | test [vitest's arguments] | check | FILE.ts [arguments]`;

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20)
    throw new Error(`Weft needs Node 20 or newer, this is ${process.version}: see https://nodejs.org`);
}

/**
 * Whether the arguments ask for the webgpu backend: `--backend webgpu`, `--backend wasm,webgpu`,
 * `--backend=webgpu`, or `--measure`, which measures every backend.
 */
function asksForWebgpu(args) {
  return args.some((arg, i) => {
    if (arg === '--measure') return true;
    const list = arg.startsWith('--backend=')
      ? arg.slice('--backend='.length)
      : args[i - 1] === '--backend'
        ? arg
        : '';
    return list.split(',').some((name) => name.trim() === 'webgpu');
  });
}

/**
 * This process's environment, with the software GPU in it unless WEFT_ADAPTER=system asks for the
 * machine's own.
 */
async function webgpuEnvironment() {
  if (process.env.WEFT_ADAPTER === 'system') return process.env;
  const { swiftShaderEnvironment } = await import('./chromium.mjs');
  return { ...process.env, ...(await swiftShaderEnvironment()) };
}

/**
 * Runs Node with `args`, sharing the terminal; resolves to the exit code, 128 + signal number if it was
 * killed.
 */
function node(args, env = process.env) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit', env });
    // Ctrl-C reaches the child by itself; this process waits for it.
    process.on('SIGTERM', (signal) => child.kill(signal)).on('SIGINT', () => {});
    child.on('error', failed);
    child.on('close', (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

async function prepare(options) {
  await withLock(join(root, 'build', '.lock'), async () => {
    ensureInstalled(root);
    const { build } = await import('./build.mjs');
    await build(options);
  });
}

async function main([command, ...args]) {
  checkNode();
  if (command === undefined || command === '--help') {
    console.log(USAGE);
    return command ? 0 : 2;
  }
  if (['build', 'test', 'check'].includes(command)) {
    process.chdir(root);
    await prepare({ bundles: true });
    if (command === 'build') return 0;
    const env = await webgpuEnvironment();
    if (command === 'test') return node(['node_modules/vitest/vitest.mjs', 'run', ...args], env);
    return node(['scripts/check.mjs', ...args], env);
  }
  const file = [resolve(command), resolve(root, command)].find((path) => existsSync(path));
  if (!file) throw new Error(`${command} is neither a command nor a file\n${USAGE}`);
  await prepare({ bundles: false });
  const env = asksForWebgpu(args) ? await webgpuEnvironment() : process.env;
  // tsx reads the paths of 'weft' and its subpaths from here, wherever the caller stands.
  const paths = { TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
  // Programs that tell how long something takes wait for the GPU as a user's program does.
  const calm = args[0] === 'gradcheck' ? ['--import', import.meta.resolve('./calm.mjs')] : [];
  const imports = ['tsx', './pipe.mjs'].flatMap((name) => ['--import', import.meta.resolve(name)]);
  return node([...imports, ...calm, file, ...args], { ...env, ...paths });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`weft: ${error.message}`);
  process.exitCode = 1;
}
