"""Reductions: python test/golden/reduce.py"""

import math

import numpy as np
import torch
from golden import Golden

g = Golden("reduce")
inf, nan = math.inf, math.nan


def f32(rows):
    return np.array(rows, dtype=np.float32)


def over(x, options):
    """dim and keepdim of Weft's options, where PyTorch wants every axis named."""
    axes = options.get("axes", list(range(x.ndim)))
    return {"dim": axes if isinstance(axes, int) else tuple(axes), "keepdim": options.get("keepDims", False)}


SHAPES = [
    ((5,), {}),
    ((3, 7), {"axes": 1}),
    ((3, 7), {"axes": [0], "keepDims": True}),
    ((2, 3, 2, 4), {"axes": [0, -2]}),
    ((2, 3, 4), {"axes": [2, 0], "keepDims": True}),
    ((2, 33), {"axes": -1}),
    ((4, 1), {"axes": 1}),
    ((), {}),
]


def axis_by_axis(x, f, options):
    """A reduction that PyTorch has for one axis alone, over several."""
    axes = options.get("axes", list(range(x.ndim)))
    axes = sorted(a % x.ndim for a in ([axes] if isinstance(axes, int) else axes))
    for axis in reversed(axes):
        x = f(x, axis)
    for axis in axes if options.get("keepDims") else []:
        x = x.unsqueeze(axis)
    return x


for shape, options in SHAPES:
    x = g.uniform(*shape)
    apart = g.distinct(*shape)
    g.case("sum", lambda x: x.sum(**over(x, options)), [x], options)
    g.case("mean", lambda x: x.mean(**over(x, options)), [x], options)
    g.case("logSumExp", lambda x: x.logsumexp(**over(x, options)), [4 * x], options)
    g.case("amax", lambda x: x.amax(**over(x, options)), [apart], options)
    g.case("amin", lambda x: x.amin(**over(x, options)), [apart], options)
    g.case("max", lambda x: x.amax(**over(x, options)), [apart], options)
    g.case("min", lambda x: x.amin(**over(x, options)), [apart], options)
    if shape:
        g.case("prod", lambda x: axis_by_axis(x, torch.prod, options), [x], options)
    if shape not in [(4, 1), ()]:
        for correction in [None, 0, 2]:
            more = options if correction is None else {**options, "correction": correction}
            c = 1 if correction is None else correction
            g.case("variance", lambda x: x.var(correction=c, **over(x, options)), [x], more)
            g.case("std", lambda x: x.std(correction=c, **over(x, options)), [x], more)

# Elements that are equal, zeros among factors, rows of one element, NaN.
ties = f32([[2, 2, 1], [1, 3, 3], [4, 4, 4]])
for op, f in [("amax", torch.amax), ("amin", torch.amin)]:
    g.case(op, lambda x: f(x, 1), [ties], {"axes": 1}, name=f"{op} of ties")
    g.case(op, lambda x: f(x, (0, 1)), [ties], {}, name=f"{op} of ties, all")
    g.case(op, lambda x: f(x, 1), [f32([[1, nan, 3], [inf, -inf, 0]])], {"axes": 1}, grads=[], name=f"{op} of NaN and infinities")
for op, f in [("max", torch.max), ("min", torch.min)]:
    g.case(op, lambda x: f(x), [ties], {}, name=f"{op} of ties, all")
for rows in [[[2, 0, 3], [0, 0, 5], [0, 0, 0], [1, 2, 3]], [[0.5], [0]]]:
    g.case("prod", lambda x: x.prod(1), [f32(rows)], {"axes": 1}, name="prod with zeros")
g.case("prod", lambda x: x.prod(), [f32([[1.5, 0, 2], [3, 1, -1]])], {}, name="prod of all with a zero")
for p, c in [([[2, 2, 2], [1, 2, 4]], 1), ([[5], [1]], 0)]:
    g.case("std", lambda x: x.std(1, correction=c), [f32(p)], {"axes": 1, "correction": c}, name="std of equal elements")
g.case("variance", lambda x: x.var(1), [f32([[5], [1]])], {"axes": 1}, name="variance of one element")
g.case("logSumExp", lambda x: x.logsumexp(1), [f32([[1000, 999, -1000], [-1000, -1001, -999], [1e30, 3, 1e30]])], {"axes": 1}, name="logSumExp of large values")
g.case("logSumExp", lambda x: x.logsumexp(1), [f32([[-inf, -inf], [inf, 1], [-inf, 3]])], {"axes": 1}, name="logSumExp of infinities")

