import { bytesOf, type KernelCase, type Net, type Operands, product, type Suite } from '../case.js';

/** What a case computes of operands that are [rows, columns] or, for `row`, [columns]. */
interface Formula {
  readonly operands: readonly string[];
  /** Operands that are a [columns] vector. */
  readonly row?: string;
  /** Ops in the chain. */
  readonly ops: number;
  readonly compute: <T>(net: Net<T>, at: (name: string) => T) => T;
}

const SINGLE: Readonly<Record<string, Formula>> = {
  add: { operands: ['a', 'b'], ops: 1, compute: (net, at) => net.add(at('a'), at('b')) },
  relu: { operands: ['a'], ops: 1, compute: (net, at) => net.relu(at('a')) },
  exp: { operands: ['a'], ops: 1, compute: (net, at) => net.exp(at('a')) },
  tanh: { operands: ['a'], ops: 1, compute: (net, at) => net.tanh(at('a')) },
  gelu: { operands: ['a'], ops: 1, compute: (net, at) => net.gelu(at('a')) },
  'mul-broadcast-row': {
    operands: ['a', 'b'],
    row: 'b',
    ops: 1,
    compute: (net, at) => net.mul(at('a'), at('b')),
  },
};

/** Several ops of which only the first operands and the last result need memory. */
const CHAINS: Readonly<Record<string, Formula>> = {
  'bias+gelu': {
    operands: ['a', 'b'],
    row: 'b',
    ops: 2,
    compute: (net, at) => net.gelu(net.add(at('a'), at('b'))),
  },
  'x*a+b': {
    operands: ['x', 'a', 'b'],
    ops: 2,
    compute: (net, at) => net.add(net.mul(at('x'), at('a')), at('b')),
  },
  'tanh(a)*sigmoid(b)': {
    operands: ['a', 'b'],
    ops: 3,
    compute: (net, at) => net.mul(net.tanh(at('a')), net.sigmoid(at('b'))),
  },
  'residual+mask*x*row': {
    operands: ['residual', 'x', 'mask', 'b'],
    row: 'b',
    ops: 3,
    compute: (net, at) => net.add(net.mul(net.mul(at('x'), at('mask')), at('b')), at('residual')),
  },
  '(x+row)^2': {
    operands: ['x', 'b'],
    row: 'b',
    ops: 2,
    compute(net, at) {
      const shifted = net.add(at('x'), at('b'));
      return net.mul(shifted, shifted);
    },
  },
  'add+relu': { operands: ['a', 'b'], ops: 2, compute: (net, at) => net.relu(net.add(at('a'), at('b'))) },
  '(x*a+b)*sigmoid(c)': {
    operands: ['x', 'a', 'b', 'c'],
    ops: 4,
    compute: (net, at) => net.mul(net.add(net.mul(at('x'), at('a')), at('b')), net.sigmoid(at('c'))),
  },
};

function elementwise(
  name: string,
  { operands, row, ops, compute }: Formula,
  shape: readonly [number, number],
) {
  const shaped: Operands = Object.fromEntries(
    operands.map((one) => [one, { shape: one === row ? [shape[1]] : shape }]),
  );
  return {
    suite: 'elementwise',
    name: `${name} ${shape.join('x')}`,
    pass: 'forward',
    flops: ops * product(shape),
    bytes: bytesOf(...Object.values(shaped).map((one) => one.shape), shape),
    operands: shaped,
    compute,
  } satisfies KernelCase;
}

const all = (formulas: Readonly<Record<string, Formula>>, shape: readonly [number, number]): KernelCase[] =>
  Object.entries(formulas).map(([name, formula]) => elementwise(name, formula, shape));

export const elementwiseSuite: Suite = {
  bound: 'memory',
  cases: [...all(SINGLE, [64, 1024]), ...all(SINGLE, [1024, 1024]), ...all(CHAINS, [2048, 1024])],
  small: all({ ...SINGLE, ...CHAINS }, [5, 12]),
};
