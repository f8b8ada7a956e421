// What an option may be, told once beside its type: a test of any value, and the words for messages.
import { fail } from './errors.js';

interface AnyKind {
  /** What follows "must be". */
  readonly words: string;
  readonly fits: (value: unknown) => boolean;
}

/** What a value of type T may be, which can say more than T: that a number is whole. */
export interface Kind<T> extends AnyKind {
  /** Never there: kinds of different types don't pass for each other. */
  readonly of?: (value: T) => T;
}

/** The kind of each option of U. */
export type Kinds<U> = { readonly [K in keyof U]-?: Kind<Exclude<U[K], undefined>> };
export type AnyKinds = Readonly<Record<string, AnyKind>>;

const isNumber = (value: unknown): boolean => typeof value === 'number' && !Number.isNaN(value);

/** Any number but NaN. */
export const number: Kind<number> = { words: 'a number', fits: isNumber };
/** A number whose range is checked elsewhere, NaN too. */
export const anyNumber: Kind<number> = { words: 'a number', fits: (value) => typeof value === 'number' };
/** What is passed on as it is. */
export const anything: Kind<unknown> = { words: 'anything', fits: () => true };
export const whole: Kind<number> = { words: 'a whole number', fits: Number.isInteger };
export const flag: Kind<boolean> = { words: 'true or false', fits: (value) => typeof value === 'boolean' };
export const text: Kind<string> = { words: 'a string', fits: (value) => typeof value === 'string' };

/** A list of any length of what `kind` takes. */
export const listOf = <T>({ fits }: Kind<T>, words: string): Kind<readonly T[]> => ({
  words,
  fits: (value) => Array.isArray(value) && [...value].every(fits),
});

/** Two of what `kind` takes. */
export const pairOf = <T>({ fits }: Kind<T>, words: string): Kind<readonly [T, T]> => ({
  words,
  fits: (value) => Array.isArray(value) && value.length === 2 && [...value].every(fits),
});

/** A function of some type. */
export const callable = <T>(words = 'a function'): Kind<T> => ({
  words,
  fits: (value) => typeof value === 'function',
});

/** An object of some type, as a tensor or a sampler. */
export const object = <T>(words: string): Kind<T> => ({
  words,
  fits: (value) => typeof value === 'object' && value !== null,
});

export const oneOf = <const T extends string>(...names: readonly T[]): Kind<T> => ({
  words: `one of ${names.join(', ')}`,
  fits: (value) => (names as readonly unknown[]).includes(value),
});

export const either = <A, B>(a: Kind<A>, b: Kind<B>, words = `${a.words} or ${b.words}`): Kind<A | B> => ({
  words,
  fits: (value) => a.fits(value) || b.fits(value),
});

export const orNull = <T>({ words, fits }: Kind<T>): Kind<T | null> => ({
  words: `${words} or null`,
  fits: (value) => value === null || fits(value),
});

export const wholes = listOf(whole, 'a list of whole numbers');
export const numbers = listOf(number, 'a list of numbers');
export const wholePair = pairOf(whole, 'a pair of whole numbers');
/** An axis or several. */
export const wholeOrWholes: Kind<number | readonly number[]> = either(
  whole,
  wholes,
  'a whole number or a list of them',
);
/** One whole number for both axes, or a pair [height, width]. */
export const wholeOrPair: Kind<number | readonly [number, number]> = either(
  whole,
  wholePair,
  'a whole number or a pair of them',
);

/** Refuses options that `kinds` does not have, or of another kind. What is undefined counts as left out. */
export function expectOptions(where: string, options: unknown, kinds: AnyKinds): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    fail(where, `its options must be an object, got ${shown(options)}`);
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(kinds, key))
      fail(where, `has no option '${key}'; it takes ${Object.keys(kinds).join(', ') || 'none'}`);
    const value = (options as Record<string, unknown>)[key];
    if (value !== undefined) expectKind(where, key, value, kinds[key]!);
  }
}

/** Refuses a value of another kind. */
export function expectKind(where: string, name: string, value: unknown, { words, fits }: AnyKind): void {
  if (!fits(value)) fail(where, `${name} must be ${words}, got ${shown(value)}`);
}

/** What was given, as it is written in code. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${[...value].map(shown).join()}]`;
  if (typeof value !== 'object' || value === null || !isPlain(value)) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${shown(inner)}`)
    .join(', ')} }`;
}

const isPlain = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;
