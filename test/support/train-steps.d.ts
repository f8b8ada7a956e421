/** Losses of the first `steps` of a small CNN; `weft` is the package or its source. */
export function trainSteps(weft: object, backend: 'wasm' | 'webgpu', steps: number): Promise<number[]>;
