/** What this machine reaches, kernel by kernel, against its own peak and against other engines: see `--help`. */
import { join } from 'node:path';
import { bench as benchOp } from '../src/cli/bench.js';
import { measure } from '../src/cli/measure.js';
import { expectWritable } from '../src/cli/tools.js';
import { messageOf } from '../src/errors.js';
import { titleOf } from './case.js';
import { suiteChart } from './chart.js';
import { peerField } from './compare/contestants.js';
import { installPeers } from './compare/install.js';
import { openPeer, provideGPU, versionsOf } from './compare/open.js';
import { PEERS, type Peer } from './compare/peer.js';
import { caseInputs } from './inputs.js';
import {
  currentCommit,
  machineFacts,
  resultsFile,
  resultsFolder,
  today,
  writeReport,
  writeWhole,
} from './node.js';
import { type BenchOptions, HELP, readOptions } from './options.js';
import { replayInPage, runInPage, servePage } from './page/serve.js';
import { profile, profileText } from './profile.js';
import { replaySteps, replayText } from './replay.js';
import type { BenchReport } from './report.js';
import { adapterOf, bearable, chooseCases, type Lane, openLane, runCases } from './run.js';
import { reportText } from './table.js';
import { prepareWeft } from './weft.js';

async function openLanes({ backends, threads, v8 }: BenchOptions): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (const kind of backends) {
    for (const count of kind === 'wasm' ? threads : [1]) {
      const lane = await openLane(kind, { threads: count, v8 });
      lanes.push(lane);
      const { gflops, copyGBps } = lane.peak;
      const what = `${kind} (${lane.device.info.description}), threads ${lane.threads}`;
      console.log(`${what}: peak of one ${gflops.toFixed(1)} GFLOP/s, copy ${copyGBps.toFixed(1)} GB/s`);
    }
  }
  return lanes;
}

async function openPeers({ peers }: BenchOptions): Promise<Peer[]> {
  const open: Peer[] = [];
  for (const name of peers) open.push(await openPeer(name));
  return open;
}

/** Prints where the time of each case's program goes; resolves to what `--json` keeps. */
async function profiled(options: BenchOptions): Promise<unknown> {
  const lanes = await openLanes({ ...options, backends: ['wasm'] });
  const profiles = [];
  for (const c of chooseCases(options.suites, options.texts)) {
    for (const { device, threads } of lanes) {
      const weft = await prepareWeft(device, c, caseInputs(c));
      await measure([weft.contestant], { rounds: 1 });
      const found = await profile(weft);
      weft.dispose();
      console.log(profileText(`${titleOf(c)}, threads ${threads}`, found));
      profiles.push({ suite: c.suite, case: c.name, pass: c.pass, threads, ...found });
    }
  }
  for (const lane of lanes) lane.dispose();
  return { date: today(), commit: currentCommit(), machine: machineFacts(), profiles };
}

/** Prints what JavaScript spends on replaying training steps; resolves to what `--json` keeps. */
async function replayed(options: BenchOptions): Promise<unknown> {
  const { texts, small, page } = options;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const found = page ? await replayInPage(options, say) : await replaySteps(texts, small);
  console.log(replayText(found));
  const machine = machineFacts();
  return { date: today(), commit: currentCommit(), machine, page, ...found };
}

async function measured(options: BenchOptions, say: (line: string) => void): Promise<BenchReport> {
  const chosen = chooseCases(options.suites, options.texts, options.backends);
  const machine = machineFacts();
  console.log(`machine: ${machine.cpu}, ${machine.cores} cores, ${machine.engine}`);
  if (options.peers.length > 0) installPeers();
  // Before Weft looks for a GPU, so that all take theirs from one place.
  if (options.peers.some((name) => PEERS[name].backend === 'webgpu')) await provideGPU();
  const lanes = await openLanes(options);
  const cases = options.texts.length > 0 ? chosen : bearable(chosen, lanes);
  const peers = await openPeers(options);
  const field = peers.length > 0 ? peerField(peers) : undefined;
  const results = await runCases(cases, lanes, say, field);
  const { peak } = lanes[0]!;
  const adapter = adapterOf(lanes);
  for (const lane of lanes) lane.dispose();
  const about = { date: today(), commit: currentCommit(), machine, peak, adapter };
  return { ...about, peers: versionsOf(options.peers), results };
}

async function main(): Promise<void> {
  if (process.argv.some((arg) => /^--(op|module)(=|$)/.test(arg))) {
    process.exitCode = await benchOp(process.argv.slice(2));
    return;
  }
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(HELP);
    return;
  }
  const { json } = options;
  if (json === true && (options.profile || options.replay))
    throw new RangeError('--profile, --replay: name the file that --json writes');
  if (json) await expectWritable(json === true ? join(resultsFolder, 'new.json') : json);
  if (options.profile || options.replay) {
    const found = await (options.profile ? profiled(options) : replayed(options));
    if (typeof json === 'string') writeWhole(json, `${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  if (options.serve) {
    await servePage();
    return;
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const report = options.page ? await runInPage(options, say) : await measured(options, say);
  console.log(reportText(report));
  if (json) {
    const file = json === true ? resultsFile(report) : json;
    writeReport(report, file);
    console.log(`wrote ${file}`);
  }
  for (const suite of options.charts ? new Set(report.results.map((one) => one.suite)) : []) {
    const file = join(options.charts!, `${suite}.svg`);
    writeWhole(file, suiteChart(report, suite));
    console.log(`wrote ${file}`);
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${messageOf(error)}\nnpm run bench -- --help tells what there is`);
  process.exitCode = 1;
}
