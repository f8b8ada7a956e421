/** The binary in the form that compresses best. */
export function packKernels(binary: Uint8Array): Uint8Array;
