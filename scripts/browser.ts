import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, resolve, sep } from 'node:path';
import { type Browser, chromium as playwright } from 'playwright-core';
import { carriesChromium, chromium, withSwiftShader } from './chromium.mjs';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/** A file below `folder` for a request's path, or null. */
function fileFor(folder: string, url: string): string | null {
  try {
    const path = resolve(folder, `.${decodeURIComponent(new URL(url, 'http://localhost').pathname)}`);
    return path.startsWith(folder + sep) && statSync(path).isFile() ? path : null;
  } catch {
    return null;
  }
}

export interface ServeOptions {
  /** Whether pages are cross-origin isolated, as shared memory needs it; default true. */
  readonly isolated?: boolean;
}

/** Serves the files below `folder`, and no others, on 127.0.0.1. */
export async function serve(
  folder: string,
  { isolated = true }: ServeOptions = {},
): Promise<{ origin: string; close(): Promise<void> }> {
  const root = resolve(folder);
  const server: Server = createServer((request, response) => {
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.setHeader('Cache-Control', 'no-store');
    const path = fileFor(root, request.url ?? '/');
    if (!path) {
      // Browsers ask for an icon by themselves; an error in the console would count as the page's own.
      response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response);
  });
  await new Promise<void>((done, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', done);
  });
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${port}`, close };
}

/** The Chromium of @sparticuz/chromium on SwiftShader; where that has no build, the installed Edge or Chrome. */
async function launch(): Promise<Browser> {
  const args = [
    '--headless=new',
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--enable-features=SharedArrayBuffer',
  ];
  if (!carriesChromium) {
    return playwright.launch({ channel: process.platform === 'win32' ? 'msedge' : 'chrome', args });
  }
  const { executablePath } = await chromium();
  const env = await withSwiftShader(process.env);
  const software = [
    '--use-webgpu-adapter=swiftshader',
    '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist',
  ];
  return playwright.launch({ executablePath, args: [...args, ...software], env });
}

/**
 * Opens `path` of the pages below `folder` and returns what the page puts into `window.result`, a JSON-able value.
 * Rejects with the page's own message at its first error or console.error, or after `timeout` milliseconds. `say` is told
 * each line that the page logs.
 */
export async function runPage(
  folder: string,
  path: string,
  timeout = 60_000,
  say: (line: string) => void = () => {},
  options: ServeOptions = {},
): Promise<unknown> {
  const server = await serve(folder, options);
  let browser: Browser | null = null;
  try {
    browser = await launch();
    const page = await browser.newPage();
    const problem = new Promise<never>((_, reject) => {
      const refuse = (what: string) => reject(new Error(`${path}: ${what}`));
      page.on('pageerror', (error) => refuse(error.stack ?? error.message));
      page.on('crash', () => refuse('the page crashed'));
      page.on('console', (message) => {
        if (message.type() === 'error') refuse(`${message.text()} (${message.location().url})`);
        if (message.type() === 'log') say(message.text());
      });
    });
    const result = async () => {
      await page.goto(`${server.origin}/${path}`, { timeout: Math.min(timeout, 60_000) });
      // Asked from outside: a page under a strict policy lets no string be evaluated inside.
      for (const end = Date.now() + timeout; Date.now() < end; ) {
        const found: unknown = await page.evaluate('window.result');
        if (found !== undefined) return found;
        await new Promise((wake) => setTimeout(wake, 50));
      }
      throw new Error(`${path}: window.result is not set after ${timeout} ms`);
    };
    const outcome = result();
    outcome.catch(() => {});
    return await Promise.race([outcome, problem]);
  } finally {
    await browser?.close();
    await server.close();
  }
}
