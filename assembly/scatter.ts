// Sums by index: scatterAdd, indexAdd, embeddingBackward.
import { ScatterLinesParams } from '../build/params';
import { reportFault } from './fault';
import { operand, splat } from './simd';
import { rowOffset } from './walk';

/** Lines of one work unit; src/ops/indexing_walk.ts plans with the same number. */
const LINES: i32 = 64;

/** y[i] += scale · x[i] for `count` neighbours. */
// @ts-ignore: decorator
@inline
function addRow(y: usize, x: usize, scale: f32, count: i32): void {
  const scales = splat(scale);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = i << 2;
    v128.store(y + at, f32x4.add(v128.load(y + at), f32x4.mul(scales, v128.load(x + at))));
  }
  for (; i < count; i++) {
    const at = i << 2;
    store<f32>(y + at, load<f32>(y + at) + scale * load<f32>(x + at));
  }
}

/**
 * y[p · yStrides + k axisStride] += scale · source[p · sourceStrides + j sourceStep], k = index[p · indexStrides + j
 * indexStep], for p in shape and j from 0 to length - 1 in that order. Operands: index, source, y, fault. Lines that
 * differ in p share no element of y: a unit is 64 of them.
 */
export function scatter_add_f32__lines(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<ScatterLinesParams>(params);
  const index = operand(o, 0);
  const rank = <i32>p.rank;
  const shape = params + offsetof<ScatterLinesParams>('shape0');
  const indexStrides = params + offsetof<ScatterLinesParams>('indexStrides0');
  const sourceStrides = params + offsetof<ScatterLinesParams>('sourceStrides0');
  const yStrides = params + offsetof<ScatterLinesParams>('yStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const indexMove = load<i32>(indexStrides + axis);
  const sourceMove = load<i32>(sourceStrides + axis);
  const yMove = load<i32>(yStrides + axis);
  const axisMove = <usize>p.axisStride << 2;
  const length = <i32>p.length;
  const scale = p.scale;
  const stop = min(end * LINES, <i32>p.size);
  let at = begin * LINES;
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    let i = rowOffset(row, rank, shape, indexStrides) + column * indexMove;
    let from = operand(o, 1) + ((rowOffset(row, rank, shape, sourceStrides) + column * sourceMove) << 2);
    const to = operand(o, 2) + ((rowOffset(row, rank, shape, yStrides) + column * yMove) << 2);
    // One index for all these lines, and the lines are neighbours.
    const whole = indexMove == 0 && sourceMove == 1 && yMove == 1;
    const step = whole ? count : 1;
    for (let j = 0; j < length; j++) {
      for (let line = 0; line < count; line += step) {
        const here = i + line * indexMove;
        const k = load<i32>(index + (here << 2));
        if (<u32>k >= p.axisSize) {
          reportFault(operand(o, 3), p.faultId, here, k);
        } else if (k != p.skip) {
          const y = to + ((line * yMove) << 2) + k * axisMove;
          const x = from + ((line * sourceMove) << 2);
          if (whole) addRow(y, x, scale, count);
          else store<f32>(y, load<f32>(y) + scale * load<f32>(x));
        }
      }
      i += p.indexStep;
      from += p.sourceStep << 2;
    }
    at += count;
  }
}
