import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPage } from '../scripts/browser.js';
import * as weft from '../src/index.js';
import type { Lost } from './support/pages/lost.js';
import type { Parity } from './support/pages/parity.js';
import type { Training } from './support/pages/training.js';
import { trainSteps } from './support/train-steps.js';

const PAGES = ['parity', 'training', 'lost'] as const;
const support = fileURLToPath(new URL('./support/pages/', import.meta.url));

/** The largest relative difference between losses. */
const apart = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((loss, i) => Math.abs(loss / b[i]! - 1)));

describe('a page in Chromium', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-page-webgpu-'));
    await build({
      entryPoints: [...PAGES, 'training-worker'].map((name) => join(support, `${name}.ts`)),
      outdir: folder,
      bundle: true,
      splitting: true,
      format: 'esm',
      target: 'es2022',
      platform: 'browser',
      external: ['node:*', 'webgpu'],
      logLevel: 'warning',
    });
    for (const name of PAGES)
      await writeFile(join(folder, `${name}.html`), `<script type="module" src="./${name}.js"></script>`);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has every op as the f64 reference has it, on wasm and on webgpu', { timeout: 280_000 }, async () => {
    const found = (await runPage(folder, 'parity.html', 270_000)) as Parity[];
    expect(found.map(({ backend }) => backend)).toEqual(['wasm', 'webgpu']);
    for (const { backend, checks, ops, failures, worst } of found) {
      const list = worst.map(([share, where]) => `${share.toPrecision(2)} ${where}`);
      console.log(
        `${backend} in a page: ${checks} checks, errors as shares of the limit: ${list.join('; ')}`,
      );
      expect(failures.join('\n')).toBe('');
      expect([...ops].sort()).toEqual([...weft.registry.keys()].sort());
    }
  });

  it.each([true, false])(
    'trains as Node does, in a worker too: cross-origin isolated %s',
    async (isolated) => {
      const found = (await runPage(folder, 'training.html', 110_000, () => {}, { isolated })) as Training;
      expect(found.isolated).toBe(isolated);
      const steps = found.page.wasm.length;
      const node = {
        wasm: await trainSteps(weft, 'wasm', steps),
        webgpu: await trainSteps(weft, 'webgpu', steps),
      };
      expect(node.wasm.at(-1)!).toBeLessThan(node.wasm[0]!);
      for (const { wasm, webgpu } of [found.page, found.worker]) {
        // The same binary's bits; sums on another GPU, or by another choice of tile, differ by roundings of 2^-24.
        expect(wasm).toEqual(node.wasm);
        expect(apart(webgpu, node.webgpu)).toBeLessThan(1e-4);
      }
      expect(found.worker.webgpu).toEqual(found.page.webgpu);
      const why = /the page is not cross-origin isolated/;
      if (isolated) {
        expect(found.wish).toBe(2);
        expect(found.notes.join()).not.toMatch(why);
      } else {
        expect(found.wish).toMatch(why);
        expect(found.threads).toBe(1);
        expect(found.notes.join()).toMatch(why);
      }
    },
    120_000,
  );

  it('tells of a lost device, and goes on from a snapshot with recovery', { timeout: 120_000 }, async () => {
    const found = (await runPage(folder, 'lost.html', 110_000)) as Lost;
    for (const message of found.messages) expect(message).toMatch(/webgpu: the device was lost \(destroyed/);
    expect(found.after).toBe(found.undisturbed[0]);
    expect(found.undisturbed).toHaveLength(6);
    expect(found.recovered).toEqual(found.undisturbed);
    // The snapshot before the lost update may have arrived, or only the one before it.
    expect([2, 4]).toContain(found.wentBackTo);
    expect(found.woven.undisturbed).toHaveLength(6);
    expect(found.woven.recovered).toEqual(found.woven.undisturbed);
  });
});
