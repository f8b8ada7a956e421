// Cross-entropy of logits [outer, classes, inner] with labels, or with probabilities, and its slopes: the gradient of the
// logits for dy = 1, in the same pass over a row. Units are rows. With labels, rows that are short or whose elements are not
// neighbours are laid side by side into scratch, up to four in the lanes of vectors: lanes don't mix, so that results don't
// depend on which rows are together. The slopes may take the logits' place: what a row's loss needs of them is taken first.
import { CrossEntropyParams } from '../build/params';
import { reportFault } from './fault';
import { log4 } from './functions';
import { operand, splat, sumLanes } from './simd';
import { columnMax, gather, moveLanes, SHORT, sumColumns, sumOf } from './softmax';
import { logOf, passRow, rowMax, scaleRow, startRows, sumPowers } from './softmax_row';

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

/** How many rows from `row` go side by side. */
function rowsTogether(row: i32, end: i32, p: CrossEntropyParams): i32 {
  const inner = <i32>p.inner;
  return min(4, inner == 1 ? end - row : min(end - row, inner - row % inner));
}

// A row as K nll: nll = ln Σ e^(x - top) + (top - x), K = (1 - smoothing) w onehot(label) + smoothing w / classes.

function labelOf(o: usize, row: i32): i32 {
  return load<i32>(operand(o, 1) + (row << 2));
}

/** The part of K that is the label's own. */
function ownShare(o: usize, row: i32, p: CrossEntropyParams): f32 {
  return (<f32>1.0 - p.smoothing) * weightOf(labelOf(o, row), operand(o, 2), p);
}

/** smoothing Σ w / classes, and with x, elements `step` bytes apart, smoothing Σ w (top - x) / classes. */
function even(o: usize, p: CrossEntropyParams, x: usize, step: usize, top: f32): f32 {
  let total: f32 = 0.0;
  if (p.smoothing > 0) {
    for (let c = 0; c < <i32>p.classes; c++) {
      const weight = weightOf(c, operand(o, 2), p);
      total += x ? weight * (top - load<f32>(x + c * step)) : weight;
    }
  }
  return p.smoothing / <f32>p.classes * total;
}

/** Σ K (top - x) of a row; 0 where it is ignored. */
function apart(o: usize, p: CrossEntropyParams, row: i32, x: usize, step: usize, top: f32, fault: usize): f32 {
  const label = labelOf(o, row);
  if (!counts(label, row, p, fault)) return 0.0;
  return ownShare(o, row, p) * (top - load<f32>(x + label * step)) + even(o, p, x, step, top);
}

/** What a mean divides by: no weights at all leave no mean, not even of what smoothing gives other classes. */
function divisor(total: f32, p: CrossEntropyParams): f32 {
  return total == 0 && p.smoothing > 0 ? NaN : total;
}

/** Stores a row's loss and its label's weight; returns Σ K. */
function finishRow(o: usize, p: CrossEntropyParams, row: i32, evenly: f32, away: f32, total: f32): f32 {
  const at = row << 2;
  const counted = counts(labelOf(o, row), row, p, 0);
  const all = counted ? ownShare(o, row, p) + evenly : 0;
  store<f32>(operand(o, 4) + at, counted ? all * total + away : 0);
  store<f32>(operand(o, 5) + at, counted ? weightOf(labelOf(o, row), operand(o, 2), p) : 0);
  return all;
}

/** Takes g K from a row of g Σ K softmax, elements `step` bytes apart; makes it 0 where it is ignored. */
function correctRow(o: usize, p: CrossEntropyParams, row: i32, y: usize, step: usize, g: f32): void {
  const counted = counts(labelOf(o, row), row, p, 0);
  if (!counted || p.smoothing > 0) {
    const each = g * p.smoothing / <f32>p.classes;
    for (let c = 0; c < <i32>p.classes; c++) {
      const at = y + c * step;
      store<f32>(at, counted ? load<f32>(at) - each * weightOf(c, operand(o, 2), p) : 0);
    }
  }
  if (!counted) return;
  y += labelOf(o, row) * step;
  store<f32>(y, load<f32>(y) - g * ownShare(o, row, p));
}

/** Rows of neighbours, one by one: a pass over a row takes care of the slopes of the row before. */
// @ts-ignore: decorator
@inline
function longRows(o: usize, p: CrossEntropyParams, scratch: usize, begin: i32, end: i32, evenly: f32, g: f32): void {
  const classes = <i32>p.classes;
  const slopes = operand(o, 6);
  const fault = operand(o, 7);
  const step = <usize>classes << 2;
  let x = operand(o, 0) + begin * step;
  let y = slopes + begin * step;
  for (let row = begin; row < end; row++) {
    const first = row == begin;
    if (first || !slopes) startRows(x, classes, scratch);
    const top = load<f32>(scratch);
    const away = apart(o, p, row, x, 4, top, fault);
    let sum: f32;
    if (slopes) {
      passRow(x, y, row + 1 == end ? x : x + step, first ? y : y - step, classes, scratch, false);
      if (!first) correctRow(o, p, row - 1, y - step, 4, g);
      sum = <f32>0.5 * load<f32>(scratch, 12);
    } else {
      sum = sumPowers(x, 0, classes, top);
    }
    const all = finishRow(o, p, row, evenly, away, logOf(sum));
    store<f32>(scratch, g * all * load<f32>(scratch, 4), 4);
    x += step;
    y += step;
  }
  if (slopes) {
    scaleRow(y - step, classes, load<f32>(scratch, 4), 0.0);
    correctRow(o, p, end - 1, y - step, 4, g);
  }
}

