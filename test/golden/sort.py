"""Scans, sorting and extrema with their indices: python test/golden/sort.py"""

import math

import numpy as np
import torch
from golden import Golden

g = Golden("sort")
inf, nan = math.inf, math.nan


def f32(rows):
    return np.array(rows, dtype=np.float32)


small = g.integers(-3, 4, 3, 7)
ties = f32([[2, 2, 1], [1, 3, 3], [4, 4, 4]])
empty = np.zeros((2, 0), dtype=np.float32)

for axis, keep in [(0, False), (1, True), (-1, False)]:
    options = {"axis": axis, "keepDims": keep}
    for x in [g.distinct(4, 3, 5), ties, g.integers(-2, 3, 4, 6)]:
        for op, f in [("maxWithIndices", torch.max), ("minWithIndices", torch.min)]:
            g.case(op, lambda x: tuple(f(x, axis, keepdim=keep)), [x], options)
g.case("maxWithIndices", lambda x: tuple(x.max(1)), [f32([[2, 2, 1], [nan, 2, 4]])], {"axis": 1}, name="maxWithIndices of NaN")

for shape, axis in [((7,), 0), ((3, 5), 1), ((3, 5), -2), ((2, 40), 1), ((2, 3, 4), 1)]:
    x = g.uniform(*shape)
    for op, f in [("cumsum", torch.cumsum), ("cumprod", torch.cumprod)]:
        g.case(op, lambda x: f(x, axis), [x], {"axis": axis})
        g.case(op, lambda x: f(x.flip(axis), axis).flip(axis), [x], {"axis": axis, "reverse": True})
for shape, axis in [((7,), 0), ((3, 5), -2), ((2, 40), 1)]:
    g.case("logCumSumExp", lambda x: x.logcumsumexp(axis), [g.uniform(*shape, low=-4, high=4)], {"axis": axis})
g.case("logCumSumExp", lambda x: x.logcumsumexp(1), [f32([[-inf, -inf, 1, 2], [1, -inf, 2, 0], [1000, -1000, 1000, 1001]])], {"axis": 1}, name="logCumSumExp of large values and -Infinity")
g.case("logCumSumExp", lambda x: x.logcumsumexp(1), [f32([[1, 2, inf, 3, 0], [inf, 1, inf, 2, -1], [-1, 3, nan, 2, inf]])], {"axis": 1}, name="logCumSumExp of Infinity and NaN")
g.case("cumsum", lambda x: x.cumsum(1), [small], {"axis": 1})
g.case("cumprod", lambda x: x.cumprod(1), [f32([[2, 0, 3, 4], [0, 1, 0, 5], [1, 2, 3, 0]])], {"axis": 1}, name="cumprod with zeros")

for shape, axis in [((9,), 0), ((3, 7), 1), ((3, 7), 0), ((2, 5, 3), -2)]:
    for descending in [False, True]:
        options = {"axis": axis, "descending": descending}
        for x in [g.distinct(*shape), g.integers(0, 4, *shape)]:
            g.case("sort", lambda x: tuple(torch.sort(x, dim=axis, descending=descending, stable=True)), [x], options)
            g.case("argsort", lambda x: torch.argsort(x, dim=axis, descending=descending, stable=True), [x], options, grads=[])
    for largest in [True, False]:
        for k in [1, 3]:
            g.case("topK", lambda x: tuple(torch.topk(x, k, axis, largest)), [g.distinct(*shape)], {"k": k, "axis": axis, "largest": largest})
for descending in [False, True]:
    special = f32([1, nan, 3, -inf, nan, -0.0, 0.0, inf])
    g.case("sort", lambda x: tuple(torch.sort(x, descending=descending, stable=True)), [special], {"descending": descending}, grads=[], name="sort of NaN and infinities")
g.case("topK", lambda x: tuple(torch.topk(x, 2)), [f32([1, nan, 3, 2])], {"k": 2}, grads=[], name="topK of NaN")
g.case("topK", lambda x: tuple(torch.topk(x, 2, largest=False)), [f32([1, nan, 3, 2])], {"k": 2, "largest": False}, grads=[], name="topK of NaN, smallest")
g.case("cumsum", lambda x: x.cumsum(1), [empty], {"axis": 1}, grads=[], name="cumsum of nothing")
g.case("sort", lambda x: tuple(x.sort(1)), [empty], {"axis": 1}, grads=[], name="sort of nothing")
g.save()
