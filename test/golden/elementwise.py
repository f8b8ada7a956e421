"""Elementwise families: python test/golden/elementwise.py"""

import math

import numpy as np
import torch
from golden import Golden

g = Golden("elementwise")
SMALL = np.array([0.0, 1e-8, -1e-8, 1e-5, -1e-5, 3e-4, -3e-4], dtype=np.float32)
LARGE = np.array([20.0, -20.0, 1000.0, -1000.0, 11.5, -11.5, 0.0], dtype=np.float32)
ENDS = np.array([math.inf, -math.inf, math.nan, 1.0], dtype=np.float32)


def unary(op, f, points=(), options=None, low=-4.0, high=4.0, grads=None):
    """On a random matrix, and on each list of awkward points."""
    g.case(op, f, [g.uniform(3, 5, low=low, high=high)], options, grads)
    for x in points:
        g.case(op, f, [x], options, grads)


# Mathematics. Above 8192 and near the ends sin and cos are checked elsewhere.
unary("neg", torch.neg, [SMALL, LARGE, ENDS])
unary("abs", torch.abs, [SMALL, LARGE, ENDS])
unary("sign", torch.sign, [SMALL, LARGE, ENDS])
unary("exp", torch.exp, [SMALL, np.array([20, -20, -1000, 88], np.float32)])
unary("expm1", torch.expm1, [SMALL, np.array([20, -20, -1000, 88, -math.inf], np.float32)])
unary("log", torch.log, [np.array([1e-8, 1, 20, 1000, 1.0001, 0.9999], np.float32)], low=0.1)
unary("log1p", torch.log1p, [SMALL, np.array([-0.999, 20, 1000, 0.4142, 0.4143, -0.2929, -0.2928], np.float32)], low=-0.9)
unary("sqrt", torch.sqrt, [np.array([1e-8, 1, 20, 1000], np.float32)], low=0.1)
unary("rsqrt", torch.rsqrt, [np.array([1e-8, 1, 20, 1000], np.float32)], low=0.1)
unary("reciprocal", torch.reciprocal, [np.array([1e-8, -1e-8, 20, 1000, math.inf], np.float32)], low=0.1)
unary("square", torch.square, [SMALL, LARGE, ENDS])
unary("sin", torch.sin, [SMALL, LARGE])
unary("cos", torch.cos, [SMALL, LARGE])
unary("tan", torch.tan, [SMALL, LARGE], low=-1.4, high=1.4)
unary("erf", torch.erf, [SMALL, LARGE, ENDS])
HALVES = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 3.0, -3.0, 1e9, 0.49999997], dtype=np.float32)
for op in ["floor", "ceil", "round", "trunc"]:
    unary(op, getattr(torch, op), [HALVES, LARGE, ENDS])
for options in [{"min": -1.0, "max": 2.0}, {"min": 0.5}, {"max": -0.25}, {"min": 1.0, "max": -1.0}]:
    unary("clamp", lambda x: x.clamp(**options), [LARGE, np.array([-1.0, 2.0, 0.5, -0.25, math.nan], np.float32)], options)
for op, f in [("isNaN", torch.isnan), ("isInfinite", torch.isinf), ("isFinite", torch.isfinite)]:
    unary(op, f, [LARGE, ENDS], grads=[])

# Whole numbers wrap.
WHOLE = np.array([7, -7, 0, 1, -1, 2147483647, -2147483648, 46341, -46342], dtype=np.int32)
as32 = lambda f: lambda *xs: f(*(x.int() for x in xs))
for op, f in [("neg", torch.neg), ("abs", torch.abs), ("sign", torch.sign), ("square", torch.square)]:
    g.case(op, as32(f), [WHOLE])
g.case("clamp", as32(lambda x: x.clamp(-3, 100)), [WHOLE], {"min": -3, "max": 100})

# Two operands.
PAIRS = [((3, 5), (3, 5)), ((4,), ()), ((2, 1, 3), (4, 1))]
for a, b in PAIRS:
    for op in ["add", "sub", "mul", "div", "maximum", "minimum", "remainder", "atan2"]:
        g.case(op, getattr(torch, op), [g.uniform(*a, low=-3, high=3), g.uniform(*b, low=0.3, high=2)])
    g.case("pow", torch.pow, [g.uniform(*a, low=0.3, high=2), g.uniform(*b, low=-3, high=3)])
    g.case("floorDivide", torch.floor_divide, [g.uniform(*a, low=-9, high=9), g.uniform(*b, low=0.3, high=2)], grads=[])
    g.case("heaviside", torch.heaviside, [g.uniform(*a), g.uniform(*b)], grads=[])
