import { BYTES_PER_ELEMENT, type DType, hostArray, type TypedArray } from '../dtype.js';
import { fail } from '../errors.js';
import type {
  Backend,
  Command,
  DeviceBuffer,
  EvaluateCommand,
  Location,
  Prepared,
  PrepareRequest,
} from './backend.js';

/** Memory of the reference device: one f64 for each 4-byte element. */
class ReferenceBuffer implements DeviceBuffer {
  readonly data: Float64Array;
  #onFree: (() => void) | null;

  constructor(
    readonly bytes: number,
    onFree: () => void,
  ) {
    this.data = new Float64Array(bytes / BYTES_PER_ELEMENT);
    this.#onFree = onFree;
  }

  free(): void {
    this.#onFree?.();
    this.#onFree = null;
  }
}

/** Runs every op by its f64 reference: slow, obviously right, the truth that kernels are held against. */
export function openReference(): Backend {
  let buffers = 0;
  let bytes = 0;
  const allocate = (size: number) => {
    buffers++;
    bytes += size;
    return new ReferenceBuffer(size, () => {
      buffers--;
      bytes -= size;
    });
  };
  return {
    kind: 'reference',
    info: { backend: 'reference', description: 'f64, TypeScript', threads: 1, notes: [] },
    features: new Set(),
    alignment: BYTES_PER_ELEMENT,
    sharesRegions: true,
    fuses: false,
    maxBufferBytes: 2 ** 31,
    allocate,
    write(buffer, data, dtype) {
      const own = checked(buffer, 'write', data.length);
      own.set(dtype === 'bool' ? Float64Array.from(data, (value) => Number(value !== 0)) : data);
    },
    async read(buffer, dtype: DType, length): Promise<TypedArray> {
      const out = hostArray(dtype, length, true);
      out.set(checked(buffer, 'read', length).subarray(0, length));
      return out;
    },
    prepare: async (request) => prepare(request),
    takeFault: () => null,
    onLaunch: null,
    timed: async () => {},
    memory: () => ({ buffers, bytes }),
    dispose() {},
  };
}

/** A buffer's elements, if it is one of this kind and holds `length`. */
function checked(buffer: DeviceBuffer, what: 'write' | 'read', length: number): Float64Array {
  if (!(buffer instanceof ReferenceBuffer)) {
    return fail(
      'reference',
      'a buffer of another device is used; copy it through the host with read and write',
    );
  }
  if (length > buffer.data.length) {
    fail('reference', `${what} of ${length} elements in a buffer of ${buffer.data.length}`);
  }
  return buffer.data;
}

function prepare({ commands, regions }: PrepareRequest): Prepared {
  const arena = regions.map((size) => new Float64Array(size / BYTES_PER_ELEMENT));
  const words = (location: Location, externals: readonly DeviceBuffer[]): Float64Array => {
    if (location.kind === 'arena') {
      const start = location.offset / BYTES_PER_ELEMENT;
      return arena[location.region]!.subarray(start, start + location.bytes / BYTES_PER_ELEMENT);
    }
    if (location.kind === 'external') {
      const { data } = externals[location.index] as ReferenceBuffer;
      return data.subarray(0, location.bytes / BYTES_PER_ELEMENT);
    }
    return fail('reference', `an operand lies at '${location.kind}'`);
  };
  const evaluate = (command: EvaluateCommand, externals: readonly DeviceBuffer[]) => {
    const inputs = command.inputs.map(
      (input) => input && { ...input.type, data: words(input.at, externals) },
    );
    command.evaluate(inputs).forEach((result, i) => {
      words(command.outputs[i]!, externals).set(result);
    });
  };
  const execute = (command: Command, externals: readonly DeviceBuffer[]) => {
    if (command.kind === 'evaluate') evaluate(command, externals);
    else if (command.kind === 'copy') words(command.to, externals).set(words(command.from, externals));
    else fail('reference', `can't run kernel ${command.label}`);
  };
  return {
    run(externals, times) {
      for (const command of commands) {
        const before = times ? performance.now() : 0;
        execute(command, externals);
        times?.(command.label, performance.now() - before, before);
      }
    },
    release() {},
  };
}
