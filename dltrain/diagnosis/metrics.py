"""What predictions tell beside their error: confusion, errors by class, calibration, and the surest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dltrain.diagnosis.calibration import calibration
from dltrain.diagnosis.classes import confusion, per_class
from dltrain.engine.arrays import Floats, Ints, Targets

MISTAKES = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """Examples with what they are and what they were taken for: (n,) each."""

    y: Targets
    """Class numbers, or values in the target's own units."""
    predicted: Targets
    rows: Ints
    """Row numbers in the source, from 0."""
    ids: Sequence[str] | None = None
    weights: Floats | None = None
    p_true: Floats | None = None
    """Probability of the true class."""
    p_predicted: Floats | None = None
    """Probability of the predicted class."""

    @classmethod
    def of(cls, y: Targets, predicted: Targets, rows: Ints, yhat: Floats | None, **more: Any) -> Predictions:
        """From probabilities of all classes, yhat: (n, C); None for a regression."""
        p_true = p_predicted = None
        if yhat is not None:
            every = np.arange(len(y))
            p_true, p_predicted = (yhat[every, np.asarray(which, np.int64)] for which in (y, predicted))
        return cls(y=y, predicted=predicted, rows=rows, p_true=p_true, p_predicted=p_predicted, **more)

    @classmethod
    def joined(cls, portions: Sequence[Predictions]) -> Predictions:
        """One after the other."""

        def whole(name: str) -> Any:
            values = [getattr(portion, name) for portion in portions]
            return None if values[0] is None else np.concatenate(values)

        named = portions[0].ids is not None
        ids = [name for portion in portions for name in portion.ids or ()] if named else None
        arrays = {name: whole(name) for name in ("y", "predicted", "rows", "weights", "p_true", "p_predicted")}
        return cls(**arrays, ids=ids)


def metrics_of(found: Predictions, classes: Sequence[str], confidence: float) -> dict[str, Any]:
    """`confusion`, `per_class`, `calibration` {of, ece, if_calibrated, bins} and `mistakes` for classes; for a
    regression `mistakes` alone, the examples furthest off.

    Each of `mistakes` is {row, id, true, predicted, p_predicted, p_true}, the surest first; for a regression {row, id,
    true, predicted, off}. `id` stands there where data.id names one.
    """
    if not classes:
        return {"mistakes": _furthest(found)}
    y, predicted = np.asarray(found.y, np.int64), np.asarray(found.predicted, np.int64)
    metrics: dict[str, Any] = {
        "confusion": confusion(y, predicted, classes),
        "per_class": per_class(y, predicted, classes, confidence),
    }
    if found.p_predicted is not None:
        metrics["calibration"] = _calibration(found, y, predicted, classes, confidence)
    return metrics | {"mistakes": _surest(found, y, predicted, classes)}


def _calibration(
    found: Predictions, y: Ints, predicted: Ints, classes: Sequence[str], confidence: float
) -> dict[str, Any]:
    assert found.p_predicted is not None
    p, hit, of = found.p_predicted.astype(np.float64), (y == predicted).astype(np.float64), "the predicted class"
    if len(classes) == 2:
        p, hit, of = np.where(predicted == 1, p, 1 - p), (y == 1).astype(np.float64), classes[1]
    weights = None if found.weights is None else found.weights.astype(np.float64)
    return {"of": of, **calibration(np.clip(p, 0.0, 1.0), hit, confidence, weights)}


def _surest(found: Predictions, y: Ints, predicted: Ints, classes: Sequence[str]) -> list[dict[str, Any]]:
    wrong = np.flatnonzero(y != predicted)
    if found.p_predicted is not None:
        wrong = wrong[np.argsort(-found.p_predicted[wrong], kind="stable")]
    return [
        {
            **_named(found, i),
            "true": classes[y[i]],
            "predicted": classes[predicted[i]],
            "p_predicted": None if found.p_predicted is None else float(found.p_predicted[i]),
            "p_true": None if found.p_true is None else float(found.p_true[i]),
        }
        for i in wrong[:MISTAKES].tolist()
    ]


def _furthest(found: Predictions) -> list[dict[str, Any]]:
    off = found.predicted.astype(np.float64) - found.y
    order = np.argsort(-np.abs(off), kind="stable")[:MISTAKES].tolist()
    return [
        {**_named(found, i), "true": float(found.y[i]), "predicted": float(found.predicted[i]), "off": float(off[i])}
        for i in order
    ]


def _named(found: Predictions, i: int) -> dict[str, Any]:
    return {"row": int(found.rows[i])} | ({} if found.ids is None else {"id": found.ids[i]})
