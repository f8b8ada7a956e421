import type { Command } from './backend/backend.js';
import type { BackendKind } from './op.js';
import { aligned } from './text.js';

/** A launch of a program, of one kernel or of several that run as one. */
export interface DescribedLaunch {
  /** `op/kernel`, joined by `+` where several run as one: what a profile calls it. */
  readonly label: string;
  /** Workgroups along x, y and z on webgpu; units of work for the threads on wasm; none on the reference device. */
  readonly work: readonly number[];
  /** By the op's own count; of an op with several launches, each has an equal part. */
  readonly flops: number;
  /** Read and written, as counted by the op. */
  readonly bytes: number;
}

/** What a run of a program does, as plain data; `String(description)` is a table. */
export class ProgramDescription {
  constructor(
    readonly backend: BackendKind | 'woven',
    readonly launches: readonly DescribedLaunch[],
    /** Bytes of each copy from buffer to buffer. */
    readonly copies: readonly number[],
    /** Submits to the GPU's queue: one, none on other devices, on a woven one as many as it has parts for webgpu. */
    readonly submits: number,
    /** Of the program's own memory, without inputs and outputs. */
    readonly arenaBytes: number,
    /** Bytes of each value that a woven program sends from one side to the other. */
    readonly transfers: readonly number[] = [],
    /** Bytes of the values that are kept in half precision: as many as that spares. */
    readonly halfBytes: number = 0,
  ) {}

  toString(): string {
    const { backend, launches, copies, submits, arenaBytes, transfers, halfBytes } = this;
    const rows = launches.map(({ label, work, flops, bytes }) => [
      label,
      work.join('×'),
      String(Math.round(flops)),
      String(Math.round(bytes)),
    ]);
    const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
    const parts = [
      `${launches.length} launches on ${backend}`,
      `${copies.length} copies of ${sum(copies)} bytes`,
      ...(backend === 'woven' ? [`${transfers.length} transfers of ${sum(transfers)} bytes`] : []),
      `${submits} ${submits === 1 ? 'submit' : 'submits'}`,
      `an arena of ${arenaBytes} bytes`,
      ...(halfBytes > 0 ? [`${halfBytes} bytes of values in half precision`] : []),
    ];
    const what = backend === 'woven' ? 'work' : backend === 'webgpu' ? 'workgroups' : 'units';
    return [...aligned(['launch', what, 'flops', 'bytes'], rows, 1), parts.join(', ')].join('\n');
  }
}

/** The parts of a woven program as one: launches by the side on which they run, `webgpu: op/kernel`. */
export const describeParts = (
  parts: readonly ProgramDescription[],
  transfers: readonly number[],
  arenaBytes: number,
): ProgramDescription =>
  new ProgramDescription(
    'woven',
    parts.flatMap(({ backend, launches }) =>
      launches.map((launch) => ({ ...launch, label: `${backend}: ${launch.label}` })),
    ),
    parts.flatMap(({ copies }) => copies),
    parts.reduce((sum, { submits }) => sum + submits, 0),
    arenaBytes,
    transfers,
  );

/** `workgroups` are those of each command, null for one that launches nothing; left out, units are told. */
export function describeCommands(
  backend: BackendKind,
  commands: readonly Command[],
  workgroups: readonly (readonly number[] | null)[] | undefined,
  arenaBytes: number,
  halfBytes: number,
): ProgramDescription {
  const launches = commands.flatMap((command, i): DescribedLaunch[] => {
    if (command.kind === 'copy') return [];
    const work = workgroups ? workgroups[i] : command.kind === 'evaluate' ? [] : [command.units].flat();
    return work ? [{ label: command.label, work, ...(command.counts ?? { flops: 0, bytes: 0 }) }] : [];
  });
  const copies = commands.flatMap((command) =>
    command.kind === 'copy' && command.bytes > 0 ? command.bytes : [],
  );
  const submits = backend === 'webgpu' ? 1 : 0;
  return new ProgramDescription(backend, launches, copies, submits, arenaBytes, [], halfBytes);
}
