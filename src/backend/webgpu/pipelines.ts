import type { KernelInfo } from '../../../build/kernels.js';
import { fail, messageOf } from '../../errors.js';
import { type DispatchCommand, isHalf } from '../backend.js';
import { SHADER_STAGE_COMPUTE } from './constants.js';
import type { Health } from './health.js';

export type KernelTable = Readonly<Record<string, KernelInfo>>;
export type ModuleTable = Readonly<Record<string, string>>;

/** A kernel made ready for dispatch. */
export interface Kernel {
  readonly name: string;
  readonly info: KernelInfo;
  readonly layout: GPUBindGroupLayout;
  readonly pipeline: GPUComputePipeline;
}

/** What a launch says of its kernel. */
export type Wanted = Pick<DispatchCommand, 'kernel' | 'label' | 'constants' | 'operands'>;

/** Whether an operand of a kernel may be floats of 16 bits. */
export const takesHalf = (info: KernelInfo, operand: number): boolean => Boolean(info.stored?.[operand]);

/** The kernels of one device, each compiled when it is first asked for. */
export class Pipelines {
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #kernels = new Map<string, Promise<Kernel>>();

  constructor(
    readonly health: Health,
    readonly kernels: KernelTable,
    readonly modules: ModuleTable,
  ) {}

  /** What is known of a kernel; fails with `label` where there is none of this name. */
  info(name: string, label: string): KernelInfo {
    const info = Object.hasOwn(this.kernels, name) ? this.kernels[name] : undefined;
    return (
      info ??
      fail(
        label,
        `there is no webgpu kernel '${name}' on this device; open it with { kernels: [...] } that hold it`,
      )
    );
  }

  /** The kernel of a launch, with the constants that it gives. */
  get({ kernel, label, constants = {}, operands }: Wanted): Promise<Kernel> {
    const info = this.info(kernel, label);
    const halves = operands.flatMap((at, i) => (isHalf(at) ? storedOf(info, i, label, kernel) : []));
    const all = [...Object.entries(constants), ...halves.map((alias) => [alias, 'f16'] as const)];
    const key = all.reduce((text, [name, value]) => `${text} ${name}=${value}`, kernel);
    return remember(this.#kernels, key, () => this.#compile(kernel, label, constants, halves));
  }

  /** A kernel that was composed, with the entry point `chain`: equal ones are one. */
  composed(code: string, info: KernelInfo, label: string): Promise<Kernel> {
    return remember(this.#kernels, code, async () => {
      const module = await this.#module(label, code, label);
      return this.#finish(label, info, { module, entryPoint: 'chain' }, label);
    });
  }

  async #compile(
    name: string,
    label: string,
    constants: Readonly<Record<string, number>>,
    halves: readonly string[],
  ): Promise<Kernel> {
    const info = this.info(name, label);
    const unknown = Object.keys(constants).find((constant) => !info.constants?.includes(constant));
    if (unknown !== undefined) fail(label, `kernel ${name} has no override '${unknown}'`);
    const text = this.modules[info.module] ?? fail('webgpu', `there is no shader module '${info.module}'`);
    const code = halves.length > 0 ? withHalves(text, halves) : text;
    const key = [info.module, ...halves].join(' ');
    const module = await remember(this.#modules, key, () => this.#module(info.module, code, label));
    return this.#finish(name, info, { module, entryPoint: name, constants }, label);
  }

  async #finish(
    name: string,
    info: KernelInfo,
    compute: GPUProgrammableStage,
    label: string,
  ): Promise<Kernel> {
    const which = name === label ? `kernel ${name}` : `kernel ${name} of ${label}`;
    const { device } = this.health;
    const entries: GPUBindGroupLayoutEntry[] = info.access.map((access, binding) => ({
      binding,
      visibility: SHADER_STAGE_COMPUTE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    }));
    entries.push({
      binding: entries.length,
      visibility: SHADER_STAGE_COMPUTE,
      buffer: { type: 'uniform', minBindingSize: info.paramsBytes },
    });
    const [layout, pipelineLayout] = await this.health.attempt(`webgpu: ${which}`, () => {
      const group = device.createBindGroupLayout({ label: name, entries });
      return [group, device.createPipelineLayout({ label: name, bindGroupLayouts: [group] })] as const;
    });
    const compiled = device
      .createComputePipelineAsync({ label: name, layout: pipelineLayout, compute })
      .catch((error: unknown) => fail('webgpu', `${which} does not compile: ${messageOf(error)}`));
    return { name, info, layout, pipeline: await this.health.guard(compiled) };
  }

  async #module(name: string, code: string, label: string): Promise<GPUShaderModule> {
    let module: GPUShaderModule | null = null;
    try {
      return await this.health.attempt(`webgpu: shader module ${name}`, () => {
        module = this.health.device.createShaderModule({ label: name, code });
        return module;
      });
    } catch (error) {
      const shader = module as GPUShaderModule | null;
      const info = await this.health.guard(shader?.getCompilationInfo() ?? Promise.reject(error));
      const found = info.messages.find(({ type }) => type === 'error');
      if (!found) throw error;
      const line = code.split('\n')[found.lineNum - 1]?.trim() ?? '';
      const where = `shader module ${name}, line ${found.lineNum}`;
      return fail('webgpu', `${where}: ${found.message} ('${line}'), for ${label}`);
    }
  }
}

/** What an alias stands for in a module, itself for what is none. */
function typeOf(code: string, alias: string): string {
  const found = new RegExp(`alias ${alias} = (.+);`).exec(code)?.[1];
  return found === undefined ? alias : typeOf(code, found);
}

/** A module with some of its aliases of f32, or vec4s of it, as such of f16. */
const withHalves = (code: string, aliases: readonly string[]): string =>
  aliases.reduce(
    (text, alias) =>
      text.replace(
        new RegExp(`alias ${alias} = .+;`),
        `alias ${alias} = ${typeOf(code, alias).replace('f32', 'f16')};`,
      ),
    `enable f16;\n${code}`,
  );

const storedOf = (info: KernelInfo, operand: number, label: string, kernel: string): string =>
  info.stored?.[operand] || fail(label, `kernel ${kernel} does not take 16 bits for operand ${operand}`);

/** The promise kept under `key`, made at first; one that fails is forgotten, so that it may be tried again. */
function remember<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  made.catch(() => map.delete(key));
  return made;
}
