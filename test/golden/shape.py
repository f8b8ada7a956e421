"""Shape family: python test/golden/shape.py"""

import torch
from golden import Golden

g = Golden("shape")
i32 = lambda *shape: g.integers(-9, 10, *shape)

# Views
x = g.uniform(2, 3, 4)
g.case("reshape", lambda x: x.reshape(4, -1), [x], {"shape": [4, -1]})
g.case("permute", lambda x: x.permute(2, 0, 1), [x], {"axes": [2, 0, 1]})
g.case("permute", lambda x: x.permute(-1, 1, 0), [x], {"axes": [-1, 1, 0]})
for a, b in [(0, 1), (-1, 0), (1, 1)]:
    g.case("transpose", lambda x: x.transpose(a, b), [x], {"axis0": a, "axis1": b})
for source, destination in [(0, 2), (-1, 0), ([0, 1], [2, 0]), ([2, 0], [-2, -3])]:
    g.case("moveAxis", lambda x: x.movedim(source, destination), [x], {"source": source, "destination": destination})
ones = g.uniform(1, 3, 1, 2)
g.case("squeeze", lambda x: x.squeeze(), [ones])
for axis in [0, 1, -2, [0, 2], [1, -2]]:
    g.case("squeeze", lambda x: x.squeeze(tuple(axis) if isinstance(axis, list) else axis), [ones], {"axis": axis})
g.case("squeeze", lambda x: x.squeeze(-1), [g.uniform()], {"axis": -1})
for axis in [0, 1, -1, -4]:
    g.case("unsqueeze", lambda x: x.unsqueeze(axis), [x], {"axis": axis})
for start, end in [(0, -1), (1, 2), (0, 1), (-1, -1)]:
    g.case("flatten", lambda x: x.flatten(start, end), [x], {"startAxis": start, "endAxis": end})
g.case("flatten", lambda x: x.flatten(), [g.uniform()])
for axis, shape in [(2, [2, 2]), (-1, [-1, 1, 2]), (0, [2])]:
    g.case("unflatten", lambda x: x.unflatten(axis, shape), [x], {"axis": axis, "shape": shape})
column = g.uniform(3, 1)
for shape in [[3, 4], [-1, 5], [2, -1, 4], [2, 3, 1]]:
    g.case("expand", lambda x: x.expand(shape), [column], {"shape": shape})
g.case("broadcastTo", lambda x: x.broadcast_to((2, 3, 4)), [column], {"shape": [2, 3, 4]})

# Slices. PyTorch has none with negative steps: flip turns them round first.
g.case("slice", lambda x: x[0:2, 1:3, -3:-1], [x], {"start": [0, 1, -3], "end": [2, 3, -1]})
g.case("slice", lambda x: x[:, ::2, 1::2], [x], {"start": [None, None, 1], "step": [1, 2, 2]})
long = g.uniform(7, 5)
g.case("slice", lambda x: x[1:6:3, -4::3], [long], {"start": [1, -4], "end": [6, None], "step": [3, 3]})
g.case("slice", lambda x: x.flip([0, 1])[::2, 1::1], [long], {"start": [None, 3], "step": [-2, -1]})
g.case("slice", lambda x: x[2:6].flip([0])[::3], [long], {"start": [5, None], "end": [1, None], "step": [-3, 1]})
g.case("slice", lambda x: x[3:3], [long], {"start": [3, 0], "end": [3, 5]})
for axis, index in [(0, 1), (-1, 2), (1, -1)]:
    g.case("select", lambda x: x.select(axis, index), [x], {"axis": axis, "index": index})
for axis, start, length in [(1, 1, 2), (-1, -3, 2), (0, 2, 0)]:
    g.case("narrow", lambda x: x.narrow(axis, start, length), [x], {"axis": axis, "start": start, "length": length})
for axes in [[0], [-1, 0], [0, 1, 2], []]:
    g.case("flip", lambda x: x.flip(axes), [x], {"axes": axes})
g.case("flip", lambda x: x.flip([1]), [i32(3, 4)], {"axes": 1})

# Joins and parts
parts = [g.uniform(2, 1, 3), g.uniform(2, 4, 3), g.uniform(2, 2, 3)]
g.case("concat", lambda *xs: torch.cat(xs, 1), parts, {"axis": 1})
g.case("concat", lambda *xs: torch.cat(xs, -1), [g.uniform(2, 1), g.uniform(2, 3)], {"axis": -1})
g.case("concat", lambda *xs: torch.cat(xs), [i32(3), i32(1)], {})
same = [g.uniform(2, 3) for _ in range(3)]
for axis in [0, 1, -1]:
    g.case("stack", lambda *xs: torch.stack(xs, axis), same, {"axis": axis})
