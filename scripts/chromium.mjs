/**
 * The Chromium and the software GPU (SwiftShader) of the npm package @sparticuz/chromium, unpacked once into
 * .cache/chromium-<version>. The package holds a build for Linux on x64; elsewhere an installed browser and the
 * system's own GPU driver are used.
 */
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';

const cache = fileURLToPath(new URL('../.cache', import.meta.url));
const require = createRequire(import.meta.url);

/** Whether the package's binaries run here. */
export const carriesChromium = process.platform === 'linux' && process.arch === 'x64';

/** Folder and version of the installed package, and the tar reader that it depends on. */
function installed() {
  const entry = require.resolve('@sparticuz/chromium');
  const folder = join(dirname(entry), '..', '..');
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { bin: join(folder, 'bin'), version, extract: createRequire(entry)('tar-fs').extract };
}

/** The package's own file names folders outside of it: without any font Chromium ends at its first page. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
</fontconfig>
`;

async function unpack({ bin, extract }, folder) {
  const options = { chown: false };
  const source = (name) => [createReadStream(join(bin, name)), createBrotliDecompress()];
  await Promise.all([
    pipeline(...source('chromium.br'), createWriteStream(join(folder, 'chromium'), { mode: 0o755 })),
    pipeline(...source('swiftshader.tar.br'), extract(folder, options)),
    pipeline(...source('al2023.tar.br'), extract(folder, options)),
    pipeline(...source('fonts.tar.br'), extract(folder, options)),
  ]);
  await writeFile(join(folder, 'fonts.conf'), FONTS);
}

/**
 * Unpacks what is not unpacked yet. Processes that do this at once work in folders of their own; the first to finish
 * renames its folder into place and the others throw theirs away.
 */
async function ensureUnpacked() {
  if (!carriesChromium) {
    throw new Error(
      `@sparticuz/chromium holds programs for linux-x64, this is ${process.platform}-${process.arch}: ` +
        'use an installed browser and the GPU driver of the system',
    );
  }
  const chromium = installed();
  const folder = join(cache, `chromium-${chromium.version}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const own = await mkdtemp(`${folder}.tmp-`);
  try {
    await unpack(chromium, own);
    await chmod(own, 0o755);
    await rename(own, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return folder;
}

/**
 * Paths of the unpacked browser: the program, the folders its libraries lie in (the value of LD_LIBRARY_PATH), and the
 * manifest of SwiftShader's Vulkan driver.
 * @returns {Promise<{ executablePath: string, libraryPath: string, icd: string }>}
 */
export async function chromium() {
  const folder = await ensureUnpacked();
  return {
    executablePath: join(folder, 'chromium'),
    libraryPath: [folder, join(folder, 'lib')].join(delimiter),
    icd: join(folder, 'vk_swiftshader_icd.json'),
  };
}

/**
 * Environment variables with which a Node process finds SwiftShader as its WebGPU adapter. They work only if they are
 * set when the process starts. Empty where the package has no build: there the system's driver is used.
 * @returns {Promise<Record<string, string>>}
 */
export async function swiftShaderEnvironment() {
  if (!carriesChromium) return {};
  const { libraryPath, icd } = await chromium();
  const [vulkan] = libraryPath.split(delimiter);
  return {
    LD_LIBRARY_PATH: [vulkan, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    VK_DRIVER_FILES: icd,
    VK_ICD_FILENAMES: icd,
  };
}

/**
 * `env` and the variables with which the unpacked Chromium starts on a bare machine, SwiftShader included.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Record<string, string>>}
 */
export async function withSwiftShader(env) {
  const { executablePath, libraryPath, icd } = await chromium();
  return {
    ...env,
    LD_LIBRARY_PATH: [libraryPath, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    VK_DRIVER_FILES: icd,
    VK_ICD_FILENAMES: icd,
    FONTCONFIG_PATH: dirname(executablePath),
  };
}
