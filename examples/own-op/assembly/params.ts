// Written by 'weft kernels' from the WGSL.

@unmanaged export class SwiGluParams {
  size: u32;
}
