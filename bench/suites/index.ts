import type { Suite, SuiteName } from '../case.js';
import { conv2dSuite, depthwiseSuite } from './conv2d.js';
import { elementwiseSuite } from './elementwise.js';
import { gemmSuite, gemvSuite } from './gemm.js';
import { poolingSuite } from './pooling.js';
import { stepSuite } from './step.js';

/** Every suite, in the order of the report. */
export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  gemm: gemmSuite,
  gemv: gemvSuite,
  conv2d: conv2dSuite,
  depthwise: depthwiseSuite,
  pooling: poolingSuite,
  elementwise: elementwiseSuite,
  step: stepSuite,
};
