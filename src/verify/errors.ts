import { apply, createInput, type Op, WeftError } from '../index.js';
import type { Finding } from './result.js';

/** Records an op's error case number `index`; it must throw a WeftError with the message that is declared. */
export function checkErrorCase(op: Op, index: number): Finding {
  const { types, options, message } = op.errors[index]!;
  const inputs = types.map((type) => type && createInput(type.shape, type.dtype));
  let thrown: unknown = null;
  try {
    apply(op, inputs, options);
  } catch (error) {
    thrown = error;
  }
  // The shapes of operands that the op does not name follow.
  const ok =
    thrown instanceof WeftError && (thrown.message === message || thrown.message.startsWith(`${message}; `));
  const problem = ok
    ? null
    : `expected the error '${message}', got ${thrown === null ? 'none' : `'${thrown}'`}`;
  return { error: ok ? 0 : 1, tolerance: 0, problem };
}
