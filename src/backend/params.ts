import type { KernelInfo } from '../../build/kernels.js';
import { fail } from '../errors.js';
import type { Params } from '../op.js';

/** What {@link writeParams} must know of a kernel: its parameter struct. */
export type ParamsLayout = Pick<KernelInfo, 'fields' | 'paramsBytes' | 'overrides'>;

/**
 * Writes a kernel's parameter struct at `offset` of `view`, little-endian, padding and the rest of short arrays zero.
 * Refuses a field that is missing, unknown, too long or outside its type's range; `label` says whose it is.
 */
export function writeParams(
  view: DataView,
  offset: number,
  info: ParamsLayout,
  params: Params,
  label: string,
): void {
  for (const name of Object.keys(params)) {
    if (!Object.hasOwn(info.fields, name) && !info.overrides?.includes(name)) {
      const known = Object.keys(info.fields).join(', ');
      fail(label, `parameter '${name}' is not in the kernel's struct, which has ${known}`);
    }
  }
  for (let byte = 0; byte < info.paramsBytes; byte += 4) view.setUint32(offset + byte, 0, true);
  for (const [name, field] of Object.entries(info.fields)) {
    const given = params[name];
    if (given === undefined) fail(label, `parameter '${name}' is missing`);
    const values = typeof given === 'number' ? [given] : given;
    if (values.length > field.length || (field.length === 1 && values.length === 0)) {
      fail(label, `parameter '${name}' holds ${field.length} numbers, ${values.length} are given`);
    }
    values.forEach((value, i) => {
      const at = offset + field.offset + 4 * i;
      if (field.type === 'f32') view.setFloat32(at, value, true);
      else if (!inRange(value, field.type))
        fail(label, `parameter '${name}' is ${value}, not a whole ${field.type}`);
      else view.setInt32(at, value, true);
    });
  }
}

const inRange = (value: number, type: 'u32' | 'i32'): boolean =>
  type === 'u32' ? value >>> 0 === value : (value | 0) === value;

/** The constants of a pipeline that a kernel's parameters ask for. */
export function overridesOf({ overrides = [] }: ParamsLayout, params: Params, label: string) {
  return Object.fromEntries(
    overrides.map((name): [string, number] => {
      const value = params[name];
      if (typeof value !== 'number') fail(label, `parameter '${name}' is missing`);
      if (!inRange(value, 'u32')) fail(label, `parameter '${name}' is ${value}, not a whole u32`);
      return [name, value];
    }),
  );
}
