/** Leaves [id, where, what] in the fault words if they are free. */
export function reportFault(fault: usize, id: u32, where: i32, what: i32): void {
  if (load<u32>(fault) != 0) return;
  store<u32>(fault, id);
  store<i32>(fault, where, 4);
  store<i32>(fault, what, 8);
}
