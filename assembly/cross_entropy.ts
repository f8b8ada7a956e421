// Cross-entropy of logits [outer, classes, inner] with labels, or with probabilities. Rows whose elements are not
// neighbours are gathered into scratch. Units are rows.
import { CrossEntropyParams } from '../build/params';
import { reportFault } from './fault';
import { operand, splat, sumLanes } from './simd';
import { gather, logOf, rowMax, scatter, sumPowers } from './softmax';

/** Bytes from the start of x to row number `row`. */
// @ts-ignore: decorator
@inline
export function rowStart(row: i32, p: CrossEntropyParams): usize {
  const inner = <i32>p.inner;
  if (inner == 1) return <usize>((row * <i32>p.classes) << 2);
  const block = row / inner;
  return <usize>((block * <i32>p.classes * inner + (row - block * inner)) << 2);
}

/** Whether a label counts; leaves [faultId, row, label] in free fault words where it should, but is outside the classes. */
export function counts(label: i32, row: i32, p: CrossEntropyParams, fault: usize): bool {
  if (label == p.ignoreIndex) return false;
  if (label >= 0 && label < <i32>p.classes) return true;
  if (fault) reportFault(fault, p.faultId, row, label);
  return false;
}

// @ts-ignore: decorator
@inline
export function weightOf(c: i32, weight: usize, p: CrossEntropyParams): f32 {
  return p.hasWeight ? load<f32>(weight + (c << 2)) : 1.0;
}

/** Where a row's elements are neighbours. */
// @ts-ignore: decorator
@inline
function packed(x: usize, p: CrossEntropyParams, scratch: usize): usize {
  if (p.inner == 1) return x;
  gather(x, <usize>p.inner << 2, <i32>p.classes, scratch);
  return scratch;
}

/**
 * losses = (1 - smoothing) w[label] nll[label] + smoothing Σ w nll / classes, nll = ln Σ e^(x - max) - (x - max), and
 * weights = w[label]; both 0 for ignored labels. Operands: logits, labels, weight, losses, weights, fault.
 */
export function cross_entropy_rows_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  const weight = operand(o, 2);
  for (let row = begin; row < end; row++) {
    const label = load<i32>(operand(o, 1) + (row << 2));
    let loss: f32 = 0.0;
    let own: f32 = 0.0;
    if (counts(label, row, p, operand(o, 5))) {
      const x = packed(operand(o, 0) + rowStart(row, p), p, scratch);
      const top = rowMax(x, classes);
      const total = logOf(sumPowers(x, 0, classes, top));
      own = weightOf(label, weight, p);
      loss = own * (total + (top - load<f32>(x + (label << 2))));
      if (p.smoothing > 0) {
        let all: f32 = 0.0;
        for (let c = 0; c < classes; c++) {
          all += weightOf(c, weight, p) * (total + (top - load<f32>(x + (c << 2))));
        }
        loss = (<f32>1.0 - p.smoothing) * loss + p.smoothing / <f32>classes * all;
      }
    }
    store<f32>(operand(o, 3) + (row << 2), loss);
    store<f32>(operand(o, 4) + (row << 2), own);
  }
}

function sumOf(x: usize, count: i32): f32 {
  let i = 0;
  let sums = splat(0.0);
  for (; i + 4 <= count; i += 4) sums = f32x4.add(sums, v128.load(x + (i << 2)));
  let total = sumLanes(sums);
  for (; i < count; i++) total += load<f32>(x + (i << 2));
  return total;
}

/** y = Σ losses / Σ weights. One unit. */
export function cross_entropy_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const rows = <i32>changetype<CrossEntropyParams>(params).rows;
  store<f32>(operand(o, 2), sumOf(operand(o, 0), rows) / sumOf(operand(o, 1), rows));
}

