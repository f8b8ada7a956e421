import { Generator } from '../src/index.js';
import { type BenchCase, type Operand, product } from './case.js';

/** A tensor in plain memory, row-major; labels are whole numbers kept as f32. */
export interface CaseTensor extends Operand {
  readonly data: Float32Array;
}

/** The operands of a case by name, all in PyTorch's layouts (NCHW, weights OIHW and [out, in]). */
export type CaseInputs = Readonly<Record<string, CaseTensor>>;

/** Numbers that are drawn; longer operands repeat them. A prime, so that rows of equal length differ. */
const DRAWN = 65_537;

/** The operands of a case, the same numbers for the same seed: see {@link Operand} for what they are. */
export function caseInputs(c: BenchCase, seed = 1): CaseInputs {
  const generator = new Generator(seed);
  const fill = ({ shape, kind, bound = 1 }: Operand): Float32Array => {
    const data = new Float32Array(product(shape));
    const draw = () => (kind === 'labels' ? generator.below(bound) : generator.uniform(-bound, bound));
    for (let i = 0; i < Math.min(data.length, DRAWN); i++) data[i] = draw();
    for (let i = DRAWN; i < data.length; i += DRAWN) data.copyWithin(i, 0, Math.min(DRAWN, data.length - i));
    return data;
  };
  return Object.fromEntries(
    Object.entries(c.operands).map(([name, operand]) => [name, { ...operand, data: fill(operand) }]),
  );
}

/** The named operand of a case. */
export function operand(inputs: CaseInputs, name: string): CaseTensor {
  const tensor = inputs[name];
  if (!tensor)
    throw new RangeError(`operand: this case has no '${name}', it has ${Object.keys(inputs).join(', ')}`);
  return tensor;
}

/** The largest difference over the largest expected value; 1 where sizes differ or a value isn't finite. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return 1;
  let scale = Number.MIN_VALUE;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(difference)) return 1;
    worst = Math.max(worst, difference);
  }
  return worst / scale;
}

/** Several results one after another. */
export function joined(parts: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
