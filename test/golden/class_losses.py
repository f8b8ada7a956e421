"""Losses over classes: python test/golden/class_losses.py"""

import itertools

import numpy as np
import torch.nn.functional as F
from golden import Golden

labels = Golden("class_losses", seed=5)
shares = Golden("share_losses", seed=6)
REDUCTIONS = ["none", "mean", "sum"]

for shape in [(5,), (4, 5), (2, 3, 2, 2)]:
    axis = min(1, len(shape) - 1)
    classes = shape[axis]
    rows = shape[:axis] + shape[axis + 1 :]
    x = labels.uniform(*shape, low=-4, high=4)
    y = labels.integers(0, classes, *rows)
    w = labels.uniform(classes, low=0.5, high=2)
    holes = y.copy()
    if rows:
        holes.flat[1] = -100
    for reduction in REDUCTIONS:
        for weight in [None, w]:
            more = [] if weight is None else [weight]
            nll = lambda x, t, w=None, i=-100: F.nll_loss(x, t.long(), w, ignore_index=i, reduction=reduction)
            labels.case("nllLoss", nll, [x, holes, *more], {"reduction": reduction}, grads=[0])
            for smoothing, ignore in itertools.product([0, 0.2], [-100, 2]):
                cross = lambda x, t, w=None: F.cross_entropy(
                    x, t, w, ignore_index=ignore, label_smoothing=smoothing, reduction=reduction
                )
                options = {"reduction": reduction, "ignoreIndex": ignore, "labelSmoothing": smoothing}
                # A label that counts nothing keeps its row from the mean.
                t = holes if ignore == -100 else y
                labels.case("crossEntropy", cross, [x, t, *more], options, grads=[0])
            for smoothing in [0, 0.2]:
                q = shares.uniform(*shape, low=0, high=1)
                cross = lambda x, t, w=None: F.cross_entropy(x, t, w, label_smoothing=smoothing, reduction=reduction)
                options = {"reduction": reduction, "labelSmoothing": smoothing}
                shares.case("crossEntropy", cross, [x, q, *more], options, grads=[0, 1])

none = np.full(4, -100, dtype=np.int32)
x = labels.uniform(4, 5)
labels.case("crossEntropy", F.cross_entropy, [x, none], name="crossEntropy of ignored labels alone", grads=[])
labels.case("nllLoss", F.nll_loss, [x, none], name="nllLoss of ignored labels alone", grads=[])
labels.save()
shares.save()
