"""What PyTorch 2.15 (CPU, float64) makes of ops, forward and backward, for test/devices/golden.ts.

Each `<family>.py` beside this file writes `<family>.safetensors`: pip install torch==2.15.0 numpy safetensors, then
`python test/golden/<family>.py`. Inputs are f32 numbers, so that every backend gets the same; results are f64.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

WANTED = "2.15"
if not torch.__version__.startswith(WANTED):
    raise SystemExit(f"needs PyTorch {WANTED}, this is {torch.__version__}")
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)


class Golden:
    """Cases of one family. Random numbers depend on the order of the calls alone."""

    def __init__(self, family, seed=0):
        self.family = family
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.tensors = {}
        self.cases = []

    def uniform(self, *shape, low=-1.0, high=1.0):
        return self.random.uniform(low, high, shape).astype(np.float32)

    def normal(self, *shape):
        return self.random.standard_normal(shape).astype(np.float32)

    def distinct(self, *shape):
        """Numbers without ties, at least 0.01 apart."""
        size = int(np.prod(shape))
        return ((self.random.permutation(size) - size / 2) * 0.01).astype(np.float32).reshape(shape)

    def integers(self, low, high, *shape):
        """low <= i < high."""
        return self.random.integers(low, high, shape).astype(np.int32)

    def booleans(self, *shape):
        return self.random.integers(0, 2, shape).astype(bool)

    def case(self, op, f, inputs, options=None, grads=None, name=None):
        """
        One call of Weft's `op` on `inputs` (arrays or None, in the op's order) with `options` (JSON), which must give
        what `f`, PyTorch's function of the same inputs as tensors, returns: a tensor or several. Float inputs are given
        as f64, i32 as int64. The gradients of sum(outputs * seeds) with respect to the inputs in `grads` (positions,
        default: every float input) are kept too; grads=[] for none. An input that f does not depend on must not be listed.
        """
        number = len(self.cases)
        key = lambda what, i: f"{number}.{what}{i}"
        tensors = [None if x is None else torch.tensor(np.asarray(x)) for x in inputs]
        tensors = [t if t is None else t.double() if t.is_floating_point() else t if t.dtype == torch.bool else t.long() for t in tensors]
        floats = [i for i, t in enumerate(tensors) if t is not None and t.is_floating_point()]
        wanted = floats if grads is None else grads
        for i in wanted:
            tensors[i].requires_grad_(True)
        outputs = f(*tensors)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        seeds = [self.uniform(*o.shape) if o.is_floating_point() else None for o in outputs]
        found = {}
        if wanted:
            loss = sum((o * torch.tensor(s).double()).sum() for o, s in zip(outputs, seeds) if s is not None)
            found = dict(zip(wanted, torch.autograd.grad(loss, [tensors[i] for i in wanted])))

        def keep(what, i, array):
            if array is None:
                return None
            array = np.array(array, order="C")
            if array.dtype == np.int64:
                array = array.astype(np.int32)
            self.tensors[key(what, i)] = array
            return key(what, i)

        self.cases.append(
            {
                "op": op,
                "name": name or f"{op} {json.dumps(options or {})}",
                "options": options or {},
                "inputs": [keep("input", i, x) for i, x in enumerate(inputs)],
                "outputs": [keep("output", i, o.detach().numpy()) for i, o in enumerate(outputs)],
                "seeds": [keep("seed", i, s) for i, s in enumerate(seeds)],
                "grads": [keep("grad", i, found[i].numpy() if i in found else None) for i in range(len(inputs))],
            }
        )

    def save(self):
        path = Path(sys.argv[0]).with_name(f"{self.family}.safetensors")
        save_file(self.tensors, path, metadata={"torch": torch.__version__, "cases": json.dumps(self.cases)})
        print(f"{path.name}: {len(self.cases)} cases, {path.stat().st_size} bytes")
