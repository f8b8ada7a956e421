"""Windows as columns, locally connected layers, pixel shuffling: python test/golden/windows.py"""

import torch
import torch.nn.functional as F
from golden import Golden

g = Golden("windows")


def windows(x, bias, **options):
    """unfold, fold of the same windows, and a locally connected layer over them."""
    image = g.uniform(*x)
    unfold = lambda x: F.unfold(x, options["kernel_size"], **{k: v for k, v in options.items() if k != "kernel_size"})
    named = {"kernel" if key == "kernel_size" else key: value for key, value in options.items()}
    g.case("unfold", unfold, [image], named)
    _, taps, places = unfold(torch.tensor(image)).shape
    g.case("fold", lambda c: F.fold(c, x[2:], **options), [g.uniform(x[0], taps, places)], {**named, "outputSize": x[2:]})
    # The image's height and width after the windows: a convolution with the same options has them.
    plain = {k: v for k, v in options.items() if k != "kernel_size"}
    kernel = options["kernel_size"] if isinstance(options["kernel_size"], tuple) else (options["kernel_size"],) * 2
    size = F.conv2d(torch.zeros(x), torch.zeros(1, x[1], *kernel), **plain).shape[2:]
    connected = lambda x, w: torch.einsum("pok,nkp->nop", w, unfold(x)).unflatten(2, size)
    weight = g.uniform(places, 2, taps)
    if bias:
        g.case("locallyConnected2d", lambda x, w, b: connected(x, w) + b, [image, weight, g.uniform(2, *size)], named)
    else:
        g.case("locallyConnected2d", connected, [image, weight], named)


windows((1, 1, 1, 1), False, kernel_size=1)
windows((2, 3, 4, 5), True, kernel_size=(3, 2))
windows((1, 2, 7, 6), False, kernel_size=3, stride=2, padding=1)
windows((2, 1, 5, 9), True, kernel_size=(2, 3), dilation=(3, 2), padding=(0, 4), stride=(1, 3))

g.case("pixelShuffle", lambda x: F.pixel_shuffle(x, 2), [g.uniform(2, 12, 3, 5)], {"factor": 2})
g.case("pixelShuffle", lambda x: F.pixel_shuffle(x, 3), [g.uniform(1, 9, 1, 2)], {"factor": 3})
g.case("pixelUnshuffle", lambda x: F.pixel_unshuffle(x, 2), [g.uniform(2, 3, 4, 6)], {"factor": 2})
g.case("pixelUnshuffle", lambda x: F.pixel_unshuffle(x, 3), [g.uniform(1, 2, 3, 9)], {"factor": 3})
g.case("pixelShuffle", lambda x: F.pixel_shuffle(x, 2), [g.uniform(8, 2, 3)], {"factor": 2})
g.case("pixelShuffle", lambda x: F.pixel_shuffle(x, 2), [g.uniform(2, 3, 4, 2, 1)], {"factor": 2})
g.case("pixelUnshuffle", lambda x: F.pixel_unshuffle(x, 3), [g.uniform(2, 3, 6)], {"factor": 3})
g.case("pixelUnshuffle", lambda x: F.pixel_unshuffle(x, 2), [g.uniform(2, 3, 1, 4, 2)], {"factor": 2})
g.case("unfold", lambda x: F.unfold(x, (3, 2), 2, 1), [g.uniform(2, 5, 4)], {"kernel": (3, 2), "dilation": 2, "padding": 1})
g.case("fold", lambda x: F.fold(x, (5, 4), (3, 2), 2, 1), [g.uniform(12, 12)], {"kernel": (3, 2), "dilation": 2, "padding": 1, "outputSize": (5, 4)})
g.save()
