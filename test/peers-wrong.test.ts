import { afterAll, describe, expect, it } from 'vitest';
import { functional as F, open } from '../src/index.js';

const devices = await Promise.all((['reference', 'wasm', 'webgpu'] as const).map((kind) => open(kind)));
afterAll(() => {
  for (const device of devices) device.dispose();
});

/** Cases that other engines are known to get wrong, each on every device. */
describe.each(devices.map((device) => ({ name: device.info.backend, device })))(
  'where other engines are wrong, on $name',
  ({ device }) => {
    it('tanh at infinity: ±1 with a gradient of 0, not NaN', async () => {
      const x = device.tensor([Infinity, -Infinity, 1000, -1000, 50, -50]);
      x.requiresGrad = true;
      const y = F.tanh(x);
      y.backward(device.tensor([1, 1, 1, 1, 1, 1]));
      expect([...(await y.data())]).toEqual([1, -1, 1, -1, 1, -1]);
      for (const slope of await x.grad!.data()) expect(Math.abs(slope)).toBeLessThan(1e-40);
    });
  },
);
