import { describe, expect, it } from 'vitest';
import { abreastOf } from '../scripts/build-abreast.mjs';

const source = (body: string) => `
export const TABLE: usize = memory.data<f32>([1.0, 2.0]);

export function half(x: v128): v128 {
  return f32x4.mul(x, constant(TABLE, 0));
}

export function curve(x: v128): v128 {
${body}
}
`;

/** The code of `curveAbreast`, line by line. */
const codeOf = (body: string): string[] => {
  const [, code] = /curveAbreast\(from: usize, to: usize\): void \{\n([\s\S]*?)\n\}/.exec(
    abreastOf(source(body)),
  )!;
  return code!.split('\n').map((line) => line.trim());
};

describe('abreastOf', () => {
  it('writes each line for four vectors, from one address to another', () => {
    expect(codeOf('  return f32x4.neg(x);')).toEqual([
      ...[0, 1, 2, 3].map((i) => `const x${i} = v128.load(from, ${16 * i});`),
      ...['k', 'l', 'm'].map((name) => `let ${name} = x0;`),
      ...[0, 1, 2, 3].map((i) => `let result${i} = f32x4.neg(x${i});`),
      ...[0, 1, 2, 3].map((i) => `v128.store(to, result${i}, ${16 * i});`),
    ]);
  });

  it('reads a constant once, for the next line too, and anew after that', () => {
    const code = codeOf(`  const n = fma(x, constant(TABLE, 0), constant(TABLE, 1));
  const r = f32x4.sub(n, constant(TABLE, 1));
  let y = f32x4.mul(r, r);
  y = f32x4.add(y, constant(TABLE, 1));
  return y;`);
    expect(code.filter((line) => line.includes('constant('))).toEqual([
      'k = constant(TABLE, 0);',
      'l = constant(TABLE, 1);',
      'k = constant(TABLE, 1);',
    ]);
    expect(code).toContain('let n2 = fma(x2, k, l);');
    expect(code).toContain('let r3 = f32x4.sub(n3, l);');
    expect(code).toContain('y1 = f32x4.add(y1, k);');
  });

  it('puts the lines of another function in its place, with names of their own', () => {
    const code = codeOf(`  const a = f32x4.abs(x);
  const y = half(a);
  return f32x4.add(y, a);`);
    expect(code).toContain('let y_half_result0 = f32x4.mul(a0, k);');
    expect(code).toContain('let y0 = y_half_result0;');
  });

  it.each([
    ['  if (a) return x;', "curves.ts: curve: 'if (a) return x' is no straight line"],
    ['  store<f32>(0, 1.0);\n  return x;', "curves.ts: curve: 'store<f32>(0, 1.0)' is no straight line"],
    ['  return f32x4.add(x, half(x));', 'curves.ts: curve: half() must be the whole of a line'],
    ['  const k = f32x4.neg(x);\n  return k;', "curves.ts: curve: 'k' is for constants"],
    [
      '  return f(constant(T, 0), constant(T, 1), constant(T, 2), constant(T, 3));',
      'reads more than 3 constants',
    ],
    ['  const x = f32x4.neg(x);\n  return x;', "curves.ts: curve: 'x' is the argument"],
  ])('refuses %s', (body, message) => {
    expect(() => abreastOf(source(body))).toThrow(message);
  });
});
