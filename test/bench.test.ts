import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BenchCase, parametersOf, product, SUITE_NAMES, titleOf } from '../bench/case.js';
import { suiteChart } from '../bench/chart.js';
import { caseInputs, relativeError } from '../bench/inputs.js';
import { resultsFile } from '../bench/node.js';
import { readOptions } from '../bench/options.js';
import { runInPage } from '../bench/page/serve.js';
import { profile, profileText } from '../bench/profile.js';
import {
  type BenchReport,
  type BenchResult,
  boundOf,
  groupsOf,
  ratioToBestPeer,
  speedUp,
  toResult,
} from '../bench/report.js';
import { chooseCases } from '../bench/run.js';
import { SUITES } from '../bench/suites/index.js';
import { errorLines, reportText, suiteTable } from '../bench/table.js';
import { prepareWeft } from '../bench/weft.js';
import type { Timing } from '../src/cli/measure.js';
import { type Device, open } from '../src/index.js';

const all = SUITE_NAMES.flatMap((suite) => SUITES[suite].cases);
const caseOf = (title: string): BenchCase => all.find((c) => titleOf(c) === title)!;

describe("the bench's cases", () => {
  it('have names of their own', () => {
    const titles = all.map(titleOf);
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
    expect(titles).toContain('gemm 512x512x512 nt');
    expect(titles).toContain('conv2d 8x64x56x56 k3 s1 p1 o64 weight-gradient');
  });

  it('count arithmetic and bytes', () => {
    const figures = (title: string) => [caseOf(title).flops, caseOf(title).bytes];
    expect(figures('gemm 64x128x784 nt')).toEqual([
      2 * 64 * 128 * 784,
      4 * (64 * 784 + 784 * 128 + 64 * 128),
    ]);
    const image = 8 * 64 * 56 * 56;
    expect(figures('conv2d 8x64x56x56 k3 s1 p1 o64')).toEqual([
      2 * image * 64 * 9,
      4 * (2 * image + 64 * 64 * 9),
    ]);
    expect(figures('depthwise 8x64x56x56 k3 s1 p1')).toEqual([2 * image * 9, 4 * (2 * image + 64 * 9)]);
    // A chain's inner results need no memory: x, a, b, c and the result.
    expect(figures('elementwise (x*a+b)*sigmoid(c) 2048x1024')).toEqual([4 * 2 ** 21, 4 * 5 * 2 ** 21]);
    expect(figures('transpose 2048x2048 to 1,0')).toEqual([0, 4 * 2 * 2048 ** 2]);
    // Adam reads parameter, gradient and two moments and writes three of them back.
    const parameters = 784 * 512 + 2 * 512 * 512 + 10 * 512 + 3 * 512 + 10;
    expect(caseOf('optimiser adam 8 tensors, 0.93M update').bytes).toBe(4 * 7 * parameters);
    // Two products forward, four backward but for the first layer's input gradient.
    expect(caseOf('step mlp b64').flops).toBe(2 * 64 * (2 * 784 * 128 + 3 * 128 * 10));
    // 12 products of [128, 512] by [512, 2048] a step, less the gradient of the first layer's input.
    expect(caseOf('lstm 2x512 b128 t100 i512 forward+backward').flops).toBe(11 * 2 * 100 * 128 * 512 * 2048);
  });

  it('draw the same operands for the same seed, labels below the number of classes', () => {
    const c = caseOf('softmax crossEntropy 64x10 forward+backward');
    const [first, again, other] = [caseInputs(c, 1), caseInputs(c, 1), caseInputs(c, 2)];
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
    expect(
      [...first.labels!.data].every((label) => Number.isInteger(label) && label >= 0 && label < 10),
    ).toBe(true);
    const long = caseInputs(caseOf('gemm 512x512x512 nn')).a!.data;
    expect(long.length).toBe(512 * 512);
    expect(long.slice(-10)).toEqual(
      long.slice((long.length - 10) % 65_537, long.length % 65_537 || undefined),
    );
  });

  it('are chosen by suite and by text', () => {
    expect(chooseCases(['gemm'], ['512x512x512']).map(({ name }) => name)).toEqual([
      '512x512x512 nn',
      '512x512x512 nt',
      '512x512x512 tn',
    ]);
    expect(chooseCases(['conv2d'], ['weight-gradient'])).toHaveLength(8);
    expect(chooseCases()).toHaveLength(all.length);
    expect(() => chooseCases(['gemm'], ['nothing'])).toThrow("--case: no case's name has 'nothing' in it");
  });
});

