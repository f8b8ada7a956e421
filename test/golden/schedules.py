"""Rates and momenta of PyTorch's schedules: python test/golden/schedules.py writes schedules.json (see golden.py for what it needs)."""

import json
import warnings
from pathlib import Path

import torch
from torch.optim import lr_scheduler as lr

warnings.filterwarnings("ignore")
STEPS = 30
RATES = [0.1, 0.02]
METRICS = [5, 4, 4, 4, 3.9999, 3, 3, 3, 3, 3, 2.5, 2.6, 2.7, 2.8, float("nan"), 2.9, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2]


def square(epoch):
    return 1 / (1 + epoch) ** 2


# Weft's class and options, and PyTorch's.
SETTINGS = [
    ("StepLR", {"stepSize": 4, "gamma": 0.5}, {"step_size": 4, "gamma": 0.5}),
    ("StepLR", {"stepSize": 7}, {"step_size": 7}),
    ("MultiStepLR", {"milestones": [3, 8, 8, 20], "gamma": 0.3}, {"milestones": [3, 8, 8, 20], "gamma": 0.3}),
    ("ConstantLR", {}, {}),
    ("ConstantLR", {"factor": 0.2, "totalIters": 9}, {"factor": 0.2, "total_iters": 9}),
    ("LinearLR", {}, {}),
    ("LinearLR", {"startFactor": 0.01, "endFactor": 0.5, "totalIters": 12}, {"start_factor": 0.01, "end_factor": 0.5, "total_iters": 12}),
    ("ExponentialLR", {"gamma": 0.9}, {"gamma": 0.9}),
    ("PolynomialLR", {}, {}),
    ("PolynomialLR", {"totalIters": 20, "power": 2.5}, {"total_iters": 20, "power": 2.5}),
    ("CosineAnnealingLR", {"tMax": 10, "etaMin": 0.001}, {"T_max": 10, "eta_min": 0.001}),
    ("CosineAnnealingLR", {"tMax": 40}, {"T_max": 40}),
    ("CosineAnnealingWarmRestarts", {"t0": 7}, {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"t0": 4, "tMult": 2, "etaMin": 0.001}, {"T_0": 4, "T_mult": 2, "eta_min": 0.001}),
    ("OneCycleLR", {"maxLr": 0.3, "totalSteps": 30}, {"max_lr": 0.3, "total_steps": 30}),
    (
        "OneCycleLR",
        {"maxLr": [0.3, 0.1], "epochs": 5, "stepsPerEpoch": 7, "pctStart": 0.4, "annealStrategy": "linear", "threePhase": True, "divFactor": 10, "finalDivFactor": 100, "baseMomentum": 0.7, "maxMomentum": 0.8},
        {"max_lr": [0.3, 0.1], "epochs": 5, "steps_per_epoch": 7, "pct_start": 0.4, "anneal_strategy": "linear", "three_phase": True, "div_factor": 10, "final_div_factor": 100, "base_momentum": 0.7, "max_momentum": 0.8},
    ),
    ("OneCycleLR", {"maxLr": 0.3, "totalSteps": 30, "cycleMomentum": False}, {"max_lr": 0.3, "total_steps": 30, "cycle_momentum": False}),
    ("CyclicLR", {"baseLr": 0.01, "maxLr": 0.1, "stepSizeUp": 5}, {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5}),
    ("CyclicLR", {"baseLr": 0.01, "maxLr": 0.1, "stepSizeUp": 3, "stepSizeDown": 5, "mode": "triangular2"}, {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "step_size_down": 5, "mode": "triangular2"}),
    (
        "CyclicLR",
        {"baseLr": [0.01, 0.02], "maxLr": [0.1, 0.2], "stepSizeUp": 4, "mode": "exp_range", "gamma": 0.97, "baseMomentum": 0.5, "maxMomentum": 0.6},
        {"base_lr": [0.01, 0.02], "max_lr": [0.1, 0.2], "step_size_up": 4, "mode": "exp_range", "gamma": 0.97, "base_momentum": 0.5, "max_momentum": 0.6},
    ),
    ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5}, {"patience": 2, "factor": 0.5}),
    ("ReduceLROnPlateau", {"patience": 1, "cooldown": 3, "minLr": [0.03, 0.0001], "threshold": 0.05}, {"patience": 1, "cooldown": 3, "min_lr": [0.03, 0.0001], "threshold": 0.05}),
    ("ReduceLROnPlateau", {"mode": "max", "patience": 3, "thresholdMode": "abs", "threshold": 0.1}, {"mode": "max", "patience": 3, "threshold_mode": "abs", "threshold": 0.1}),
]