TIES = [np.array([1, 2, 3, 0, -1], np.float32), np.array([1, 3, 2, 0, -1], np.float32)]
for op in ["maximum", "minimum"]:
    g.case(op, getattr(torch, op), TIES)
f32 = lambda *xs: np.array(xs, dtype=np.float32)
g.case("atan2", torch.atan2, [f32(0, 1, -1, 0, 2, 1e-8), f32(-1, 0, 0, 1, -1e-8, 1000)])
g.case("atan2", torch.atan2, [f32(0, 0, 1, math.nan), f32(0, -2, math.inf, 1)], grads=[])
g.case("pow", torch.pow, [f32(0, -2, -2, 0, 3, 1), f32(0, 3, -2, 2, 0, 7)], grads=[0])
g.case("pow", torch.pow, [f32(1, -1, 1, 1, -2, 0, math.nan), f32(math.inf, math.inf, math.nan, -math.inf, 0.5, -1, 0)], grads=[])
SIGNS = [f32(5.3, -5.3, 5.3, -5.3, 0, 6, -6, 1e7, 3e38), f32(2, 2, -2, -2, 3, -3, 3, 0.3, 7)]
BARE = [f32(1, -1, 0, math.inf, 1, 1, -1), f32(0, 0, 0, 2, math.inf, -math.inf, math.inf)]
for pair in [SIGNS, BARE]:
    g.case("floorDivide", torch.floor_divide, pair, grads=[])
    g.case("remainder", torch.remainder, pair, grads=[])
g.case("heaviside", torch.heaviside, [f32(-1, 0, 2, math.nan), f32(0.3, 0.4, 0.5, 0.6)], grads=[])
for op in ["add", "sub", "mul", "maximum", "minimum"]:
    g.case(op, as32(getattr(torch, op)), [WHOLE, WHOLE[::-1].copy()])
    g.case(op, as32(getattr(torch, op)), [g.integers(-9, 9, 2, 1, 3), g.integers(-9, 9, 4, 1)])
for op in ["floor_divide", "remainder"]:
    name = {"floor_divide": "floorDivide"}.get(op, op)
    g.case(name, as32(getattr(torch, op)), [np.array([7, -7, 7, -7, 0, 6, -2147483648], np.int32), np.array([2, 2, -2, -2, 5, -3, 7], np.int32)])
    g.case(name, as32(getattr(torch, op)), [g.integers(-99, 99, 2, 1, 3), g.integers(1, 9, 4, 1)])

# Comparison and logic.
names = {"equal": "eq", "notEqual": "ne", "less": "lt", "lessEqual": "le", "greater": "gt", "greaterEqual": "ge"}
for op, f in names.items():
    g.case(op, getattr(torch, f), [f32(1, 2, 3, math.nan, math.inf), f32(1, 3, 2, math.nan, math.inf)], grads=[])
    g.case(op, getattr(torch, f), [g.integers(-2, 2, 3, 1), g.integers(-2, 2, 1, 4)])
for op, f in [("equal", torch.eq), ("notEqual", torch.ne), ("logicalAnd", torch.logical_and), ("logicalOr", torch.logical_or), ("logicalXor", torch.logical_xor)]:
    g.case(op, f, [g.booleans(3, 4), g.booleans(4)])
g.case("logicalNot", torch.logical_not, [g.booleans(3, 4)])

# Three operands.
for shapes in [((3, 5), (3, 5), (3, 5)), ((4,), (4,), ()), ((3, 1), (2, 1, 4), (3, 4))]:
    a, b, c = (g.uniform(*shape) for shape in shapes)
    g.case("lerp", lambda a, b, w: a + w * (b - a) if a.dim() == 0 else torch.lerp(*torch.broadcast_tensors(a, b, w)), [a, b, c])
    far = g.uniform(*shapes[2], low=0.3, high=2)
    for value in [1, -0.5]:
        g.case("addcmul", lambda x, a, b: torch.addcmul(x, a, b, value=value), [a, b, c], {"value": value})
        g.case("addcdiv", lambda x, a, b: torch.addcdiv(x, a, b, value=value), [a, b, far], {"value": value})
    condition = g.booleans(*shapes[0])
    g.case("where", torch.where, [condition, b, c])
    g.case("where", torch.where, [condition, g.integers(-9, 9, *shapes[1]), g.integers(-9, 9, *shapes[2])])
    g.case("where", torch.where, [condition, g.booleans(*shapes[1]), g.booleans(*shapes[2])])
g.case("lerp", torch.lerp, [f32(1, 1, 1, 1, -3), f32(2, 2, 2, 2, 5), f32(0, 1, 0.5, 0.499, -2)])
g.save()
