"""Max pooling and its undoing: python test/golden/max_pooling.py"""

import numpy as np
import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("max_pooling")


def pick(**options):
    return {key: value for key, value in options.items() if value is not None}


def max_case(shape, kernel, stride=None, padding=None, dilation=None, ceil=None, x=None, rank=2, name=None):
    pool = F.max_pool2d if rank == 2 else F.max_pool1d
    x = g.distinct(*shape) if x is None else x
    options = pick(kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceilMode=ceil)
    call = lambda x, indices: pool(x, kernel, stride, padding or 0, dilation or 1, ceil or False, indices)
    g.case(f"maxPool{rank}d", lambda x: call(x, False), [x], options, name=name)
    g.case(f"maxPool{rank}dWithIndices", lambda x: call(x, True), [x], options, name=name)


max_case((2, 3, 4, 6), 2)
max_case((1, 2, 5, 7), 2)
max_case((2, 6, 7), 3, 1)
max_case((1, 2, 6, 7), [3, 2], [2, 1], [1, 0])
max_case((1, 2, 7, 9), 2, 2, 1, [3, 2])
max_case((0, 2, 4, 4), 2)
for kernel, stride, padding, dilation in [(2, 2, 0, 1), (3, 2, 1, 1), (2, 3, 1, 1), (3, 3, 1, 2), (1, 3, 0, 1)]:
    max_case((1, 1, 7, 8), kernel, stride, padding, dilation, True)
max_case((1, 1, 6, 6), 3, 1, 1, x=g.integers(0, 3, 1, 1, 6, 6).astype(np.float32), name="ties, overlapping")
max_case((1, 1, 6, 6), 2, x=g.integers(0, 2, 1, 1, 6, 6).astype(np.float32), name="ties, pairs")
max_case((1, 1, 4, 12), 2, x=np.zeros((1, 1, 4, 12), np.float32), name="ties, all equal")
special = g.distinct(1, 1, 6, 10)
special.flat[[0, 7, 17, 24, 33, 34, 35, 59]] = np.nan
special.flat[[2, 5, 40, 41, 50, 51]] = -np.inf
special.flat[[8, 9, 44]] = np.inf
max_case((1, 1, 6, 10), 2, x=special, name="NaN and infinity, pairs")
max_case((1, 1, 6, 10), 3, 1, 1, x=special, name="NaN and infinity, overlapping")
max_case((1, 1, 4, 4), 2, x=np.full((1, 1, 4, 4), -np.inf, np.float32), name="all -infinity")
max_case((2, 3, 9), 3, 2, 1, None, True, rank=1)
max_case((2, 11), 2, 1, None, 3, rank=1)


for shape, size in [((2, 3, 7, 9), [3, 4]), ((1, 2, 6, 6), 3), ((2, 5, 3), [7, 1]), ((1, 1, 23, 5), [4, None]), ((0, 2, 4, 4), 2)]:
    x = g.distinct(*shape)
    g.case("adaptiveMaxPool2d", lambda x: F.adaptive_max_pool2d(x, size), [x], {"outputSize": size})
    g.case("adaptiveMaxPool2dWithIndices", lambda x: F.adaptive_max_pool2d(x, size, True), [x], {"outputSize": size})
    g.case("globalMaxPool2d", lambda x: F.adaptive_max_pool2d(x, 1), [x])
ties = g.integers(0, 2, 1, 2, 5, 6).astype(np.float32)
g.case("adaptiveMaxPool2dWithIndices", lambda x: F.adaptive_max_pool2d(x, 2, True), [ties], {"outputSize": 2}, name="ties, adaptive")
g.case("globalMaxPool2d", lambda x: F.adaptive_max_pool2d(x, 1), [ties], name="ties, global")
for shape, size in [((2, 3, 11), 4), ((2, 5), 7)]:
    x = g.distinct(*shape)
    g.case("adaptiveMaxPool1d", lambda x: F.adaptive_max_pool1d(x, size), [x], {"outputSize": size})
    g.case("adaptiveMaxPool1dWithIndices", lambda x: F.adaptive_max_pool1d(x, size, True), [x], {"outputSize": size})



# Forward, PyTorch says that it may not be deterministic: only where indices differ is it.
torch.use_deterministic_algorithms(False)


def unpool_case(shape, kernel, stride=None, padding=0, size=None, rank=2):
    pool, unpool = (F.max_pool2d, F.max_unpool2d) if rank == 2 else (F.max_pool1d, F.max_unpool1d)
    # Indices of windows that don't overlap are all different.
    indices = pool(torch.tensor(g.distinct(*shape)), kernel, stride, padding, return_indices=True)[1]
    x = g.uniform(*indices.shape)
    options = pick(kernel=kernel, stride=stride, padding=padding, outputSize=size)
    call = lambda x, i: unpool(x, i, kernel, stride, padding, size if rank == 2 else size and [size])
    g.case(f"maxUnpool{rank}d", call, [x, indices.numpy().astype(np.int32)], options)


unpool_case((2, 3, 6, 8), 2)
unpool_case((3, 7, 9), [3, 2], [3, 4], [1, 0], [7, 9])
unpool_case((1, 2, 5, 5), 2, 2, 1, [5, 5])
unpool_case((2, 3, 9), 2, size=9, rank=1)
g.save()
