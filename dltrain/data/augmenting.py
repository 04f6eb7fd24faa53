"""Augmented training batches: raw rows are gathered, changed, and only then scaled as every other row is.

Scaling first would be wrong: a pixel that is constant in training has no scale of its own, and a move brings others to
its place. Noise is the exception that comes to the same: it is given in units of the scaled inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt, prod
from time import perf_counter

import numpy as np
import numpy.typing as npt

from dltrain.config.records import AugmentationChoice, Data
from dltrain.data.fitting.preparation import Preparation, channels_of
from dltrain.data.fitting.scaling import rows_in_block
from dltrain.data.raw import Raw
from dltrain.data.splitting.dealing import Drawn
from dltrain.engine.arrays import Floats, Ints, Table
from dltrain.engine.augmentations import Move, Noise, moved
from dltrain.engine.fit import Rows
from dltrain.engine.streams import Purpose, generator
from dltrain.engine.visiting import visits
from dltrain.errors import InputError, Problem

_PORTION = 2**18
"""Values of the rows that are changed at once."""
_TRIALS = 5
"""Batches that are timed, after which the quickest counts."""
_SMALL = 2
"""Bytes of the whole numbers that stay as they are; other rows are kept in the training's type."""


def moves_of(augment: Sequence[AugmentationChoice]) -> tuple[Move, ...]:
    """What moves pixels, in its order."""
    return tuple(one for one in augment if not isinstance(one, Noise))


def noises_of(augment: Sequence[AugmentationChoice]) -> tuple[Noise, ...]:
    return tuple(one for one in augment if isinstance(one, Noise))


def check_augment(data: Data, raw: Raw, image_shape: tuple[int, ...] | None) -> None:
    """Raises InputError for moves of rows that are no images."""
    text = next((name for column, name in enumerate(raw.features) if raw.kind(column) != "number"), None)
    problems = []
    for place, one in enumerate(data.augment):
        if isinstance(one, Noise):
            continue
        if image_shape is None:
            message = f"{one.kind} moves pixels, and rows are not known to be images; {_shape_of(raw.X.shape[1])}"
            problems.append(Problem(message, f"data.augment.{place}"))
        elif text is not None:
            message = f"{one.kind} moves pixels, and {text} is no number; expected an image's values alone"
            problems.append(Problem(message, f"data.augment.{place}"))
    if problems:
        raise InputError(*problems)


def _shape_of(n_x: int) -> str:
    """The shape that rows of n_x values would have as images, as advice."""
    for channels in (1, 3):
        side = isqrt(n_x // channels)
        if side > 1 and channels * side * side == n_x:
            shape = [side, side, channels][: 2 if channels == 1 else 3]
            return f"if they are, say data.image_shape: {shape}"
    return f"rows of {n_x} values need data.image_shape: [height, width] for that, and noise does without"


def kept_type(X: npt.NDArray[np.generic], dtype: npt.DTypeLike) -> np.dtype[np.generic]:
    """In which type the raw rows of pictures are kept: small whole numbers as they are, else `dtype`."""
    small = X.dtype.kind in "biu" and X.dtype.itemsize <= _SMALL
    return np.dtype(X.dtype) if small else np.dtype(dtype)


def kept_rows(train: Drawn, dtype: npt.DTypeLike) -> Floats:
    """The raw rows of the training set, (m, features), before large tables give their memory back."""
    X, rows = train.raw.X, train.rows
    out: Floats = np.empty((len(rows), X.shape[1]), kept_type(X, dtype))
    step = rows_in_block(X)
    for start in range(0, len(rows), step):
        out[start : start + step] = X[rows[start : start + step]]
    return out


class Augmented:
    """The engine's Making: how a training batch is made of raw rows."""

    def __init__(
        self,
        augment: Sequence[AugmentationChoice],
        preparation: Preparation,
        X: Floats | Table,
        raw: Floats | Table | None,
        seed: int,
    ) -> None:
        """X: (m, n_x) the training rows as the network sees them; `raw`: (m, features) as they were read, where
        something moves pixels."""
        self.moves, self.noises = moves_of(augment), noises_of(augment)
        self.preparation, self.seed = preparation, seed
        rows = raw if self.moves else X
        assert rows is not None
        self.rows = rows
        self.portion = max(1, _PORTION // max(1, rows.shape[1]))
        self._write: Callable[[npt.NDArray[np.float64], Floats], None] | None = None
        self._places: slice | Ints | None = None

    def make(self, rows: Floats, epoch: int, place: int, out: Floats) -> None:
        """out := the inputs (j, n_x) of rows (j, k), drawn from the stream at (seed, augmentation, epoch, place)."""
        stream = generator(self.seed, Purpose.AUGMENT, epoch, place)
        if self.moves:
            self._scaled(self.pictures(rows, stream, out.dtype), out)
        else:
            out[...] = rows
        if self.noises and self._places is None:
            self._places = numbers_among(self.preparation)
        for noise in self.noises:
            assert self._places is not None
            noise.add(out, self._places, stream)

    def pictures(self, rows: Floats, stream: np.random.Generator, dtype: npt.DTypeLike) -> Floats:
        """Raw rows (j, features) after the moves, in `dtype`, as rows again."""
        shape = self.preparation.image_shape
        assert shape is not None
        images = rows.astype(dtype).reshape(len(rows), *shape[:2], channels_of(shape) or 1)
        return moved(images, self.moves, stream).reshape(len(rows), prod(shape))

    def _scaled(self, rows: Floats, out: Floats) -> None:
        if self._write is None:
            self._write = self.preparation.writer(None)
        self._write(rows, out)  # type: ignore[arg-type]


def seconds_a_batch(rows: Rows, seed: int, batch_size: int) -> float:
    """What augmentation adds to a step, measured here and now: making a batch, less gathering one as it is."""
    out = np.empty((min(batch_size, len(rows)), rows.X.shape[1]), rows.X.dtype)
    least = []
    for making in (rows.making, None):
        order = visits(rows.X, seed, making)
        order.begin(0)
        spent = []
        for _ in range(_TRIALS):
            begin = perf_counter()
            order.gather(0, len(out), out)
            spent.append(perf_counter() - begin)
        least.append(min(spent))
    return max(0.0, least[0] - least[1])


def numbers_among(preparation: Preparation) -> slice | Ints:
    """Places of the network's inputs that are numbers and not constant: to which noise is added."""
    _, factor = preparation.affine()
    plan = preparation.expansion
    places = plan.places[factor[plan.columns] != 0]
    return slice(None) if len(places) == len(plan.inputs) else places
