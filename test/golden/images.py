"""Image files and what Pillow reads of them, for test/image-files.test.ts: pip install pillow, then
`python test/golden/images.py` writes images.json."""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

rng = np.random.default_rng(0)
y, x = np.mgrid[0:11, 0:13]
ramp = np.stack([x * 19, y * 23, 255 - x * 9 - y * 7], -1) + rng.integers(-12, 12, (11, 13, 3))
rgb = Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8))
rgba = rgb.copy()
rgba.putalpha(Image.fromarray((x * 18).astype(np.uint8)))
see_through = rgb.quantize(7)
see_through.info["transparency"] = bytes([0, 128, 255])

FILES = {
    "rgb.png": (rgb, {}),
    "rgba.png": (rgba, {}),
    "grey.png": (rgb.convert("L"), {}),
    "grey-alpha.png": (rgba.convert("LA"), {}),
    "palette.png": (rgb.quantize(7), {}),
    "palette-alpha.png": (see_through, {"transparency": bytes([0, 128, 255])}),
    "bits.png": (rgb.convert("1"), {}),
    "rgb.jpg": (rgb, {"quality": 90}),
    "whole-colours.jpg": (rgb, {"quality": 90, "subsampling": 0}),
    "progressive.jpg": (rgb, {"progressive": True}),
    "grey.jpg": (rgb.convert("L"), {}),
}


def text(data):
    return base64.b64encode(data).decode()


def planes(image, mode):
    pixels = np.asarray(image.convert(mode))
    return text((pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)).tobytes())


golden = {"height": 11, "width": 13, "files": {}}
for name, (image, options) in FILES.items():
    file = io.BytesIO()
    image.save(file, "JPEG" if name.endswith("jpg") else "PNG", **options)
    read = Image.open(io.BytesIO(file.getvalue()))
    read.load()
    golden["files"][name] = {
        "file": text(file.getvalue()),
        **{mode: planes(read, mode) for mode in ("RGB", "L", "RGBA")},
    }
Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
