"""Targets as the network learns them: class numbers, or numbers that are then standardized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.scaling import Vector, fit_scale
from dltrain.data.labels import number_name
from dltrain.data.raw import Labels, is_text
from dltrain.data.readers.dialect import is_number
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem, did_you_mean


def fit_target(y: Labels) -> tuple[float, float]:
    """Mean and population standard deviation of training targets (n,), by way of the range as in `fit_scale`."""
    scale = fit_scale(np.asarray(y, dtype=np.float64)[:, None], None, "standard")
    if scale.constant[0]:
        raise InputError(Problem(f"every training row's target is {number_name(y[0])}", "data.target"))
    return float(scale.mu[0]), float(scale.sigma[0])


def as_numbers(y: Labels, target: str) -> Vector:
    """Raw targets (n,) as float64. Raises InputError for text that is no number."""
    if not is_text(y):
        return y.astype(np.float64)
    for row, cell in enumerate(y.tolist()):
        if not is_number(str(cell)):
            raise InputError(Problem(f"{cell!r} in row {row} is not a number", where=target))
    return np.array([float(cell) for cell in y.tolist()])


def class_numbers(y: Labels, classes: tuple[str, ...], target: str) -> npt.NDArray[np.int64]:
    """Raw targets (n,) as places among the classes. Raises InputError for a class that is not among them."""
    numbers = {name: number for number, name in enumerate(classes)}
    values, places = _distinct(y)
    found = np.array([_class_number(value, numbers) for value in values], dtype=np.int64)
    codes = found[places]
    if (found < 0).any():
        raise InputError(_unknown(values, found, codes, classes, target))
    return codes


def _unknown(
    values: list[Any],
    found: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int64],
    classes: tuple[str, ...],
    target: str,
) -> Problem:
    names = [value if isinstance(value, str) else number_name(value) for value in values]
    strange = [name for name, number in zip(names, found, strict=True) if number < 0]
    first = int(np.argmax(codes < 0))
    hint = did_you_mean(strange[0], classes)
    what = f"class {strange[0]!r} is" if len(strange) == 1 else f"classes {listed(strange)} are"
    return Problem(
        f"{what} not among the training set's ({listed(classes)}), first in row {first}, "
        f"{int((codes < 0).sum())} rows in all{hint}",
        where=target,
    )


def _distinct(y: Labels) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """The distinct values and, for each row, the place of its value among them."""
    if not is_text(y):
        values, places = np.unique(y, return_inverse=True)
        return list(values), places.astype(np.int64)
    numbers: dict[str, int] = {}
    places = np.fromiter((numbers.setdefault(str(cell), len(numbers)) for cell in y.tolist()), np.int64, len(y))
    return list(numbers), places


def _class_number(value: Any, numbers: Mapping[str, int]) -> int:
    name = value.strip() if isinstance(value, str) else number_name(value)
    if name not in numbers and isinstance(value, str) and is_number(name):
        name = number_name(float(name))
    return numbers.get(name, -1)
