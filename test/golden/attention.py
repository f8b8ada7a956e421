"""Attention: python test/golden/attention.py"""

import numpy as np
import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("attention")


def attention(causal=False, scale=None):
    return lambda q, k, v, *mask: F.scaled_dot_product_attention(q, k, v, *mask, is_causal=causal, scale=scale)


def qkv(lead, queries, keys, features, width):
    return [g.normal(*lead, queries, features), g.normal(*lead, keys, features), g.normal(*lead, keys, width)]


for lead, queries, keys, features, width in [((), 3, 5, 4, 2), ((2, 3), 4, 4, 8, 8), ((2,), 1, 7, 3, 1), ((1,), 5, 1, 1, 3)]:
    inputs = qkv(lead, queries, keys, features, width)
    name = f"{[*lead, queries, features]} {keys} {width}"
    op = "scaledDotProductAttention"
    g.case(op, attention(), inputs, name=f"plain {name}")
    g.case(op, attention(causal=True), inputs, {"causal": True}, name=f"causal {name}")
    g.case(op, attention(scale=0.3), inputs, {"scale": 0.3}, name=f"scale {name}")
    g.case(op, attention(), [*inputs, g.booleans(queries, keys)], name=f"bool mask {name}")
    g.case(op, attention(), [*inputs, g.normal(*lead, queries, keys)], name=f"f32 mask {name}")
    g.case(op, attention(), [*inputs, g.normal(*[1] * len(lead), 1, keys)], name=f"f32 mask of keys {name}")

# Rows that see nothing, by either kind of mask.
seen = g.booleans(4, 6)
seen[2] = False
hidden = np.where(seen, 0.0, -np.inf).astype(np.float32)
inputs = qkv((2,), 4, 6, 3, 2)
g.case("scaledDotProductAttention", attention(), [*inputs, seen], name="a row that a bool mask hides")
g.case("scaledDotProductAttention", attention(), [*inputs, hidden], grads=[0, 1, 2], name="a row that an f32 mask hides")

scores = g.uniform(2, 3, 5, low=-4, high=4)
g.case("maskedSoftmax", lambda x: F.softmax(1.7 * x, -1), [scores], {"scale": 1.7})
g.case("maskedSoftmax", lambda x, m: F.softmax(x + m, -1), [scores, g.uniform(2, 1, 5)])
g.save()
