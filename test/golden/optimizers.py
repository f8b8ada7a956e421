"""Ten steps of every optimiser: python test/golden/optimizers.py writes optimizers.json (see golden.py for what it needs)."""

import json
from pathlib import Path

import torch
from golden import Golden

STEPS = 10
SHAPES = [[3, 4], [5], [2, 1, 3]]
g = Golden("optimizers")
start = [g.uniform(*shape) for shape in SHAPES]
gradients = [[g.uniform(*shape) for shape in SHAPES] for _ in range(STEPS)]

# Weft's class and options, and PyTorch's.
SETTINGS = [
    ("SGD", {"lr": 0.1}, {}),
    ("SGD", {"lr": 0.1, "weightDecay": 0.05}, {"weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}, {"momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weightDecay": 0.05}, {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}, {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-6, "weightDecay": 0.05}, {"alpha": 0.9, "eps": 1e-6, "weight_decay": 0.05}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9}, {"momentum": 0.9}),
    ("RMSprop", {"lr": 0.02, "centered": True}, {"centered": True}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.9}, {"centered": True, "momentum": 0.9}),
    ("Adam", {}, {}),
    ("Adam", {"lr": 0.02, "betas": [0.8, 0.95], "eps": 1e-6, "weightDecay": 0.05}, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.05}),
    ("AdamW", {}, {}),
    ("AdamW", {"lr": 0.02, "weightDecay": 0.3}, {"weight_decay": 0.3}),
    ("Adagrad", {}, {}),
    ("Adagrad", {"lr": 0.05, "lrDecay": 0.1, "weightDecay": 0.05, "initialAccumulatorValue": 0.2, "eps": 1e-8}, {"lr_decay": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.2, "eps": 1e-8}),
    ("Adamax", {}, {}),
    ("Adamax", {"lr": 0.05, "betas": [0.8, 0.95], "weightDecay": 0.05}, {"betas": (0.8, 0.95), "weight_decay": 0.05}),
    ("NAdam", {}, {}),
    ("NAdam", {"lr": 0.05, "momentumDecay": 0.01, "weightDecay": 0.05}, {"momentum_decay": 0.01, "weight_decay": 0.05}),
    ("NAdam", {"lr": 0.05, "weightDecay": 0.3, "decoupledWeightDecay": True}, {"weight_decay": 0.3, "decoupled_weight_decay": True}),
]


def trace(name, options, torch_options):
    parameters = [torch.nn.Parameter(torch.tensor(p).double()) for p in start]
    if "lr" in options:
        torch_options = {"lr": options["lr"], **torch_options}
    optimizer = getattr(torch.optim, name)(parameters, **torch_options)
    after = []
    for grads in gradients:
        for parameter, grad in zip(parameters, grads):
            parameter.grad = torch.tensor(grad).double()
        optimizer.step()
        after.append([p.detach().flatten().tolist() for p in parameters])
    return {"optimizer": name, "options": options, "after": after}


def clipped(name, options, clip):
    """What clipping makes of the first step's gradients."""
    parameters = [torch.nn.Parameter(torch.tensor(p).double()) for p in start]
    for parameter, grad in zip(parameters, gradients[0]):
        parameter.grad = torch.tensor(grad).double()
    norm = clip(parameters)
    after = [p.grad.flatten().tolist() for p in parameters]
    return {"name": name, "options": options, "norm": None if norm is None else norm.item(), "after": after}


utils = torch.nn.utils
CLIPS = [
    clipped("norm", {"maxNorm": 0.5}, lambda ps: utils.clip_grad_norm_(ps, 0.5)),
    clipped("norm", {"maxNorm": 100}, lambda ps: utils.clip_grad_norm_(ps, 100)),
    clipped("norm", {"maxNorm": 0.5, "normType": 1}, lambda ps: utils.clip_grad_norm_(ps, 0.5, 1)),
    clipped("norm", {"maxNorm": 0.25, "normType": "inf"}, lambda ps: utils.clip_grad_norm_(ps, 0.25, float("inf"))),
    clipped("value", 0.3, lambda ps: utils.clip_grad_value_(ps, 0.3)),
]

flat = lambda arrays: [a.flatten().astype(float).tolist() for a in arrays]
result = {
    "torch": torch.__version__,
    "shapes": SHAPES,
    "start": flat(start),
    "gradients": [flat(step) for step in gradients],
    "traces": [trace(*setting) for setting in SETTINGS],
    "clips": CLIPS,
}
path = Path(__file__).with_name("optimizers.json")
path.write_text(json.dumps(result))
print(f"{path.name}: {len(SETTINGS)} traces, {path.stat().st_size} bytes")
