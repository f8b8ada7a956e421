"""Products: python test/golden/products.py"""

import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("products")

for a, b in [
    ((3, 5), (5, 7)),
    ((5,), (5,)),
    ((3, 5), (5,)),
    ((5,), (5, 4)),
    ((5,), (2, 3, 5, 4)),
    ((2, 3, 4, 5), (5,)),
    ((2, 1, 3, 5), (4, 5, 2)),
    ((0, 5), (5, 2)),
    ((3, 0), (0, 2)),
]:
    g.case("matmul", torch.matmul, [g.uniform(*a), g.uniform(*b)], name=f"matmul {a} {b}")
for ta, tb in [(True, False), (False, True), (True, True)]:
    turn = lambda x, t: x.mT if t else x
    a, b = g.uniform(2, *((5, 3) if ta else (3, 5))), g.uniform(2, *((4, 5) if tb else (5, 4)))
    f = lambda a, b: turn(a, ta) @ turn(b, tb)
    g.case("matmul", f, [a, b], {"transposeA": ta, "transposeB": tb})
g.case("mm", torch.mm, [g.uniform(3, 5), g.uniform(5, 2)])
g.case("mm", torch.mm, [g.uniform(1, 5), g.uniform(5, 1)])
g.case("bmm", torch.bmm, [g.uniform(3, 2, 5), g.uniform(3, 5, 4)])
g.case("outer", torch.outer, [g.uniform(4), g.uniform(7)])
g.case("dot", torch.dot, [g.uniform(17), g.uniform(17)])

ACTIVATIONS = {None: lambda y: y, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
for shape, out in [((3, 5), 7), ((5,), 4), ((2, 3, 4), 9), ((1, 1), 1), ((0, 3), 2), ((2, 2, 2, 2, 2, 3), 5)]:
    x, weight, bias = g.uniform(*shape), g.uniform(out, shape[-1]), g.uniform(out)
    for activation, f in ACTIVATIONS.items():
        options = {} if activation is None else {"activation": activation}
        g.case("linear", lambda x, w, b: f(F.linear(x, w, b)), [x, weight, bias], options)
    g.case("linear", lambda x, w: F.linear(x, w), [x, weight])
    g.case("linear", lambda x, w: torch.tanh(F.linear(x, w)), [x, weight], {"activation": "tanh"})

for equation, *shapes in [
    ("ij,jk->ik", (3, 5), (5, 4)),
    ("ij,jk", (3, 5), (5, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("ij->ji", (3, 5)),
    ("ba", (3, 5)),
    ("ij->", (3, 5)),
    ("ii", (4, 4)),
    ("ii->i", (4, 4)),
    ("bii->bi", (2, 3, 3)),
    ("iii->i", (3, 3, 3)),
    ("iji,j->j", (3, 4, 3), (4,)),
    ("i,j->ij", (3,), (4,)),
    ("i,i->", (7,), (7,)),
    ("ij,ij->ij", (3, 4), (3, 4)),
    ("ab,bc,cd->ad", (3, 4), (4, 5), (5, 2)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...i,...i->...", (2, 3, 4), (3, 4)),
    ("i...,i...->i", (3, 2, 4), (3, 4)),
    ("...ij->...ji", (2, 3, 4)),
    ("Ab,bC", (2, 3), (3, 4)),
    (" i j , j k -> k i ", (3, 5), (5, 4)),
    ("ij,jk->ik", (3, 1), (5, 4)),
    ("abcd,cdef->abef", (2, 3, 2, 4), (2, 4, 3, 2)),
    ("xy,zy,wy->xzw", (2, 5), (3, 5), (4, 5)),
    ("i,->i", (3,), ()),
    ("ij,k->ij", (2, 3), (4,)),
    ("ij,jk->ik", (3, 0), (0, 4)),
]:
    g.case("einsum", lambda *xs: torch.einsum(equation, *xs), [g.uniform(*s) for s in shapes], {"equation": equation})

gram = lambda x: x.flatten(-2) @ x.flatten(-2).mT
g.case("gramMatrix", gram, [g.uniform(4, 3, 5)])
g.case("gramMatrix", gram, [g.uniform(2, 3, 4, 2)])
g.case("gramMatrix", lambda x: gram(x) / 24, [g.uniform(2, 3, 4, 2)], {"normalize": True})
g.save()
