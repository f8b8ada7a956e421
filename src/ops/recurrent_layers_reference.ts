import { f32, type RefTensor } from '../op.js';
import { dropout } from './dropout.js';
import type { CellTypes } from './recurrent_cells.js';
import { GRU, type Kind, LSTM, parse, type RecurrentAttrs, withBatch } from './recurrent_layers.js';
import { affine, gruRun, lstmRun, rnnRun, Tracked, type Walk } from './recurrent_reference.js';

/** Both biases as one. */
const summed = (a: RefTensor | null, b: RefTensor | null): RefTensor | null =>
  a && b && { ...a, data: a.data.map((value, i) => value + b.data[i]!) };

/** One layer in one direction: y and the last states, [.., hidden] each, from rows of `input` features. */
function runDirection(
  kind: Kind,
  sizes: Walk,
  x: Tracked,
  { weightIh, weightHh, biasIh, biasHh }: CellTypes<RefTensor>,
  [h0, c0]: readonly Tracked[],
  relu: boolean,
): Tracked[] {
  const rows = sizes.steps * sizes.batch;
  const projected = Tracked.zeros(rows * weightIh.shape[0]!);
  const bias = kind === GRU ? biasIh : summed(biasIh, biasHh);
  for (let i = 0; i < rows; i++) projected.put(i, affine(weightIh, x.row(i, weightIh.shape[1]!), bias));
  if (kind === GRU) return gruRun(sizes, projected, weightHh, biasHh, h0!).slice(0, 2);
  return kind === LSTM
    ? lstmRun(sizes, projected, weightHh, h0!, c0!).slice(0, 3)
    : rnnRun(sizes, projected, weightHh, h0!, relu);
}

/** Dropout of rows with errors: exact but for the scale and its product. */
function dropped({ value, error }: Tracked, seed: RefTensor, p: number): Tracked {
  const type = f32([value.length]);
  const of = (data: Float64Array) => dropout.op.reference([{ ...type, data }, seed], { p }, [type])[0]!;
  const kept = of(value);
  return new Tracked(
    kept,
    of(error).map((e, i) => e + 2 * Math.abs(kept[i]!)),
  );
}

/** [a, b, width] as [b, a, width]. */
function swapped(x: Tracked, a: number, b: number): Tracked {
  const width = x.value.length / (a * b);
  const y = Tracked.zeros(x.value.length);
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) y.put(j * a + i, x.row(i * b + j, width));
  return y;
}

/** All layers and directions with the errors of f32 kernels: y, then the last states. */
export function runLayers(kind: Kind, given: readonly RefTensor[], attrs: RecurrentAttrs): Tracked[] {
  const inputs = withBatch(kind, given, (one, shape) => ({ ...one, shape }));
  const { x, states, cells, seeds, lengths } = parse(kind, inputs, attrs);
  const [steps, batch] = attrs.batchFirst ? [x.shape[1]!, x.shape[0]!] : [x.shape[0]!, x.shape[1]!];
  const hidden = states[0]!.shape[2]!;
  const directions = attrs.bidirectional ? 2 : 1;
  const last = states.map(() => Tracked.zeros(cells.length * batch * hidden));
  const rows = new Tracked(x.data);
  let y = attrs.batchFirst ? swapped(rows, batch, steps) : rows;
  for (let layer = 0; layer < attrs.layers; layer++) {
    if (layer > 0 && attrs.dropout > 0) y = dropped(y, seeds[layer - 1]!, attrs.dropout);
    const next = Tracked.zeros(steps * batch * directions * hidden);
    for (let d = 0; d < directions; d++) {
      const k = layer * directions + d;
      const size = batch * hidden;
      const initial = states.map(({ data }) => new Tracked(data.slice(k * size, (k + 1) * size)));
      const sizes: Walk = { steps, batch, hidden, lengths: lengths ? lengths.data : null, reverse: d === 1 };
      const [result, ...final] = runDirection(
        kind,
        sizes,
        y,
        cells[k]!,
        initial,
        attrs.nonlinearity === 'relu',
      );
      final.forEach((state, i) => {
        last[i]!.put(k, state.row(0, size));
      });
      for (let i = 0; i < steps * batch; i++) next.put(i * directions + d, result!.row(i, hidden));
    }
    y = next;
  }
  return [attrs.batchFirst ? swapped(y, steps, batch) : y, ...last];
}
