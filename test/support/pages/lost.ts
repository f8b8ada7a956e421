/** A device that is destroyed in the middle of training, without and with recovery. */
import { messageOf } from '../../../src/errors.js';
import {
  type Device,
  DeviceLostError,
  functional as F,
  nn,
  open,
  optim,
  type Tensor,
} from '../../../src/index.js';
import { type Breakable, breakableGPU } from '../breakable.js';

export interface Lost {
  /** What the read under way, a later step and a later read of a device without recovery say. */
  readonly messages: readonly string[];
  /** The loss of one step on a device that was opened after the loss. */
  readonly after: number;
  readonly undisturbed: readonly number[];
  readonly recovered: readonly number[];
  /** To which update training went back. */
  readonly wentBackTo: number;
  /** The same by both backends as one device. */
  readonly woven: { readonly undisturbed: readonly number[]; readonly recovered: readonly number[] };
}

const STEPS = 6;
const BREAK_AT = 4;

function trainer(device: Device): (i: number) => Promise<Tensor> {
  const model = new nn.Sequential(new nn.Linear(6, 8), new nn.Tanh(), new nn.Linear(8, 3)).to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
  const step = device.compile((x: Tensor, y: Tensor) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  return (i) => {
    const data = Float32Array.from({ length: 4 * 6 }, (_, k) => Math.sin(3 * i + k));
    const labels = Int32Array.from({ length: 4 }, (_, k) => (i + k) % 3);
    return step({ data, shape: [4, 6], dtype: 'f32' }, { data: labels, shape: [4], dtype: 'i32' });
  };
}

const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'it went through',
    (error: unknown) => messageOf(error),
  );

/** Losses by step; the device is destroyed once while a loss is read. */
async function train(device: Device, broken?: Breakable): Promise<{ losses: number[]; wentBackTo: number }> {
  const step = trainer(device);
  const losses: number[] = [];
  let wentBackTo = -1;
  for (let i = 0; i < STEPS; ) {
    try {
      const read = (await step(i)).item();
      if (broken && i === BREAK_AT && wentBackTo < 0) await Promise.all([read, broken.destroy()]);
      losses[i] = await read;
      i++;
    } catch (error) {
      if (!(error instanceof DeviceLostError) || !error.recovered) throw error;
      i = (await error.recovered).updates;
      wentBackTo = i;
    }
  }
  return { losses, wentBackTo };
}

async function withoutRecovery(): Promise<Pick<Lost, 'messages' | 'after'>> {
  const broken = await breakableGPU(navigator.gpu);
  const device = await open('webgpu', { seed: 5, webgpu: { gpu: broken.gpu } });
  const step = trainer(device);
  const kept = device.tensor(Float32Array.of(1), [1]);
  await (await step(0)).item();
  const read = refusal((await step(1)).item());
  await broken.destroy();
  const messages = [await read, await refusal(step(2)), await refusal(kept.data())];
  device.dispose();
  const next = await open('webgpu', { seed: 5 });
  const after = await (await trainer(next)(0)).item();
  next.dispose();
  return { messages, after };
}

/** Products on the GPU, all else on wasm. */
async function woven(): Promise<Lost['woven']> {
  const side = { gflops: 10, gbps: 10, launch: 1 };
  const way = { latency: 5, gbps: 10 };
  const weave = {
    rates: { wasm: side, webgpu: side, upload: way, download: way, overlap: 0 },
    place: { linear: 'webgpu', matmul: 'webgpu', adamUpdate: 'wasm' },
  } as const;
  const plain = await open(['webgpu', 'wasm'], { seed: 5, weave });
  const { losses: undisturbed } = await train(plain);
  plain.dispose();
  const broken = await breakableGPU(navigator.gpu);
  const options = { seed: 5, weave, recover: { every: 2 }, webgpu: { gpu: broken.gpu } };
  const device = await open(['webgpu', 'wasm'], options);
  const { losses: recovered } = await train(device, broken);
  device.dispose();
  return { undisturbed, recovered };
}

async function lost(): Promise<Lost> {
  const plain = await open('webgpu', { seed: 5 });
  const { losses: undisturbed } = await train(plain);
  plain.dispose();
  const broken = await breakableGPU(navigator.gpu);
  const device = await open('webgpu', { seed: 5, recover: { every: 2 }, webgpu: { gpu: broken.gpu } });
  const { losses: recovered, wentBackTo } = await train(device, broken);
  device.dispose();
  return { ...(await withoutRecovery()), undisturbed, recovered, wentBackTo, woven: await woven() };
}

Object.assign(globalThis, { result: await lost() });
