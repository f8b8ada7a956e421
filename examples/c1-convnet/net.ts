import { functional as F, nn, type Tensor } from 'weft';

/** Square images [n, 1, side, side] to outputs for softmax [n, nOutputs]. */
export class ConvNet extends nn.Module {
  readonly convLayers = new nn.ModuleList<nn.Conv2d>();
  readonly fcLayers = new nn.ModuleList<nn.Linear>();

  constructor(
    side: number,
    nHiddensPerConvLayer: readonly number[],
    nHiddensPerFcLayer: readonly number[],
    nOutputs: number,
    patchSizes: readonly number[],
    strides: readonly number[],
  ) {
    super();
    let nIn = 1;
    for (const [i, nHidden] of nHiddensPerConvLayer.entries()) {
      this.convLayers.push(new nn.Conv2d(nIn, nHidden, patchSizes[i]!, { stride: strides[i]! }));
      side = Math.floor((side - patchSizes[i]!) / strides[i]!) + 1;
      nIn = nHidden;
    }
    nIn *= side * side;
    for (const nHidden of [...nHiddensPerFcLayer, nOutputs]) {
      this.fcLayers.push(new nn.Linear(nIn, nHidden));
      nIn = nHidden;
    }
  }

  /** Every layer's output; the last is the net's. */
  forwardAllOutputs(x: Tensor): Tensor[] {
    const outputs: Tensor[] = [];
    const last = () => outputs.at(-1) ?? x;
    for (const layer of this.convLayers) outputs.push(F.tanh(layer.forward(last())));
    for (const [i, layer] of [...this.fcLayers].entries()) {
      const input = i === 0 ? last().flatten(1) : last();
      const output = layer.forward(input);
      outputs.push(i < this.fcLayers.length - 1 ? F.tanh(output) : output);
    }
    return outputs;
  }

  override forward(x: Tensor): Tensor {
    return this.forwardAllOutputs(x).at(-1)!;
  }
}
