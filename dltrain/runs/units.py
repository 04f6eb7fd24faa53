"""What a run's training set has divided its errors and weights by: runs with other training sets have other units.

A regression's e_i = (y − ŷ)²/Var_train(y) and weights of mean 1 over the training set say the same of one run, but
two numbers of two runs can be compared only in one unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltrain.runs.records import PathLike, find_record

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Var_train(y) of a regression, 1 of classes; and the mean example weight of the training set."""

    variance: float = 1.0
    weight: float = 1.0

    def factor(self, other: Unit) -> float:
        """What an error in this unit is times, in the other one."""
        return self.variance / other.variance

    def turned(self, arrays: Mapping[str, Array], other: Unit) -> dict[str, Array]:
        """Predictions as decode_predictions gives them, with errors and weights in the other unit."""
        if self == other:
            return dict(arrays)
        found = {**arrays, "errors": arrays["errors"] * self.factor(other)}
        if "weights" in arrays:
            found["weights"] = arrays["weights"] * (self.weight / other.weight)
        return found


def unit_of(path: PathLike) -> Unit:
    """Of a run that finished. Raises Damaged for a preparation.json that is not sound."""
    preparation = find_record(path, "preparation.json") or {}
    regression = preparation.get("task") == "regression"
    sd = float(preparation.get("target_sd") or 1.0) if regression else 1.0
    return Unit(variance=sd**2, weight=float(preparation.get("weight_mean") or 1.0))


def alike(a: Array | None, b: Array | None) -> bool:
    """Whether what is known of two runs' examples (targets, weights, groups, ...) is the same; numbers with a point up
    to the rounding of float32."""
    import numpy as np

    if a is None or b is None:
        return a is b
    if a.dtype.kind == "f" and a.shape == b.shape:
        return bool(np.allclose(a, b, rtol=1e-5, atol=1e-6 * float(np.abs(a).max(initial=0.0))))
    return bool(np.array_equal(a, b))
