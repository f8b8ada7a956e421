/** One load or store of data in a wasm binary, or one copy or fill of several. */
export interface Access {
  readonly functionIndex: number;
  /** Its number among the instructions of its function. */
  readonly instruction: number;
  readonly name: string;
  /** Bytes of the binary, from `at` on, that give way to others for it to be one element off. */
  readonly at: number;
  readonly removed: number;
  readonly inserted: readonly number[];
}

interface Body {
  /** Where the binary has the size of the function's code, and its first and one past its last byte. */
  readonly sizeAt: number;
  readonly start: number;
  readonly end: number;
  readonly accesses: readonly Access[];
  readonly calls: readonly number[];
  /** Whether it keeps its place in a walk in memory. */
  readonly walks: boolean;
}

/** Sections. */
const IMPORTS = 2;
const EXPORTS = 7;
const CODE = 10;

/** Instructions. */
const CALL = 0x10;
const LOCAL_GET = 0x20;
const I32_LOAD = 0x28;
const I32_STORE = 0x36;
const I32_CONST = 0x41;
/** Constants of the module lie from here on; structs of parameters and unrolled loops reach less far. */
const CONSTANTS_START = 1024;
const MEMORY_COPY = 0xfc0a;
const MEMORY_FILL = 0xfc0b;

const NAMES: Readonly<Record<number, string>> = {
  40: 'i32.load',
  42: 'f32.load',
  54: 'i32.store',
  56: 'f32.store',
  64522: 'memory.copy',
  64523: 'memory.fill',
  64768: 'v128.load',
  64777: 'v128.load32_splat',
  64779: 'v128.store',
  64854: 'v128.load32_lane',
  64858: 'v128.store32_lane',
  64860: 'v128.load32_zero',
};

/** Reads numbers of the binary format, one after the other. */
class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
  ) {}

  byte(): number {
    return this.bytes[this.at++]!;
  }

  /** LEB128, signed ones as if they were not: they are only stepped over. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    const length = this.number();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }
}

/** Steps over the immediates of an instruction without memory; throws on one that kernels do not use. */
function skipImmediates(reader: Reader, code: number): void {
  if (code === 0x02 || code === 0x03 || code === 0x04) reader.number();
  else if (code === 0x0c || code === 0x0d || code === 0x10) reader.number();
  else if (code === 0x0e) for (let left = reader.number() + 1; left > 0; left--) reader.number();
  else if (code === 0x11) for (let left = 2; left > 0; left--) reader.number();
  else if (code >= 0x20 && code <= 0x24) reader.number();
  else if (code === 0x3f || code === 0x40 || code === 0x41 || code === 0x42) reader.number();
  else if (code === 0x43) reader.at += 4;
  else if (code === 0x44) reader.at += 8;
  else if (code === 0xfc0a) reader.at += 2;
  else if (code === 0xfc0b) reader.at += 1;
  else if (code === 0xfd0c || code === 0xfd0d) reader.at += 16;
  else if (code >= 0xfd15 && code <= 0xfd22) reader.at += 1;
  else if (code > 0xfc07 && code < 0xfd00) throw new Error(`instruction 0x${code.toString(16)}`);
}

const hasMemory = (code: number): boolean =>
  (code >= 0x28 && code <= 0x3e) || (code >= 0xfd00 && code <= 0xfd0b) || (code >= 0xfd54 && code <= 0xfd5d);

const unsigned = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];

const CONST_4_SUB = [0x41, 4, 0x6b];

