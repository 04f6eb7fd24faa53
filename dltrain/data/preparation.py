"""Preparation: one record, fitted on the training rows, that turns raw rows into what the network sees.

train, evaluate and predict all use it, and it is saved with the model: predict needs these two alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dltrain.data.dialect import is_number
from dltrain.data.labels import SettledTask, number_name
from dltrain.data.raw import Labels, Numbers, as_text, is_text
from dltrain.data.roles import listed
from dltrain.data.scaling import Vector, blocks, fit_scale, rows_in_block
from dltrain.engine.arrays import Floats, Targets
from dltrain.errors import Damaged, InputError, Problem, did_you_mean

Normalize = Literal["standard", "minmax", "none"]
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preparation:
    """What was fitted on the training rows, and the names of columns and classes."""

    task: SettledTask
    features: tuple[str, ...]
    """Input columns in the order of X."""
    target: str
    classes: tuple[str, ...]
    """Class names; a class's number is its place. Empty for regression."""
    normalize: Normalize
    mu: Vector
    """(n_x,), or (channels,) for images: mean (standard), least value (minmax) or 0 (none)."""
    sigma: Vector
    """The same shape: population standard deviation, range or 1. 0 where all values were equal."""
    constant: tuple[str, ...] = ()
    """Columns with one value in the training set. They become 0 in every part, unless normalize is none."""
    target_mean: float = 0.0
    target_sd: float = 1.0
    """Regression: y ← (y − target_mean)/target_sd, of the training rows."""
    image_shape: tuple[int, ...] | None = None
    """(height, width) or (height, width, channels) of a row."""
    dtype: Literal["float32", "float64"] = "float32"
    columns: tuple[str, ...] = ()
    """All columns of the training file in its order, for new files without a header."""
    header: bool = True
    """The training file named its columns."""
    id: str | None = None
    class_weights: tuple[float, ...] | None = None
    """Of each class in the cost, in the order of `classes`, mean 1 over the training set; None where all count
    alike."""

    @classmethod
    def fit(
        cls,
        X: Numbers,
        y: Labels,
        rows: npt.NDArray[np.int64] | None = None,
        *,
        task: SettledTask,
        features: tuple[str, ...],
        classes: tuple[str, ...] = (),
        normalize: Normalize = "standard",
        image_shape: tuple[int, ...] | None = None,
        **names: Any,
    ) -> Preparation:
        """Fits the inputs' scale, and the target's for regression, on the chosen rows of X: (n, n_x) and y: (n,)."""
        scale = fit_scale(X, rows, normalize, channels_of(image_shape))
        mean, sd = _fit_target(y if rows is None else y[rows]) if task == "regression" else (0.0, 1.0)
        constant = tuple(name for name, flat in zip(features, scale.constant, strict=True) if flat)
        return cls(
            task=task,
            features=features,
            classes=classes,
            normalize=normalize,
            mu=scale.mu,
            sigma=scale.sigma,
            constant=constant,
            target_mean=mean,
            target_sd=sd,
            image_shape=image_shape,
            **names,
        )

    @property
    def n_x(self) -> int:
        return len(self.features)

    def affine(self) -> tuple[Vector, Vector]:
        """(offset, factor), each (n_x,): transform is (x − offset)·factor; factor 0 for constant columns."""
        times = self.n_x // len(self.mu)
        sigma = np.tile(self.sigma, times)
        with np.errstate(over="ignore"):
            factor = np.divide(1.0, sigma, out=np.zeros(self.n_x), where=sigma > 0)
        if self.normalize != "none":
            flat = set(self.constant)
            factor[[name in flat for name in self.features]] = 0.0
        return np.tile(self.mu, times), factor

    def transform(self, X: Numbers, rows: npt.NDArray[np.int64] | None = None) -> Floats:
        """Raw rows (n, n_x), or the chosen ones, scaled: C-contiguous, in `dtype`.

        Works in blocks, straight into the result. Raises InputError for a value too large for `dtype`.
        """
        if X.ndim != 2 or X.shape[1] != self.n_x:
            raise InputError(f"rows have {X.shape[-1]} inputs, the model takes {self.n_x}")
        n = len(X) if rows is None else len(rows)
        out = np.empty((n, self.n_x), dtype=self.dtype)
        offset, factor = self.affine()
        flat = np.flatnonzero(factor == 0)
        step = rows_in_block(X)
        for number, block in enumerate(blocks(X, rows)):
            part = out[number * step : number * step + len(block)]
            with np.errstate(over="ignore", invalid="ignore"):
                np.multiply(block - offset, factor, out=part, casting="same_kind")
            part[:, flat] = 0.0  # not -0.0
            if X.dtype.kind == "f" and not np.isfinite(part).all():
                self._too_large(block, part)
        return out

    def _too_large(self, block: Vector, part: Floats) -> None:
        row, column = np.argwhere(~np.isfinite(part))[0]
        message = f"{self.features[column]}: {block[row, column]} is too large for {self.dtype}"
        raise InputError(Problem(f"{message}; is it a typing error? else training.dtype: float64"))

    def encode(self, y: Labels) -> Targets:
        """Raw targets (n,) as class numbers (int64), or as standardized values in `dtype` for regression.

        Raises InputError for a class that the training set lacks, or text where a number is needed.
        """
        if self.task == "regression":
            numeric = _as_numbers(y, self.target)
            return np.asarray((numeric - self.target_mean) / self.target_sd, dtype=self.dtype)
        numbers = {name: number for number, name in enumerate(self.classes)}
        values, places = _distinct(y)
        found = np.array([_class_number(value, numbers) for value in values], dtype=np.int64)
        codes = found[places]
        if (found < 0).any():
            raise InputError(self._unknown(values, found, codes))
        return codes

    def _unknown(self, values: list[Any], found: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> Problem:
        names = [value if isinstance(value, str) else number_name(value) for value in values]
        strange = [name for name, number in zip(names, found, strict=True) if number < 0]
        first = int(np.argmax(codes < 0))
        hint = did_you_mean(strange[0], self.classes)
        what = f"class {strange[0]!r} is" if len(strange) == 1 else f"classes {listed(strange)} are"
        return Problem(
            f"{what} not among the training set's ({listed(self.classes)}), first in row {first}, "
            f"{int((codes < 0).sum())} rows in all{hint}",
            where=self.target,
        )

    def decode(self, predicted: npt.NDArray[Any]) -> Labels:
        """Class numbers (n,) as names, or standardized values as the target's own units (float64)."""
        if self.task == "regression":
            return np.asarray(predicted, dtype=np.float64) * self.target_sd + self.target_mean
        return as_text(list(self.classes))[np.asarray(predicted, dtype=np.int64)]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data from which `from_json` makes an equal record, bit for bit."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in plain.items():
            if isinstance(value, np.ndarray):
                plain[name] = value.tolist()
            elif isinstance(value, tuple):
                plain[name] = list(value)
        return {"format": FORMAT, **plain}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Preparation:
        """The record that `to_json` wrote. Raises Damaged for anything else."""
        try:
            if plain["format"] != FORMAT:
                raise Damaged(f"the preparation has format {plain['format']!r}, expected {FORMAT}")
            values = {field.name: plain[field.name] for field in fields(cls)}
            values |= {name: np.array(values[name], dtype=np.float64) for name in ("mu", "sigma")}
            tuples = ("features", "classes", "constant", "columns", "image_shape", "class_weights")
            values |= {name: tuple(values[name]) for name in tuples if values[name] is not None}
            preparation = cls(**values)
            _check(preparation)
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged(f"the preparation is damaged: {type(error).__name__} {error}") from None
        return preparation


def channels_of(image_shape: tuple[int, ...] | None) -> int | None:
    """Channels of an image (1 for height x width), None for rows that are no images."""
    if image_shape is None:
        return None
    return image_shape[2] if len(image_shape) == 3 else 1


def _check(preparation: Preparation) -> None:
    scaled = channels_of(preparation.image_shape) or preparation.n_x
    if preparation.mu.shape != (scaled,) or preparation.sigma.shape != (scaled,):
        raise ValueError(f"mu and sigma must have {scaled} entries")
    if preparation.image_shape and prod(preparation.image_shape) != preparation.n_x:
        raise ValueError("image_shape does not fit the columns")
    if not np.isfinite([*preparation.mu, *preparation.sigma, preparation.target_mean]).all():
        raise ValueError("not finite")


def _fit_target(y: Labels) -> tuple[float, float]:
    """Mean and population standard deviation, by way of the range as in `fit_scale`."""
    scale = fit_scale(np.asarray(y, dtype=np.float64)[:, None], None, "standard")
    if scale.constant[0]:
        raise InputError(Problem(f"every training row's target is {number_name(y[0])}", "data.target"))
    return float(scale.mu[0]), float(scale.sigma[0])


def _as_numbers(y: Labels, target: str) -> Vector:
    if not is_text(y):
        return y.astype(np.float64)
    for row, cell in enumerate(y.tolist()):
        if not is_number(str(cell)):
            raise InputError(Problem(f"{cell!r} in row {row} is not a number", where=target))
    return np.array([float(cell) for cell in y.tolist()])


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
