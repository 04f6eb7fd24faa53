"""The course of a training: the lines of metrics.jsonl as arrays, and the epoch whose parameters are the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats

TENTH = 10


@dataclass(frozen=True, slots=True)
class Course:
    """Epochs from 1. All arrays have an entry an epoch; a layer's, shape (epochs, L), NaN where nothing is said."""

    epochs: tuple[int, ...]
    cost: Floats
    penalty: Floats
    train_loss: Floats
    train_error: Floats
    grad_norm: Floats
    dev_loss: Floats | None
    dev_error: Floats | None
    layers: Mapping[str, Floats]
    kept: int
    """Place of the epoch whose parameters are the model."""

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def last_tenth(self) -> int:
        """A tenth of the epochs, at least one."""
        return max(1, len(self) // TENTH)


def course_of(metrics: Sequence[Mapping[str, Any]], best_epoch: int | None = None) -> Course:
    """The course that the lines of metrics.jsonl tell. `best_epoch` is the one that early stopping kept."""
    epochs = tuple(int(line["epoch"]) for line in metrics)
    devs = [line.get("dev") for line in metrics]
    has_dev = bool(devs) and all(dev is not None for dev in devs)
    return Course(
        epochs=epochs,
        cost=_numbers(line.get("cost") for line in metrics),
        penalty=_numbers(line.get("penalty") for line in metrics),
        train_loss=_numbers(line["train"]["loss"] for line in metrics),
        train_error=_numbers(line["train"]["error"] for line in metrics),
        grad_norm=_numbers(line.get("grad_norm") for line in metrics),
        dev_loss=_numbers(dev["loss"] for dev in devs if dev) if has_dev else None,
        dev_error=_numbers(dev["error"] for dev in devs if dev) if has_dev else None,
        layers=_by_layer(metrics),
        kept=epochs.index(best_epoch) if best_epoch in epochs else len(epochs) - 1,
    )


def _by_layer(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
    """Each number of `layers`, where every line has as many layers as the first; what lacks is left out."""
    lines = [line.get("layers") or [] for line in metrics]
    if not lines or not lines[0] or any(len(line) != len(lines[0]) for line in lines):
        return {}
    names = {name for line in lines for layer in line for name in layer}
    return {
        name: np.array([_numbers(layer.get(name) for layer in line) for line in lines], np.float64)
        for name in sorted(names)
    }


def _numbers(values: Any) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def smooth(values: Floats, window: int) -> Floats:
    """Means over `window` neighbours, only whole windows: (n − window + 1,)."""
    return np.convolve(values, np.ones(window) / window, mode="valid")
