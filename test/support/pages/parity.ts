/** Every sample of every op, by every kernel variant on wasm and by the one that is chosen on webgpu, against the f64 reference. */
import { openDevice } from '../../../src/backend/webgpu/open.js';
import { type Device, type DeviceOptions, open, registry } from '../../../src/index.js';
import { type VerifyResult, verifyOps } from '../../../src/verify/index.js';

export interface Parity {
  readonly backend: string;
  readonly checks: number;
  /** Names of the ops that were checked. */
  readonly ops: readonly string[];
  readonly failures: readonly string[];
  /** The largest errors as shares of what is allowed, with where they are. */
  readonly worst: readonly (readonly [share: number, where: string])[];
}

/** Devices that check ops side by side: an answer of the GPU takes a while whatever it is asked. */
const DEVICES = { wasm: 1, webgpu: 6 } as const;

/** One GPUDevice for all of webgpu's: a browser keeps its pipelines, of which software compiles some for seconds. */
async function optionsOf(kind: keyof typeof DEVICES): Promise<DeviceOptions> {
  return kind === 'webgpu' ? { webgpu: { device: (await openDevice({})).device } } : {};
}

async function parity(kind: keyof typeof DEVICES): Promise<Parity> {
  const waiting = [...registry.keys()];
  const variants = kind === 'wasm' ? 'all' : 'chosen';
  const results: VerifyResult[] = [];
  const lane = async (device: Device) => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      results.push(...(await verifyOps({ backends: [device.backend], ops: [name], variants })));
  };
  const options = await optionsOf(kind);
  const devices = await Promise.all(Array.from({ length: DEVICES[kind] }, () => open(kind, options)));
  await Promise.all(devices.map(lane));
  for (const device of devices) device.dispose();
  const where = ({ op, sample, variant }: VerifyResult) => `${variant ?? op}, sample ${sample}`;
  const shares = results.map((one) => [one.error / one.tolerance, where(one)] as const);
  return {
    backend: kind,
    checks: results.length,
    ops: [...new Set(results.map(({ op }) => op))],
    failures: results
      .filter(({ ok }) => !ok)
      .map((one) => `${where(one)}: ${one.problem}\n  ${one.reproduce}`),
    worst: shares.sort((a, b) => b[0] - a[0]).slice(0, 5),
  };
}

Object.assign(globalThis, { result: [await parity('wasm'), await parity('webgpu')] });