describe('small cases', () => {
  let wasm: Device;
  let reference: Device;
  beforeAll(async () => {
    wasm = await open('wasm', { threads: 1 });
    reference = await open('reference');
  });
  afterAll(() => {
    wasm.dispose();
    reference.dispose();
  });
  const small = SUITE_NAMES.flatMap((suite) => SUITES[suite].small);

  it.each(small.map((c) => [titleOf(c), c] as const))('%s is right on wasm', async (_, c) => {
    const outputs = [];
    for (const device of [wasm, reference]) {
      const weft = await prepareWeft(device, c, caseInputs(c, 7));
      outputs.push(await weft.output());
      weft.dispose();
    }
    // Four steps of training carry the rounding of the steps before.
    const tolerance = c.pass === 'step' || c.pass === 'update' ? 1e-4 : 1e-5;
    expect(relativeError(outputs[0]!, outputs[1]!)).toBeLessThan(tolerance);
  });

  it('leave a forward pass out of a backward one', async () => {
    const c = small.find((one) => titleOf(one) === 'softmax softmax 3x7 backward')!;
    const weft = await prepareWeft(wasm, c, caseInputs(c));
    expect(weft.program.schedule.map(({ op }) => op)).toEqual(['softmaxBackward']);
    weft.dispose();
  });

  it("run by another kernel than Weft's own choice", async () => {
    const direct = chooseCases(['conv2d'], ['64x16x12x12 k3 s1 p1 o32 direct'])[0]!;
    const weft = await prepareWeft(wasm, direct, caseInputs(direct));
    expect(weft.program.schedule.map(({ kernel }) => kernel).join()).toMatch(/^conv2d_f32__(4x8|6x8|6x16)$/);
    weft.dispose();
  });

  it('tell the time of each launch', async () => {
    const c = small.find((one) => one.suite === 'step')!;
    const weft = await prepareWeft(wasm, c, caseInputs(c));
    const found = await profile(weft);
    const labels = found.launches.map(({ label }) => label);
    for (const op of ['linear', 'adamUpdate'])
      expect(labels.some((label) => label.startsWith(`${op}/`))).toBe(true);
    expect(found.outside).toBeGreaterThan(0);
    expect(found.outside).toBeLessThan(100);
    expect(found.kernelMs).toBeLessThan(found.totalMs);
    expect(profileText('a step', found)).toMatch(/^adamUpdate\/\w+ +1 +\d/m);
    expect(weft.program.onLaunch).toBe(null);
    weft.dispose();
  });
});

describe("the bench's options", () => {
  it('have defaults', () => {
    const options = readOptions([]);
    expect(options.suites).toEqual(SUITE_NAMES);
    expect(options).toMatchObject({ backends: ['wasm'], threads: [1], peers: [], texts: [], page: false });
    expect(options.json).toBeUndefined();
  });

  it('are lists of known names', () => {
    const options = readOptions([
      '--suite',
      'gemm,lstm',
      '--threads',
      '1,2',
      '--compare',
      '--peers',
      'ort-web',
    ]);
    expect(options).toMatchObject({ suites: ['gemm', 'lstm'], threads: [1, 2], peers: ['ort-web'] });
    expect(readOptions(['--peers', 'ort-web']).peers).toEqual([]);
    expect(readOptions(['--json', '--charts', 'x'])).toMatchObject({ json: true, charts: 'x' });
    expect(readOptions(['--json', 'a.json']).json).toBe('a.json');
    expect(readOptions(['--v8', 'revectorize']).v8).toEqual({ revectorize: true });
    expect(readOptions(['--serve'])).toMatchObject({ page: true, serve: true });
  });

  it('are refused with what there is', () => {
    expect(() => readOptions(['--suite', 'gem'])).toThrow(
      "--suite: there is no 'gem', choose from gemm, gemv,",
    );
    expect(() => readOptions(['--threads', '0'])).toThrow("--threads: '0' is no number of threads; say 1,2");
    expect(() => readOptions(['--page', '--compare'])).toThrow(
      '--page: a page compares engines on webgpu alone',
    );
    expect(() => readOptions(['--page', '--profile'])).toThrow('--page: profiles are for Node alone');
    expect(() => readOptions(['--nonsense'])).toThrow('--nonsense');
  });
});

