export type { HostTensor } from '../dtype.js';
export { type Cifar100File, type CifarFile, decodeCifar10, decodeCifar100 } from './cifar.js';
export { type CsvFile, type CsvOptions, type CsvParser, decodeCsv } from './csv.js';
export { decodeIdx, type IdxArray, type IdxFile } from './idx.js';
export { decodeImage } from './page-image.js';
export { type DecodedImage, type ImageMode, type Pixels, toImage } from './pixels.js';
export {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
} from './safetensors.js';
