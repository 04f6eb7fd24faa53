"""Two real sets inside the package: the UCI handwritten digits and the Wisconsin breast cancer set.

`tools/make_builtin_sets.py` of the repository wrote the files in `builtin/`; source and licence lie beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dltrain.data.raw import Raw, as_text
from dltrain.data.readers.arrays import pixel_names
from dltrain.data.readers.npy import read_npz


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A set that comes with dltrain."""

    name: str
    rows: int
    inputs: int
    task: Literal["binary", "multiclass"]
    classes: tuple[str, ...]
    target: str
    image_shape: tuple[int, ...] | None
    source: str
    licence: str


_SETS = (
    BuiltIn(
        name="breast_cancer",
        rows=569,
        inputs=30,
        task="binary",
        classes=("benign", "malignant"),
        target="diagnosis",
        image_shape=None,
        source="Wolberg, Street, Mangasarian: Breast Cancer Wisconsin (Diagnostic), UCI, 1995",
        licence="CC BY 4.0",
    ),
    BuiltIn(
        name="digits",
        rows=1797,
        inputs=64,
        task="multiclass",
        classes=tuple(map(str, range(10))),
        target="label",
        image_shape=(8, 8),
        source="Alpaydin, Kaynak: Optical Recognition of Handwritten Digits (test part), UCI, 1998",
        licence="CC BY 4.0",
    ),
)


def built_in_sets() -> tuple[BuiltIn, ...]:
    """The sets inside the package, by name."""
    return _SETS


def built_in(name: str) -> BuiltIn | None:
    return next((known for known in _SETS if known.name == name), None)


def built_in_file(name: str) -> Path:
    """The file of a built-in set."""
    return Path(__file__).parent / "builtin" / f"{name}.npz"


def read_built_in(known: BuiltIn) -> Raw:
    """Digits as uint8 0..16 and numbers 0..9; breast cancer as float64 and the words benign, malignant."""
    path = built_in_file(known.name)
    if known.image_shape is not None:
        X, y = read_npz(path, ["X", "y"])
        features = pixel_names(known.image_shape)
    else:
        X, codes, columns = read_npz(path, ["X", "y", "features"])
        features = tuple(columns.tolist())
        y = as_text(list(known.classes))[codes]
    return Raw(
        X=X,
        y=y,
        features=features,
        target=known.target,
        columns=(*features, known.target),
        header=True,
        image_shape=known.image_shape,
        place=known.name,
    )
