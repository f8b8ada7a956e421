"""Indexing: python test/golden/indexing.py"""

import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("indexing")

for shape, index_shape, axis in [
    ((5,), (7,), 0),
    ((4, 3), (2, 3), 0),
    ((4, 3), (4, 6), 1),
    ((4, 3), (3, 2), -1),
    ((2, 5, 3), (2, 4, 2), 1),
    ((3, 1, 2), (3, 1, 2), -3),
    ((3, 4), (0, 4), 0),
]:
    index = g.integers(0, shape[axis], *index_shape)
    g.case("gather", lambda x, i: torch.gather(x, axis, i), [g.uniform(*shape), index], {"axis": axis})
for shape, index_shape, src_shape, axis in [
    ((5,), (9,), (9,), 0),
    ((4, 3), (6, 3), (6, 3), 0),
    ((4, 3), (4, 2), (4, 2), 1),
    ((2, 5, 3), (2, 4, 2), (2, 4, 2), -2),
    ((3, 2), (0, 2), (0, 2), 0),
]:
    index = g.integers(0, shape[axis], *index_shape)
    inputs = [g.uniform(*shape), index, g.uniform(*src_shape)]
    g.case("scatterAdd", lambda x, i, s: torch.scatter_add(x, axis, i, s), inputs, {"axis": axis})
# Elements of src beyond the index have no part in the result; PyTorch has no gradient for such a src.
inputs = [g.uniform(4, 3), g.integers(0, 4, 2, 2), g.uniform(5, 3)]
g.case("scatterAdd", lambda x, i, s: torch.scatter_add(x, 0, i, s), inputs, {"axis": 0}, grads=[0])

for shape, index_shape, axis in [((4, 3), (2, 3), 0), ((4, 1, 3), (6, 2, 1), 0), ((1, 5), (3, 2), -1)]:
    index = g.integers(0, shape[axis], *index_shape)
    g.case("takeAlongAxis", lambda x, i: torch.take_along_dim(x, i, axis), [g.uniform(*shape), index], {"axis": axis})
g.case("takeAlongAxis", lambda x, i: torch.take_along_dim(x, i), [g.uniform(3, 4), g.integers(0, 12, 2, 3)])

for shape, count, axis in [((5,), 3, 0), ((4, 3), 7, 0), ((2, 3, 5), 4, 1), ((2, 3, 5), 2, -1), ((4, 3), 0, 1)]:
    index = g.integers(0, shape[axis], count)
    g.case("indexSelect", lambda x, i: torch.index_select(x, axis, i), [g.uniform(*shape), index], {"axis": axis})
    src = g.uniform(*[count if k == axis % len(shape) else n for k, n in enumerate(shape)])
    for options in [{}, {"alpha": -0.75}]:
        add = lambda x, i, s: torch.index_add(x, axis, i, s, **options)
        g.case("indexAdd", add, [g.uniform(*shape), index, src], {"axis": axis, **options})

for shape, weight_shape in [((7,), (4, 5)), ((2, 6), (3, 4)), ((), (3, 2)), ((0,), (3, 2))]:
    indices, weight = g.integers(0, weight_shape[0], *shape), g.uniform(*weight_shape)
    g.case("embedding", F.embedding, [indices, weight])
    for padding in [1, -1]:
        embed = lambda i, w: F.embedding(i, w, padding_idx=padding)
        g.case("embedding", embed, [indices, weight], {"paddingIndex": padding})

for shape, classes in [((5,), 4), ((2, 3), 6), ((), 2)]:
    labels = g.integers(0, classes, *shape)
    g.case("oneHot", lambda t: F.one_hot(t, classes), [labels], {"classes": classes, "dtype": "i32"})
    g.case("oneHot", lambda t: F.one_hot(t, classes).double(), [labels], {"classes": classes}, grads=[])

for shape, mask_shape in [((3, 4), (3, 4)), ((2, 3, 4), (3, 1)), ((3, 1), (2, 1, 5)), ((), ())]:
    x, mask = g.uniform(*shape), g.booleans(*mask_shape)
    for value in [0.0, -1.5]:
        g.case("maskedFill", lambda x, m: x.masked_fill(m, value), [x, mask], {"value": value})
    g.case("maskedFill", lambda x, m, v: x.masked_fill(m, v), [x, mask, g.uniform()])
g.save()
