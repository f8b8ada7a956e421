import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const STALE_MS = 30 * 60_000;

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The lock's text if its owner is gone: no such process here, or older than half an hour. Otherwise null. */
function staleText(path) {
  try {
    const text = readFileSync(path, 'utf8');
    const age = Date.now() - statSync(path).mtimeMs;
    const [pid, host] = text.trim().split(' ');
    // A file that was just made may not have its text yet.
    const abandoned = host === undefined ? age > 5000 : host === hostname() && !alive(Number(pid));
    return abandoned || age > STALE_MS ? text : null;
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Moves a stale lock away; of several processes that try, one succeeds. */
function breakLock(path) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/**
 * Runs `work` while this process alone holds the file `path`. Waits for another holder and says so. Two
 * holders at once are possible only in the instant in which two processes break the same stale lock;
 * outputs are renamed into place, so that even then the loss is double work.
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${process.pid} ${hostname()}`;
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (staleText(path) !== null) breakLock(path);
    else {
      if (!told) console.log(`weft: another process is building; waiting for it (${path})`);
      told = true;
      await sleep(200);
    }
  }
  const release = () => {
    try {
      if (readFileSync(path, 'utf8') === mine) rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}
