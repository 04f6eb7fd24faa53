"""What each trial did on each dev row, read from the trials' predictions.npz: what the luck of a search is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain import runs
from dltrain.errors import InputError

if TYPE_CHECKING:
    from dltrain.diagnosis.comparison import Examples

Values: TypeAlias = npt.NDArray[np.float64]

MOST = 256
"""Points read at most, the best ones: the others are never the best of any bag."""
ALIKE = ("rows", "weights", "groups", "times")
"""Arrays that have to be the same of all trials."""
BY_ROW = ("dev.error", "dev.loss", "dev.rmse")
"""Objectives that are means, or grow with means, over dev rows."""
NEAR = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class DevLosses:
    """Every point's error and objective on every dev row, mean over its seeds: (points, n)."""

    errors: Values
    chosen_by: Values
    examples: Examples


def read(points: Sequence[tuple[float, Sequence[Path]]], objective: str, task: str) -> DevLosses | str:
    """The losses of points, each its objective and the run folders of its seeds; in words where there are none to
    resample: another objective, no dev part, other rows.

    The objective computed from the rows has to be the one given, else nothing is said (of class weights nothing is
    known here).
    """
    if objective not in BY_ROW:
        return f"{objective} is not a mean over dev rows: how much of the best is luck is not known"
    kept = sorted(sorted(range(len(points)), key=lambda place: (points[place][0], place))[:MOST])
    if len(kept) < 2:
        return "the luck of a search takes two points or more that finished"
    try:
        return _together([points[place] for place in kept], objective, task)
    except InputError as error:
        return f"the luck of the search is not known: {error}"


def _together(points: Sequence[tuple[float, Sequence[Path]]], objective: str, task: str) -> DevLosses | str:
    from dltrain.diagnosis.comparison import Examples

    errors, chosen_by = [], []
    first: dict[str, Any] | None = None
    for value, paths in points:
        found = [runs.decode_predictions(path) for path in paths]
        first = first or found[0]
        if not all(_alike(first, arrays) for arrays in found):
            return "the trials were not measured on the same dev rows: the luck of the search is not known"
        error = _mean([arrays["errors"] for arrays in found])
        criterion = error if objective != "dev.loss" or task == "regression" else _mean([_loss(a) for a in found])
        if task != "regression" and not _is(criterion, first.get("weights"), value):
            return f"{objective} of the trials is not what their predictions give: the luck of the search is not known"
        errors.append(error)
        chosen_by.append(criterion)
    assert first is not None
    examples = Examples(task, first.get("weights"), first.get("groups"), first.get("times"))
    return DevLosses(np.stack(errors), np.stack(chosen_by), examples)


def _mean(seeds: Sequence[Any]) -> Values:
    """Over the seeds; whole numbers are added first, so that ties stay ties."""
    total: Values = np.sum([np.asarray(one, np.float64) for one in seeds], axis=0)
    return total / len(seeds)


def _loss(arrays: Mapping[str, Any]) -> Values:
    """−log ŷ_y of each row."""
    yhat = np.asarray(arrays["yhat"], np.float64)
    chosen = yhat[np.arange(len(yhat)), np.asarray(arrays["y"], np.int64)]
    losses: Values = -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
    return losses


def _is(criterion: Values, weights: Any, value: float) -> bool:
    from dltrain.engine.weights import mean_error

    return abs(mean_error(criterion, weights) - value) <= NEAR * max(abs(value), NEAR)


def _alike(first: Mapping[str, Any], arrays: Mapping[str, Any]) -> bool:
    def same(name: str) -> bool:
        a, b = first.get(name), arrays.get(name)
        return (a is None) == (b is None) and (a is None or b is None or bool(np.array_equal(a, b)))

    return all(same(name) for name in ALIKE)
