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

# Two groups; which of the parameters have a gradient in each step.
DUE = [[0, 2], [0, 2], [0, 1, 2], [1], [0, 1, 2], [0, 2], [0, 1, 2], [0, 1, 2], [2], [0, 1, 2]]
GROUPS = [
    ("SGD", {"momentum": 0.9, "dampening": 0.3}, [{"lr": 0.1}, {"lr": 0.02, "momentum": 0.0, "weightDecay": 0.1}], [{"lr": 0.1}, {"lr": 0.02, "momentum": 0.0, "weight_decay": 0.1}]),
    ("Adam", {"lr": 0.05}, [{}, {"lr": 0.01, "betas": [0.7, 0.9]}], [{}, {"lr": 0.01, "betas": (0.7, 0.9)}]),
    ("NAdam", {"lr": 0.05}, [{"eps": 1e-6}, {"lr": 0.01}], [{"eps": 1e-6}, {"lr": 0.01}]),
    ("RMSprop", {"lr": 0.02}, [{"centered": True}, {"momentum": 0.5}], [{"centered": True}, {"momentum": 0.5}]),
    ("Adagrad", {"lr": 0.05}, [{"lrDecay": 0.1}, {"lr": 0.1}], [{"lr_decay": 0.1}, {"lr": 0.1}]),
]


def grouped(name, options, own, torch_own):
    """Parameters 0 and 1 are a group, 2 is another; not all of them have a gradient in each step."""
    parameters = [torch.nn.Parameter(torch.tensor(p).double()) for p in start]
    groups = [{"params": parameters[:2], **torch_own[0]}, {"params": parameters[2:], **torch_own[1]}]
    optimizer = getattr(torch.optim, name)(groups, **options)
    after = []
    for step, grads in enumerate(gradients):
        optimizer.zero_grad()
        for i in DUE[step]:
            parameters[i].grad = torch.tensor(grads[i]).double()
        optimizer.step()
        after.append([p.detach().flatten().tolist() for p in parameters])
    return {"optimizer": name, "options": options, "groups": own, "after": after}


class Held(torch.nn.Module):
    """The parameters that start as `start`, and a buffer."""

    def __init__(self):
        super().__init__()
        self.parameters_ = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(p).double()) for p in start])
        self.register_buffer("buffer", torch.zeros(5, dtype=torch.float64))


def averaged(use_buffers):
    """The averages after each of ten steps of SGD; the buffer holds the gradient of parameter 1."""
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    model = Held()
    ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8), use_buffers=use_buffers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    after = []
    for grads in gradients:
        for parameter, grad in zip(model.parameters(), grads):
            parameter.grad = torch.tensor(grad).double()
        optimizer.step()
        model.buffer.copy_(torch.tensor(grads[1]).double())
        ema.update_parameters(model)
        after.append([p.detach().flatten().tolist() for p in [*ema.module.parameters(), *ema.module.buffers()]])
    return after


flat = lambda arrays: [a.flatten().astype(float).tolist() for a in arrays]
result = {
    "torch": torch.__version__,
    "shapes": SHAPES,
    "start": flat(start),
    "gradients": [flat(step) for step in gradients],
    "traces": [trace(*setting) for setting in SETTINGS],
    "clips": CLIPS,
    "due": DUE,
    "groups": [grouped(*setting) for setting in GROUPS],
    "averages": {"decay": 0.8, "useBuffers": averaged(True), "copied": averaged(False)},
}
path = Path(__file__).with_name("optimizers.json")
path.write_text(json.dumps(result))
print(f"{path.name}: {len(SETTINGS)} traces, {path.stat().st_size} bytes")
