"""What a classifier takes for what: the confusion matrix, and the error of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltrain.diagnosis.intervals import wilson
from dltrain.engine.arrays import Ints

MATRIX_CLASSES = 100
"""Of more classes the matrix is left out, and the pairs most often confused stay."""
PAIRS = 15


def confusion(y: Ints, predicted: Ints, classes: Sequence[str]) -> dict[str, Any]:
    """{classes, counts, pairs}: counts[i][j] examples of class i were taken for class j, each counted once whatever its
    weight; pairs [{true, predicted, n}] are the mistakes most often made. y, predicted: (n,) class numbers."""
    C = len(classes)
    cells, times = np.unique(y.astype(np.int64) * C + predicted.astype(np.int64), return_counts=True)
    wrong = [
        (-n, cell // C, cell % C)
        for cell, n in zip(cells.tolist(), times.tolist(), strict=True)
        if cell // C != cell % C
    ]
    pairs = [{"true": classes[i], "predicted": classes[j], "n": -n} for n, i, j in sorted(wrong)[:PAIRS]]
    counts = None
    if C <= MATRIX_CLASSES:
        table = np.zeros(C * C, dtype=np.int64)
        table[cells] = times
        counts = table.reshape(C, C).tolist()
    return {"classes": list(classes), "counts": counts, "pairs": pairs}


def per_class(y: Ints, predicted: Ints, classes: Sequence[str], confidence: float) -> list[dict[str, Any]]:
    """Of each class {class, n, error {value, low, high, n}, predicted, precision}: the share of its examples that was
    missed, with Wilson's interval (which is 1 − recall), how often it was predicted, and how often rightly then.

    A value is null where there is no example to measure it on. y, predicted: (n,) class numbers.
    """
    C = len(classes)
    right = np.bincount(y[y == predicted].astype(np.int64), minlength=C).tolist()
    there = np.bincount(y.astype(np.int64), minlength=C).tolist()
    said = np.bincount(predicted.astype(np.int64), minlength=C).tolist()
    return [
        {
            "class": name,
            "n": n,
            "error": _missed(n - hits, n, confidence),
            "predicted": times,
            "precision": hits / times if times else None,
        }
        for name, n, hits, times in zip(classes, there, right, said, strict=True)
    ]


def _missed(wrong: int, n: int, confidence: float) -> dict[str, Any]:
    if not n:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(wrong / n, n, confidence)
    return {"value": wrong / n, "low": low, "high": high, "n": n}
