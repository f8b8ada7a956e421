"""What torchvision makes of images, for test/transforms.test.ts: pip install torchvision, then
`python test/golden/transforms.py` writes transforms.safetensors and the calls into its metadata."""

import json
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from safetensors.numpy import save_file
from torchvision.transforms import InterpolationMode

torch.manual_seed(0)
BILINEAR, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST
MODES = {"bilinear": BILINEAR, "nearest": NEAREST}

y, x = torch.meshgrid(torch.arange(9), torch.arange(12), indexing="ij")
ramp = torch.stack([8 * x + 5 * y, 255 - 9 * y, 120 + 60 * torch.sin(x * y / 9.0)])
colours = (ramp + torch.randint(-20, 20, (3, 9, 12))).clamp(0, 255).to(torch.uint8)
grey = colours[:1]
# Colours without saturation, black and white belong to the cases of hue.
colours[:, 0, 0], colours[:, 0, 1], colours[:, 0, 2] = 0, 255, 77
images = {"u8": colours, "f32": colours.float() / 255, "grey": grey}

calls = []
tensors = {f"image.{name}": image.numpy() for name, image in images.items()}


def case(image, name, arguments, wanted):
    key = f"{len(calls)}"
    tensors[key] = wanted.contiguous().numpy()
    calls.append({"key": key, "image": image, "name": name, "arguments": arguments})


def both(name, arguments, change, kinds=("u8", "f32")):
    for kind in kinds:
        case(kind, name, arguments, change(images[kind]))


ALL = ("u8", "f32", "grey")
both("horizontalFlip", [], F.horizontal_flip, ALL)
both("verticalFlip", [], F.vertical_flip, ALL)
for size in ([6, 6], [4, 9], [14, 15], [21, 7], 5, 16):
    for antialias in (True, False):
        both("resize", [size, {"antialias": antialias}], lambda i: F.resize(i, size, antialias=antialias), ALL)
    both("resize", [size, {"interpolation": "nearest"}], lambda i: F.resize(i, size, interpolation=NEAREST))
for size in ([6, 7], [5, 8], 4, [13, 14], [15, 3], [4, 17]):
    both("centerCrop", [size], lambda i: F.center_crop(i, size))
for top, left, height, width in ((2, 3, 5, 6), (-2, -3, 7, 8), (6, 8, 7, 9)):
    both("crop", [top, left, height, width], lambda i: F.crop(i, top, left, height, width))
for mode in ("constant", "edge", "reflect", "symmetric"):
    for padding in (3, [1, 4], [0, 2, 5, 1]):
        fill = 0.5 if mode == "constant" else 0
        options = {"paddingMode": mode, "fill": fill}
        both("pad", [padding, options], lambda i: F.pad(i, padding, fill=fill, padding_mode=mode), ("f32",))
        both("pad", [padding, {"paddingMode": mode}], lambda i: F.pad(i, padding, padding_mode=mode), ("u8",))


def steady(image, angle, change):
    """Whether the nearest pixels stay the same for a slightly other angle, so that no rounding decides."""
    return all(torch.equal(change(image, angle), change(image, angle + d)) for d in (-1e-4, 1e-4))


for mode, interpolation in MODES.items():
    for angle in (10.3, -33.7, 137.9, 91.3):
        for expand in (False, True):
            def turn(i, a):
                return F.rotate(i, a, interpolation, expand=expand, fill=0)
            assert mode == "bilinear" or steady(images["u8"], angle, turn), angle
            both("rotate", [angle, {"interpolation": mode, "expand": expand, "fill": 0}], lambda i: turn(i, angle), ALL)
    def about(i, a):
        return F.rotate(i, a, interpolation, center=[3.1, 4.2], fill=[40.0, 50.0, 60.0])
    both("rotate", [21.3, {"interpolation": mode, "center": [3.1, 4.2], "fill": [40, 50, 60]}], lambda i: about(i, 21.3), ("u8",))
    for angle, translate, scale, shear in (
        (12.3, [2, -3], 1.0, [0.0, 0.0]),
        (-25.1, [0, 0], 1.37, [0.0, 0.0]),
        (7.7, [1, 1], 0.71, [11.3, 0.0]),
        (40.3, [-2, 4], 0.93, [-8.1, 13.7]),
    ):
        def move(i, a):
            return F.affine(i, a, translate, scale, shear, interpolation, fill=0)
        options = {"angle": angle, "translate": translate, "scale": scale, "shear": shear, "interpolation": mode, "fill": 0}
        assert mode == "bilinear" or steady(images["u8"], angle, move), angle
        both("affine", [options], lambda i: move(i, angle))

for factor in (0.0, 0.37, 1.0, 1.83):
    both("adjustBrightness", [factor], lambda i: F.adjust_brightness(i, factor), ALL)
    both("adjustContrast", [factor], lambda i: F.adjust_contrast(i, factor), ALL)
    both("adjustSaturation", [factor], lambda i: F.adjust_saturation(i, factor), ALL)
for factor in (-0.5, -0.21, 0.0, 0.08, 0.5):
    both("adjustHue", [factor], lambda i: F.adjust_hue(i, factor), ALL)
for channels in (1, 3):
    both("rgbToGrayscale", [channels], lambda i: F.rgb_to_grayscale(i, channels))
both("erase", [2, 3, 4, 5, 0.25], lambda i: F.erase(i, 2, 3, 4, 5, torch.tensor(0.25)), ("f32",))
# As far as the rectangle lies in the image.
both("erase", [6, 7, 5, 9, 1], lambda i: F.erase(i, 6, 7, 5, 9, torch.tensor(1)))
both("erase", [9, 2, 3, 3, 1], lambda i: F.erase(i, 9, 2, 3, 3, torch.tensor(1)))
# Quarter turns keep each pixel where the result has room for it.
for angle in (0, 90, -90, 180, 270, 720):
    for mode, interpolation in MODES.items():
        both("rotate", [angle, {"interpolation": mode, "expand": True}], lambda i: F.rotate(i, angle, interpolation, expand=True))
both("rotate", [180, {"interpolation": "bilinear"}], lambda i: F.rotate(i, 180, BILINEAR))
# Without a fill the edge is not blended with it.
both("rotate", [21.3, {"interpolation": "bilinear"}], lambda i: F.rotate(i, 21.3, BILINEAR), ALL)
both("affine", [{"angle": 12.3, "scale": 0.7, "interpolation": "bilinear"}], lambda i: F.affine(i, 12.3, [0, 0], 0.7, [0.0, 0.0], BILINEAR))

path = Path(__file__).with_suffix(".safetensors")
save_file({name: np.ascontiguousarray(a) for name, a in tensors.items()}, path, {"calls": json.dumps(calls)})
print(len(calls), "calls,", path.stat().st_size, "bytes")
