/**
 * Kernels for chains of elementwise launches: a chain's values stay in registers, each array outside is read or written
 * once. An invocation takes four neighbouring elements, so that arrays at the elements' own places move as vectors; what
 * is broadcast is indexed by strides that parameters hold. A launch by itself is a chain of one.
 */
import type { Element, ElementOperand } from '../../../build/elements.js';
import { declarations, elements } from '../../../build/elements.js';
import type { KernelInfo } from '../../../build/kernels.js';
import { fail } from '../../errors.js';
import { type DispatchCommand, isHalf, type Location } from '../backend.js';
import { writeParams } from '../params.js';

/** Elements of one invocation. */
const LANES = ['x', 'y', 'z', 'w'] as const;
const WORKGROUP = 64;

/** A kernel that was made of others, and what it is launched with. */
export interface Composed {
  readonly code: string;
  readonly info: KernelInfo;
  readonly operands: readonly Location[];
  readonly params: ArrayBuffer;
  /** Invocations. */
  readonly units: number;
}

/** What computes an element of a kernel, if it can be composed. */
export const elementOf = (kernel: string): Element | undefined =>
  Object.hasOwn(elements, kernel) ? elements[kernel] : undefined;

/** Whether a kernel can be in a chain: an array of as many elements as the output may be a register there. */
export function composes(kernel: string, counts: readonly number[]): boolean {
  const size = counts.at(-1);
  return elementOf(kernel)?.operands.every(({ at }, i) => at !== 'any' || counts[i] !== size) ?? false;
}

/** Whether an operand, the output last, may be floats of 16 bits: what is not read at any place. */
export const elementTakesHalf = ({ operands }: Element, operand: number): boolean =>
  operands[operand]?.at !== 'any';

/** A value of an element: an expression, and its type. */
interface Register {
  readonly name: string;
  readonly type: string;
}

interface Binding {
  readonly at: Location;
  readonly type: string;
  /** Whether all invocations move elements at their own places, so that four of them are one vector. */
  readonly own: boolean;
  writes: boolean;
}

/** Places in an operand, by a collapsed shape of the launch: of no axes where it has one element. */
interface Walk {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

const OWN: Walk = { shape: [0], strides: [1] };

const keyOf = (at: Location): string => {
  if (at.kind === 'arena') return `a${at.region}:${at.offset}`;
  return at.kind === 'external' || at.kind === 'tile' ? `${at.kind}${at.index}` : at.kind;
};

const as = ({ name, type }: Register, wanted: string): string =>
  type === wanted ? name : `bitcast<${wanted}>(${name})`;

/** As an array of `wanted` holds it. */
const stored = (value: Register, wanted: string): string =>
  wanted === 'f16' ? `f16(${as(value, 'f32')})` : as(value, wanted);

/** Elements that a launch computes. */
const sizeOf = ({ params }: DispatchCommand): number => params.size as number;

class Composer {
  readonly #bindings = new Map<string, Binding>();
  /** What an element knows by the place that would hold it. */
  readonly #registers = new Map<string, Register>();
  /** Loads in an invocation, before its elements: names and types of what each element is given. */
  readonly #loads: { readonly name: string; readonly type: string; readonly from: string; own: boolean }[] =
    [];
  /** Reads at places by strides, by place and strides. */
  readonly #walked = new Map<string, Register>();
  readonly #fields: string[] = [];
  readonly #words: number[] = [];
  readonly #lines: string[] = [];
  readonly #needs = new Set<string>();
  readonly #results = new Map<string, Register>();
  readonly #size: number;

  constructor(
    readonly commands: readonly DispatchCommand[],
    readonly infoOf: (command: DispatchCommand) => KernelInfo,
  ) {
    this.#size = Math.max(...commands.map(sizeOf));
    this.#field('u32', this.#size);
  }

