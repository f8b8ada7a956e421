/**
 * What this machine reaches, kernel by kernel, against its own peak and, with --compare, against the peers.
 *
 *   npm run bench -- [--suite gemm,conv2d] [--case TEXT] [--backend wasm,webgpu] [--compare] [--peers tfjs-wasm]
 *                    [--json FILE] [--charts FOLDER]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure, messageOf } from '../src/cli/measure.js';
import { type Device, open } from '../src/index.js';
import {
  type BenchCase,
  CASES,
  type CaseSuite,
  caseName,
  flopsOf,
  passOf,
  SUITES,
  type Suite,
} from './cases.js';
import { suiteChart } from './chart.js';
import { peerField } from './compare/contestants.js';
import { installPeers } from './compare/install.js';
import { openPeer, PEERS, type Peer, type PeerName } from './compare/peer.js';
import { caseInputs } from './inputs.js';
import { measurePeak } from './peak.js';
import { type BenchResult, machineFacts, type Peak, toResult, writeReport, writeWhole } from './report.js';
import { reportText } from './table.js';
import { prepareWeft, type WeftCase } from './weft.js';

const USAGE =
  'npm run bench -- [--suite gemm,conv2d] [--case TEXT] [--backend wasm,webgpu] [--compare] [--peers tfjs-wasm] ' +
  '[--json FILE] [--charts FOLDER]';

type BenchBackend = 'wasm' | 'webgpu';

interface Options {
  readonly suites: readonly Suite[];
  readonly text: string | undefined;
  readonly backends: readonly BenchBackend[];
  readonly peers: readonly PeerName[];
  readonly json: string | undefined;
  readonly charts: string | undefined;
}

/** The names in a list like `gemm,conv2d`, each of which must be known. */
function choose<T extends string>(option: string, list: string, known: readonly T[]): T[] {
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name.trim());
    if (found) return found;
    throw new RangeError(`--${option}: there is no '${name}', choose from ${known.join(', ')}`);
  });
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      suite: { ...text, default: SUITES.join(',') },
      case: text,
      backend: { ...text, default: 'wasm' },
      threads: { ...text, default: '1' },
      compare: { type: 'boolean', default: false },
      peers: { ...text, default: PEERS.join(',') },
      json: text,
      charts: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  if (values.threads !== '1')
    throw new RangeError(`--threads: kernels run on 1 thread, got '${values.threads}'`);
  return {
    suites: choose('suite', values.suite, SUITES),
    text: values.case,
    backends: choose('backend', values.backend, ['wasm', 'webgpu'] as const),
    peers: values.compare ? choose('peers', values.peers, PEERS) : [],
    json: values.json,
    charts: values.charts,
  };
}

/** What tfjs-cpu does in about a second. */
const CPU_FLOPS = 1e8;

/** tfjs-cpu takes seconds for what tfjs-wasm can do too: it runs only where that one can't. */
const needsCpu = (c: BenchCase): boolean =>
  (c.suite === 'conv2d' && c.pass === 'weight-gradient' && flopsOf(c) <= CPU_FLOPS) ||
  (c.suite === 'step' && c.net === 'cnn');

async function runCase(
  c: BenchCase,
  devices: readonly { readonly device: Device; readonly peak: Peak }[],
  peers: readonly Peer[],
): Promise<BenchResult[]> {
  const inputs = caseInputs(c);
  const ready: { readonly weft: WeftCase; readonly peak: Peak }[] = [];
  for (const { device, peak } of devices) ready.push({ weft: await prepareWeft(device, c, inputs), peak });
  const expected = await ready[0]?.weft.output();
  const able = peers.filter(({ name }) => name !== 'tfjs-cpu' || needsCpu(c));
  const field = await peerField(able, c, inputs, expected ?? null);
  const outcomes = await measure([...ready.map(({ weft }) => weft.contestant), ...field.contestants]);
  const engines = [...ready.map(({ weft }) => weft.contestant.name), ...able.map(({ name }) => name)];
  const results = engines.map((engine) => {
    const outcome = outcomes.get(engine);
    const timing = outcome && !('error' in outcome) ? outcome : null;
    const failure = outcome && 'error' in outcome ? outcome.error : null;
    const own = ready.find(({ weft }) => weft.contestant.name === engine);
    // A peer's own percent of peak is that of the CPU that it runs on.
    const cpu = devices.find(({ device }) => device.backend.kind === 'wasm')?.peak ?? null;
    const error = failure ?? field.errors.get(engine as PeerName) ?? null;
    return toResult(c, { engine, threads: 1, timing, peak: own ? own.peak : cpu, error });
  });
  for (const { weft } of ready) weft.dispose();
  field.dispose();
  return results;
}

async function main(): Promise<void> {
  const options = readOptions();
  const machine = machineFacts();
  console.log(`machine: ${machine.cpu}, ${machine.cores} cores, Node ${machine.node} (V8 ${machine.v8})`);
  const devices: { device: Device; peak: Peak }[] = [];
  for (const kind of options.backends) {
    const device = await open(kind);
    const peak = await measurePeak(device.backend);
    devices.push({ device, peak });
    const { description } = device.info;
    console.log(
      `${kind} (${description}): peak ${peak.gflops.toFixed(1)} GFLOP/s, copy ${peak.copyGBps.toFixed(1)} GB/s`,
    );
  }
  const peers: Peer[] = [];
  if (options.peers.length > 0) installPeers();
  for (const name of options.peers) peers.push(await openPeer(name));
  const results: BenchResult[] = [];
  const chosen = options.suites.filter((suite): suite is CaseSuite => suite !== 'peak');
  const wanted = (c: BenchCase) => `${caseName(c)} ${passOf(c)}`.includes(options.text ?? '');
  const cases = chosen.flatMap((suite) => CASES[suite]).filter(wanted);
  if (chosen.length > 0 && cases.length === 0)
    throw new RangeError(`--case: no case's name has '${options.text}' in it`);
  for (const [i, c] of cases.entries()) {
    process.stderr.write(`${i + 1}/${cases.length} ${c.suite} ${caseName(c)} ${passOf(c)}\n`);
    try {
      results.push(...(await runCase(c, devices, peers)));
    } catch (error) {
      throw new Error(`${c.suite} ${caseName(c)} ${passOf(c)}: ${messageOf(error)}`, { cause: error });
    }
  }
  const report = { machine, peak: devices[0]!.peak, results };
  console.log(reportText(report));
  if (options.json) writeReport(report, options.json);
  for (const suite of options.charts ? chosen : []) {
    const file = join(options.charts!, `${suite}.svg`);
    writeWhole(file, suiteChart(report, suite));
    console.log(`wrote ${file}`);
  }
  for (const { device } of devices) device.dispose();
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${messageOf(error)}\n${USAGE}`);
  process.exitCode = 1;
}
