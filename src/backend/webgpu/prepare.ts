import { fail } from '../../errors.js';
import type { CopyCommand, DispatchCommand, Location, PrepareRequest } from '../backend.js';
import { writeParams } from '../params.js';
import { type BufferPool, bindingBytes, type WebGPUBuffer } from './buffers.js';
import { BufferUsage } from './constants.js';
import type { Health } from './health.js';
import type { Pipelines } from './pipelines.js';
import { type CopyStep, type DispatchStep, type ProgramBuffers, Replay } from './replay.js';
import type { LaunchClock } from './timing.js';
import { workgroupsOf } from './workgroups.js';

/** What a program is prepared on. */
export interface Host {
  readonly health: Health;
  readonly pool: BufferPool;
  readonly pipelines: Pipelines;
  readonly dummies: ProgramBuffers['dummies'];
  readonly clock: LaunchClock;
  /** Alignment in bytes of parameter blocks. */
  readonly alignment: number;
}

/** Compiles what a command list needs, allocates its memory, writes its parameter blocks. */
export async function prepareReplay(host: Host, request: PrepareRequest): Promise<Replay> {
  const { health, pool } = host;
  health.check();
  const { steps, paramsBytes } = await makeSteps(host, request);
  const made: WebGPUBuffer[] = [];
  const allocate = async (bytes: number, label: string, usage?: number) => {
    const buffer = await pool.allocateNow(bytes, label, usage);
    made.push(buffer);
    return buffer;
  };
  try {
    const regions: WebGPUBuffer[] = [];
    for (const [i, bytes] of regionSizes(request).entries())
      regions.push(await allocate(bytes, `arena region ${i}`));
    const params = paramsBytes > 0 ? await allocate(paramsBytes, 'parameters', BufferUsage.uniform) : null;
    const through = Math.max(
      0,
      ...steps.map((step) => (step.kind === 'copy' ? bytesThrough(step.command) : 0)),
    );
    const temporary = through > 0 ? await allocate(through, 'copy') : null;
    if (params) writeBlocks(host, steps, params);
    const buffers: ProgramBuffers = { regions, params, temporary, dummies: host.dummies };
    return await health.attempt(
      'webgpu: binding a program',
      () => new Replay(host, steps, buffers, request.externals),
    );
  } catch (error) {
    for (const buffer of made) buffer.free();
    throw error;
  }
}

async function makeSteps({ health, pipelines, alignment }: Host, { commands, regions }: PrepareRequest) {
  const limit = health.device.limits.maxComputeWorkgroupsPerDimension;
  const plans: (Omit<DispatchStep, 'kernel'> | CopyStep)[] = [];
  let paramsBytes = 0;
  for (const command of commands) {
    if (command.kind === 'evaluate') fail(command.label, 'the webgpu backend has no kernel for it');
    if (command.kind === 'group') fail(command.label, 'the webgpu backend runs no groups');
    if (command.kind === 'copy') {
      checkCopy(command, regions.length);
      if (command.bytes > 0) plans.push({ kind: 'copy', command });
      continue;
    }
    const info = pipelines.info(command.kernel, command.label);
    checkOperands(command, info.access, regions.length);
    const workgroups = workgroupsOf(command.units, info.workgroupSize, limit, command.label);
    if (!workgroups) continue;
    plans.push({ kind: 'dispatch', command, workgroups, paramsOffset: paramsBytes });
    paramsBytes += Math.ceil(info.paramsBytes / alignment) * alignment;
  }
  const compile = async (plan: Omit<DispatchStep, 'kernel'> | CopyStep): Promise<DispatchStep | CopyStep> => {
    if (plan.kind === 'copy') return plan;
    const { kernel, label, params } = plan.command;
    return { ...plan, kernel: await pipelines.get(kernel, label, params) };
  };
  return { steps: await Promise.all(plans.map(compile)), paramsBytes };
}

function checkRegion(label: string, at: Location, regions: number): void {
  if (at.kind === 'arena' && !(at.region < regions))
    fail(label, `region ${at.region} is named, there are ${regions}`);
}

function checkOperands(command: DispatchCommand, access: readonly string[], regions: number): void {
  const { label, kernel, operands } = command;
  if (operands.length !== access.length) {
    fail(label, `kernel ${kernel} takes ${access.length} operands, ${operands.length} are given`);
  }
  operands.forEach((operand, i) => {
    checkRegion(label, operand, regions);
    if (operand.kind === 'fault' && access[i] !== 'read_write') {
      fail(label, `kernel ${kernel} declares operand ${i}, the fault word, as read only`);
    }
  });
}

function checkCopy({ label, from, to }: CopyCommand, regions: number): void {
  for (const at of [from, to]) {
    checkRegion(label, at, regions);
    if (at.kind !== 'arena' && at.kind !== 'external') fail(label, `can't copy from or to '${at.kind}'`);
  }
}

/** Bytes that a copy must take through a temporary buffer: WebGPU doesn't copy within one buffer. */
const bytesThrough = ({ from, to, bytes }: CopyCommand): number =>
  from.kind === 'arena' && to.kind === 'arena' && from.region === to.region ? bytes : 0;

/** The regions' sizes, grown where a binding's rounded size would pass the end. */
function regionSizes({ commands, regions }: PrepareRequest): number[] {
  const sizes = [...regions];
  for (const command of commands) {
    if (command.kind !== 'dispatch') continue;
    for (const at of command.operands) {
      if (at.kind === 'arena')
        sizes[at.region] = Math.max(sizes[at.region]!, at.offset + bindingBytes(at.bytes));
    }
  }
  return sizes;
}

function writeBlocks(
  { health }: Host,
  steps: readonly (DispatchStep | CopyStep)[],
  target: WebGPUBuffer,
): void {
  const blocks = new DataView(new ArrayBuffer(target.bytes));
  for (const step of steps) {
    if (step.kind !== 'dispatch') continue;
    const { command, kernel, paramsOffset } = step;
    writeParams(blocks, paramsOffset, kernel.info, command.params, `${command.label}: kernel ${kernel.name}`);
  }
  health.device.queue.writeBuffer(target.gpu, 0, blocks.buffer);
}
