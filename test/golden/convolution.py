"""Convolutions: python test/golden/convolution.py"""

import torch.nn.functional as F
from golden import Golden

g = Golden("convolution")


def camel(options):
    """PyTorch's keyword arguments as Weft's options."""
    return {"outputPadding" if key == "output_padding" else key: value for key, value in options.items()}


def convolution(op, f, x, weight, bias, **options):
    inputs = [g.uniform(*x), g.uniform(*weight), g.uniform(bias) if bias else None]
    call = lambda x, w, b: f(x, w, b, **options)
    g.case(op, call, inputs, camel(options), name=f"{op} {x} by {weight} {options}")


def conv2d(x, weight, bias=None, **options):
    convolution("conv2d", F.conv2d, x, weight, bias, **options)


conv2d((1, 1, 1, 1), (1, 1, 1, 1))
conv2d((2, 3, 7, 6), (4, 3, 3, 2), 4)
conv2d((1, 2, 9, 8), (3, 2, 3, 3), 3, stride=(2, 3), padding=(1, 2))
conv2d((1, 3, 8, 9), (2, 3, 3, 2), None, dilation=(2, 3), padding=2)
conv2d((2, 4, 5, 6), (6, 2, 3, 3), 6, groups=2, padding=1)
conv2d((1, 5, 6, 7), (5, 1, 3, 3), 5, groups=5, padding=1)
conv2d((1, 3, 7, 7), (6, 1, 3, 3), None, groups=3, stride=2, dilation=2, padding=2)
conv2d((1, 2, 6, 5), (3, 2, 3, 3), 3, padding="same")
conv2d((1, 2, 6, 7), (3, 2, 4, 2), 3, padding="same", dilation=(1, 3))
conv2d((2, 2, 5, 5), (2, 2, 2, 3), None, padding="valid")
# Padding of its own on each side, and cropping: PyTorch's pad before a convolution.
g.case(
    "conv2d",
    lambda x, w: F.conv2d(F.pad(x, (3, -2, -1, 2)), w, stride=(1, 2), groups=2),
    [g.uniform(2, 2, 5, 6), g.uniform(4, 1, 3, 3)],
    {"padding": [[-1, 2], [3, -2]], "stride": [1, 2], "groups": 2},
)


def conv1d(x, weight, bias=None, **options):
    convolution("conv1d", F.conv1d, x, weight, bias, **options)


conv1d((2, 3, 11), (5, 3, 4), 5)
conv1d((1, 4, 13), (6, 2, 3), 6, stride=2, padding=2, dilation=3, groups=2)
conv1d((2, 3, 9), (3, 1, 4), None, padding="same", groups=3)
conv1d((2, 3, 9), (2, 3, 3), 2, padding="same", dilation=2)
conv1d((1, 2, 5), (2, 2, 5), None, padding="valid")
g.case(
    "conv1d",
    lambda x, w: F.conv1d(F.pad(x, (4, 0)), w, dilation=2),
    [g.uniform(1, 2, 7), g.uniform(2, 2, 3)],
    {"padding": [4, 0], "dilation": 2},
)


def conv_transpose(op, x, weight, bias=None, **options):
    convolution(op, getattr(F, op.replace("Transpose", "_transpose")), x, weight, bias, **options)


for x, weight, bias, options in [
    ((1, 1, 1, 1), (1, 1, 1, 1), None, {}),
    ((2, 3, 4, 5), (3, 4, 3, 3), 4, {"stride": 2, "padding": 1, "output_padding": 1}),
    ((1, 4, 5, 3), (4, 3, 2, 3), 6, {"stride": (3, 1), "groups": 2, "dilation": (1, 2)}),
    ((2, 3, 4, 3), (3, 1, 3, 3), None, {"groups": 3, "dilation": 3, "output_padding": 2}),
    ((1, 2, 5, 5), (2, 2, 3, 3), 2, {"padding": (2, 0), "dilation": (2, 1), "output_padding": (1, 0)}),
    ((1, 2, 3, 4), (2, 3, 2, 3), None, {"stride": (2, 3), "output_padding": (1, 2), "padding": (0, 1)}),
]:
    conv_transpose("convTranspose2d", x, weight, bias, **options)
for x, weight, bias, options in [
    ((2, 4, 7), (4, 3, 3), 6, {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}),
    ((1, 2, 5), (2, 3, 4), None, {"dilation": 2}),
]:
    conv_transpose("convTranspose1d", x, weight, bias, **options)
g.case(
    "conv1d",
    lambda x, w: F.conv1d(F.pad(x, (-2, 3)), w, stride=2),
    [g.uniform(2, 2, 9), g.uniform(3, 2, 3)],
    {"padding": [-2, 3], "stride": 2},
)
# With relu in the same pass, and its mask in the gradients.
for x, weight, options in [
    ((2, 3, 7, 6), (4, 3, 3, 3), {"padding": 1}),
    ((2, 4, 6, 7), (6, 2, 3, 2), {"stride": 2, "groups": 2}),
    ((1, 5, 6, 7), (5, 1, 3, 3), {"padding": 1, "groups": 5}),
]:
    call = lambda x, w, b: F.relu(F.conv2d(x, w, b, **options))
    inputs = [g.uniform(*x), g.uniform(*weight), g.uniform(weight[0])]
    given = {**options, "activation": "relu"}
    g.case("conv2d", call, inputs, given, name=f"conv2d {x} by {weight} {given}")

g.save()
