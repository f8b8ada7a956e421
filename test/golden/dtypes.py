"""Conversion between dtypes, constants, and a gradient held back: python test/golden/dtypes.py"""

import numpy as np
import torch
from golden import Golden

g = Golden("dtypes")
floats = np.array([0, 0.4, -0.6, 1, 1.5, -1.5, 2.999, -7.001, 1e6, -0.0], np.float32)
for dtype, name in [(torch.int32, "i32"), (torch.bool, "bool"), (torch.float64, "f32")]:
    for x in [floats, g.integers(-9, 10, 3, 7), g.booleans(2, 1, 5), g.uniform(0, 3)]:
        own = {"float32": "f32", "int32": "i32", "bool": "bool"}[str(x.dtype)]
        if own == name:
            continue
        g.case("cast", lambda x: x.to(dtype), [x], {"dtype": name}, grads=[])
for shape in [(), (5,), (2, 0, 3), (3, 1, 2)]:
    g.case("full", lambda: torch.full(shape, 0.75), [], {"shape": list(shape), "value": 0.75})
g.case("full", lambda: torch.full((2, 3), -4, dtype=torch.int32), [], {"shape": [2, 3], "value": -4, "dtype": "i32"})
g.case("full", lambda: torch.full((4,), True), [], {"shape": [4], "value": 1, "dtype": "bool"})
for shape in [(7,), (2, 3, 1)]:
    g.case("detach", lambda x: x.detach(), [g.uniform(*shape)], grads=[])
g.save()
