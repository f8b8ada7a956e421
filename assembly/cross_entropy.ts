// Cross-entropy of logits [outer, classes, inner] with labels, or with probabilities. Units are rows. With labels, rows that
// are short or whose elements are not neighbours are laid side by side into scratch, up to four in the lanes of vectors:
// lanes don't mix, so that results don't depend on which rows are together. Else what is no neighbours is gathered there.
import { CrossEntropyParams } from '../build/params';
import { reportFault } from './fault';
import { loadUpTo, log4, operand, splat, storeUpTo, sumLanes, transpose4 } from './simd';
import { columnMax, gather, logOf, power4, rowMax, scaleRow, sumPowers } from './softmax';

/** Bytes from the start of x to row number `row`. */
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

/** Rows up to this long are taken in lanes; src/ops/cross_entropy_kernels.ts plans with the same number. */
const SHORT: u32 = 64;

// @ts-ignore: decorator
@inline
function byLanes(p: CrossEntropyParams): bool {
  return p.inner > 1 || p.classes <= SHORT;
}

/** How many rows from `row` go side by side. */
function rowsTogether(row: i32, end: i32, p: CrossEntropyParams): i32 {
  const inner = <i32>p.inner;
  return min(4, inner == 1 ? end - row : min(end - row, inner - row % inner));
}

/** Copies `count` rows from x on to lanes, element c of each into vector c, or `back`. */
function moveLanes(x: usize, lanes: usize, count: i32, p: CrossEntropyParams, back: bool): void {
  const pitch = <usize>p.classes << 2;
  if (p.inner > 1) {
    const step = <usize>p.inner << 2;
    for (let c: u32 = 0; c < p.classes; c++) {
      if (back) storeUpTo(x, v128.load(lanes), count);
      else v128.store(lanes, loadUpTo(x, count));
      x += step;
      lanes += 16;
    }
    return;
  }
  if (count == 4 && pitch >= 16) {
    // The last four may overlap those before.
    for (let c: usize = 0; c < pitch; c += 16) {
      const own = x + min(c, pitch - 16);
      const side = lanes + (min(c, pitch - 16) << 2);
      transpose4(back ? side : own, back ? 16 : pitch, back ? own : side, back ? pitch : 16);
    }
    return;
  }
  const stop = x + pitch;
  for (; x < stop; x += 4) {
    for (let r = 0; r < count; r++) {
      const at = x + r * pitch;
      const lane = lanes + (r << 2);
      store<u32>(back ? at : lane, load<u32>(back ? lane : at));
    }
    lanes += 16;
  }
}

/** Σ e^(x - top) of each lane, NaN where top is; the powers are left in place of x if they are kept. */
function sumPowersOfLanes(lanes: usize, classes: i32, top: v128, keep: bool): v128 {
  let sum = splat(0.0);
  for (; classes > 0; classes--) {
    const e = power4(f32x4.sub(v128.load(lanes), top));
    sum = f32x4.add(sum, e);
    if (keep) v128.store(lanes, e);
    lanes += 16;
  }
  return v128.or(sum, f32x4.ne(top, top));
}

/** Stores the loss of a row, elements of x `step` bytes apart, and its label's weight. */
function finishRow(o: usize, p: CrossEntropyParams, row: i32, counted: bool, x: usize, step: usize, top: f32, total: f32): void {
  const weight = operand(o, 2);
  const classes = <i32>p.classes;
  let loss: f32 = 0.0;
  let own: f32 = 0.0;
  if (counted) {
    const label = load<i32>(operand(o, 1) + (row << 2));
    own = weightOf(label, weight, p);
    loss = own * (total + (top - load<f32>(x + label * step)));
    if (p.smoothing > 0) {
      let all: f32 = 0.0;
      for (let c = 0; c < classes; c++) {
        all += weightOf(c, weight, p) * (total + (top - load<f32>(x + c * step)));
      }
      loss = (<f32>1.0 - p.smoothing) * loss + p.smoothing / <f32>classes * all;
    }
  }
  store<f32>(operand(o, 3) + (row << 2), loss);
  store<f32>(operand(o, 4) + (row << 2), own);
}

function countsRow(o: usize, row: i32, p: CrossEntropyParams, fault: usize): bool {
  return counts(load<i32>(operand(o, 1) + (row << 2)), row, p, fault);
}

