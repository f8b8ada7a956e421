import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackendKind, type Device, functional as F, nn, open, optim, Profile } from '../src/index.js';

/** A training step of 64-32-10, and what it is called with. */
function trainingStep(device: Device) {
  const model = new nn.Sequential(new nn.Linear(64, 32), new nn.ReLU(), new nn.Linear(32, 10)).to(device);
  const optimizer = new optim.Adam(model.parameters());
  const compiled = device.compile((x, y) => {
    const loss = F.crossEntropy(model.forward(x!), y!);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const x = device.normal([16, 64]);
  const y = device.tensor(
    Array.from({ length: 16 }, (_, i) => i % 10),
    [16],
    'i32',
  );
  return { compiled, work: async () => (await compiled(x, y)).item(), x, y };
}

describe.each(['wasm', 'webgpu', 'reference'] as const)('a profile on %s', (kind: BackendKind) => {
  let device: Device;
  beforeAll(async () => {
    device = await open(kind);
  });
  afterAll(() => device.dispose());

  it('says that nothing was launched', async () => {
    await expect(device.profile(() => {})).rejects.toThrow('profile: the work launched nothing');
  });

  it('times every dispatch of a step, and leaves its results alone', async () => {
    const { compiled, work, x, y } = trainingStep(device);
    const before = await work();
    const profile = await device.profile(work, { runs: [2, 4], precision: 1e-9 });
    expect(await work()).toBeLessThan(before);
    const { program } = await compiled.prepare(x, y);
    // A step's programs are the compiled one alone; its loss is read by a copy.
    const labels = profile.rows.map(({ label }) => label);
    for (const { op } of program.schedule.filter(({ op }) => !op.includes('+')))
      expect(labels.some((label) => label.split('/')[0] === op)).toBe(true);
    expect(profile.runs).toBe(4);
    expect(profile.rows.every(({ launches }) => launches >= 1)).toBe(true);
    expect(profile.rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(profile.ms).toBeGreaterThan(0);
    expect(String(profile)).toMatch(/^adamUpdate(\/\w+)? +[12] +\d/m);
    expect(device.backend.onLaunch).toBeNull();
  });

  it('is written in the Trace Event format, launch after launch', async () => {
    const { work } = trainingStep(device);
    const profile = await device.profile(work, { runs: [2, 2] });
    const events = profile.traceEvents();
    expect(events).toHaveLength(2 * profile.rows.reduce((sum, { launches }) => sum + launches, 0));
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    for (const [i, event] of events.entries()) {
      expect(event).toMatchObject({ ph: 'X', cat: kind });
      expect(event.dur).toBeGreaterThanOrEqual(0);
      if (i > 0) expect(event.ts).toBeGreaterThanOrEqual(events[i - 1]!.ts);
    }
  });

  it('stays usable where the work fails, and refuses a second one meanwhile', async () => {
    const { work } = trainingStep(device);
    let calls = 0;
    const failing = async () => {
      await work();
      if (++calls === 2) throw new Error('stopped');
    };
    await expect(device.profile(failing)).rejects.toThrow('stopped');
    const first = device.profile(work, { runs: [2, 2] });
    const nested = async () => {
      await work();
      await device.profile(work);
    };
    await first;
    await expect(device.profile(nested)).rejects.toThrow('another profile of this device is under way');
    expect((await device.profile(work, { runs: [1, 1] })).runs).toBe(1);
  });

  it('refuses impossible options', async () => {
    await expect(device.profile(() => {}, { precision: 0 })).rejects.toThrow('precision must be a positive');
    await expect(device.profile(() => {}, { runs: [3, 2] })).rejects.toThrow(
      'runs must be two whole numbers',
    );
  });
});

describe('a coarse clock', () => {
  it('is noticed, and its part in each row told', () => {
    const quantum = 0.1;
    const records = Array.from({ length: 24 }, (_, i) => ({
      label: 'a/b',
      start: i * 0.7,
      ms: i % 3 === 0 ? 0.2 : 0.1,
    }));
    const profile = new Profile('webgpu', 6, quantum, records);
    const total = 8 * 0.2 + 16 * 0.1;
    expect(profile.ms).toBeCloseTo(total / 6, 12);
    expect(profile.rows).toHaveLength(1);
    expect(profile.rows[0]).toMatchObject({ label: 'a/b', launches: 4, share: 1 });
    expect(profile.rows[0]!.uncertainty).toBeCloseTo((2 * quantum * 2) / total, 12);
    expect(String(profile)).toContain('the clock counts by 100.0 µs');
  });

  it('asks for more runs', async () => {
    const device = await open('wasm', { threads: 1 });
    const { work } = trainingStep(device);
    const real = performance.now.bind(performance);
    // As a browser's: whole tenths of a millisecond.
    performance.now = () => Math.floor(real() * 10) / 10;
    try {
      const profile = await device.profile(work, { precision: 0.02 });
      expect(profile.quantum).toBeCloseTo(0.1, 6);
      expect(profile.runs).toBeGreaterThan(3);
      expect(profile.quantum).toBeLessThanOrEqual(0.02 * profile.ms * profile.runs * 1.0001);
    } finally {
      performance.now = real;
      device.dispose();
    }
  });
});