for p in [0, 0.5, 1, 1.5, 2, 3, -1]:
    for shape, axes, keep in [((3, 7), 1, False), ((2, 3, 4), [0, 2], True), ((5,), None, False)]:
        options = {"p": p, "keepDims": keep, **({} if axes is None else {"axes": axes})}
        dim = tuple(axes) if isinstance(axes, list) else axes
        x = (g.uniform(*shape, low=0.3, high=2) * np.where(g.booleans(*shape), 1, -1)).astype(np.float32)
        g.case("norm", lambda x: torch.linalg.vector_norm(x, p, dim, keep), [x], options, grads=[] if p == 0 else None)
    zeros = f32([[0, 0], [0, 3], [-3, 3]])
    if p != -1:
        g.case("norm", lambda x: torch.linalg.vector_norm(x, p, 1), [zeros], {"p": p, "axes": 1}, grads=[] if p == 0 else None, name=f"norm {p} with zeros")
g.case("norm", lambda x: torch.linalg.vector_norm(x), [g.uniform(3, 4)], {})

small = g.integers(-3, 4, 3, 7)
flags = g.booleans(3, 7)
for options in [{}, {"axes": 1}, {"axes": 0, "keepDims": True}]:
    for x in [small, flags, g.uniform(3, 7).round().astype(np.float32)]:
        dim = options.get("axes")
        found = lambda x: torch.count_nonzero(x, dim=dim)
        g.case("countNonzero", lambda x: found(x).unsqueeze(0) if options.get("keepDims") else found(x), [x], options, grads=[])
    for x in [small, flags]:
        g.case("sum", lambda x: x.sum(**over(x, options)), [x], options)
    g.case("amax", lambda x: x.amax(**over(x, options)), [small], options)
    g.case("min", lambda x: x.amin(**over(x, options)), [small], options)
    sparse = (flags & g.booleans(3, 7)) if options else flags
    g.case("any", lambda x: torch.any(x, **over(x, options)), [sparse], options)
    g.case("all", lambda x: torch.all(x, **over(x, options)), [~sparse], options)
    one = {"axis": options["axes"]} if options else {}
    keep = {"keepDims": True} if options.get("keepDims") else {}
    for x in [small, g.distinct(3, 7)]:
        for op, f in [("argmax", torch.argmax), ("argmin", torch.argmin)]:
            # PyTorch leaves open which of equal elements argmin and argmax give: it gives the first.
            g.case(op, lambda x: f(x, dim=dim, keepdim=bool(keep)), [x], {**one, **keep}, grads=[])
for op, f in [("argmax", torch.argmax), ("argmin", torch.argmin)]:
    g.case(op, lambda x: f(x), [f32([1, nan, 3, nan])], {}, grads=[], name=f"{op} of NaN")
g.case("prod", lambda x: x.prod(1), [small], {"axes": 1})
g.case("prod", lambda x: x.prod(1), [flags], {"axes": 1})

# Nothing to reduce.
empty = np.zeros((2, 0), dtype=np.float32)
for op, f in [("sum", torch.sum), ("prod", torch.prod), ("mean", torch.mean), ("variance", torch.var), ("std", torch.std)]:
    g.case(op, lambda x: f(x, dim=1), [empty], {"axes": 1}, grads=[], name=f"{op} of nothing")
g.case("logSumExp", lambda x: x.logsumexp(1), [empty], {"axes": 1}, grads=[], name="logSumExp of nothing")
for op, f in [("any", torch.any), ("all", torch.all)]:
    g.case(op, lambda x: f(x, dim=1), [empty.astype(bool)], {"axes": 1}, name=f"{op} of nothing")
for p in [0, 1, 2]:
    g.case("norm", lambda x: torch.linalg.vector_norm(x, p, 1), [empty], {"p": p, "axes": 1}, grads=[], name=f"norm {p} of nothing")
g.case("norm", lambda x: torch.linalg.vector_norm(x, 3), [g.uniform(5, low=-6000, high=6000)], {"p": 3}, grads=[], name="norm 3 of large values")
g.case("norm", lambda x: torch.linalg.vector_norm(x, 3, 1), [f32([[5658.687], [5816.2236], [9421.5]])], {"p": 3, "axes": 1}, grads=[], name="norm 3 of single large values")
tiny = f32([0, -0.0, 1e-45, -1e-38, nan, 2])
g.case("countNonzero", lambda x: torch.count_nonzero(x), [tiny], {}, grads=[], name="countNonzero of numbers below 2^-126")
g.case("norm", lambda x: torch.linalg.vector_norm(x, 0), [tiny], {"p": 0}, grads=[], name="norm 0 of numbers below 2^-126")
g.case("cast", lambda x: x.bool(), [tiny], {"dtype": "bool"}, grads=[], name="cast of numbers below 2^-126")
g.save()
