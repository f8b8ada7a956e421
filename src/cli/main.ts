#!/usr/bin/env node
import { WeftError } from '../index.js';
import { bench } from './bench.js';
import { endOnBrokenPipe } from './broken-pipe.js';
import { gradcheck } from './gradcheck.js';
import { info } from './info.js';
import { kernels } from './kernels.js';

interface Command {
  readonly summary: string;
  /** Runs the command; resolves to the exit code. */
  readonly run: (args: string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  bench: { summary: 'time the kernels of an op', run: bench },
  gradcheck: { summary: 'check every op: kernels, gradients, errors', run: gradcheck },
  kernels: { summary: 'build kernels of your own into one file', run: kernels },
  info: { summary: 'what each backend is on this machine', run: info },
};

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  weft ${name.padEnd(12)}${summary}`);
  return `usage:\n${lines.join('\n')}\n  weft <command> --help`;
}

async function main([name, ...args]: string[]): Promise<number> {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) return command.run(args);
  const asked = name === '--help' || name === '-h';
  if (!asked && name !== undefined) console.error(`weft: there is no command '${name}'`);
  console.log(usage());
  return asked ? 0 : 2;
}

endOnBrokenPipe();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrongArguments = error instanceof TypeError && 'code' in error;
  if (!(error instanceof WeftError) && !wrongArguments) throw error;
  console.error(`weft: ${(error as Error).message}`);
  process.exitCode = 2;
}
