"""Preparation: one record, fitted on the training rows, that turns raw rows into what the network sees.

train, evaluate and predict all use it, and it is saved with the model: predict needs these two alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.expansion import Expansion, expand
from dltrain.data.fitting.filling import Fill, Missing, fit_inputs
from dltrain.data.fitting.scaling import Vector, blocks, rows_in_block
from dltrain.data.fitting.targets import as_numbers, class_numbers, fit_target
from dltrain.data.labels import SettledTask, relabelled
from dltrain.data.raw import Labels, Numbers, as_text
from dltrain.data.readers.columns import Kind, all_numbers
from dltrain.engine.arrays import Floats, Targets
from dltrain.errors import Damaged, InputError, Problem

Normalize = Literal["standard", "minmax", "none"]
FORMAT = 1
_LEAST = 1e-300
"""A spread below it is none: its inverse would be infinite."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preparation:
    """What was fitted on the training rows, and the names of columns and classes."""

    task: SettledTask
    features: tuple[str, ...]
    """Columns that are read, in the order of raw X."""
    target: str
    classes: tuple[str, ...]
    """Class names; a class's number is its place. Empty for regression."""
    normalize: Normalize
    mu: Vector
    """(features,), or (channels,) for images: mean (standard), least value (minmax) or 0 (none, categories)."""
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
    """Weight of each class in the cost, mean 1 over the training set; None where all weigh the same."""
    weight: str | None = None
    """Column with the weights of examples."""
    weight_mean: float = 1.0
    """Mean of that column over the training set, by which weights are divided."""
    kinds: tuple[Kind, ...] = ()
    """What each feature holds; () where all hold numbers."""
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names with an input of their own, of each feature that is a category."""
    others: tuple[str, ...] = ()
    """Features with an input for all other names."""
    fills: Mapping[str, Fill] = field(default_factory=dict)
    """What stands for a gap: a number or a category. Empty where gaps are refused."""
    indicators: tuple[str, ...] = ()
    """Features with an input that says where a gap was filled."""
    missing_values: tuple[str, ...] = ("?", "NA")
    label_map: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of classes."""

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
        kinds: tuple[Kind, ...] = (),
        vocabularies: Mapping[str, Sequence[str]] | None = None,
        missing: Missing = "error",
        missing_indicator: bool = True,
        **names: Any,
    ) -> Preparation:
        """Fits fills, categories, the inputs' scale, and the target's for regression, on the chosen rows of
        X: (n, features) and y: (n,)."""
        mean, sd = fit_target(y if rows is None else y[rows]) if task == "regression" else (0.0, 1.0)
        fitted = fit_inputs(
            X,
            rows,
            features,
            kinds,
            vocabularies or {},
            normalize=normalize,
            missing=missing,
            missing_indicator=missing_indicator,
            channels=channels_of(image_shape),
        )
        return cls(
            task=task,
            features=features,
            classes=classes,
            normalize=normalize,
            target_mean=mean,
            target_sd=sd,
            image_shape=image_shape,
            kinds=kinds,
            **fitted,
            **names,
        )

    @property
    def expansion(self) -> Expansion:
        """Where each column goes among the inputs."""
        kinds: tuple[Kind, ...] = self.kinds or all_numbers(len(self.features))
        return expand(self.features, kinds, self.categories, self.others, self.indicators)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs: a number's is its column's, a category has one a name (`sex = male`)."""
        return self.expansion.inputs if self.kinds or self.indicators else self.features

    @property
    def n_x(self) -> int:
        """Inputs of the network."""
        return len(self.inputs)

    def affine(self) -> tuple[Vector, Vector]:
        """(offset, factor), each (features,): a number becomes (x − offset)·factor; factor 0 for constant columns."""
        columns = len(self.features)
        times = columns // len(self.mu)
        sigma = np.tile(self.sigma, times)
        factor = np.divide(1.0, sigma, out=np.zeros(columns), where=sigma > _LEAST)
        if self.normalize != "none":
            flat = set(self.constant)
            factor[[name in flat for name in self.features]] = 0.0
        return np.tile(self.mu, times), factor

    def transform(
        self,
        X: Numbers,
        rows: npt.NDArray[np.int64] | None = None,
        vocabularies: Mapping[str, Sequence[str]] | None = None,
    ) -> Floats:
        """Raw rows (n, features), or the chosen ones, as the network takes them: (n, n_x), C-contiguous, in `dtype`.

        Codes of categories are places in `vocabularies`, or in `categories` where none are given. Works in blocks,
        straight into the result. Raises InputError for a value too large for `dtype`, and for a gap that has no fill.
        """
        if X.ndim != 2 or X.shape[1] != len(self.features):
            raise InputError(f"rows have {X.shape[-1]} inputs, the model takes {len(self.features)}")
        n = len(X) if rows is None else len(rows)
        write = self.writer(vocabularies)
        out = np.empty((n, self.n_x), dtype=self.dtype)
        step = rows_in_block(X)
        for number, block in enumerate(blocks(X, rows)):
            write(block, out[number * step : number * step + len(block)])
        return out

    def writer(self, vocabularies: Mapping[str, Sequence[str]] | None) -> Callable[[Vector, Floats], None]:
        """Writes a block (k, features) as the network takes it into (k, n_x)."""
        offset, factor = self.affine()
        flat = np.flatnonzero(factor == 0)
        if not (self.kinds or self.fills):
            return lambda block, out: self._scale(block, offset, factor, flat, out)
        plan = self.expansion
        varied = [one for one in plan.one_hot if self.features[one.column] not in self.constant]
        places = [one.places((vocabularies or self.categories)[self.features[one.column]]) for one in varied]
        offset, factor = offset[plan.columns], factor[plan.columns]
        flat = np.flatnonzero(factor == 0)

        def write(block: Vector, out: Floats) -> None:
            gaps = np.isnan(block)
            if gaps.any():
                block = self._filled(block, gaps, vocabularies or self.categories)
            out[...] = 0.0
            scaled = np.empty((len(block), len(plan.columns)), dtype=out.dtype)
            self._scale(block[:, plan.columns], offset, factor, flat, scaled)
            out[:, plan.places] = scaled
            for one, found in zip(varied, places, strict=True):
                one.write(block[:, one.column], found, out)
            for column, place in plan.indicators:
                out[:, place] = gaps[:, column]

        return write

    def _scale(self, block: Vector, offset: Vector, factor: Vector, flat: npt.NDArray[np.int64], out: Floats) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(block - offset, factor, out=out, casting="same_kind")
        out[:, flat] = 0.0  # not -0.0
        if not np.isfinite(out).all():
            self._not_finite(block, out)

    def _filled(self, block: Vector, gaps: npt.NDArray[np.bool_], vocabularies: Mapping[str, Sequence[str]]) -> Vector:
        """The block with every gap filled; a category's fill without a code becomes one beyond all codes."""
        if not self.fills:
            column = int(np.argmax(gaps.any(axis=0)))
            raise InputError(
                Problem(f"{self.features[column]}: a value is missing; the model was trained without gaps")
            )
        values = np.zeros(len(self.features))
        for column, name in enumerate(self.features):
            fill = self.fills[name]
            if isinstance(fill, str):
                words = list(vocabularies[name])
                values[column] = words.index(fill) if fill in words else len(words)
            else:
                values[column] = fill
        return np.where(gaps, values, block)

    def _not_finite(self, block: Vector, out: Floats) -> None:
        row, column = np.argwhere(~np.isfinite(out))[0]
        numbers = [
            name for place, name in enumerate(self.features) if not self.kinds or self.kinds[place] != "category"
        ]
        name, value = numbers[column], block[row, column]
        if np.isnan(value):
            raise InputError(Problem(f"{name}: a value is missing; the model was trained without gaps"))
        message = f"{name}: {value} is too large for {self.dtype}"
        raise InputError(Problem(f"{message}; is it a typing error? else training.dtype: float64"))

    def encode(self, y: Labels) -> Targets:
        """Raw targets (n,) as class numbers (int64), or as standardized values in `dtype` for regression.

        Raises InputError for a class that the training set lacks, or text where a number is needed.
        """
        if self.task == "regression":
            numeric = as_numbers(y, self.target)
            return np.asarray((numeric - self.target_mean) / self.target_sd, dtype=self.dtype)
        return class_numbers(relabelled(y, self.label_map), self.classes, self.target)

    def decode(self, predicted: npt.NDArray[Any]) -> Labels:
        """Class numbers (n,) as names, or standardized values as the target's own units (float64)."""
        if self.task == "regression":
            return np.asarray(predicted, dtype=np.float64) * self.target_sd + self.target_mean
        return as_text(list(self.classes))[np.asarray(predicted, dtype=np.int64)]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data from which `from_json` makes an equal record, bit for bit."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in plain.items():
            if isinstance(value, np.ndarray):
                plain[name] = value.tolist()
            elif isinstance(value, tuple):
                plain[name] = list(value)
            elif isinstance(value, Mapping):
                plain[name] = {key: list(each) if isinstance(each, tuple) else each for key, each in value.items()}
        return {"format": FORMAT, **plain}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Preparation:
        """The record that `to_json` wrote, or that an earlier release did. Raises Damaged for anything else."""
        try:
            if plain["format"] != FORMAT:
                raise Damaged(f"the preparation has format {plain['format']!r}, expected {FORMAT}")
            names = {each.name for each in fields(cls)} & (set(plain) | _REQUIRED)
            values = {name: plain[name] for name in names}
            values |= {name: np.array(values[name], dtype=np.float64) for name in ("mu", "sigma")}
            values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
            values["categories"] = {name: tuple(words) for name, words in plain.get("categories", {}).items()}
            preparation = cls(**values)
            _check(preparation)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Damaged(f"the preparation is damaged: {type(error).__name__} {error}") from None
        return preparation


