import type { Command, FaultIds, Location } from './backend/backend.js';
import { WeftError } from './errors.js';
import type { TensorType } from './op.js';
import { showShape, sizeOf } from './shape.js';

/** What stops a program: NaN alone, or infinities too. */
export type CheckNumerics = 'nan' | 'nonfinite';

const WORD = new DataView(new ArrayBuffer(4));

const nameOf = (value: number): string => (Number.isNaN(value) ? 'NaN' : String(value));

function messageOf(what: string, { shape, dtype }: TensorType, element: number, value: number): string {
  const place: number[] = [];
  for (let axis = shape.length - 1, rest = element; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return `checkNumerics: ${what} ${nameOf(value)} at [${place.join(',')}] of ${dtype}${showShape(shape)}`;
}

/**
 * A command that looks for numbers that aren't, at one place between others.
 *
 * @param what the message's beginning: `'log' made`, `input 'x' holds`.
 * @param faults the device's messages of data errors; null for the reference device, which throws.
 */
export function inspection(
  what: string,
  { at, type }: { readonly at: Location; readonly type: TensorType },
  mode: CheckNumerics,
  faults: FaultIds | null,
): Command {
  const label = `checkNumerics: ${what}`;
  const size = sizeOf(type.shape);
  if (!faults) {
    const wrong = mode === 'nan' ? Number.isNaN : (value: number) => !Number.isFinite(value);
    return {
      kind: 'evaluate',
      label,
      inputs: [{ at, type }],
      outputs: [],
      evaluate: ([x]) => {
        const element = x!.data.findIndex(wrong);
        if (element >= 0) throw new WeftError(messageOf(what, type, element, x!.data[element]!));
        return [];
      },
    };
  }
  const faultId = faults.register(([element, bits]) => {
    WORD.setInt32(0, bits);
    return messageOf(what, type, element, WORD.getFloat32(0));
  });
  return {
    kind: 'dispatch',
    label,
    kernel: 'find_nonfinite_f32',
    operands: [at, { kind: 'fault' }],
    params: { size, nan_only: Number(mode === 'nan'), faultId },
    units: 1,
    scratch: 0,
  };
}