/**
 * dlogits = g (A softmax(logits) - K) with K = (1 - smoothing) w onehot(label) + smoothing w / classes, A its sum and g = dy,
 * divided by the total weight where that is counted; zero for ignored labels. Operands: logits, labels, weight, dy, total,
 * dlogits.
 */
export function cross_entropy_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  const weight = operand(o, 2);
  const each = p.smoothing / <f32>classes;
  const step = <usize>p.inner << 2;
  for (let row = begin; row < end; row++) {
    const start = rowStart(row, p);
    const to = operand(o, 5) + start;
    const label = load<i32>(operand(o, 1) + (row << 2));
    if (!counts(label, row, p, 0)) {
      for (let c = 0; c < classes; c++) store<f32>(to + c * step, 0.0);
      continue;
    }
    const x = packed(operand(o, 0) + start, p, scratch);
    const dx = p.inner == 1 ? to : scratch;
    let g = load<f32>(operand(o, 3) + (p.moves ? row << 2 : 0));
    if (p.counted) g /= load<f32>(operand(o, 4));
    const own = (<f32>1.0 - p.smoothing) * weightOf(label, weight, p);
    let all = own;
    if (p.smoothing > 0) for (let c = 0; c < classes; c++) all += each * weightOf(c, weight, p);
    const share = g * all / sumPowers(x, dx, classes, rowMax(x, classes));
    for (let c = 0; c < classes; c++) store<f32>(dx + (c << 2), load<f32>(dx + (c << 2)) * share);
    if (p.smoothing > 0) {
      for (let c = 0; c < classes; c++) {
        store<f32>(dx + (c << 2), load<f32>(dx + (c << 2)) - g * each * weightOf(c, weight, p));
      }
    }
    store<f32>(dx + (label << 2), load<f32>(dx + (label << 2)) - g * own);
    if (p.inner != 1) scatter(scratch, to, step, classes);
  }
}

// @ts-ignore: decorator
@inline
function shareOf(target: usize, c: i32, weight: usize, p: CrossEntropyParams): f32 {
  const q = load<f32>(target + (<usize>(c * <i32>p.inner) << 2));
  return weightOf(c, weight, p) * (q * (<f32>1.0 - p.smoothing) + p.smoothing / <f32>p.classes);
}

/** losses = Σ K nll, K = w (target (1 - smoothing) + smoothing / classes). Operands: logits, target, weight, losses. */
export function cross_entropy_shares_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  for (let row = begin; row < end; row++) {
    const start = rowStart(row, p);
    const x = packed(operand(o, 0) + start, p, scratch);
    const top = rowMax(x, classes);
    const total = logOf(sumPowers(x, 0, classes, top));
    let loss: f32 = 0.0;
    for (let c = 0; c < classes; c++) {
      loss += shareOf(operand(o, 1) + start, c, operand(o, 2), p) * (total + (top - load<f32>(x + (c << 2))));
    }
    store<f32>(operand(o, 3) + (row << 2), loss);
  }
}

/** dlogits = dy scale (A softmax(logits) - K), A = Σ K. Operands: logits, target, weight, dy, dlogits. */
export function cross_entropy_shares_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  const step = <usize>p.inner << 2;
  for (let row = begin; row < end; row++) {
    const start = rowStart(row, p);
    const x = packed(operand(o, 0) + start, p, scratch);
    const target = operand(o, 1) + start;
    const to = operand(o, 4) + start;
    const g = load<f32>(operand(o, 3) + (p.moves ? row << 2 : 0)) * p.scale;
    let all: f32 = 0.0;
    for (let c = 0; c < classes; c++) all += shareOf(target, c, operand(o, 2), p);
    const dx = p.inner == 1 ? to : scratch;
    const share = all / sumPowers(x, dx, classes, rowMax(x, classes));
    for (let c = 0; c < classes; c++) {
      const slope = load<f32>(dx + (c << 2)) * share - shareOf(target, c, operand(o, 2), p);
      store<f32>(to + c * step, g * slope);
    }
  }
}
