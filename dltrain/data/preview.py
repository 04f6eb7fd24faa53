"""Training pictures beside what augmentation makes of them, as a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dltrain.config.records import AugmentationChoice
from dltrain.data.augmenting import Augmented, noises_of, numbers_among
from dltrain.data.fitting.preparation import Preparation, channels_of
from dltrain.data.labels import number_name
from dltrain.data.preparing import Part, Prepared
from dltrain.engine.arrays import Floats
from dltrain.engine.streams import Purpose, generator
from dltrain.engine.visiting import visits

Pictures = npt.NDArray[np.uint8]
_LOOKED_AT = 2000
"""Rows in which the first ones of each class and the darkest and brightest value are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """n pictures, each with v versions of it."""

    labels: tuple[str, ...]
    """(n,) class names, or values of the target."""
    rows: tuple[int, ...]
    """(n,) their row numbers in the source."""
    originals: Pictures
    """(n, height, width, channels), 0 for the darkest and 255 for the brightest value."""
    versions: Pictures = field(repr=False)
    """(n, v, height, width, channels)."""
    kinds: tuple[str, ...]
    """What was done, in its order."""


def sheet_of(prepared: Prepared, augment: Sequence[AugmentationChoice], seed: int, n: int, v: int) -> Sheet:
    """n training pictures of as many classes as there are, as the first epoch visits them, and v versions of each: what
    the streams of the first v epochs make of them. `prepared` has their raw rows."""
    train, preparation = prepared.parts["train"], prepared.preparation
    assert train.raw is not None and preparation.image_shape is not None
    raw, numbers = _visited(train, seed)
    chosen = _of_every_class(train.y[numbers], preparation, n)
    making = Augmented(augment, preparation, train.X, train.raw, seed)
    made = [_made(making, raw[chosen], generator(seed, Purpose.AUGMENT, epoch, 0)) for epoch in range(v)]
    low, high = _ends(raw)
    shape = (*preparation.image_shape[:2], channels_of(preparation.image_shape) or 1)
    names = preparation.decode(train.y[numbers[chosen]])
    return Sheet(
        labels=tuple(name if isinstance(name, str) else number_name(name) for name in names.tolist()),
        rows=tuple(train.rows[numbers[chosen]].tolist()),
        originals=_shown(raw[chosen], low, high).reshape(-1, *shape),
        versions=np.stack([_shown(rows, low, high).reshape(-1, *shape) for rows in made], axis=1)
        if made
        else np.empty((len(chosen), 0, *shape), np.uint8),
        kinds=tuple(one.kind for one in augment),
    )


def _visited(train: Part, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The first raw rows that the first epoch visits, and their places in the part."""
    assert train.raw is not None
    order = visits(train.raw, seed)
    order.begin(0)
    rows = np.empty((min(len(train.y), _LOOKED_AT), train.raw.shape[1]), train.raw.dtype)
    numbers = order.gather(0, len(rows), rows)
    return rows, np.array(numbers, dtype=np.int64)


def _of_every_class(y: npt.NDArray[np.generic], preparation: Preparation, n: int) -> npt.NDArray[np.int64]:
    """Places of n rows: the first of each class in turn, then the second of each; in order for a regression."""
    if not preparation.classes:
        return np.arange(min(n, len(y)))
    turn = np.empty(len(y), np.int64)
    for number in range(len(preparation.classes)):
        here = np.flatnonzero(y == number)
        turn[here] = np.arange(len(here))
    first = np.lexsort((y, turn))[:n]
    return first[np.lexsort((turn[first], y[first]))]


def _made(making: Augmented, rows: Floats, stream: np.random.Generator) -> Floats:
    """Raw rows after the moves, with noise of so many of the values' own standard deviations."""
    preparation = making.preparation
    found = making.pictures(rows, stream, np.float64) if making.moves else rows.astype(np.float64)
    if making.noises:
        noise = np.zeros_like(found)
        places = numbers_among(preparation)
        for one in making.noises:
            one.add(noise, places, stream)
        found += noise * np.tile(preparation.sigma, found.shape[1] // len(preparation.sigma))
    return found


def _ends(raw: Floats) -> tuple[float, float]:
    """What is shown as black and as white."""
    if raw.dtype == np.uint8 and raw.max() >= 128:  # not the grey of few levels
        return 0.0, 255.0
    found = np.nan_to_num(raw.astype(np.float64))
    return float(found.min()), float(found.max())


def _shown(rows: Floats, low: float, high: float) -> Pictures:
    scaled = (np.nan_to_num(rows.astype(np.float64)) - low) * (255.0 / (high - low) if high > low else 0.0)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def has_noise_alone(augment: Sequence[AugmentationChoice]) -> bool:
    """Whether nothing asks for the raw rows that a sheet shows."""
    return len(noises_of(augment)) == len(augment)
