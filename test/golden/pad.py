"""Padding: python test/golden/pad.py"""

import torch.nn.functional as F
from golden import Golden

g = Golden("pad")
x = g.uniform(2, 3, 4)


# PyTorch lists axes from the last, before and after.
def padding(before, after, drop=0):
    return [n for pair in list(zip(before, after))[drop:][::-1] for n in pair]


for before, after, value in [([1, 0, 2], [0, 3, 1], 0), ([0, 0, 1], [0, 2, 0], -1.5), ([-1, 1, -2], [0, -2, 1], 2.0)]:
    options = {"before": before, "after": after, **({"value": value} if value else {})}
    g.case("pad", lambda x: F.pad(x, padding(before, after), value=value), [x], options)
g.case("pad", lambda x: F.pad(x, (1, 2), value=5), [g.integers(-9, 10, 4)], {"before": [1], "after": [2], "value": 5})
g.case("pad", lambda x: F.pad(x, (1, 2), value=1), [g.booleans(4)], {"before": [1], "after": [2], "value": 1})
# Per mode the largest amounts that it takes.
for mode, most in [("reflect", -1), ("replicate", 2), ("circular", 0)]:
    for shape in [(2, 2, 5), (1, 2, 4, 3), (1, 1, 2, 2, 3)]:
        padded = len(shape) - 2
        sizes = shape[2:]
        for extent in ["before", "after", "both", "largest"]:
            before = [0, 0] + [0 if extent == "after" else n + most if extent == "largest" else min(1, n + most) for n in sizes]
            after = [0, 0] + [0 if extent == "before" else n + most if extent == "largest" else min(2, n + most) for n in sizes]
            options = {"before": before, "after": after, "mode": mode}
            if padded == 1 or extent in ("both", "largest"):
                g.case("pad", lambda x: F.pad(x, padding(before, after, 2), mode=mode), [g.uniform(*shape)], options)
single = g.uniform(1, 1, 1)
g.case("pad", lambda x: F.pad(x, (2, 3), mode="replicate"), [single], {"before": [0, 0, 2], "after": [0, 0, 3], "mode": "replicate"})
g.case("pad", lambda x: F.pad(x, (1, 1), mode="circular"), [single], {"before": [0, 0, 1], "after": [0, 0, 1], "mode": "circular"})
g.save()
