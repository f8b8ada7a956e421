"""Resizing: python test/golden/resize.py

Left out: mode 'nearest' in one dimension with a scale factor that leaves the length as it is, where PyTorch's forward pass
reads other elements than its gradient says (in two dimensions both copy).
"""

import torch.nn.functional as F
from golden import Golden

g = Golden("resize")


def resize(shape, mode="nearest", align_corners=None, **options):
    named = {"scaleFactor" if key == "scale_factor" else key: value for key, value in options.items()}
    if mode != "nearest":
        named["mode"] = mode
    if align_corners is not None:
        named["alignCorners"] = align_corners
    call = lambda x: F.interpolate(x, mode=mode, align_corners=align_corners, **options)
    g.case("interpolate", call, [g.uniform(*shape)], named, name=f"interpolate {shape} {named}")


resize((1, 1, 1), size=1)
resize((2, 3, 5), size=13)
resize((2, 3, 13), size=5)
resize((1, 2, 7), size=7)
resize((1, 2, 5), scale_factor=2.3)
resize((1, 2, 9), scale_factor=0.45)
resize((2, 3, 5, 4), size=(7, 9))
resize((1, 2, 8, 6), size=3)
resize((1, 1, 5, 5), scale_factor=1.1)
resize((1, 1, 6, 3), scale_factor=2.1)
# The ratio of the sizes as f32 makes other elements the nearest.
resize((1, 1, 39, 2), size=(33, 82))
resize((1, 1, 2, 26), size=(1, 44))
resize((1, 2, 7, 6), scale_factor=(0.6, 1.7))
resize((1, 2, 3, 4), scale_factor=2)
for corners in [False, True]:
    resize((1, 1, 1), "linear", corners, size=4)
    resize((2, 2, 7), "linear", corners, size=12)
    resize((1, 3, 9), "linear", corners, size=4)
    resize((1, 3, 5), "linear", corners, size=1)
    resize((1, 3, 5), "linear", corners, scale_factor=1.1)
    resize((1, 3, 5), "linear", corners, scale_factor=1.5)
    resize((1, 3, 9), "linear", corners, scale_factor=0.7)
    resize((1, 1, 1, 1), "bilinear", corners, size=(3, 1))
    resize((1, 2, 5, 7), "bilinear", corners, size=(8, 3))
    resize((2, 1, 4, 5), "bilinear", corners, size=(9, 1))
    resize((1, 1, 5, 5), "bilinear", corners, scale_factor=1.1)
    resize((1, 2, 6, 5), "bilinear", corners, scale_factor=(1.3, 0.7))
    resize((1, 1, 3, 9), "bilinear", corners, scale_factor=2)
    resize((1, 1, 4, 3), "bilinear", corners, scale_factor=3.14159)
g.save()
