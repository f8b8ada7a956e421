import { afterAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, optim, type Shape, type Tensor } from '../src/index.js';

const devices: Readonly<Record<string, Device>> = {
  reference: await open('reference'),
  wasm: await open('wasm'),
  webgpu: await open('webgpu'),
};
const KINDS = Object.keys(devices);
afterAll(() => {
  for (const device of Object.values(devices)) device.dispose();
});

const MIB = 2 ** 20;
const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** A network by its parameters' shapes and what it makes of them; its input, first the batch. */
interface Network {
  readonly input: Shape;
  readonly shapes: readonly Shape[];
  readonly forward: (x: Tensor, parameters: readonly Tensor[]) => Tensor;
}

const linears = (x: Tensor, parameters: readonly Tensor[]): Tensor => {
  let y = x;
  for (let i = 0; i < parameters.length; i += 2)
    y = F.linear(i === 0 ? y : F.relu(y), parameters[i]!, parameters[i + 1]!);
  return y;
};

/** Linear layers of one width and ten classes, ReLU between them. */
const mlp = (width: number, layers: number, batch: number): Network => ({
  input: [batch, width],
  shapes: [...Array<number>(layers).fill(width), 10].flatMap((outputs) => [[outputs, width], [outputs]]),
  forward: linears,
});

const WIDTHS = [3, 64, 64, 256, 256, 256, 256];

/** 3x3 convolutions, after each second a max pool, and ten classes, as VGG. */
const vgg: Network = {
  input: [2, 3, 16, 16],
  shapes: [
    ...WIDTHS.slice(1).flatMap((width, i) => [[width, WIDTHS[i]!, 3, 3], [width]]),
    [10, 256 * 4],
    [10],
  ],
  forward(x, parameters) {
    let y = x;
    for (let i = 0; i + 1 < WIDTHS.length; i++) {
      y = F.relu(F.conv2d(y, parameters[2 * i]!, parameters[2 * i + 1]!, { padding: 1 }));
      if (i % 2 === 1) y = F.maxPool2d(y, { kernel: 2 });
    }
    return linears(y.reshape([x.shape[0]!, -1]), parameters.slice(-2));
  },
};

type Make = (parameters: readonly Tensor[]) => optim.Optimizer;

interface Settings {
  readonly make?: Make;
  /** Computes gradients and takes the step; default as always. */
  readonly train?: (loss: Tensor, optimizer: optim.Optimizer) => void;
}

/**
 * A network, with weights that are the same at each call, and its training step: as it is, and with all gradients handed out,
 * which thus lie outside the arena and need not be freed.
 */
function setUp(device: Device, { input, shapes, forward }: Network, settings: Settings = {}) {
  const { make = (parameters) => new optim.Adam(parameters), train } = settings;
  const tensorOf = (shape: Shape, seed: number, scale: number): Tensor =>
    device.tensor(
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => scale * Math.sin(seed + 0.7 * i)),
      shape,
    );
  const parameters = shapes.map((shape, k) => {
    const tensor = tensorOf(shape, k, 1 / Math.sqrt(sizeOf(shape.slice(1))));
    tensor.requiresGrad = true;
    return tensor;
  });
  const optimizer = make(parameters);
  const x = tensorOf(input, 0.3, 1);
  const y = device.tensor(
    Int32Array.from({ length: input[0]! }, (_, i) => i % 10),
    [input[0]!],
    'i32',
  );
  const record = (): Tensor => {
    const loss = F.crossEntropy(forward(x, parameters), y);
    optimizer.zeroGrad();
    if (train) train(loss, optimizer);
    else {
      loss.backward();
      optimizer.step();
    }
    return loss;
  };
  return {
    parameters,
    record,
    step: device.compile(record),
    keeping: device.compile(() => [record(), ...parameters.map(({ grad }) => grad!)]),
  };
}

type Ready = ReturnType<typeof setUp>;

/** Bytes of a step's arena, and how many ops update parameters in it. */
async function planOf(step: Ready['step'] | Ready['keeping']) {
  const { program } = await (step as Ready['step']).prepare();
  const updates = program.schedule.filter(({ op }) => op.endsWith('Update')).length;
  return { ...program.memory, updates, copies: program.describe().copies.length };
}

/** What tensors hold, as bytes: to compare as numbers takes seconds. */
const read = async (tensors: readonly Tensor[]) => {
  const all = await Promise.all(tensors.map((tensor) => tensor.data()));
  return Buffer.concat(
    all.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
};

/** The losses of two steps, and the parameters after them. */
async function trained({ parameters, step, keeping }: Ready, kept: boolean) {
  const losses: number[] = [];
  for (let i = 0; i < 2; i++) losses.push(await (kept ? (await keeping())[0]! : await step()).item());
  return { losses, parameters: await read(parameters) };
}

/** Checks that both steps give the same bits, and that the one updates in so many parts and the other in one. */
async function expectEqual(device: Device, network: Network, settings: Settings, parts: number) {
  const [parted, whole] = [setUp(device, network, settings), setUp(device, network, settings)];
  // Then each goes on with the other's program.
  for (const first of [false, true]) {
    const [found, wanted] = [await trained(parted, first), await trained(whole, !first)];
    expect(found.losses).toEqual(wanted.losses);
    expect(found.parameters.equals(wanted.parameters)).toBe(true);
  }
  expect(await planOf(parted.step)).toMatchObject({ updates: parts, copies: 0 });
  expect((await planOf(parted.keeping)).updates).toBe(1);
}

const gradientBytes = ({ shapes }: Network): number =>
  shapes.reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);

