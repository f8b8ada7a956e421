// Writes docs/systems.md from docs/systems.json, the results of full runs. With --check it only says whether the page is
// up to date and every system has a result; with --add FILE... it first takes over results that
// `npm run example -- ... --json FILE` wrote, and their first pictures. Run by `node scripts/systems.mjs`.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(root, 'docs/systems.md');
const RESULTS = join(root, 'docs/systems.json');
const PICTURES = join(root, 'docs/systems');
const UPDATE = 'node scripts/systems.mjs';
const FAMILIES = [
  ['G', 'Gradient descent'],
  ['P', 'Perceptrons and losses by hand'],
  ['A', 'Small networks'],
  ['M', 'Feed-forward nets on MNIST'],
  ['C', 'Convolutional nets'],
];

const read = (file, otherwise) => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return otherwise;
  }
};
const held = () => JSON.parse(read(RESULTS, '{ "machine": {}, "results": [] }'));

const place = (id) => 1000 * FAMILIES.findIndex(([family]) => family === id[0]) + Number(id.slice(1));
const ids = () =>
  readdirSync(join(root, 'examples'))
    .flatMap((name) => /^([a-z]\d+)-/.exec(name)?.[1]?.toUpperCase() ?? [])
    .sort((a, b) => place(a) - place(b));

/** Takes over the results of full runs on wasm; each system's first picture comes along. */
function add(files) {
  const { machine, results } = held();
  const found = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const fresh = found.flatMap((one) => one.results);
  const wrong = fresh.find(({ size, backend }) => size !== 'full' || backend !== 'wasm');
  if (wrong)
    throw new Error(
      `${wrong.id} is of a ${wrong.size} run on ${wrong.backend}; only full runs on wasm count`,
    );
  mkdirSync(PICTURES, { recursive: true });
  const taken = fresh.map(({ id, title, seed, seconds, claims, error, missingData, pictures }) => {
    const first = pictures[0];
    const picture = first ? `${id}${extname(first)}` : null;
    // Of several seeds, the first one's.
    if (picture && fresh.find((one) => one.id === id).seed === seed)
      copyFileSync(first, join(PICTURES, picture));
    return { id, title, seed, seconds, claims, error, missingData, picture };
  });
  const key = ({ id, seed }) => `${id} ${seed}`;
  const known = new Set(taken.map(key));
  const systems = new Set(ids());
  const all = [...results.filter((one) => !known.has(key(one))), ...taken].filter(({ id }) =>
    systems.has(id),
  );
  all.sort((a, b) => place(a.id) - place(b.id) || a.seed - b.seed);
  const text = JSON.stringify({ machine: found.at(-1)?.machine ?? machine, results: all }, null, 1);
  writeFileSync(RESULTS, `${text}\n`);
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const verdict = (holds) => (holds === null ? 'not judged' : holds ? 'yes' : '**no**');
const duration = (seconds) => (seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds));

/** A claim's figures of all seeds, one where they agree. */
function reachedBy(results, i) {
  const figures = [...new Set(results.map(({ claims }) => cell(claims[i]?.reached ?? '')))];
  return figures.join(' / ');
}

/** A system's rows: its runs differ by their seeds. */
function rowsOf(results) {
  const [first] = results;
  const seeds = results.map(({ seed }) => seed).join(', ');
  const name = `**${first.id}** ${cell(first.title)}${results.length > 1 ? `, seeds ${seeds}` : ''}`;
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0) / results.length;
  const shown = first.picture ? `[picture](systems/${first.picture})` : '';
  const head = [name, duration(seconds), shown];
  const lines = first.claims.map(({ told }, i) => {
    const held = results.map(({ claims }) => claims[i]?.holds ?? null);
    const holds = held.includes(false) ? false : held.includes(null) ? null : true;
    return [cell(told), reachedBy(results, i), verdict(holds)];
  });
  if (first.error !== null) lines.push([cell(first.error), '', '']);
  return lines.map((line, i) => {
    const [system, time, image] = i === 0 ? head : ['', '', ''];
    return `| ${[system, ...line, time, image].join(' | ')} |`;
  });
}

function page({ machine, results }) {
  const of = (family) => results.filter(({ id }) => id[0] === family);
  const sections = FAMILIES.flatMap(([family, title]) => {
    if (of(family).length === 0) return [];
    const own = [...new Set(of(family).map(({ id }) => id))];
    const rows = own.flatMap((id) => rowsOf(results.filter((one) => one.id === id)));
    return [
      `## ${family}: ${title}`,
      '',
      '| system | told | reached | holds | s | |',
      '|---|---|---|---|---|---|',
      ...rows,
      '',
    ];
  });
  return [
    '# The systems of the courses',
    '',
    `<!-- Generated by ${UPDATE} from docs/systems.json. -->`,
    '',
    'What deep-learning courses for PyTorch build runs here from one command, `npm run example -- M1`; `--fast` is a smaller',
    'version, `--list` shows all. The table holds what a course tells of a system against what its full version reached on',
    `wasm (${machine.cpu}, ${machine.cores} cores, Node ${machine.node}), of several seeds where it trains; seconds are of one run.`,
    '',
    ...sections,
  ].join('\n');
}

function problems({ results }) {
  const known = new Set(results.map(({ id }) => id));
  const missing = ids().filter((id) => !known.has(id));
  if (missing.length === 0) return [];
  const advice = `run 'npm run example -- ${missing.join(' ')} --json FILE', then '${UPDATE} --add FILE'`;
  return [`docs/systems.json holds no full run of ${missing.join(', ')}: ${advice}`];
}

function main([mode, ...files]) {
  if (mode === '--add') add(files);
  const found = held();
  const missing = problems(found);
  for (const problem of missing) console.error(problem);
  const text = page(found);
  if (mode !== '--check') writeFileSync(PAGE, text);
  else if (read(PAGE, '') !== text) {
    console.error(`docs/systems.md is out of date: run '${UPDATE}'`);
    return 1;
  }
  return missing.length > 0 ? 1 : 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  console.error(`systems: ${error.message}`);
  process.exitCode = 1;
}
