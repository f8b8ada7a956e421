import { bytesOf, type KernelCase, type Suite } from '../case.js';

type Layout = 'nn' | 'nt' | 'tn';

/** C = A B with C of shape [m, n]. A transposed operand is stored transposed: A as [k, m], B as [n, k]. */
function gemm(m: number, n: number, k: number, layout: Layout = 'nn', suite: 'gemm' | 'gemv' = 'gemm') {
  const [transposeA, transposeB] = [layout[0] === 't', layout[1] === 't'];
  return {
    suite,
    name: `${m}x${n}x${k} ${layout}`,
    pass: 'forward',
    flops: 2 * m * n * k,
    bytes: bytesOf([m, k], [k, n], [m, n]),
    operands: {
      a: { shape: transposeA ? [k, m] : [m, k] },
      b: { shape: transposeB ? [n, k] : [k, n] },
    },
    compute: (net, at) => net.matmul(at('a'), at('b'), { transposeA, transposeB }),
  } satisfies KernelCase;
}

/** Products of matrices: m x n x k. The last three are an MLP's layer and its two gradients. */
export const gemmSuite: Suite = {
  bound: 'arithmetic',
  cases: [
    ...[256, 384, 512, 768, 1024].map((size) => gemm(size, size, size)),
    gemm(512, 512, 512, 'nt'),
    gemm(512, 512, 512, 'tn'),
    gemm(64, 128, 784, 'nt'),
    gemm(64, 784, 128, 'nn'),
    gemm(128, 784, 64, 'tn'),
  ],
  webgpu: [128, 256, 512, 1024, 2048].map((size) => gemm(size, size, size)),
  small: [gemm(5, 7, 9), gemm(6, 8, 10, 'nt'), gemm(16, 12, 20, 'tn')],
};

/** Vectors and a few rows: every number of the matrix is used once or a few times, so that memory is the limit. */
export const gemvSuite: Suite = {
  bound: 'memory',
  cases: [
    gemm(1, 4096, 1024, 'nn', 'gemv'),
    gemm(1, 4096, 1024, 'nt', 'gemv'),
    gemm(4096, 1, 1024, 'nn', 'gemv'),
    gemm(4096, 1, 1024, 'tn', 'gemv'),
    gemm(4, 4096, 1024, 'nt', 'gemv'),
    gemm(1, 512, 512, 'nt', 'gemv'),
  ],
  small: [gemm(1, 7, 9, 'nn', 'gemv'), gemm(1, 9, 6, 'nt', 'gemv'), gemm(5, 1, 6, 'tn', 'gemv')],
};
