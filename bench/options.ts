import { parseArgs } from 'node:util';
import { SUITE_NAMES, type SuiteName } from './case.js';
import { PEER_NAMES, PEERS, type PeerName } from './compare/peer.js';
import type { BenchBackend } from './run.js';

export const HELP = `usage: npm run bench -- [options]

Times Weft's kernels and training steps against this machine's own peak and, with --compare, against other engines.

  --suite LIST      of ${SUITE_NAMES.join(', ')} (default: all)
  --case LIST       only cases whose names contain one of these texts, as in '8x64x56x56 k3' or 'weight-gradient'
  --backend LIST    wasm, webgpu (default: wasm)
  --threads LIST    numbers of threads for wasm, as in 1,2 (default: 1)
  --v8 LIST         experiments of Node's V8: revectorize, relaxedSimd (default: none)
  --compare         also run the other engines; the first time they are installed, about 540 MB
  --peers LIST      of ${PEER_NAMES.join(', ')}
                    (default: those on the backends that are asked for)
  --profile         instead of timing whole cases: the time of each launch of their programs
  --replay          instead: what JavaScript spends on each replayed dispatch of a training step on webgpu, and what
                    WebGPU's calls alone take; with --small, of steps so small that a software adapter runs many
  --json [FILE]     write the results as JSON (default: bench/results/DATE-CPU-ENGINE.json)
  --charts FOLDER   draw a chart of each suite as SVG
  --page            run in a page of a real Chromium instead of Node; --serve keeps it for a browser of your own

  --op NAME         times the kernels of one op instead, variant by variant: with --inputs 8x64x56x56,64x64x3x3 and
                    --options '{"padding":1}', and all that \`weft bench --help\` lists`;

const V8_FLAGS = ['revectorize', 'relaxedSimd'] as const;

export interface BenchOptions {
  readonly suites: readonly SuiteName[];
  readonly texts: readonly string[];
  readonly backends: readonly BenchBackend[];
  readonly threads: readonly number[];
  readonly v8: Readonly<Partial<Record<(typeof V8_FLAGS)[number], boolean>>>;
  readonly peers: readonly PeerName[];
  readonly profile: boolean;
  readonly replay: boolean;
  readonly small: boolean;
  /** A file, or `true` for one whose name tells date, machine and engine. */
  readonly json: string | true | undefined;
  readonly charts: string | undefined;
  readonly page: boolean;
  readonly serve: boolean;
  readonly help: boolean;
}

/** The names in a list like `gemm,conv2d`, each of which must be known. */
function choose<T extends string>(option: string, list: string, known: readonly T[]): T[] {
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name.trim());
    if (found) return found;
    throw new RangeError(`--${option}: there is no '${name}', choose from ${known.join(', ')}`);
  });
}

/** The named peers, or those on the backends that are measured; in a page, those on webgpu. */
function choosePeers(
  list: string | undefined,
  backends: readonly BenchBackend[],
  page: boolean,
): readonly PeerName[] {
  const on = (name: PeerName) => PEERS[name].backend;
  const peers =
    list === undefined
      ? PEER_NAMES.filter((name) => backends.includes(on(name)) && (!page || on(name) === 'webgpu'))
      : choose('peers', list, PEER_NAMES);
  if (page && (peers.length === 0 || peers.some((name) => on(name) !== 'webgpu')))
    throw new RangeError('--page: a page compares engines on webgpu alone; add --backend webgpu');
  return peers;
}

function threadCounts(list: string): number[] {
  return list.split(',').map((text) => {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`--threads: '${text}' is no number of threads; say 1,2`);
    return count;
  });
}

/** What the arguments of `npm run bench --` ask for. */
export function readOptions(given: readonly string[]): BenchOptions {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  // The one option that may stand without its value.
  const bare = given.findIndex((arg, i) => arg === '--json' && (given[i + 1] ?? '--').startsWith('--'));
  const { values } = parseArgs({
    args: given.filter((_, i) => i !== bare),
    options: {
      suite: { ...text, default: SUITE_NAMES.join(',') },
      case: text,
      backend: { ...text, default: 'wasm' },
      threads: { ...text, default: '1' },
      v8: text,
      compare: flag,
      peers: text,
      profile: flag,
      replay: flag,
      small: flag,
      json: text,
      charts: text,
      page: flag,
      serve: flag,
      help: flag,
    },
  });
  if (values.page && values.profile) throw new RangeError('--page: profiles are for Node alone');
  const backends = choose('backend', values.backend, ['wasm', 'webgpu'] as const);
  const peers = values.compare ? choosePeers(values.peers, backends, values.page) : [];
  return {
    suites: choose('suite', values.suite, SUITE_NAMES),
    texts: values.case?.split(',').map((one) => one.trim()) ?? [],
    backends,
    threads: threadCounts(values.threads),
    v8: Object.fromEntries(
      values.v8 === undefined ? [] : choose('v8', values.v8, V8_FLAGS).map((name) => [name, true]),
    ),
    peers,
    profile: values.profile,
    replay: values.replay,
    small: values.small,
    json: bare >= 0 ? true : values.json,
    charts: values.charts,
    page: values.page || values.serve,
    serve: values.serve,
    help: values.help,
  };
}
