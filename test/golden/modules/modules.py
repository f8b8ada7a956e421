"""What PyTorch 2.15's modules hold and give, for test/modules.test.ts: `python test/golden/modules/modules.py` writes
modules.safetensors. Metadata "cases": a list of [name, Weft's class, its arguments, the mode]; tensors are called
<name>/state/<key> (the state_dict, f32 and int64), <name>/input/<i>, <name>/output/<i> and, where a forward pass in
training changes buffers, <name>/after/<key>. Modules compute in f64, results are rounded to f32.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

WANTED = "2.15"
if not torch.__version__.startswith(WANTED):
    raise SystemExit(f"needs PyTorch {WANTED}, this is {torch.__version__}")
torch.manual_seed(11)
random = np.random.Generator(np.random.PCG64(5))
tensors, cases = {}, []


def x(*shape):
    return random.standard_normal(shape).astype(np.float32)


def whole(high, *shape):
    return random.integers(0, high, shape).astype(np.int32)


def store(name, value):
    value = value.detach()
    array = value.float().numpy() if value.is_floating_point() else value.numpy()
    tensors[name] = np.array(array, order="C")


def flatten(result):
    if isinstance(result, (tuple, list)):
        return [one for part in result for one in flatten(part)]
    return [result]


def case(weft, args, module, inputs, training=False, call=None):
    """`call` takes the module and the inputs as tensors where the module is not simply called with them."""
    name = f"{len(cases)} {weft}"
    cases.append([name, weft, args, training])
    # Rounded to what is stored, then in f64.
    module = module.float().double().train(training)
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point() and tensor.numel() and weft != "Embedding":
                tensor.add_(0.1 * torch.randn(tensor.shape).abs())
            if tensor.is_floating_point():
                tensor.copy_(tensor.float().double())
    for key, value in module.state_dict().items():
        store(f"{name}/state/{key}", value)
    given = [torch.tensor(one) for one in inputs]
    given = [one.double() if one.is_floating_point() else one.long() for one in given]
    for i, one in enumerate(inputs):
        tensors[f"{name}/input/{i}"] = one
    result = (call or (lambda m, *a: m(*a)))(module, *given)
    for i, one in enumerate(flatten(result)):
        store(f"{name}/output/{i}", one)
    if training:
        for key, value in module.named_buffers():
            store(f"{name}/after/{key}", value)


case("Linear", [5, 3], nn.Linear(5, 3), [x(2, 5)])
case("Linear", [5, 3, {"bias": False}], nn.Linear(5, 3, bias=False), [x(2, 4, 5)])
case("Bilinear", [4, 3, 2], nn.Bilinear(4, 3, 2), [x(5, 4), x(5, 3)])
case("Identity", [], nn.Identity(), [x(2, 3)])
case("Flatten", [], nn.Flatten(), [x(2, 3, 4)])
case("Flatten", [0, 1], nn.Flatten(0, 1), [x(2, 3, 4)])
case("Unflatten", [1, [2, 3]], nn.Unflatten(1, (2, 3)), [x(4, 6)])
case("Embedding", [7, 3], nn.Embedding(7, 3), [whole(7, 2, 5)])
case("Embedding", [7, 3, {"paddingIndex": -2}], nn.Embedding(7, 3, padding_idx=-2), [whole(7, 4)])

case("Conv1d", [4, 6, 3, {"stride": 2, "padding": 1, "groups": 2}], nn.Conv1d(4, 6, 3, 2, 1, groups=2), [x(2, 4, 9)])
case("Conv2d", [3, 5, 3, {"padding": 1}], nn.Conv2d(3, 5, 3, padding=1), [x(2, 3, 6, 7)])
case(
    "Conv2d",
    [4, 6, [3, 2], {"stride": [2, 1], "dilation": [1, 2], "groups": 2, "bias": False}],
    nn.Conv2d(4, 6, (3, 2), (2, 1), dilation=(1, 2), groups=2, bias=False),
    [x(2, 4, 8, 7)],
)
case("ConvTranspose1d", [4, 6, 3, {"stride": 2, "padding": 1, "outputPadding": 1}], nn.ConvTranspose1d(4, 6, 3, 2, 1, 1), [x(2, 4, 5)])
case(
    "ConvTranspose2d",
    [4, 6, [3, 2], {"stride": 2, "padding": [1, 0], "groups": 2}],
    nn.ConvTranspose2d(4, 6, (3, 2), 2, (1, 0), groups=2),
    [x(2, 4, 5, 4)],
)
case("Unfold", [[2, 3], {"padding": 1}], nn.Unfold((2, 3), padding=1), [x(2, 3, 4, 5)])
case("Fold", [{"outputSize": [4, 5], "kernel": [2, 3]}], nn.Fold((4, 5), (2, 3)), [x(2, 18, 9)])

case("MaxPool1d", [3, {"stride": 2, "padding": 1}], nn.MaxPool1d(3, 2, 1), [x(2, 3, 9)])
case("MaxPool2d", [2], nn.MaxPool2d(2), [x(2, 3, 6, 7)])
case("MaxPool2d", [3, {"stride": 2, "padding": 1, "ceilMode": True}], nn.MaxPool2d(3, 2, 1, ceil_mode=True), [x(2, 3, 8, 7)])
case("AvgPool1d", [2], nn.AvgPool1d(2), [x(2, 3, 8)])
case("AvgPool2d", [3, {"stride": 1, "padding": 1, "countIncludePad": False}], nn.AvgPool2d(3, 1, 1, count_include_pad=False), [x(2, 3, 5, 6)])
case("LPPool1d", [2, 2], nn.LPPool1d(2, 2), [np.abs(x(2, 3, 8))])
case("LPPool2d", [3, 2, {"stride": 1}], nn.LPPool2d(3, 2, 1), [np.abs(x(2, 3, 4, 5))])
case("AdaptiveAvgPool1d", [3], nn.AdaptiveAvgPool1d(3), [x(2, 3, 7)])
case("AdaptiveAvgPool2d", [[3, 2]], nn.AdaptiveAvgPool2d((3, 2)), [x(2, 3, 7, 5)])
case("AdaptiveMaxPool1d", [3], nn.AdaptiveMaxPool1d(3), [x(2, 3, 7)])
case("AdaptiveMaxPool2d", [2], nn.AdaptiveMaxPool2d(2), [x(2, 3, 7, 5)])

for weft, args, module in [
    ("ReLU", [], nn.ReLU()),
    ("ReLU6", [], nn.ReLU6()),
    ("LeakyReLU", [0.2], nn.LeakyReLU(0.2)),
    ("PReLU", [], nn.PReLU()),
    ("PReLU", [3], nn.PReLU(3)),
    ("ELU", [0.7], nn.ELU(0.7)),
    ("CELU", [0.7], nn.CELU(0.7)),
    ("SELU", [], nn.SELU()),
    ("GELU", [], nn.GELU()),
    ("GELU", ["tanh"], nn.GELU("tanh")),
    ("SiLU", [], nn.SiLU()),
    ("Mish", [], nn.Mish()),
    ("Sigmoid", [], nn.Sigmoid()),
    ("LogSigmoid", [], nn.LogSigmoid()),
    ("Tanh", [], nn.Tanh()),
    ("Tanhshrink", [], nn.Tanhshrink()),
    ("Softsign", [], nn.Softsign()),
    ("Softplus", [2, 10], nn.Softplus(2, 10)),
    ("Softshrink", [0.3], nn.Softshrink(0.3)),
    ("Hardshrink", [0.3], nn.Hardshrink(0.3)),
    ("Hardsigmoid", [], nn.Hardsigmoid()),
    ("Hardswish", [], nn.Hardswish()),
    ("Hardtanh", [-0.5, 0.8], nn.Hardtanh(-0.5, 0.8)),
    ("Threshold", [0.1, 7], nn.Threshold(0.1, 7)),
    ("Softmax", [1], nn.Softmax(1)),
    ("Softmin", [], nn.Softmin(-1)),
    ("Softmax2d", [], nn.Softmax2d()),
    ("LogSoftmax", [-1], nn.LogSoftmax(-1)),
    ("GLU", [], nn.GLU()),
]:
    case(weft, args, module, [3 * x(2, 3, 4, 6)])

case("Dropout", [0.3], nn.Dropout(0.3), [x(3, 4)])
case("Dropout1d", [], nn.Dropout1d(), [x(3, 4, 2)])
case("Dropout2d", [], nn.Dropout2d(), [x(3, 4, 2, 2)])
case("AlphaDropout", [], nn.AlphaDropout(), [x(3, 4)])

for training in [False, True]:
    case("BatchNorm1d", [3], nn.BatchNorm1d(3), [x(5, 3)], training)
    case("BatchNorm1d", [3, {"momentum": None, "affine": False}], nn.BatchNorm1d(3, momentum=None, affine=False), [x(5, 3, 4)], training)
    case("BatchNorm2d", [3, {"eps": 1e-3, "momentum": 0.3}], nn.BatchNorm2d(3, 1e-3, 0.3), [x(5, 3, 2, 4)], training)
    case("BatchNorm2d", [3, {"trackRunningStats": False}], nn.BatchNorm2d(3, track_running_stats=False), [x(5, 3, 2, 4)], training)
case("LayerNorm", [6], nn.LayerNorm(6), [x(2, 3, 6)])
case("LayerNorm", [[3, 6], {"eps": 1e-3, "bias": False}], nn.LayerNorm((3, 6), 1e-3, bias=False), [x(2, 3, 6)])
case("RMSNorm", [6, {"eps": 1e-5}], nn.RMSNorm(6, 1e-5), [x(2, 3, 6)])
case("GroupNorm", [2, 6], nn.GroupNorm(2, 6), [x(2, 6, 4)])
case("InstanceNorm1d", [3], nn.InstanceNorm1d(3), [x(2, 3, 5)])
case("InstanceNorm2d", [3, {"affine": True}], nn.InstanceNorm2d(3, affine=True), [x(2, 3, 5, 4)])
case("LocalResponseNorm", [3, {"alpha": 0.1, "k": 2}], nn.LocalResponseNorm(3, 0.1, k=2), [x(2, 5, 4, 4)])

options = {"layers": 2, "bidirectional": True, "batchFirst": True}
torchs = {"num_layers": 2, "bidirectional": True, "batch_first": True}
for kind, cell in [("RNN", nn.RNN), ("LSTM", nn.LSTM), ("GRU", nn.GRU)]:
    case(kind, [4, 3], cell(4, 3), [x(5, 2, 4)])
    case(kind, [4, 3, {**options, "bias": kind != "GRU"}], cell(4, 3, **torchs, bias=kind != "GRU"), [x(2, 5, 4)])
case("RNN", [4, 3, {"nonlinearity": "relu"}], nn.RNN(4, 3, nonlinearity="relu"), [x(5, 2, 4), x(1, 2, 3)])
case("RNNCell", [4, 3], nn.RNNCell(4, 3), [x(2, 4), x(2, 3)])
case("RNNCell", [4, 3, {"nonlinearity": "relu", "bias": False}], nn.RNNCell(4, 3, False, "relu"), [x(2, 4)])
case("LSTMCell", [4, 3], nn.LSTMCell(4, 3), [x(2, 4)])
case("GRUCell", [4, 3], nn.GRUCell(4, 3), [x(2, 4), x(2, 3)])

case("ConstantPad1d", [[1, 2], 3.5], nn.ConstantPad1d((1, 2), 3.5), [x(2, 3, 5)])
case("ConstantPad2d", [[1, -1, 2, 0], 3.5], nn.ConstantPad2d((1, -1, 2, 0), 3.5), [x(2, 3, 5, 4)])
case("ZeroPad1d", [2], nn.ZeroPad1d(2), [x(2, 3, 5)])
case("ZeroPad2d", [[1, 0, 0, 2]], nn.ZeroPad2d((1, 0, 0, 2)), [x(2, 3, 5, 4)])
case("ReflectionPad1d", [2], nn.ReflectionPad1d(2), [x(2, 3, 5)])
case("ReflectionPad2d", [[1, 2, 3, 0]], nn.ReflectionPad2d((1, 2, 3, 0)), [x(2, 3, 5, 4)])
case("ReplicationPad1d", [[1, 3]], nn.ReplicationPad1d((1, 3)), [x(2, 3, 5)])
case("ReplicationPad2d", [2], nn.ReplicationPad2d(2), [x(2, 3, 5, 4)])
case("CircularPad1d", [2], nn.CircularPad1d(2), [x(2, 3, 5)])
case("CircularPad2d", [[1, 2, 3, 0]], nn.CircularPad2d((1, 2, 3, 0)), [x(2, 3, 5, 4)])
case("Upsample", [{"scaleFactor": 2}], nn.Upsample(scale_factor=2), [x(2, 3, 4, 5)])
case(
    "Upsample",
    [{"size": [7, 3], "mode": "bilinear", "alignCorners": True}],
    nn.Upsample((7, 3), mode="bilinear", align_corners=True),
    [x(2, 3, 4, 5)],
)
case("PixelShuffle", [2], nn.PixelShuffle(2), [x(2, 8, 3, 2)])
case("PixelUnshuffle", [2], nn.PixelUnshuffle(2), [x(2, 2, 4, 6)])

attend = lambda m, *a: m(*a, need_weights=False)[0]
case("MultiheadAttention", [6, 2], nn.MultiheadAttention(6, 2, batch_first=True), [x(2, 4, 6), x(2, 5, 6), x(2, 5, 6)], call=attend)
case("MultiheadAttention", [6, 3, {"bias": False}], nn.MultiheadAttention(6, 3, bias=False, batch_first=True), [x(2, 4, 6)], call=lambda m, a: attend(m, a, a, a))
case("TransformerEncoderLayer", [6, 2, {"feedforward": 5}], nn.TransformerEncoderLayer(6, 2, 5, batch_first=True), [x(2, 4, 6)])
case(
    "TransformerEncoderLayer",
    [6, 2, {"feedforward": 5, "normFirst": True, "activation": "gelu"}],
    nn.TransformerEncoderLayer(6, 2, 5, activation="gelu", norm_first=True, batch_first=True),
    [x(2, 4, 6)],
)

positive = lambda *shape: (np.abs(x(*shape)) + 0.1).astype(np.float32)
share = lambda *shape: random.uniform(0.05, 0.95, shape).astype(np.float32)
signs = lambda *shape: (2 * random.integers(0, 2, shape) - 1).astype(np.float32)
for reduction in ["mean", "sum", "none"]:
    o = {"reduction": reduction}
    case("L1Loss", [o], nn.L1Loss(**o), [x(3, 4), x(3, 4)])
    case("MSELoss", [o], nn.MSELoss(**o), [x(3, 4), x(3, 4)])
    case("SmoothL1Loss", [{**o, "beta": 0.5}], nn.SmoothL1Loss(beta=0.5, **o), [x(3, 4), x(3, 4)])
    case("HuberLoss", [{**o, "delta": 0.5}], nn.HuberLoss(delta=0.5, **o), [x(3, 4), x(3, 4)])
    case("CrossEntropyLoss", [{**o, "labelSmoothing": 0.1}], nn.CrossEntropyLoss(label_smoothing=0.1, **o), [x(5, 4), whole(4, 5)])
    case("NLLLoss", [{**o, "ignoreIndex": 1}], nn.NLLLoss(ignore_index=1, **o), [x(5, 4), whole(4, 5)])
    case("BCELoss", [o], nn.BCELoss(**o), [share(3, 4), share(3, 4)])
    case("BCEWithLogitsLoss", [o], nn.BCEWithLogitsLoss(**o), [x(3, 4), share(3, 4)])
    case("PoissonNLLLoss", [o], nn.PoissonNLLLoss(**o), [x(3, 4), positive(3, 4)])
    case("GaussianNLLLoss", [o], nn.GaussianNLLLoss(**o), [x(3, 4), x(3, 4), positive(3, 4)])
    case("HingeEmbeddingLoss", [o], nn.HingeEmbeddingLoss(**o), [x(3, 4), signs(3, 4)])
    case("SoftMarginLoss", [o], nn.SoftMarginLoss(**o), [x(3, 4), signs(3, 4)])
    case("MarginRankingLoss", [{**o, "margin": 0.2}], nn.MarginRankingLoss(0.2, **o), [x(5), x(5), signs(5)])
    case("CosineEmbeddingLoss", [{**o, "margin": 0.2}], nn.CosineEmbeddingLoss(0.2, **o), [x(5, 3), x(5, 3), signs(5)])
    case("TripletMarginLoss", [{**o, "swap": True}], nn.TripletMarginLoss(swap=True, **o), [x(5, 3), x(5, 3), x(5, 3)])
case("KLDivLoss", [{"reduction": "batchMean"}], nn.KLDivLoss(reduction="batchmean"), [x(3, 4), share(3, 4)])
case("CosineSimilarity", [], nn.CosineSimilarity(), [x(5, 3), x(5, 3)])
case("PairwiseDistance", [1], nn.PairwiseDistance(1), [x(5, 3), x(5, 3)])

path = Path(__file__).parent / "modules.safetensors"
save_file(tensors, path, {"torch": torch.__version__, "cases": json.dumps(cases)})
print(f"{path.name}: {len(cases)} cases")
