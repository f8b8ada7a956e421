"""Average and p-norm pooling: python test/golden/avg_pooling.py"""

import itertools

import torch.nn.functional as F
from golden import Golden

g = Golden("avg_pooling")


def pick(**options):
    return {key: value for key, value in options.items() if value is not None}


def avg_case(shape, kernel, stride=None, padding=None, ceil=None, count=None, divisor=None, rank=2):
    x = g.uniform(*shape)
    extra = {"divisor_override": divisor} if divisor is not None else {}
    options = pick(kernel=kernel, stride=stride, padding=padding, ceilMode=ceil, countIncludePad=count, divisorOverride=divisor)
    pool = F.avg_pool2d if rank == 2 else F.avg_pool1d
    count = True if count is None else count
    g.case(f"avgPool{rank}d", lambda x: pool(x, kernel, stride, padding or 0, ceil or False, count, **extra), [x], options)


avg_case((2, 3, 4, 6), 2)
avg_case((2, 6, 7), 3, 1)
avg_case((0, 2, 4, 4), 2)
avg_case((1, 2, 6, 7), [3, 2], [2, 1], [1, 0])
for (kernel, stride), padding, ceil, count in itertools.product(
    [(2, 2), (3, 2), (2, 3), (4, 3)], [0, 1], [False, True], [False, True]
):
    avg_case((1, 1, 7, 8), kernel, stride, padding, ceil, count)
for divisor in [1, 5, -3]:
    avg_case((1, 2, 5, 7), 3, 2, 1, True, False, divisor)
avg_case((2, 3, 9), 3, 2, 1, True, rank=1)
avg_case((2, 9), 4, 3, 2, True, False, rank=1)

for shape, size in [((2, 3, 7, 9), [3, 4]), ((1, 2, 6, 6), 3), ((2, 5, 3), [7, 1]), ((1, 1, 23, 5), [4, None])]:
    x = g.distinct(*shape)
    g.case("adaptiveAvgPool2d", lambda x: F.adaptive_avg_pool2d(x, size), [x], {"outputSize": size})
    g.case("globalAvgPool2d", lambda x: F.adaptive_avg_pool2d(x, 1), [x])
x = g.uniform(0, 2, 4, 4)
g.case("adaptiveAvgPool2d", lambda x: F.adaptive_avg_pool2d(x, 2), [x], {"outputSize": 2})
for shape, size in [((2, 3, 11), 4), ((2, 5), 7)]:
    x = g.distinct(*shape)
    g.case("adaptiveAvgPool1d", lambda x: F.adaptive_avg_pool1d(x, size), [x], {"outputSize": size})



def lp_case(x, p, kernel, stride=None, ceil=None, rank=2, name=None):
    pool = F.lp_pool2d if rank == 2 else F.lp_pool1d
    options = pick(p=p, kernel=kernel, stride=stride, ceilMode=ceil)
    g.case(f"lpPool{rank}d", lambda x: pool(x, p, kernel, stride, ceil or False), [x], options, name=name)


for p in [1, 2, 3, 2.5, -2]:
    lp_case(g.uniform(1, 2, 5, 7, low=0.3, high=2), p, 2)
    lp_case(g.uniform(1, 1, 7, 8, low=0.3, high=2), p, [3, 2], 2, True)
for p in [1, 2, 4]:
    lp_case(g.uniform(1, 2, 5, 7, low=-2, high=2), p, 2, name=f"signed, p {p}")
    zeros = g.uniform(1, 1, 4, 6, low=0.3, high=2)
    zeros[..., :2, :4] = 0
    lp_case(zeros, p, 2, name=f"sums of zero, p {p}")
lp_case(g.uniform(2, 4, 5, low=0.3, high=2), 2, 3, 1)
lp_case(g.uniform(2, 3, 10, low=0.3, high=2), 3, 3, 2, True, rank=1)

g.save()