describe('a training step of large parameters', () => {
  it.each(KINDS)('holds a gradient or two at once: linear layers on %s', async (kind) => {
    const network = mlp(1024, 4, 8);
    const { peakBytes, updates, copies } = await planOf(setUp(devices[kind]!, network).step);
    // Four gradients of 4 MiB; all values between the layers are 0.3 MiB.
    expect(gradientBytes(network)).toBeGreaterThan(16 * MIB);
    expect(peakBytes).toBeLessThan((2 * 4 + 0.3) * MIB);
    expect({ updates, copies }).toEqual({ updates: 4, copies: 0 });
  });

  it.each(['reference', 'wasm'])('holds a gradient or two at once: convolutions on %s', async (kind) => {
    const { peakBytes, updates } = await planOf(setUp(devices[kind]!, vgg).step);
    // Three gradients of 2.25 MiB, one of 0.56; values between the layers, and weights laid out anew, are 3 MiB.
    expect(gradientBytes(vgg)).toBeGreaterThan(7 * MIB);
    expect(peakBytes).toBeLessThan(6 * MIB);
    expect(updates).toBe(4);
  });

  it('takes sixteen parts at most, however many layers there are', async () => {
    const network = mlp(512, 40, 4);
    const { peakBytes, updates } = await planOf(setUp(devices.wasm!, network).step);
    expect(updates).toBeLessThanOrEqual(16);
    expect(peakBytes).toBeLessThan(gradientBytes(network) / 8);
  });

  it.each(KINDS)('gives the bits that it gives with all gradients at once, on %s', async (kind) => {
    await expectEqual(devices[kind]!, mlp(520, 2, 2), {}, 2);
  });

  it.each<[string, Make]>([
    ['SGD', (p) => new optim.SGD(p, { lr: 0.1 })],
    ['SGD with momentum', (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
    ['NAdam', (p) => new optim.NAdam(p)],
    ['RMSprop', (p) => new optim.RMSprop(p, { lr: 0.01, momentum: 0.5, centered: true })],
  ])('gives the same bits by %s', async (_, make) => {
    await expectEqual(devices.wasm!, mlp(520, 2, 2), { make }, 2);
  });
});

describe('a parameter that is read late', () => {
  it.each(['wasm', 'webgpu'])('is updated after that: one that two layers share, on %s', async (kind) => {
    const { input, shapes } = mlp(520, 3, 4);
    const forward = (x: Tensor, [w, b, v, c, ...last]: readonly Tensor[]) => {
      const h = F.relu(F.linear(F.relu(F.linear(x, w!, b!)), v!, c!));
      return linears(F.matmul(h, w!), last);
    };
    await expectEqual(devices[kind]!, { input, shapes, forward }, {}, 3);
  });

  it('is updated after that: layers that are computed anew for the gradient', async () => {
    const network = mlp(520, 4, 4);
    const forward = (x: Tensor, p: readonly Tensor[]) => {
      const block = (h: Tensor, k: number) => F.checkpoint((y) => F.relu(linears(y, p.slice(k, k + 4))), h);
      return linears(block(block(x, 0), 4), p.slice(8));
    };
    await expectEqual(devices.wasm!, { ...network, forward }, {}, 4);
  });

  it('is read as it was by what the function returns', async () => {
    const { parameters, step } = setUp(devices.wasm!, mlp(520, 3, 4));
    await step();
    const before = (await parameters[0]!.data()).slice();
    const optimizer = new optim.SGD(parameters, { lr: 0.5 });
    const both = devices.wasm!.compile((x: Tensor) => {
      const loss = F.sum(linears(x, parameters));
      optimizer.zeroGrad();
      loss.backward();
      const old = F.mul(parameters[0]!, 1);
      optimizer.step();
      return [old, F.sub(parameters[0]!, old)];
    });
    const x = devices.wasm!.tensor(new Float32Array(4 * 520).fill(0.01), [4, 520]);
    const [old, change] = await Promise.all((await both(x)).map((tensor) => tensor.data()));
    const now = await parameters[0]!.data();
    expect(change!.some((value) => value !== 0)).toBe(true);
    expect(
      now.every((value, i) => old![i] === before[i] && change![i] === Math.fround(value - before[i]!)),
    ).toBe(true);
  });
});

describe('an update stays one op', () => {
  it('of few bytes', async () => {
    const { step } = setUp(devices.wasm!, mlp(128, 3, 64));
    expect((await planOf(step)).updates).toBe(1);
  });

  it('where values between the layers are most of what lives', async () => {
    const { step } = setUp(devices.wasm!, mlp(512, 3, 1024));
    expect((await planOf(step)).updates).toBe(1);
  });

  it('where all gradients are there before any is used up', async () => {
    const clip = (loss: Tensor, optimizer: optim.Optimizer) => {
      loss.backward();
      optim.clipGradNorm(optimizer.parameters, { maxNorm: 1 });
      optimizer.step();
    };
    const scaler = new optim.GradScaler(devices.wasm!);
    const scale = (loss: Tensor, optimizer: optim.Optimizer) => {
      scaler.scale(loss).backward();
      scaler.step(optimizer);
      scaler.update();
    };
    for (const train of [clip, scale]) {
      const { step } = setUp(devices.wasm!, mlp(520, 3, 4), { train });
      await step();
      expect((await planOf(step)).updates).toBe(1);
    }
  });
});

describe('two steps in one function', () => {
  it('give the bits of two calls', async () => {
    const network = mlp(520, 3, 4);
    const [one, two] = [setUp(devices.wasm!, network), setUp(devices.wasm!, network)];
    const twice = devices.wasm!.compile(() => {
      two.record();
      return two.record();
    });
    for (let i = 0; i < 2; i++) {
      await one.step();
      expect(await (await twice()).item()).toBe(await (await one.step()).item());
    }
    expect((await read(two.parameters)).equals(await read(one.parameters))).toBe(true);
  });
});