const machine = { cpu: 'AMD EPYC', cores: 2, memoryGB: 24, os: 'Linux', engine: 'Node 26.10.0 (V8 14.6)' };
const peak = { gflops: 64, copyGBps: 40 };

/** A result that took so many milliseconds. */
function result(
  title: string,
  engine: string,
  threads: number,
  ms: number | null,
  error: string | null = null,
) {
  const c = caseOf(title);
  const rate = boundOf(c.suite) === 'arithmetic' ? peak.gflops : peak.copyGBps;
  return toResult(c, {
    ...{ engine, threads, error },
    yardstick: { timing: timingOf([1, 1, 1]), amount: 1e6 * rate },
    timing: ms === null ? null : timingOf([ms, ms, ms]),
  });
}

/** Of rounds that took so many milliseconds, in order of size but the last. */
function timingOf(samplesMs: readonly number[]): Timing {
  const medianMs = samplesMs[1]!;
  const quartilesMs = [medianMs, 1.1 * medianMs] as const;
  const [minMs, rounds] = [Math.min(...samplesMs), samplesMs.length];
  return { medianMs, minMs, quartilesMs, spread: 0.1, rounds, repetitions: 1, samplesMs };
}

const reportOf = (results: readonly BenchResult[]): BenchReport => ({
  ...{ date: '2026-11-21', commit: 'abc', machine, peak, adapter: null, peers: {}, results },
});

