"""Weight and local response normalisation, and ops of norms: python test/golden/norms.py"""

import numpy as np
import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("norms")

for shape in [(4, 3), (3, 2, 2, 2)]:
    v = g.uniform(*shape)
    for axis in [None, *range(-1, len(shape))]:
        place = axis if axis is None else axis % len(shape)
        gain = g.uniform() if place is None else g.uniform(*[n if i == place else 1 for i, n in enumerate(shape)])
        f = lambda v, s: v * (s / torch.norm_except_dim(v, 2, -1 if place is None else place))
        g.case("weightNorm", f, [v, np.asarray(gain, np.float32)], {"axis": axis})
f = lambda v, s: torch._weight_norm(v, s, 0)
g.case("weightNorm", f, [g.uniform(3, 4), g.uniform(3, 1)])

for shape in [(2, 5, 3), (1, 6, 2, 3), (2, 3, 2, 2, 1)]:
    x = g.uniform(*shape, low=-2, high=2)
    for options in [{"size": 1}, {"size": 2}, {"size": 5}, {"size": 3, "alpha": 0.5, "beta": 1.5, "k": 2}, {"size": 4, "alpha": 1, "beta": 0.5, "k": 0.5}]:
        g.case("localResponseNorm", lambda x: F.local_response_norm(x, **options), [x], options)

for shape, axis in [((3, 5), 1), ((2, 4, 3), -1), ((2, 4, 3), 0), ((4, 1), 1)]:
    x = g.uniform(*shape)
    for p in [1, 2, 3, 0.5]:
        g.case("normalize", lambda x: F.normalize(x, p, axis), [x], {"p": p, "axis": axis})
    g.case("normalize", lambda x: F.normalize(x, 2, axis, 0.9), [x], {"axis": axis, "eps": 0.9})
zeros = g.uniform(3, 4)
zeros[1], zeros[2, 1] = 0, 0
for p in [1, 2, 3, 1.5]:
    g.case("normalize", lambda x: F.normalize(x, p, eps=0.25), [zeros], {"p": p, "eps": 0.25}, name=f"normalize, zeros, p {p}")

for left, right, axis in [((3, 5), (3, 5), 1), ((2, 4, 3), (2, 4, 3), 0), ((2, 4, 3), (4, 1), -2), ((4, 7), (7,), 1), ((3, 6), (3, 1), 1), ((6,), (6,), 0)]:
    a, b = g.uniform(*left), g.uniform(*right)
    for eps in [1e-8, 0.75]:
        g.case("cosineSimilarity", lambda a, b: F.cosine_similarity(a, b, axis, eps), [a, b], {"axis": axis, "eps": eps})
g.case("cosineSimilarity", lambda a, b: F.cosine_similarity(a, b), [zeros, g.uniform(3, 4)], name="cosineSimilarity, a row of zeros")
g.save()