def optimizer_of(kind):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))], "lr": rate} for rate in RATES]
    return torch.optim.SGD(groups, momentum=0.9) if kind == "SGD" else torch.optim.Adam(groups)


def momentum_of(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


def trace(optimizer, step):
    """Rates and momenta of each group before the first step and after each."""
    rates, momenta = [], []
    for i in range(STEPS + 1):
        if i > 0:
            optimizer.step()
            step(i - 1)
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
        momenta.append([momentum_of(group) for group in optimizer.param_groups])
    return {"rates": rates, "momenta": momenta}


def golden(kind, name, options, torch_options):
    optimizer = optimizer_of(kind)
    schedule = getattr(lr, name)(optimizer, **torch_options)
    step = (lambda i: schedule.step(METRICS[i])) if name == "ReduceLROnPlateau" else (lambda i: schedule.step())
    return {"optimizer": kind, "schedule": name, "options": options, **trace(optimizer, step)}


def composed():
    """What the test builds by the same names."""
    results = {}

    optimizer = optimizer_of("SGD")
    schedule = lr.LambdaLR(optimizer, lr_lambda=[square, lambda epoch: 0.95**epoch])
    results["lambda"] = trace(optimizer, lambda i: schedule.step())

    optimizer = optimizer_of("SGD")
    warm = lr.LinearLR(optimizer, start_factor=0.1, total_iters=5)
    cosine = lr.CosineAnnealingLR(optimizer, T_max=12, eta_min=0.001)
    last = lr.ExponentialLR(optimizer, gamma=0.8)
    schedule = lr.SequentialLR(optimizer, [warm, cosine, last], milestones=[5, 17])
    results["sequential"] = trace(optimizer, lambda i: schedule.step())

    optimizer = optimizer_of("SGD")
    first = lr.LinearLR(optimizer, start_factor=0.25, total_iters=6)
    second = lr.StepLR(optimizer, step_size=4, gamma=0.5)

    def both(_):
        first.step()
        second.step()

    results["chained"] = trace(optimizer, both)

    optimizer = optimizer_of("SGD")
    exponential = lr.ExponentialLR(optimizer, gamma=0.9)

    def by_hand(i):
        exponential.step()
        if i == 9:
            optimizer.param_groups[0]["lr"] = 0.7

    results["byHand"] = trace(optimizer, by_hand)

    # Set by hand after the curve's end, and where it touches its floor.
    optimizer = optimizer_of("SGD")
    polynomial = lr.PolynomialLR(optimizer, total_iters=8, power=2)

    def after_the_end(i):
        polynomial.step()
        if i == 11:
            optimizer.param_groups[1]["lr"] = 0.3

    results["afterTheEnd"] = trace(optimizer, after_the_end)

    optimizer = optimizer_of("SGD")
    cosine_alone = lr.CosineAnnealingLR(optimizer, T_max=6, eta_min=0.001)

    def at_the_floor(i):
        cosine_alone.step()
        if i == 5:
            optimizer.param_groups[0]["lr"] = 0.05

    results["atTheFloor"] = trace(optimizer, at_the_floor)
    return results


path = Path(__file__).with_name("schedules.json")
goldens = [golden(kind, *setting) for setting in SETTINGS for kind in (("SGD", "Adam") if "yc" in setting[0] else ("SGD",))]
metrics = [None if value != value else value for value in METRICS]
path.write_text(json.dumps({"torch": torch.__version__, "rates": RATES, "metrics": metrics, "schedules": goldens, "composed": composed()}) + "\n")
