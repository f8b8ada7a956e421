"""Losses: python test/golden/losses.py"""

import itertools

import numpy as np
import torch.nn.functional as F
from golden import Golden

g = Golden("losses", seed=3)
logs = Golden("losses_log", seed=4)
SHAPES = [(7,), (2, 3, 5)]
REDUCTIONS = ["none", "mean", "sum"]


def pair(op, f, x, t, options=None, more=(), grads=None, to=g):
    """Every reduction of one call; `f` takes the inputs and reduction."""
    for reduction in REDUCTIONS:
        to.case(op, lambda *a: f(*a, reduction=reduction), [x, t, *more], {**(options or {}), "reduction": reduction}, grads)


for shape in SHAPES:
    x, t = g.normal(*shape), g.normal(*shape)
    pair("mseLoss", F.mse_loss, x, t)
    pair("l1Loss", F.l1_loss, x, t)
    for beta in [1.0, 0.3, 0.0]:
        pair("smoothL1Loss", lambda *a, reduction: F.smooth_l1_loss(*a, reduction=reduction, beta=beta), x, t, {"beta": beta})
    for delta in [1.0, 0.3]:
        pair("huberLoss", lambda *a, reduction: F.huber_loss(*a, reduction=reduction, delta=delta), x, t, {"delta": delta})

    sign = (g.integers(0, 2, *shape) * 2 - 1).astype("float32")
    for margin in [1.0, 0.4]:
        hinge = lambda x, t, reduction: F.hinge_embedding_loss(x, t, margin, reduction=reduction)
        pair("hingeEmbeddingLoss", hinge, x, sign, {"margin": margin}, grads=[0])
    for margin in [0.0, 0.5]:
        rank = lambda a, b, t, reduction: F.margin_ranking_loss(a, b, t, margin, reduction=reduction)
        pair("marginRankingLoss", rank, x, t, {"margin": margin}, more=[sign])
    p, q = g.uniform(*shape, low=0.02, high=0.98), g.uniform(*shape, low=0, high=1)
    hard = p.copy()
    hard.flat[0], hard.flat[1] = 0, 1
    bce = lambda p, q, w=None, reduction=None: F.binary_cross_entropy(p, q, w, reduction=reduction)
    pair("binaryCrossEntropy", bce, p, q, to=logs)
    pair("binaryCrossEntropy", bce, hard, q, grads=[0], to=logs)
    for w in [g.uniform(*shape, low=0.5, high=2), g.uniform(shape[-1], low=0.5, high=2)]:
        pair("binaryCrossEntropy", bce, p, q, more=[w], grads=[0, 1], to=logs)

    x = g.uniform(*shape, low=-6, high=6)
    logits = lambda x, q, w=None, pw=None, reduction=None: F.binary_cross_entropy_with_logits(
        x, q, w, pos_weight=pw, reduction=reduction
    )
    w, pw = g.uniform(*shape, low=0.5, high=2), g.uniform(shape[-1], low=0.5, high=3)
    pair("bceWithLogits", logits, x, q, to=logs)
    pair("bceWithLogits", logits, x, q, more=[None, pw], grads=[0, 1], to=logs)
    pair("bceWithLogits", logits, x, q, more=[w, pw], grads=[0, 1], to=logs)

    lx = g.uniform(*shape, low=-3, high=0)
    lt = g.uniform(*shape, low=-3, high=0)
    names = {"none": "none", "mean": "mean", "sum": "sum", "batchMean": "batchmean"}
    for reduction in names:
        kl = lambda x, t, log: F.kl_div(x, t, reduction=names[reduction], log_target=log)
        logs.case("klDiv", lambda x, t: kl(x, t, False), [lx, q], {"reduction": reduction})
        logs.case("klDiv", lambda x, t: kl(x, t, True), [lx, lt], {"reduction": reduction, "logTarget": True})
    zeros = q.copy()
    zeros.flat[2] = 0
    logs.case("klDiv", lambda x, t: F.kl_div(x, t, reduction="sum"), [lx, zeros], {"reduction": "sum"})

    pair("softMarginLoss", F.soft_margin_loss, x, sign, grads=[0], to=logs)

    for shape_v in {shape, (*shape[:-1], 1)}:
        v = g.uniform(*shape_v, low=0.3, high=2)
        v.flat[0] = 0.01
        for full, eps in [(False, 1e-6), (True, 0.1)]:
            nll = lambda x, t, v, reduction: F.gaussian_nll_loss(x, t, v, full=full, eps=eps, reduction=reduction)
            pair("gaussianNllLoss", nll, g.normal(*shape), t, {"full": full, "eps": eps}, more=[v], to=logs)
    rate = g.uniform(*shape, low=-2, high=2)
    count = g.uniform(*shape, low=0, high=6)
    for log, full in itertools.product([True, False], [True, False]):
        poisson = lambda x, t, reduction: F.poisson_nll_loss(x, t, log_input=log, full=full, eps=1e-3, reduction=reduction)
        x = rate if log else abs(rate) + np.float32(0.2)
        pair("poissonNllLoss", poisson, x, count, {"logInput": log, "full": full, "eps": 1e-3}, to=logs)

for shape in [(4, 5), (3,)]:
    a, b, c = (g.normal(*shape) for _ in range(3))
    t = (g.integers(0, 2, *shape[:-1]) * 2 - 1).astype("float32")
    for margin, reduction in [(0.0, "mean"), (0.3, "none"), (-0.2, "sum")]:
        cosine = lambda a, b, t: F.cosine_embedding_loss(a, b, t, margin=margin, reduction=reduction)
        g.case("cosineEmbeddingLoss", cosine, [a, b, t], {"margin": margin, "reduction": reduction}, grads=[0, 1])
    for margin, p, swap, reduction in [(1.0, 2, False, "mean"), (2.0, 1, True, "none"), (0.5, 3, True, "sum")]:
        triplet = lambda a, b, c: F.triplet_margin_loss(a, b, c, margin, p, 1e-3, swap, reduction=reduction)
        options = {"margin": margin, "p": p, "eps": 1e-3, "swap": swap, "reduction": reduction}
        g.case("tripletMarginLoss", triplet, [a, b, c], options)

g.save()
logs.save()
