import { fail } from '../../errors.js';
import type { CopyCommand, DispatchCommand, GroupCommand, Location, PrepareRequest } from '../backend.js';
import { writeParams } from '../params.js';
import type { CopyStep, DispatchStep, ProgramBuffers, Roles } from './bindings.js';
import type { BufferPool, WebGPUBuffer } from './buffers.js';
import { compose, elementOf } from './compose.js';
import { BufferUsage } from './constants.js';
import type { Health } from './health.js';
import { bindingBytes } from './neighbours.js';
import type { Kernel, Pipelines } from './pipelines.js';
import { Replay } from './replay.js';
import type { LaunchClock } from './timing.js';
import { type Workgroups, workgroupsOf } from './workgroups.js';

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
  const { steps, blocks, launched } = await makeSteps(host, request);
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
    const params =
      blocks.length > 0 ? await allocate(blocks.length, 'parameters', BufferUsage.uniform) : null;
    const through = Math.max(
      0,
      ...steps.map((step) => (step.kind === 'copy' ? bytesThrough(step.command) : 0)),
    );
    const temporary = through > 0 ? await allocate(through, 'copy') : null;
    if (params) health.device.queue.writeBuffer(params.gpu, 0, blocks);
    const buffers: ProgramBuffers = { regions, params, temporary, dummies: host.dummies };
    return await health.attempt(
      'webgpu: binding a program',
      () => new Replay(host, steps, buffers, rolesOf(request, launched)),
    );
  } catch (error) {
    for (const buffer of made) buffer.free();
    throw error;
  }
}

/** Bytes of a buffer that every run copies to where it can be read. */
const STAGED_BYTES = 256;

function rolesOf(
  { externals, written, outputs = [], neighbours = [] }: PrepareRequest,
  workgroups: Roles['workgroups'],
): Roles {
  const staged = outputs.flatMap(({ index, bytes }) => (bytes <= STAGED_BYTES ? index : []));
  return {
    externals,
    neighbours,
    written: written ?? Array.from({ length: externals }, (_, i) => i),
    staged: staged.slice(0, 8),
    workgroups,
  };
}

/** A step whose kernel may still be compiling. */
interface Plan {
  readonly step: Omit<DispatchStep, 'kernel'> | CopyStep;
  readonly kernel?: Promise<Kernel>;
  /** Its parameter block, of so many bytes at so great an offset. */
  readonly params?: ArrayBuffer;
}

async function makeSteps(host: Host, { commands, regions }: PrepareRequest) {
  const plans: Plan[] = [];
  const launched = commands.map((): Workgroups | null => null);
  let paramsBytes = 0;
  for (const [i, command] of commands.entries()) {
    if (command.kind === 'evaluate') fail(command.label, 'the webgpu backend has no kernel for it');
    if (command.kind === 'copy') {
      checkCopy(command, regions.length);
      if (command.bytes > 0) plans.push({ step: { kind: 'copy', command } });
      continue;
    }
    const made = makeDispatch(host, command, regions.length, paramsBytes);
    if (!made) continue;
    plans.push(made);
    launched[i] = made.step.workgroups;
    paramsBytes += Math.ceil(made.params.byteLength / host.alignment) * host.alignment;
  }
  const blocks = new Uint8Array(paramsBytes);
  const finish = async ({ step, kernel, params }: Plan): Promise<DispatchStep | CopyStep> => {
    if (step.kind === 'copy') return step;
    blocks.set(new Uint8Array(params!), step.paramsOffset);
    return { ...step, kernel: (await kernel)! };
  };
  return { steps: await Promise.all(plans.map(finish)), blocks, launched };
}

/** A launch, or a group of them as one; null where there is nothing to do. */
function makeDispatch(
  { pipelines, health }: Host,
  command: DispatchCommand | GroupCommand,
  regions: number,
  paramsOffset: number,
) {
  const { label } = command;
  const limit = health.device.limits.maxComputeWorkgroupsPerDimension;
  const members = command.kind === 'group' ? command.dispatches : [command];
  for (const member of members)
    checkOperands(member, pipelines.info(member.kernel, member.label).access, regions);
  const [first] = members;
  if (command.kind === 'group' || elementOf(first!.kernel)) {
    if (members.every(({ units }) => units === 0)) return null;
    const { code, info, operands, params, units } = compose(members, (member) =>
      pipelines.info(member.kernel, member.label),
    );
    const workgroups = workgroupsOf(units, info.workgroupSize, limit, label)!;
    const kernel = pipelines.composed(code, info, label);
    const step = { kind: 'dispatch', label, operands, workgroups, paramsOffset } as const;
    return { step, kernel, params };
  }
  const { kernel, operands, params: given, units } = first!;
  const info = pipelines.info(kernel, label);
  const workgroups = workgroupsOf(units, info.workgroupSize, limit, label);
  if (!workgroups) return null;
  const params = new ArrayBuffer(info.paramsBytes);
  writeParams(new DataView(params), 0, info, given, `${label}: kernel ${kernel}`);
  const field = info.fields.places;
  const places = field && {
    offset: paramsOffset + field.offset,
    words: new Uint32Array(params, field.offset, field.length),
  };
  const step = { kind: 'dispatch', label, operands, workgroups, paramsOffset, places } as const;
  return { step, kernel: pipelines.get(first!), params };
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
    if (command.kind === 'copy' || command.kind === 'evaluate') continue;
    const members = command.kind === 'group' ? command.dispatches : [command];
    for (const at of members.flatMap(({ operands }) => operands)) {
      if (at.kind === 'arena')
        sizes[at.region] = Math.max(sizes[at.region]!, at.offset + bindingBytes(at.bytes));
    }
  }
  return sizes;
}
