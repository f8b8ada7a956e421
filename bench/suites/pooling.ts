import { bytesOf, type KernelCase, product, type Suite } from '../case.js';
import { outputSize } from './conv2d.js';

/** Square windows without padding, rounding down: max and average, forward and backward. */
function pooling(
  batch: number,
  channels: number,
  size: number,
  kernel: number,
  stride: number,
): KernelCase[] {
  const out = outputSize(size, kernel, stride, 0);
  const input = { shape: [batch, channels, size, size], kind: 'image' } as const;
  const outputGradient = { shape: [batch, channels, out, out], kind: 'image' } as const;
  return (['max', 'average'] as const).flatMap((kind) => {
    const options = { kind, kernel, stride };
    const make = (pass: 'forward' | 'backward'): KernelCase => ({
      suite: 'pooling',
      name: `${kind} ${batch}x${channels}x${size}x${size} k${kernel} s${stride}`,
      pass,
      flops: product(outputGradient.shape) * (kind === 'max' && pass === 'backward' ? 1 : kernel ** 2),
      // A gradient of a maximum reads the input as well, to name the winners.
      bytes: bytesOf(
        input.shape,
        outputGradient.shape,
        ...(kind === 'max' && pass === 'backward' ? [input.shape] : []),
      ),
      operands: pass === 'forward' ? { input } : { input, outputGradient },
      compute: (net, at) => net.pool2d(at('input'), options),
      image: true,
      wrt: pass === 'forward' ? [] : ['input'],
      window: { kind: 'pool', options },
    });
    return [make('forward'), make('backward')];
  });
}

export const poolingSuite: Suite = {
  bound: 'memory',
  cases: [...pooling(64, 16, 24, 2, 2), ...pooling(8, 64, 56, 3, 2), ...pooling(8, 64, 56, 3, 1)],
  webgpu: [...pooling(64, 16, 24, 2, 2), ...pooling(8, 64, 28, 3, 2)].filter(({ name }) =>
    name.startsWith('max'),
  ),
  small: [...pooling(2, 3, 6, 2, 2), ...pooling(1, 4, 7, 3, 2)],
};
