/**
 * The benchmark in a page. Choices come from the form, or from the address, as in `?suite=gemm&threads=1,2&run`; then
 * `window.result` is the report once all is done.
 */
import { messageOf } from '../../src/errors.js';
import { SUITE_NAMES, type SuiteName } from '../case.js';
import { suiteChart } from '../chart.js';
import { peerField } from '../compare/contestants.js';
import type { Peer, PeerName } from '../compare/peer.js';
import { replaySteps } from '../replay.js';
import type { BenchReport, Machine } from '../report.js';
import {
  adapterOf,
  type BenchBackend,
  bearable,
  chooseCases,
  type Lane,
  openLane,
  runCases,
} from '../run.js';
import { errorLines, suiteRows } from '../table.js';

/** What the command that serves the page knows of the machine, and a page can't. */
interface Facts {
  readonly machine: Machine;
  readonly date: string;
  readonly commit: string | null;
  /** Versions of the peers that were built into the page, by name. */
  readonly peers: Readonly<Record<string, string>>;
}

interface Wishes {
  readonly suites: readonly SuiteName[];
  readonly texts: readonly string[];
  readonly backends: readonly BenchBackend[];
  readonly threads: readonly number[];
  readonly peers: readonly PeerName[];
}

const at = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;

/** The browser, as it names itself: Edge and Chrome say `Chrome`, too. */
function browserName(): string {
  const found = ['Edg', 'Firefox', 'HeadlessChrome', 'Chrome', 'Version']
    .map((name) => new RegExp(`(${name})/(\\d+)`).exec(navigator.userAgent))
    .find(Boolean);
  const names: Readonly<Record<string, string>> = {
    Edg: 'Edge',
    HeadlessChrome: 'Chromium',
    Version: 'Safari',
  };
  return found ? `${names[found[1]!] ?? found[1]} ${found[2]}` : navigator.userAgent;
}

const list = (text: string | null): string[] => (text ?? '').split(',').flatMap((one) => one.trim() || []);

/** What the form, or the address in its stead, asks for. */
function wishesOf(data: FormData | URLSearchParams): Wishes {
  const all = (name: string) => data.getAll(name).flatMap((value) => list(String(value)));
  const suites = SUITE_NAMES.filter((name) => all('suite').includes(name));
  const backends = (['wasm', 'webgpu'] as const).filter((name) => all('backend').includes(name));
  const threads = all('threads').map(Number);
  return {
    suites: suites.length > 0 ? suites : SUITE_NAMES,
    texts: all('case'),
    backends: backends.length > 0 ? backends : ['wasm'],
    threads: threads.length > 0 ? threads : [1],
    peers: all('peer') as PeerName[],
  };
}

/** A line of progress, which the command that drives the page passes on. */
function say(line: string): void {
  at('progress').textContent = line;
  console.log(line);
}

async function openLanes({ backends, threads }: Wishes): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (const kind of backends) {
    for (const count of kind === 'wasm' ? threads : [1]) {
      try {
        const lane = await openLane(kind, { threads: count });
        lanes.push(lane);
        const { gflops, copyGBps } = lane.peak;
        const { description } = lane.device.info;
        say(
          `${kind} (${description}), threads ${lane.threads}: peak of one ${gflops.toFixed(1)} GFLOP/s, copy ${copyGBps.toFixed(1)} GB/s`,
        );
      } catch (error) {
        say(`${kind} is left out: ${messageOf(error)}`);
      }
    }
  }
  if (lanes.length === 0) throw new Error('no device could be opened');
  return lanes;
}

async function openPeers({ peers }: Wishes): Promise<Peer[]> {
  if (peers.length === 0) return [];
  // In a variable so that it stays a file of its own, which is there only if peers were asked for.
  const file = './peers.js';
  // A type of its own: the peers' packages need not be installed for the types to be checked.
  const { openPeer } = (await import(file)) as { openPeer(name: PeerName): Promise<Peer> };
  const open: Peer[] = [];
  for (const name of peers) open.push(await openPeer(name));
  return open;
}

async function measured(wishes: Wishes, facts: Facts): Promise<BenchReport> {
  const chosen = chooseCases(wishes.suites, wishes.texts, wishes.backends);
  const lanes = await openLanes(wishes);
  const cases = wishes.texts.length > 0 ? chosen : bearable(chosen, lanes);
  const peers = await openPeers(wishes);
  const results = await runCases(cases, lanes, say, peers.length > 0 ? peerField(peers) : undefined);
  const { peak } = lanes[0]!;
  const adapter = adapterOf(lanes);
  for (const lane of lanes) lane.dispose();
  return { ...facts, peak, adapter, results };
}

function show(report: BenchReport): void {
  const suites = [...new Set(report.results.map(({ suite }) => suite))].flatMap((suite) => {
    const table = document.createElement('table');
    for (const cells of suiteRows(report, suite)) {
      const row = table.insertRow();
      for (const cell of cells) row.insertCell().textContent = cell;
    }
    const figure = document.createElement('figure');
    figure.innerHTML = suiteChart(report, suite);
    return [table, figure];
  });
  const errors = document.createElement('p');
  errors.textContent = errorLines(report).join('. ');
  at('report').replaceChildren(...suites, errors);
  const link = document.createElement('a');
  link.textContent = 'the figures as JSON';
  link.download = 'weft-bench.json';
  link.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' }));
  at('download').replaceChildren(link);
}

async function run(wishes: Wishes, facts: Facts): Promise<void> {
  const button = document.querySelector('button')!;
  button.disabled = true;
  try {
    const report = await measured(wishes, facts);
    show(report);
    at('progress').textContent = '';
    Object.assign(window, { result: report });
  } catch (error) {
    at('progress').textContent = messageOf(error);
    console.error(messageOf(error));
  }
  button.disabled = false;
}

const served = (await (await fetch('facts.json')).json()) as Facts;
const facts: Facts = { ...served, machine: { ...served.machine, engine: browserName() } };
at('machine').textContent = `${facts.machine.cpu}, ${facts.machine.cores} cores, ${facts.machine.engine}`;
at('suites').innerHTML = SUITE_NAMES.map(
  (name) => `<label><input type="checkbox" name="suite" value="${name}"> ${name}</label>`,
).join('');
const form = at<HTMLFormElement>('form');
form.onsubmit = (event) => {
  event.preventDefault();
  void run(wishesOf(new FormData(form)), facts);
};
const address = new URLSearchParams(location.search);
if (address.has('run')) void run(wishesOf(address), facts);
if (address.has('replay')) {
  const { texts } = wishesOf(address);
  replaySteps(texts, address.has('small')).then(
    (result) => Object.assign(window, { result }),
    (error) => console.error(messageOf(error)),
  );
}
