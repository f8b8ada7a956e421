/** Flag values of the WebGPU specification: Node has no global GPUBufferUsage, GPUMapMode or GPUShaderStage. */
export const BufferUsage = {
  mapRead: 0x0001,
  copySrc: 0x0004,
  copyDst: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
} as const;

/** Of GPUBufferUsage. */
export const QUERY_RESOLVE = 0x0200;

export const MAP_READ = 0x0001;

export const SHADER_STAGE_COMPUTE = 0x4;
