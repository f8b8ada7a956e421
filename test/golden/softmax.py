"""Softmax family: python test/golden/softmax.py"""

import torch.nn.functional as F
from golden import Golden

g = Golden("softmax")
for shape, axis in [((5,), 0), ((3, 7), 1), ((3, 7), 0), ((2, 3, 4), 1), ((2, 1), 1)]:
    x = g.uniform(*shape, low=-4, high=4)
    g.case("softmax", lambda x: F.softmax(x, axis), [x], {"axis": axis})
    g.case("logSoftmax", lambda x: F.log_softmax(x, axis), [x], {"axis": axis})
labels = g.integers(0, 7, 5)
logits = g.uniform(5, 7, low=-4, high=4)
for reduction in ["mean", "sum"]:
    g.case("crossEntropy", lambda x, t: F.cross_entropy(x, t, reduction=reduction), [logits, labels], {"reduction": reduction})
g.save()
