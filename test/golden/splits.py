"""Splits of scikit-learn, for test/splits.test.ts: python test/golden/splits.py"""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

warnings.simplefilter("ignore")  # a label with fewer samples than folds

LABELS = {
    "iris": [0] * 50 + [1] * 50 + [2] * 50,
    "uneven": [2, 0, 1, 1, 0, 2, 2, 2, 1, 0, 0, 2, 2, 1, 2, 2, 2, 0, 2, 1, 1, 2, 2],
    "few": [1, 1, 1, 0, 0, 1, 1, 1, 1, 2, 1, 2],
}
SIZES = [
    {"testSize": 0.2},
    {"testSize": 0.25},
    {"trainSize": 0.8},
    {"trainSize": 0.7},
    {"testSize": 3},
    {"trainSize": 4},
    {"testSize": 0.1, "trainSize": 0.5},
    {},
]


def arguments(options):
    return {{"testSize": "test_size", "trainSize": "train_size"}[name]: size for name, size in options.items()}


def folds(labels, splits):
    y = np.array(labels)
    shuffled = StratifiedKFold(splits, shuffle=True, random_state=1).split(y, y)
    return {
        "labels": labels,
        "nSplits": splits,
        "kFold": [test.tolist() for _, test in KFold(splits).split(y)],
        "stratified": [test.tolist() for _, test in StratifiedKFold(splits).split(y, y)],
        "shuffledCounts": [np.bincount(y[test], minlength=3).tolist() for _, test in shuffled],
    }


def size(count, options):
    train, test = train_test_split(np.arange(count), **arguments(options))
    return {"count": count, "options": options, "train": len(train), "test": len(test)}


def stratified(test_size):
    y = np.array([0] * 10 + [1] * 27 + [2] * 63)
    train, test = train_test_split(y, test_size=test_size, stratify=y, random_state=0)
    return {"testSize": test_size, "train": np.bincount(train).tolist(), "test": np.bincount(test).tolist()}


golden = {
    "folds": {name: folds(labels, 4) for name, labels in LABELS.items()},
    "sizes": [size(count, options) for count in (10, 11, 23, 150) for options in SIZES],
    "stratified": [stratified(test_size) for test_size in (0.2, 0.3, 10, 50)],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
