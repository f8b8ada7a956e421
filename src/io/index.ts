export type { HostTensor } from '../dtype.js';
export { decodeIdx, type IdxArray, type IdxFile } from './idx.js';
export {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
} from './safetensors.js';