  run(): Composed {
    for (const command of this.commands) this.#member(command);
    const bindings = [...this.#bindings.values()];
    return {
      code: this.#code(),
      info: {
        module: '',
        access: bindings.map(({ writes }) => (writes ? 'read_write' : 'read')),
        params: 'Params',
        paramsBytes: 4 * this.#words.length,
        fields: {},
        workgroupSize: [WORKGROUP, 1, 1],
      },
      operands: bindings.map(({ at }) => at),
      params: Uint32Array.from(this.#words).buffer,
      units: Math.ceil(this.#size / LANES.length),
    };
  }

  /** A parameter of the kernel, as an expression. */
  #field(type: string, word: number): string {
    this.#words.push(word);
    return `params.p${this.#fields.push(type) - 1}`;
  }

  #binding(at: Location, type: string, own: boolean): string {
    const key = `${keyOf(at)}${own ? '' : ' any'}`;
    const held = isHalf(at) ? 'f16' : type;
    if (!this.#bindings.has(key)) this.#bindings.set(key, { at, type: held, own, writes: false });
    return `d${[...this.#bindings.keys()].indexOf(key)}`;
  }

  #member(command: DispatchCommand): void {
    const element = elementOf(command.kernel)!;
    const { operands, code, result, needs } = element;
    const values = this.#parameters(command);
    const names = new Map<string, string>();
    const lines: string[] = [];
    operands.forEach((operand, i) => {
      const at = command.operands[i]!;
      if (operand.at === 'any') names.set(operand.name, this.#binding(at, operand.type, false));
      else lines.push(`let ${operand.name} = ${this.#read(command, operand, at)};`);
    });
    const text = code.replace(/(?<![.\w])([A-Za-z_]\w*)(\.\w+)?/g, (whole, word: string, rest = '') => {
      if (word === 'params') return values(rest.slice(1));
      return names.has(word) ? `${names.get(word)}${rest}` : whole;
    });
    const statements = text.split('\n');
    const made = { name: `t${this.#lines.length}`, type: result };
    const last = `${made.name} = ${statements.pop()};`;
    this.#lines.push(`var ${made.name}: ${result}; { ${[...lines, ...statements, last].join(' ')} }`);
    for (const name of needs) this.#needs.add(name);
    const to = command.operands.at(-1)!;
    this.#registers.set(keyOf(to), made);
    if (to.kind === 'tile') return;
    this.#binding(to, result, true);
    this.#bindings.get(keyOf(to))!.writes = true;
    this.#results.set(keyOf(to), made);
  }

  /** Checks a launch's parameters against its own struct; gives each that an element names a place in the common one. */
  #parameters(command: DispatchCommand): (name: string) => string {
    const info = this.infoOf(command);
    const block = new DataView(new ArrayBuffer(info.paramsBytes));
    writeParams(block, 0, info, command.params, `${command.label}: kernel ${command.kernel}`);
    const known = new Map<string, string>();
    return (name) => {
      const { type, offset } = info.fields[name]!;
      const found = name === 'size' ? 'params.p0' : known.get(name);
      const made = found ?? this.#field(type, block.getUint32(offset, true));
      known.set(name, made);
      return made;
    };
  }

  /** An operand's element as an expression. */
  #read({ params }: DispatchCommand, { name, type, at: way }: ElementOperand, at: Location): string {
    const held = this.#registers.get(keyOf(at));
    if (held) return as(held, type);
    if (at.kind === 'none') return `${type}()`;
    const number = (field: string) => params[field] as number;
    const list = (field: string) => (params[field] as readonly number[]).slice(0, number('rank'));
    let walk: Walk = { shape: [], strides: [] };
    if (way === 'own' || this.#size === 1) walk = OWN;
    else if (way === 'moving') walk = number('moves') === 0 ? walk : OWN;
    else if (way === 'repeated') walk = this.#repeated(number(`${name}Inner`), number(`${name}Count`));
    else walk = { shape: list('shape'), strides: list(`${name}Strides`) };
    return as(this.#load(at, type, walk), type);
  }

  #load(at: Location, type: string, { shape, strides }: Walk): Register {
    const own = shape.length === 1 && strides[0] === 1;
    if (!own && strides.some((stride) => stride !== 0)) {
      const key = `${keyOf(at)} ${shape} ${strides}`;
      const known = this.#walked.get(key);
      if (known) return known;
      const array = this.#binding(at, type, false);
      const made = { name: `w${this.#walked.size}`, type: this.#typeOf(array) };
      this.#lines.push(`let ${made.name} = ${made.type}(${array}[${this.#strided(shape, strides)}]);`);
      this.#walked.set(key, made);
      return made;
    }
    const array = this.#binding(at, type, own);
    const load = { name: `v${this.#loads.length}`, type: this.#typeOf(array), from: array, own };
    this.#loads.push(load);
    this.#registers.set(keyOf(at), load);
    return load;
  }

  /** Of elements once they are read. */
  #typeOf(array: string): string {
    const { type } = [...this.#bindings.values()][Number(array.slice(1))]!;
    return type === 'f16' ? 'f32' : type;
  }

  #repeated(inner: number, count: number): Walk {
    if (inner === 1 && count === this.#size) return OWN;
    return { shape: [0, count, inner], strides: [0, count > 1 ? 1 : 0, 0] };
  }

  /** The place in an operand of an element, which is neither its own nor always 0. */
  #strided(shape: readonly number[], strides: readonly number[]): string {
    const first = strides.findIndex((stride) => stride !== 0);
    const terms: string[] = [];
    let rest = 'i';
    for (let axis = shape.length - 1; axis >= first; axis--) {
      const size = axis > 0 && shape[axis] !== 1 ? this.#field('u32', shape[axis]!) : '';
      const position = size && axis > 0 ? `(${rest} % ${size})` : rest;
      const stride = strides[axis]!;
      if (stride === 1) terms.push(position);
      else if (stride !== 0) terms.push(`${position} * ${this.#field('u32', stride)}`);
      if (size) rest = `(${rest} / ${size})`;
    }
    return terms.join(' + ');
  }

  #code(): string {
    const bindings = [...this.#bindings];
    const arrays = bindings.map(([, { type, own, writes }], i) => {
      const access = writes ? 'read_write' : 'read';
      return `@group(0) @binding(${i}) var<storage, ${access}> d${i}: array<${own ? `vec4<${type}>` : type}>;`;
    });
    const results = [...this.#results];
    const given = this.#loads.map(({ name, type }) => `, ${name}: ${type}`).join('');
    const loads = this.#loads.map(
      ({ name, from, own, type }) =>
        `let ${name} = ${own ? `vec4<${type}>(${from}[q])` : `${type}(${from}[0])`};`,
    );
    const calls = LANES.map((lane, k) => {
      const handed = this.#loads.map(({ name, own }) => `, ${name}${own ? `.${lane}` : ''}`).join('');
      return `let e${k} = element(i + ${k}u${handed});`;
    });
    const stores = results.map(([key, made], r) => {
      const { type } = this.#bindings.get(key)!;
      const at = `d${[...this.#bindings.keys()].indexOf(key)}[q]`;
      const of = LANES.map((_, k) => stored({ name: `e${k}.r${r}`, type: made.type }, type));
      // Behind the last element lies what is not the kernel's.
      const single = of.map((value, k) => `if (i + ${k}u < params.p0) { ${at}.${LANES[k]} = ${value}; }`);
      return `if (i + 3u < params.p0) { ${at} = vec4<${type}>(${of.join(', ')}); } else { ${single.slice(0, 3).join(' ')} }`;
    });
    return [
      ...(bindings.some(([, { type }]) => type === 'f16') ? ['enable f16;'] : []),
      `struct Params { ${this.#fields.map((type, i) => `p${i}: ${type}`).join(', ')} }`,
      `struct Made { ${results.map(([, { type }], r) => `r${r}: ${type}`).join(', ')} }`,
      ...arrays,
      `@group(0) @binding(${bindings.length}) var<uniform> params: Params;`,
      ...[...this.#needs].map((name) => declarations[name]!),
      `fn element(i: u32${given}) -> Made {`,
      ...this.#lines,
      `return Made(${results.map(([, { name }]) => name).join(', ')});`,
      '}',
      `@compute @workgroup_size(${WORKGROUP})`,
      'fn chain(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3<u32>) {',
      `let q = (group.x + group.y * groups.x) * ${WORKGROUP}u + local;`,
      `let i = q * ${LANES.length}u;`,
      'if (i >= params.p0) { return; }',
      ...[...loads, ...calls, ...stores],
      '}',
      '',
    ].join('\n');
  }
}

/**
 * One kernel of a list of elementwise launches of one size, in their order. Those that write to a tile pass it on in a
 * register; `infoOf` knows their parameter structs.
 */
export function compose(
  commands: readonly DispatchCommand[],
  infoOf: (command: DispatchCommand) => KernelInfo,
): Composed {
  const wrong = commands.find((command) => !elementOf(command.kernel));
  if (wrong) fail(wrong.label, `kernel ${wrong.kernel} can't run in a group`);
  return new Composer(commands, infoOf).run();
}
