"""Activations: python test/golden/activation.py"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("activation")
SMALL = np.array([0.0, 1e-8, -1e-8, 1e-5, -1e-5, 3e-4, -3e-4], dtype=np.float32)
LARGE = np.array([20.0, -20.0, 1000.0, -1000.0, 11.5, -11.5, 0.0], dtype=np.float32)
FAR = np.array([1e12, -1e12, 1e30, -1e30, 3e38, -3e38], dtype=np.float32)
ENDS = np.array([math.inf, -math.inf, math.nan, 1.0], dtype=np.float32)


def unary(op, f, points=(), options=None, low=-4.0, high=4.0, grads=None):
    """On a random matrix, and on each list of awkward points."""
    g.case(op, f, [g.uniform(3, 5, low=low, high=high)], options, grads)
    for x in points:
        g.case(op, f, [x], options, grads)


ALL = [SMALL, LARGE, ENDS]
unary("tanh", torch.tanh, ALL)
unary("sigmoid", torch.sigmoid, ALL)
unary("logSigmoid", F.logsigmoid, ALL)
unary("silu", F.silu, ALL)
unary("mish", F.mish, ALL)
unary("softsign", F.softsign, [SMALL, LARGE])
unary("softplus", F.softplus, ALL)
unary("softplus", lambda x: F.softplus(x, 2, 3), ALL, {"beta": 2, "threshold": 3})
unary("softplus", lambda x: F.softplus(x, -0.5), [SMALL, LARGE], {"beta": -0.5})
for form in ["none", "tanh"]:
    unary("gelu", lambda x: F.gelu(x, approximate=form), [*ALL, FAR], {"approximate": form})
KINKS = np.array([0.0, -3.0, 3.0, 6.0, -1.0, 1.0, 2.0], dtype=np.float32)
ALL = [SMALL, LARGE, ENDS, KINKS]
unary("relu", F.relu, ALL)
unary("relu6", F.relu6, ALL)
for slope in [0.01, 0.3]:
    unary("leakyRelu", lambda x: F.leaky_relu(x, slope), ALL, {"negativeSlope": slope})
for alpha in [1.0, 0.4]:
    unary("elu", lambda x: F.elu(x, alpha), ALL, {"alpha": alpha})
for alpha in [1.0, 2.5]:
    unary("celu", lambda x: F.celu(x, alpha), ALL, {"alpha": alpha})
unary("selu", F.selu, ALL)
unary("hardtanh", F.hardtanh, ALL)
unary("hardtanh", lambda x: F.hardtanh(x, -2, 0.5), ALL, {"minVal": -2, "maxVal": 0.5})
unary("hardswish", F.hardswish, ALL)
# PyTorch's own hardsigmoid has 1/6 rounded to f32 in its gradient; this is its formula.
unary("hardsigmoid", F.hardsigmoid, ALL, grads=[])
unary("hardsigmoid", lambda x: F.relu6(x + 3) / 6, [SMALL, LARGE, KINKS])
g.save()
