"""Normalisation family: python test/golden/normalization.py"""

import numpy as np
import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("normalization")


def affine(channels, alone=False):
    """Weight and bias: both, none, and each alone."""
    w, b = g.uniform(*channels, low=0.5, high=1.5), g.uniform(*channels)
    return [(w, b), (None, None), *([(w, None), (None, b)] if alone else [])]


def batch_norm(x, w=None, b=None, eps=1e-5):
    """y and the batch's mean and biased variance."""
    axes = [0, *range(2, x.dim())]
    return F.batch_norm(x, None, None, w, b, training=True, eps=eps), x.mean(axes), x.var(axes, correction=0)


def with_options(f, **more):
    return lambda x, w=None, b=None: f(x, w, b, **more)


for shape in [(5, 3), (4, 3, 2), (2, 3, 2, 3), (1, 2, 1, 2)]:
    x = g.uniform(*shape)
    for w, b in affine(shape[1:2], len(shape) == 3):
        g.case("batchNorm", with_options(batch_norm), [x, w, b])
g.case("batchNorm", with_options(batch_norm, eps=0.1), [g.uniform(3, 2, 5), None, None], {"eps": 0.1})
g.case("batchNorm", with_options(batch_norm), [g.uniform(3, 2, 7, low=999.5, high=1000.5), None, None], name="batchNorm, a large mean")

for shape in [(5, 3), (4, 3, 2), (2, 3, 2, 3)]:
    x, mean, variance = g.uniform(*shape), g.uniform(3), g.uniform(3, low=0.25, high=2)
    for w, b in affine([3], len(shape) == 3):
        f = lambda x, m, v, w=None, b=None: F.batch_norm(x, m, v, w, b, training=False)
        # PyTorch's own backward takes running statistics as constants.
        g.case("batchNormInference", f, [x, mean, variance, w, b], grads=[0] + ([3] if w is not None else []) + ([4] if b is not None else []))
    f = lambda x, m, v, *_: (x - m.view(3, *[1] * (x.dim() - 2))) / torch.sqrt(v.view(3, *[1] * (x.dim() - 2)) + 0.1)
    g.case("batchNormInference", f, [x, mean, variance, None, None], {"eps": 0.1})

# Three steps of the running statistics. Two elements per channel, small whole numbers: the batch's statistics are f32
# numbers; so are the running ones that a step starts from.
for momentum in [0.1, 0.25, None]:
    running = [np.zeros(3, np.float32), np.ones(3, np.float32)]
    for step in range(1, 4):
        x = g.integers(-8, 8, 2, 3).astype(np.float32)
        factor = np.float32(1 / step if momentum is None else momentum)

        def update(rm, rv, mean, variance, hyper):
            module = torch.nn.BatchNorm1d(3, momentum=float(factor))
            module.running_mean, module.running_var = rm.clone(), rv.clone()
            module(torch.tensor(x).double())
            return module.running_mean, module.running_var

        inputs = [*running, x.mean(0), x.var(0), np.array([factor])]
        g.case("batchNormUpdate", update, inputs, {"count": 2}, grads=[], name=f"batchNormUpdate, momentum {momentum}, step {step}")
        done = update(*[torch.tensor(a).double() for a in inputs])
        running = [a.numpy().astype(np.float32) for a in done]

for shape, last in [((5,), 1), ((3, 17), 1), ((2, 3, 4), 2), ((2, 2, 3, 2), 3), ((3, 1), 1), ((2, 2, 3), 3)]:
    x, normalized = g.uniform(*shape), shape[-last:]
    for w, b in affine(normalized, last == 2):
        # Rows of one element: with a small eps, PyTorch's gradient of 0 has roundings of 1 / sqrt(eps).
        eps = 1e-5 if x[0].size > 1 or x.ndim == 1 else 0.5
        f = lambda x, w=None, b=None: F.layer_norm(x, normalized, w, b, eps)
        g.case("layerNorm", f, [x, w, b], {"normalizedShape": list(normalized), "eps": eps})
    w = g.uniform(*normalized)
    f = lambda x, w=None: F.rms_norm(x, normalized, w, 1e-3)
    g.case("rmsNorm", f, [x, w], {"normalizedShape": list(normalized), "eps": 1e-3})
    g.case("rmsNorm", f, [x, None], {"normalizedShape": list(normalized), "eps": 1e-3})
g.case("layerNorm", lambda x, *_: F.layer_norm(x, [4], eps=0.1), [g.uniform(2, 4), None, None], {"eps": 0.1})
g.case("layerNorm", lambda x, *_: F.layer_norm(x, [4]), [g.uniform(0, 4), None, None], name="layerNorm, no rows")
g.case("rmsNorm", lambda x, *_: F.rms_norm(x, [4], eps=2**-23), [g.uniform(2, 4), None], name="rmsNorm, the default eps of f32")

for shape, groups in [((2, 6, 2, 3), 3), ((2, 4, 5), 1), ((3, 6), 2), ((2, 3, 2, 2), 3), ((1, 2, 3, 2, 2), 2)]:
    x = g.uniform(*shape)
    for w, b in affine(shape[1:2], len(shape) == 3):
        f = lambda x, w=None, b=None: F.group_norm(x, groups, w, b)
        g.case("groupNorm", f, [x, w, b], {"groups": groups})
g.case("groupNorm", lambda x, *_: F.group_norm(x, 2, eps=0.1), [g.uniform(2, 4, 3), None, None], {"groups": 2, "eps": 0.1})

for shape in [(2, 3, 5), (2, 3, 2, 3), (1, 2, 3, 2, 2)]:
    x = g.uniform(*shape)
    for w, b in affine(shape[1:2], len(shape) == 3):
        g.case("instanceNorm", lambda x, w=None, b=None: F.instance_norm(x, weight=w, bias=b), [x, w, b])
g.case("instanceNorm", lambda x, *_: F.instance_norm(x, eps=0.1), [g.uniform(2, 3, 4), None, None], {"eps": 0.1})

g.save()
