"""Writes numpy.safetensors with the format's own Python package: pip install safetensors numpy ml_dtypes"""

from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

save_file(
    {
        "f32": np.array([[1.5, -2.25, 0.0], [3e38, 1e-40, -0.0]], np.float32),
        "f64": np.array([0.1, -1e300], np.float64),
        "f16": np.array([1.0, -0.333251953125, 65504.0, 5.960464477539063e-08, np.inf], np.float16),
        "bf16": np.array([1.0, -3.140625, 3.3895313892515355e38], ml_dtypes.bfloat16),
        "i32": np.array([-2147483648, 2147483647], np.int32),
        "i64": np.array([[-2147483648], [7]], np.int64),
        "u8": np.array([0, 1, 255], np.uint8),
        "bool": np.array([True, False, True], np.bool_),
        "scalar": np.array(42.0, np.float32),
        "empty": np.zeros((2, 0, 3), np.float32),
    },
    Path(__file__).with_name("numpy.safetensors"),
    metadata={"format": "np", "text": "ä \"quoted\""},
)
