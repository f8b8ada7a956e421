import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Size } from '../../examples/support/example.js';
import { resultTable } from '../../examples/support/report.js';
import { familyOf, runSystem, systemFolders } from '../../examples/support/systems.js';

/** `slices` are those that run on the software adapter too. */
export async function describeFamily(family: string, slices: readonly string[]): Promise<void> {
  const folders = [...(await systemFolders())].filter(([id]) => familyOf(id) === family);

  describe(`systems of family ${family}`, () => {
    let out: string;
    beforeAll(async () => {
      out = await mkdtemp(join(tmpdir(), 'weft-systems-'));
    });
    afterAll(() => rm(out, { recursive: true, force: true }));

    const run = async (folder: string, backend: 'wasm' | 'webgpu', size: Size) => {
      const result = await runSystem(folder, {
        backend,
        size,
        seed: 1,
        data: undefined,
        // Files run side by side, one on each processor; test/threads.test.ts has the same bits from any number.
        threads: 1,
        out: join(out, backend),
        quiet: true,
      });
      const missed = result.claims.filter(({ holds }) => holds === false);
      if (missed.length > 0 || (result.error !== null && !result.missingData)) {
        expect.fail(
          `${resultTable(result)}\nrepeat: npm run example -- ${result.id} --${size} --backend ${backend}`,
        );
      }
      expect(result.claims.length > 0 || result.missingData).toBe(true);
    };

    it.each(folders)('%s holds in its fast version', (_, folder) => run(folder, 'wasm', 'fast'), 60_000);
    it.each(folders.filter(([id]) => slices.includes(id)))(
      '%s runs a slice on webgpu',
      (_, folder) => run(folder, 'webgpu', 'slice'),
      60_000,
    );
  });
}
