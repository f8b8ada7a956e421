import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPage, serve } from '../scripts/browser.js';

const PAGES: Readonly<Record<string, string>> = {
  'webgpu.html': `<script type="module">
    const adapter = await navigator.gpu?.requestAdapter();
    const device = await adapter?.requestDevice();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    window.result = { device: Boolean(device), isolated: crossOriginIsolated, shared: memory.buffer instanceof SharedArrayBuffer };
  </script>`,
  'throws.html': '<script>throw new Error("seven")</script>',
  'logs.html': '<script>console.error("eight")</script>',
  'module.html': '<script type="module" src="sub/module.js"></script>',
};

describe('pages in Chromium', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-pages-'));
    await mkdir(join(folder, 'public', 'sub'), { recursive: true });
    for (const [name, text] of Object.entries(PAGES)) await writeFile(join(folder, 'public', name), text);
    await writeFile(join(folder, 'public', 'sub', 'module.js'), 'window.result = [1, 2]');
    await writeFile(join(folder, 'secret.txt'), 'no');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('have a WebGPU device and shared memory', { timeout: 120_000 }, async () => {
    const result = await runPage(join(folder, 'public'), 'webgpu.html');
    expect(result).toEqual({ device: true, isolated: true, shared: true });
  });

  it('load modules from files', { timeout: 60_000 }, async () => {
    expect(await runPage(join(folder, 'public'), 'module.html')).toEqual([1, 2]);
  });

  it('report what they throw and log as errors', { timeout: 60_000 }, async () => {
    await expect(runPage(join(folder, 'public'), 'throws.html')).rejects.toThrow('seven');
    await expect(runPage(join(folder, 'public'), 'logs.html')).rejects.toThrow('eight');
  });

  it('are served from below their folder only', async () => {
    const server = await serve(join(folder, 'public'));
    try {
      expect((await fetch(`${server.origin}/sub/module.js`)).headers.get('content-type')).toContain(
        'javascript',
      );
      expect((await fetch(`${server.origin}/%2e%2e%2fsecret.txt`)).status).toBe(404);
      expect((await fetch(`${server.origin}/sub`)).status).toBe(404);
    } finally {
      await server.close();
    }
  });
});
