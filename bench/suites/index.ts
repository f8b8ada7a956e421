import type { Suite, SuiteName } from '../case.js';
import { conv2dSuite, depthwiseSuite } from './conv2d.js';
import { elementwiseSuite } from './elementwise.js';
import { gemmSuite, gemvSuite } from './gemm.js';
import { lstmSuite } from './lstm.js';
import { normalisationSuite } from './normalisation.js';
import { optimiserSuite } from './optimiser.js';
import { poolingSuite } from './pooling.js';
import { reduceSuite, softmaxSuite, transposeSuite } from './rows.js';
import { stepSuite } from './step.js';

/** Every suite, in the order of the report. */
export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  gemm: gemmSuite,
  gemv: gemvSuite,
  conv2d: conv2dSuite,
  depthwise: depthwiseSuite,
  pooling: poolingSuite,
  softmax: softmaxSuite,
  normalisation: normalisationSuite,
  elementwise: elementwiseSuite,
  reduce: reduceSuite,
  transpose: transposeSuite,
  lstm: lstmSuite,
  optimiser: optimiserSuite,
  step: stepSuite,
};