/** Reads one function's instructions: its loads and stores of data, and the functions that it calls. */
function readInstructions(reader: Reader, end: number, functionIndex: number, exported: boolean) {
  for (let groups = reader.number(); groups > 0; groups--) {
    reader.number();
    reader.byte();
  }
  const accesses: Access[] = [];
  const calls: number[] = [];
  // A kernel's first two arguments are the operands' addresses and the parameters: what lies there is no data.
  let afterArgument = false;
  // A constant address is that of a table of the module's own: another number there is another function, or no end.
  let afterConstant = false;
  let walks = false;
  for (let instruction = 0; reader.at < end; instruction++) {
    const from = reader.at;
    const first = reader.byte();
    const code = first === 0xfc || first === 0xfd ? first * 256 + reader.number() : first;
    const immediate = new Reader(reader.bytes, reader.at);
    const here = { functionIndex, instruction, name: NAMES[code] ?? '' };
    if (code === CALL) calls.push(immediate.number());
    if (code === MEMORY_COPY || code === MEMORY_FILL)
      accesses.push({ ...here, at: from, removed: 0, inserted: CONST_4_SUB });
    if (hasMemory(code)) {
      reader.number();
      const at = reader.at;
      const offset = reader.number();
      const inserted = unsigned(offset + 4);
      const constant = afterConstant || offset >= CONSTANTS_START;
      // Whole numbers that shared functions read are where a walk stands, which must come to an end.
      const walk = !exported && (code === I32_LOAD || code === I32_STORE);
      walks ||= walk && code === I32_STORE;
      const data = !constant && !walk && (!afterArgument || here.name.includes('store') || !exported);
      if (here.name && data) accesses.push({ ...here, at, removed: reader.at - at, inserted });
      if (code >= 0xfd54 && code <= 0xfd5b) reader.byte();
    } else skipImmediates(reader, code);
    afterArgument = code === LOCAL_GET && immediate.number() < 2;
    afterConstant = code === I32_CONST;
  }
  return { accesses, calls, walks };
}

/** A binary in which single loads and stores can be shifted by one element. */
export class WasmMutator {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #bodies = new Map<number, Body>();
  readonly #exports = new Map<string, number>();
  /** Where the binary has the size of its code section, and the section's first and one past its last byte. */
  #code = { sizeAt: 0, start: 0, end: 0 };

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    const reader = new Reader(bytes, 8);
    while (reader.at < bytes.length) {
      const section = reader.byte();
      const sizeAt = reader.at;
      const size = reader.number();
      const [start, end] = [reader.at, reader.at + size];
      if (section === IMPORTS) expectNoFunctions(reader);
      if (section === EXPORTS) this.#readExports(reader);
      if (section === CODE) {
        this.#code = { sizeAt, start, end };
        this.#readCode(reader);
      }
      reader.at = end;
    }
  }

  #readExports(reader: Reader): void {
    for (let left = reader.number(); left > 0; left--) {
      const name = reader.text();
      const kind = reader.byte();
      const index = reader.number();
      if (kind === 0) this.#exports.set(name, index);
    }
  }

  #readCode(reader: Reader): void {
    const exported = new Set(this.#exports.values());
    const count = reader.number();
    for (let index = 0; index < count; index++) {
      const sizeAt = reader.at;
      const size = reader.number();
      const [start, end] = [reader.at, reader.at + size];
      const body = readInstructions(reader, end, index, exported.has(index));
      if (reader.at !== end) throw new Error(`function ${index} is misread`);
      this.#bodies.set(index, { sizeAt, start, end, ...body });
    }
  }

  /** Loads and stores of data in a kernel and in what it calls. */
  accesses(kernel: string): Access[] {
    const first = this.#exports.get(kernel);
    if (first === undefined) throw new Error(`there is no kernel ${kernel}`);
    const reached = new Set([first]);
    for (const index of reached) for (const called of this.#bodies.get(index)!.calls) reached.add(called);
    // A kernel that calls a walk stores where it starts.
    const walks = [...reached].some((index) => this.#bodies.get(index)!.walks);
    return [...reached]
      .flatMap((index) => this.#bodies.get(index)!.accesses)
      .filter(({ name }) => !walks || name !== NAMES[I32_STORE]);
  }

  /** The binary with one access four bytes further on, or of four bytes fewer. */
  mutate({ functionIndex, at, removed, inserted }: Access): Uint8Array<ArrayBuffer> {
    const { sizeAt, start, end } = this.#code;
    const body = this.#bodies.get(functionIndex)!;
    const part = (from: number, to?: number) => this.#bytes.subarray(from, to);
    const bytes = (list: readonly number[]) => Uint8Array.from(list);
    const changed = Buffer.concat([part(body.start, at), bytes(inserted), part(at + removed, body.end)]);
    const size = bytes(unsigned(changed.length));
    const code = Buffer.concat([part(start, body.sizeAt), size, changed, part(body.end, end)]);
    return Buffer.concat([part(0, sizeAt), bytes(unsigned(code.length)), code, part(end)]);
  }
}

function expectNoFunctions(reader: Reader): void {
  for (let left = reader.number(); left > 0; left--) {
    const name = [reader.text(), reader.text()].join('.');
    if (reader.byte() !== 2) throw new Error(`the kernels import ${name}, which is no memory`);
    const limits = reader.number();
    reader.number();
    if (limits & 1) reader.number();
  }
}