/**
 * losses = (1 - smoothing) w[label] nll[label] + smoothing Σ w nll / classes, nll = ln Σ e^(x - max) - (x - max), and
 * weights = w[label]; both 0 for ignored labels. Operands: logits, labels, weight, losses, weights, fault.
 */
export function cross_entropy_rows_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  const fault = operand(o, 5);
  if (!byLanes(p)) {
    for (let row = begin; row < end; row++) {
      const x = operand(o, 0) + rowStart(row, p);
      const counted = countsRow(o, row, p, fault);
      const top = counted ? rowMax(x, classes) : 0;
      finishRow(o, p, row, counted, x, 4, top, counted ? logOf(sumPowers(x, 0, classes, top)) : 0);
    }
    return;
  }
  const list = scratch + (classes << 4);
  for (let row = begin; row < end; ) {
    const count = rowsTogether(row, end, p);
    moveLanes(operand(o, 0) + rowStart(row, p), scratch, count, p, false);
    const top = columnMax(scratch, 16, classes << 4, 4);
    v128.store(list, top);
    v128.store(list, log4(sumPowersOfLanes(scratch, classes, top, false)), 16);
    for (let r: usize = 0; r < <usize>count; r++) {
      const lane = list + (r << 2);
      finishRow(o, p, row, countsRow(o, row, p, fault), scratch + (r << 2), 16, load<f32>(lane), load<f32>(lane, 16));
      row++;
    }
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
  const lanes = byLanes(p);
  const weight = operand(o, 2);
  const each = p.smoothing / <f32>classes;
  const list = lanes ? scratch + (classes << 4) : scratch;
  let even: f32 = 0.0;
  if (p.smoothing > 0) for (let c = 0; c < classes; c++) even += each * weightOf(c, weight, p);
  for (let row = begin; row < end; ) {
    const count = lanes ? rowsTogether(row, end, p) : 1;
    const from = operand(o, 0) + rowStart(row, p);
    const to = operand(o, 5) + rowStart(row, p);
    const dx = lanes ? scratch : to;
    const step: usize = lanes ? 16 : 4;
    let sums = splat(1.0);
    if (lanes) {
      moveLanes(from, dx, count, p, false);
      sums = sumPowersOfLanes(dx, classes, columnMax(dx, 16, classes << 4, 4), true);
    } else if (countsRow(o, row, p, 0)) {
      sums = splat(sumPowers(from, dx, classes, rowMax(from, classes)));
    }
    v128.store(list, sums);
    for (let r = 0; r < count; r++) {
      const lane = list + (r << 2);
      let g: f32 = 0.0;
      let own: f32 = 0.0;
      if (countsRow(o, row + r, p, 0)) {
        g = load<f32>(operand(o, 3) + (p.moves ? (row + r) << 2 : 0));
        if (p.counted) g /= load<f32>(operand(o, 4));
        own = (<f32>1.0 - p.smoothing) * weightOf(load<i32>(operand(o, 1) + ((row + r) << 2)), weight, p);
      }
      store<f32>(lane, g * (own + even) / load<f32>(lane));
      store<f32>(lane, g, 16);
      store<f32>(lane, g * own, 32);
    }
    if (lanes) {
      const share = v128.load(list);
      for (let at: usize = 0; at < <usize>classes << 4; at += 16) v128.store(dx + at, f32x4.mul(v128.load(dx + at), share));
    } else {
      scaleRow(dx, classes, load<f32>(list));
    }
    for (let r = 0; r < count; r++) {
      const lane = list + (r << 2);
      const place = dx + (r << 2);
      if (!countsRow(o, row, p, 0)) {
        for (let c = 0; c < classes; c++) store<f32>(place + c * step, 0.0);
      } else {
        if (p.smoothing > 0) {
          const part = load<f32>(lane, 16) * each;
          for (let c = 0; c < classes; c++) {
            store<f32>(place + c * step, load<f32>(place + c * step) - part * weightOf(c, weight, p));
          }
        }
        const own = place + load<i32>(operand(o, 1) + (row << 2)) * step;
        store<f32>(own, load<f32>(own) - load<f32>(lane, 32));
      }
      row++;
    }
    if (lanes) moveLanes(to, dx, count, p, true);
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