/** Rows in the lanes of vectors, up to four side by side. */
// @ts-ignore: decorator
@inline
function rowsInLanes(o: usize, p: CrossEntropyParams, scratch: usize, begin: i32, end: i32, evenly: f32, g: f32): void {
  const classes = <i32>p.classes;
  const slopes = operand(o, 6);
  const fault = operand(o, 7);
  const list = scratch + (classes << 4);
  for (let row = begin; row < end; ) {
    const count = rowsTogether(row, end, p);
    const start = rowStart(row, p);
    moveLanes(operand(o, 0) + start, scratch, count, classes, p.inner, false);
    const tops = columnMax(scratch, 16, classes << 4, 4);
    v128.store(list, tops);
    for (let r = 0; r < count; r++) {
      const lane = list + (r << 2);
      store<f32>(lane, apart(o, p, row + r, scratch + (r << 2), 16, load<f32>(lane), fault), 16);
    }
    const sums = sumColumns(scratch, slopes ? scratch : 0, 16, classes << 4, 4, tops);
    v128.store(list, log4(sums));
    v128.store(list, f32x4.div(splat(0.5), sums), 32);
    for (let r = 0; r < count; r++) {
      const lane = list + (r << 2);
      const all = finishRow(o, p, row + r, evenly, load<f32>(lane, 16), load<f32>(lane));
      store<f32>(lane, g * all * load<f32>(lane, 32), 32);
    }
    if (slopes) {
      const factors = v128.load(list, 32);
      for (let at = scratch; at < list; at += 16) v128.store(at, f32x4.mul(v128.load(at), factors));
      for (let r = 0; r < count; r++) correctRow(o, p, row + r, scratch + (r << 2), 16, g);
      moveLanes(slopes + start, scratch, count, classes, p.inner, true);
    }
    row += count;
  }
}

/**
 * losses = Σ K nll, weights = w[label] and slopes = g (Σ K softmax(logits) - K) where there is room for them, g = 1 / total or
 * 1; all 0 for ignored labels. Operands: logits, labels, weight, total, losses, weights, slopes, fault.
 */
export function cross_entropy_rows_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const evenly = even(o, p, 0, 0, 0);
  const g: f32 = operand(o, 3) ? <f32>1.0 / divisor(load<f32>(operand(o, 3)), p) : 1.0;
  if (p.inner == 1 && <i32>p.classes > SHORT) longRows(o, p, scratch, begin, end, evenly, g);
  else rowsInLanes(o, p, scratch, begin, end, evenly, g);
}

/** y = Σ losses / Σ weights. One unit. */
export function cross_entropy_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const rows = <i32>p.rows;
  store<f32>(operand(o, 2), sumOf(operand(o, 0), rows) / divisor(sumOf(operand(o, 1), rows), p));
}

// @ts-ignore: decorator
@inline
function shareOf(target: usize, c: i32, weight: usize, p: CrossEntropyParams): f32 {
  const q = load<f32>(target + (<usize>(c * <i32>p.inner) << 2));
  return weightOf(c, weight, p) * (q * (<f32>1.0 - p.smoothing) + p.smoothing / <f32>p.classes);
}

/**
 * losses = Σ K nll, K = w (target (1 - smoothing) + smoothing / classes), and slopes = scale (Σ K softmax(logits) - K) where there
 * is room for them. Operands: logits, target, weight, losses, slopes. Scratch takes a row whose elements are no neighbours.
 */
export function cross_entropy_shares_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  const step = <usize>p.inner << 2;
  const slopes = operand(o, 4);
  for (let row = begin; row < end; row++) {
    const start = rowStart(row, p);
    const target = operand(o, 1) + start;
    let x = operand(o, 0) + start;
    const to = slopes + start;
    let y = slopes ? to : 0;
    if (p.inner != 1) {
      gather(x, step, classes, scratch);
      x = scratch;
      if (slopes) y = scratch;
    }
    const top = rowMax(x, classes);
    let all: f32 = 0.0;
    let away: f32 = 0.0;
    for (let c = 0; c < classes; c++) {
      const share = shareOf(target, c, operand(o, 2), p);
      all += share;
      away += share * (top - load<f32>(x + (c << 2)));
    }
    const sum = sumPowers(x, y, classes, top);
    store<f32>(operand(o, 3) + (row << 2), all * logOf(sum) + away);
    if (!slopes) continue;
    const factor = <f32>0.5 * all / sum;
    for (let c = 0; c < classes; c++) {
      const slope = load<f32>(y + (c << 2)) * factor - shareOf(target, c, operand(o, 2), p);
      store<f32>(to + c * step, p.scale * slope);
    }
  }
}