describe("the bench's report", () => {
  const gemm = 'gemm 512x512x512 nn';
  const results = [
    result(gemm, 'weft-wasm', 1, 5),
    result(gemm, 'weft-wasm', 2, 2.5),
    result(gemm, 'tfjs-wasm', 1, 8),
    result(gemm, 'jax-js', 1, 4, 'wrong result: relative error 1.0e+0'),
    result(gemm, 'ort-node', 1, 2),
    result(gemm, 'ort-web', 1, null, 'out of luck'),
  ];
  const [group] = groupsOf(results, 'gemm');

  it('holds a case against the peak that its suite is bound by', () => {
    const gflops = (2 * 512 ** 3) / 5 / 1e6;
    expect(results[0]).toMatchObject({ gflops, threads: 1 });
    expect(results[0]!.percentOfPeak).toBeCloseTo((100 * gflops) / 64, 9);
    // Per thread, as arithmetic is; the copy's bandwidth is the machine's.
    expect(results[1]!.percentOfPeak).toBeCloseTo((100 * 2 * gflops) / 128, 9);
    const copy = result('transpose 2048x2048 to 1,0', 'weft-wasm', 2, 1);
    expect(copy.percentOfPeak).toBeCloseTo((100 * copy.gbps!) / 40, 9);
    expect(results[5]).toMatchObject({
      medianMs: null,
      gflops: null,
      percentOfPeak: null,
      error: 'out of luck',
    });
  });

  it("takes the peak of a case from the case's own rounds", () => {
    // A machine that is twice as slow from the second round on: three quarters of the peak all the time.
    const timing = timingOf([4, 8, 8]);
    const yardstick = { timing: timingOf([3, 6, 6]), amount: 2 * 512 ** 3 };
    const one = toResult(caseOf(gemm), { engine: 'weft-wasm', threads: 1, timing, yardstick });
    expect(one.percentOfPeak).toBeCloseTo(75, 9);
    expect(one.peakRate).toBeCloseTo(yardstick.amount / 6e6, 9);
    expect(toResult(caseOf(gemm), { engine: 'peer', threads: 1, timing, yardstick: null })).toMatchObject({
      percentOfPeak: null,
      peakRate: null,
    });
  });

  it('compares with the fastest peer whose result is right, native ones apart', () => {
    expect(ratioToBestPeer(results[0]!, group!)).toBe(8 / 5);
    expect(ratioToBestPeer(results[0]!, group!, true)).toBe(2 / 5);
    expect(speedUp(results[1]!, group!)).toBe(2);
    expect(speedUp(results[0]!, group!)).toBe(null);
  });

  it('is a table', () => {
    const lines = suiteTable(reportOf(results), 'gemm').split('\n');
    expect(lines[0]).toMatch(
      /^gemm \(GFLOP\/s\) +weft-wasm +weft-wasm x2 +tfjs-wasm +jax-js +ort-node +ort-web/,
    );
    expect(lines[2]).toMatch(
      /^512x512x512 nn +53\.7 +107\.4 +33\.6 +67\.1\* +134\.2 +- +84 .*2\.00x +1\.60x +0\.40x$/,
    );
    expect(errorLines(reportOf(results))).toEqual([
      'jax-js, gemm: wrong result: relative error 1.0e+0',
      'ort-web, gemm: out of luck',
    ]);
    expect(reportText(reportOf(results))).toContain('peak of one thread: 64.0 GFLOP/s, copy 40.0 GB/s');
  });

  it('is a chart of each suite', () => {
    for (const suite of SUITE_NAMES) {
      const titles = SUITES[suite].cases.slice(0, 3).map(titleOf);
      const some = titles.flatMap((title, i) => [
        result(title, 'weft-wasm', 1, 1 + i),
        result(title, 'tfjs-wasm', 1, i === 1 ? null : 3),
      ]);
      const svg = suiteChart(reportOf(some), suite);
      expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(svg).toContain('tfjs-wasm');
      expect(svg).toContain(suite);
    }
  });

  it('is kept under a name that tells date, machine and engine', () => {
    expect(resultsFile(reportOf([]))).toMatch(/bench[\\/]results[\\/]2026-11-21-amd-epyc-node-26\.json$/);
    const chromium = { ...machine, engine: 'Chromium 147' };
    expect(resultsFile({ ...reportOf([]), date: '2026-11-22', machine: chromium })).toMatch(
      /2026-11-22-amd-epyc-chromium-147\.json$/,
    );
    const gpu = {
      ...reportOf([result(gemm, 'weft-webgpu', 1, 1)]),
      adapter: 'Soft driver 5.0.0, google, soft',
    };
    expect(resultsFile({ ...gpu, machine: chromium })).toMatch(/2026-11-21-soft-google-chromium-147\.json$/);
  });
});

describe("the bench's page", () => {
  it('runs a case on one thread and on two, and on webgpu', { timeout: 120_000 }, async () => {
    const lines: string[] = [];
    const wishes = {
      suites: ['gemm'],
      texts: ['64x128x784'],
      backends: ['wasm', 'webgpu'],
      threads: [1, 2],
      peers: [],
    } as const;
    const report = await runInPage(wishes, (line) => lines.push(line));
    expect(report.machine.engine).toMatch(/^(Chromium|Chrome|Edge) \d+$/);
    expect(report.results.map(({ engine, threads }) => `${engine} ${threads}`)).toEqual([
      'weft-wasm 1',
      'weft-wasm 2',
      'weft-webgpu 1',
    ]);
    for (const { medianMs, percentOfPeak, error } of report.results) {
      expect(error).toBe(null);
      expect(medianMs).toBeGreaterThan(0);
      expect(percentOfPeak).toBeGreaterThan(0);
    }
    expect(lines).toContain('1/1 gemm 64x128x784 nt');
  });
});

it('counts the parameters of steps and updates', () => {
  const sizes = (title: string) => {
    const c = caseOf(title);
    return parametersOf(c).reduce((sum, name) => sum + product(c.operands[name]!.shape), 0);
  };
  expect(sizes('step mlp b64')).toBe(784 * 128 + 128 + 1280 + 10);
  expect(sizes('optimiser sgd 8 tensors, 0.93M update')).toBe(
    784 * 512 + 2 * 512 * 512 + 10 * 512 + 3 * 512 + 10,
  );
});
