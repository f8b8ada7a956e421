import { fail } from '../errors.js';
import { Generator, type HostTensor, type Op, type SampleInput } from '../index.js';
import { sizeOf } from '../shape.js';

/** FNV-1a: a seed from a text. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0;
  return hash;
}

/** A stream of random numbers that depends on `name` alone. */
export const generatorOf = (name: string): Generator => new Generator(seedOf(name));

function fillF32(input: SampleInput, size: number, generator: Generator): Float32Array {
  const [low, high] = input.domain ?? [-1, 1];
  if (input.distinct) {
    return Float32Array.from(
      generator.permutation(size),
      (place) => (low + high) / 2 + (place - (size - 1) / 2) * 0.01,
    );
  }
  return Float32Array.from({ length: size }, () => {
    const value = generator.uniform(low, high);
    return input.signed && generator.below(2) === 1 ? -value : value;
  });
}

/** A tensor as `input` describes it. */
export const fillInput = (input: SampleInput, generator: Generator): HostTensor => ({
  shape: input.shape,
  dtype: input.dtype ?? 'f32',
  data: fillData(input, generator),
});

function fillData(input: SampleInput, generator: Generator): HostTensor['data'] {
  const size = sizeOf(input.shape);
  const { values, dtype = 'f32', domain = [-1, 1] } = input;
  const cycled = (i: number) => values![i % values!.length]!;
  if (dtype === 'f32')
    return values
      ? Float32Array.from({ length: size }, (_, i) => cycled(i))
      : fillF32(input, size, generator);
  if (dtype === 'bool')
    return Uint8Array.from({ length: size }, (_, i) => (values ? cycled(i) : generator.below(2)));
  const [low, high] = domain;
  return Int32Array.from({ length: size }, (_, i) =>
    values ? cycled(i) : low + generator.below(high - low + 1),
  );
}

/** The inputs of an op's sample number `index`: the same at every call, on every machine. Null for those left out. */
export function sampleInputs(op: Op, index: number): (HostTensor | null)[] {
  const sample = op.samples[index] ?? fail(op.name, `has samples 0..${op.samples.length - 1}, not ${index}`);
  return sample.inputs.map(
    (input, position) => input && fillInput(input, generatorOf(`${op.name}/${index}/${position}`)),
  );
}

/** An op's name for its input number `index`. */
export const inputName = (op: Op, index: number): string =>
  op.variadic ? `${op.inputs[0]}[${index}]` : op.inputs[index]!;
