import { fail } from '../../errors.js';

export type Workgroups = readonly [x: number, y: number, z: number];

/**
 * Workgroups for `units`: a triple as it stands, a number of invocations divided by the workgroup's size and spread
 * over x and y where one axis allows too few; the kernel skips those past the end. Null if there is nothing to do.
 */
export function workgroupsOf(
  units: number | Workgroups,
  workgroupSize: Workgroups,
  limit: number,
  label: string,
): Workgroups | null {
  if (typeof units !== 'number') {
    if (units.some((n) => !Number.isInteger(n) || n < 0 || n > limit)) {
      fail(
        label,
        `[${units.join(',')}] workgroups are not whole numbers from 0 to ${limit}, the device's limit`,
      );
    }
    return units.includes(0) ? null : units;
  }
  if (!Number.isInteger(units) || units < 0) fail(label, `${units} units are not a whole number`);
  const groups = Math.ceil(units / (workgroupSize[0] * workgroupSize[1] * workgroupSize[2]));
  if (groups === 0) return null;
  const y = Math.ceil(groups / limit);
  if (y > limit) fail(label, `${units} units are more than one dispatch of this device can take`);
  return [Math.ceil(groups / y), y, 1];
}
