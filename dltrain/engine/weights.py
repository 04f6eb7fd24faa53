"""Weights of examples and of classes: which number each of them enters.

Both multiply L, in the cost and in `loss`. Example weights also weigh `error`; class weights do not, since they
say how much a mistake matters for learning, not how often it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from dltrain.engine.arrays import Floats, Targets

ClassWeights: TypeAlias = Floats | Sequence[float]
"""(C,): of each class, by its number."""


def loss_weights(y: Targets, weights: Floats | None, class_weights: ClassWeights | None) -> Floats | None:
    """What multiplies L of each example: weights_i · class_weights[y_i], (m,) float64; None where neither is given.

    y: (m,) class numbers, of any type, where there are class weights.
    """
    if class_weights is None:
        return weights
    of_class = np.asarray(class_weights, np.float64)[np.asarray(y).astype(np.int64)]
    return of_class if weights is None else weights * of_class


def mean_error(errors: Floats, weights: Floats | None) -> float:
    """Σ we / Σ w over the examples, (m,) each; the plain mean without weights, 0 where all weights are 0."""
    if weights is None:
        return float(errors.mean())
    return float((errors * weights).sum()) / (float(weights.sum()) or 1.0)