whole = g.uniform(3, 7)
for size, axis in [(2, 0), (3, 1), (7, -1), (10, 1)]:
    g.case("split", lambda x: x.split(size, axis), [whole], {"size": size, "axis": axis})
g.case("split", lambda x: x.split([1, 0, 6], 1), [whole], {"sizes": [1, 0, 6], "axis": 1})
for chunks, axis in [(2, 0), (3, 1), (4, -1), (5, 1), (1, 0)]:
    g.case("chunk", lambda x: x.chunk(chunks, axis), [whole], {"chunks": chunks, "axis": axis})
g.case("chunk", lambda x: x.chunk(3, 1), [g.uniform(2, 0)], {"chunks": 3, "axis": 1})
for axis in [0, 1, -1]:
    g.case("unbind", lambda x: x.unbind(axis), [x], {"axis": axis})

# Rolls and repeats
for shifts, axes in [(1, 0), (-5, -1), ([2, -1], [0, 2]), ([1, 1], [1, 1]), (0, 1)]:
    g.case("roll", lambda x: x.roll(shifts, axes), [x], {"shifts": shifts, "axes": axes})
g.case("roll", lambda x: x.roll(5), [x], {"shifts": 5})
g.case("roll", lambda x: x.roll(-1, 0), [g.booleans(5)], {"shifts": -1, "axes": 0})
for repeats in [[2, 1, 3], [1, 1, 1], [2, 3, 1, 2], [1, 0, 1]]:
    g.case("repeat", lambda x: x.repeat(repeats), [x], {"repeats": repeats})
g.case("repeat", lambda x: x.repeat(2, 2, 2, 2, 2, 2), [g.uniform(1, 2, 1, 1, 2, 1)], {"repeats": [2] * 6})
for axis in [0, 1, -1]:
    g.case("repeatInterleave", lambda x: x.repeat_interleave(3, axis), [x], {"repeats": 3, "axis": axis})
g.case("repeatInterleave", lambda x: x.repeat_interleave(2), [x], {"repeats": 2})

# Matrices
matrix = g.uniform(4, 6)
for diagonal in [0, 2, -1, -4, 9]:
    g.case("tril", lambda x: x.tril(diagonal), [matrix], {"diagonal": diagonal})
    g.case("triu", lambda x: x.triu(diagonal), [matrix], {"diagonal": diagonal})
    g.case("diagonal", lambda x: x.diagonal(diagonal), [matrix], {"offset": diagonal})
g.case("tril", lambda x: x.tril(), [x])
g.case("triu", lambda x: x.triu(), [i32(2, 3, 3)])
for offset, axis0, axis1 in [(0, 0, 2), (1, -1, 1), (-1, 1, 0)]:
    options = {"offset": offset, "axis0": axis0, "axis1": axis1}
    g.case("diagonal", lambda x: x.diagonal(offset, axis0, axis1), [x], options)
g.case("trace", lambda x: x.trace(), [matrix])

# Creation
g.case("arange", lambda: torch.arange(5), [], {"end": 5})
g.case("arange", lambda: torch.arange(7, -6, -3), [], {"start": 7, "end": -6, "step": -3})
g.case("arange", lambda: torch.arange(1, 2, 0.3), [], {"start": 1, "end": 2, "step": 0.3})
g.case("arange", lambda: torch.arange(0, 3, dtype=torch.float64), [], {"end": 3, "dtype": "f32"})
g.case("arange", lambda: torch.arange(3, 3), [], {"start": 3, "end": 3})
for start, end, steps in [(0, 1, 5), (2, -3, 8), (1.5, 4, 1), (0, 1, 0)]:
    g.case("linspace", lambda: torch.linspace(start, end, steps), [], {"start": start, "end": end, "steps": steps})
g.case("eye", lambda: torch.eye(3), [], {"n": 3})
g.case("eye", lambda: torch.eye(2, 4), [], {"n": 2, "m": 4})
g.case("eye", lambda: torch.eye(4, 2, dtype=torch.long), [], {"n": 4, "m": 2, "dtype": "i32"})
g.save()
