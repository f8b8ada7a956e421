"""Writes cnn-losses.json, what PyTorch makes of test/support/cnn.ts in double precision: pip install torch numpy"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

BATCH, SIZE, CLASSES, STEPS = 8, 20, 10, 10
torch.set_default_dtype(torch.float64)


def philox(counter, key):
    """Philox 4x32-10, as src/random.ts has it: four words for each number in `counter`."""
    mask = np.uint64(0xFFFFFFFF)
    c = [counter.astype(np.uint64), *(np.zeros_like(counter, np.uint64) for _ in range(3))]
    k = [np.uint64(key), np.uint64(0)]
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ k[0], p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + np.uint64(0x9E3779B9)) & mask, (k[1] + np.uint64(0xBB67AE85)) & mask]
    return np.stack(c, axis=1).ravel()


def words(seed, count):
    return philox(np.arange(-(-count // 4)), seed)[:count]


def uniform(seed, shape, bound):
    """Numbers in [-bound, bound), rounded to f32."""
    u = (words(seed, int(np.prod(shape))) >> np.uint64(8)).astype(np.float64) / 2**24
    return torch.tensor((2 * bound * u - bound).astype(np.float32).astype(np.float64).reshape(shape))


def network():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 5, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(72, 16),
        nn.Tanh(),
        nn.Linear(16, CLASSES),
    )
    with torch.no_grad():
        for i, parameter in enumerate(net.parameters()):
            parameter.copy_(uniform(100 + i, parameter.shape, 0.25))
    return net


def batch(step):
    x = uniform(1000 + step, (BATCH, 1, SIZE, SIZE), 1)
    y = torch.tensor((words(2000 + step, BATCH) % np.uint64(CLASSES)).astype(np.int64))
    return x, y


def train(make, schedule=lambda step: None):
    """Losses of ten steps; `schedule` gives a new learning rate before a step, or None."""
    net = network()
    optimizer = make(net.parameters())
    losses = []
    for step in range(STEPS):
        rate = schedule(step)
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rate
        x, y = batch(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def gradients():
    net = network()
    x, y = batch(0)
    nn.functional.cross_entropy(net(x), y).backward()
    return {
        name: {"norm": p.grad.norm().item(), "first": p.grad.flatten()[:4].tolist()}
        for name, p in net.named_parameters()
    }


golden = {
    "torch": torch.__version__,
    "losses": {
        "adam": train(lambda p: torch.optim.Adam(p, lr=0.01)),
        "sgd": train(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)),
        "sgdPlain": train(lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01)),
        "sgdDampened": train(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.3)),
        "adamDecayed": train(
            lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
            lambda step: {4: 0.005, 7: 0.02}.get(step),
        ),
    },
    "gradients": gradients(),
}
Path(__file__).with_name("cnn-losses.json").write_text(json.dumps(golden, indent=2) + "\n")
