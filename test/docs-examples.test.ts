import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { command, environment, typescript } from './support/built.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/verification.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'weft-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs Node in an empty folder. */
const run = (...args: string[]): string =>
  execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: environment });

/** Blocks of TypeScript, each with the output that the page says it has. */
const programs = [...page.matchAll(/```ts\n(.*?)```\n\n```text\n(.*?)```/gs)].map(([, code, output], i) => ({
  title: `${i}: ${code!.match(/(?:const|await) .*/)?.[0]}`,
  name: `program-${i}.mts`,
  code: code!,
  output: output!,
}));
const commands = [...page.matchAll(/^npm run gradcheck -- (.*)$/gm)].map(([, args]) => args!);

describe('docs/verification.md', () => {
  it('shows the output of every program', () => {
    expect(programs.length).toBeGreaterThan(0);
    expect(programs).toHaveLength(page.match(/^```ts$/gm)!.length);
    expect(commands.length).toBeGreaterThan(0);
  });

  it.each(programs)('has a program that prints what it says, $title', ({ name, code, output }) => {
    writeFileSync(join(folder, name), code);
    expect(run(...typescript, join(folder, name))).toBe(output);
  });

  it.each(commands)('has a command that succeeds: npm run gradcheck -- %s', (args) => {
    const printed = run(...command, 'gradcheck', ...args.split(' '));
    expect(printed).toContain(', 0 failed');
  });

  it('names the fields of the results', () => {
    const file = args('--json');
    const [first] = JSON.parse(readFileSync(join(folder, file), 'utf8')).results;
    for (const field of Object.keys(first)) expect(page, field).toContain(`\`${field}\``);
  });
});

/** The value of an option in the commands of the page. */
function args(option: string): string {
  const words = commands.flatMap((command) => command.split(' '));
  return words[words.indexOf(option) + 1]!;
}
