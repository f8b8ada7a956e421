import type { Device, Tensor } from 'weft';
import type { Claim } from './example.js';

/** How often a measured run computes each product, on operands of its own each time. */
const COPIES = 4;
const RUNS = 31;
const WARM_UP = 5;

/** What matrix products of one training step compute, and how long they alone take. */
interface ProductCost {
  readonly flops: number;
  readonly seconds: number;
}

/**
 * Measures the matrix products of one training step of dense layers of `sizes` (inputs, hidden units ..., outputs) and
 * nothing else, as the median of some runs: for each layer y = x Wᵀ and dW = dyᵀ x, for all but the first dx = dy W.
 */
async function measureProducts(
  device: Device,
  sizes: readonly number[],
  batch: number,
): Promise<ProductCost> {
  const layers = sizes.slice(1).map((outputs, i) => ({ inputs: sizes[i]!, outputs, isFirst: i === 0 }));
  const operands = Array.from({ length: COPIES }, () => layers)
    .flat()
    .map(({ inputs, outputs, isFirst }) => ({
      x: device.normal([batch, inputs]),
      w: device.normal([outputs, inputs]),
      dy: device.normal([batch, outputs]),
      isFirst,
    }));
  const tensors = operands.flatMap(({ x, w, dy }) => [x, w, dy]);
  await device.realize(tensors);
  const products = device.compile(() =>
    operands.flatMap(({ x, w, dy, isFirst }): Tensor[] => {
      const both = [x.matmul(w.transpose(0, 1)), dy.transpose(0, 1).matmul(x)];
      return isFirst ? both : [...both, dy.matmul(w)];
    }),
  );
  const seconds: number[] = [];
  for (let i = -WARM_UP; i < RUNS; i++) {
    const start = performance.now();
    const results = await products();
    await results.at(-1)!.data();
    if (i >= 0) seconds.push((performance.now() - start) / 1000 / COPIES);
  }
  products.dispose();
  for (const tensor of tensors) tensor.dispose();
  return {
    flops: layers.reduce((sum, { inputs, outputs, isFirst }) => {
      return sum + 2 * batch * inputs * outputs * (isFirst ? 2 : 3);
    }, 0),
    seconds: seconds.sort((a, b) => a - b)[(RUNS - 1) / 2]!,
  };
}

/**
 * Whether `steps` steps of nets of these sizes took no longer, evaluation and all, than their products at half the rate
 * that the device reaches for them.
 */
export async function claimProductRate(
  device: Device,
  nets: readonly (readonly number[])[],
  { batch, steps, seconds }: { readonly batch: number; readonly steps: number; readonly seconds: number },
): Promise<Claim> {
  let [flops, bare] = [0, 0];
  const known = new Map<string, ProductCost>();
  for (const sizes of nets) {
    const cost = known.get(sizes.join()) ?? (await measureProducts(device, sizes, batch));
    known.set(sizes.join(), cost);
    flops += cost.flops * steps;
    bare += cost.seconds * steps;
  }
  const rate = (flops / bare / 1e9).toFixed(1);
  return {
    told: `the time that ${(flops / 1e12).toPrecision(3)} TFLOP of products take at half of ${rate} GFLOP/s, their measured rate: ${(2 * bare).toFixed(0)} s`,
    reached: `${seconds.toFixed(0)} s, ${((100 * bare) / seconds).toFixed(0)} % of the rate`,
    holds: seconds < 2 * bare,
    from: 'full',
  };
}
