// Leaves a data error for the host: the first to claim word 0 of the module's `fault` with its id writes its
// detail.
fn report_fault(id: u32, first: u32, second: u32) {
  loop {
    let claim = atomicCompareExchangeWeak(&fault[0], 0u, id);
    if (claim.exchanged) {
      atomicStore(&fault[1], first);
      atomicStore(&fault[2], second);
      return;
    }
    // A weak exchange may fail though it found 0.
    if (claim.old_value != 0u) {
      return;
    }
  }
}