_REQUIRED = {"task", "features", "target", "classes", "normalize", "mu", "sigma"}


def channels_of(image_shape: tuple[int, ...] | None) -> int | None:
    """Channels of an image (1 for height x width), None for rows that are no images."""
    if image_shape is None:
        return None
    return image_shape[2] if len(image_shape) == 3 else 1


def _check(preparation: Preparation) -> None:
    columns = len(preparation.features)
    scaled = channels_of(preparation.image_shape) or columns
    if preparation.mu.shape != (scaled,) or preparation.sigma.shape != (scaled,):
        raise ValueError(f"mu and sigma must have {scaled} entries")
    if preparation.image_shape and prod(preparation.image_shape) != columns:
        raise ValueError("image_shape does not fit the columns")
    if not np.isfinite([*preparation.mu, *preparation.sigma, preparation.target_mean]).all():
        raise ValueError("not finite")
    if preparation.kinds and len(preparation.kinds) != columns:
        raise ValueError("kinds do not fit the columns")
    words = {name for name, kind in zip(preparation.features, preparation.kinds, strict=False) if kind == "category"}
    if set(preparation.categories) != words or not words.issuperset(preparation.others):
        raise ValueError("categories do not fit the columns")
    if preparation.fills and set(preparation.fills) != set(preparation.features):
        raise ValueError("fills do not fit the columns")
    for name, fill in preparation.fills.items():
        if isinstance(fill, str) != (name in words) or not (isinstance(fill, str) or np.isfinite(fill)):
            raise ValueError(f"the fill of {name} is {fill!r}")
    if not set(preparation.features).issuperset(preparation.indicators):
        raise ValueError("indicators do not fit the columns")
