"""From arrays (npy, npz, idx) to tables: axes flattened, dtypes and values checked."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.labels import from_cells
from dltrain.data.raw import Labels, Numbers
from dltrain.data.roles import column_names
from dltrain.errors import InputError, Problem

Array = npt.NDArray[Any]
_BLOCK = 2**20


def as_inputs(array: Array, place: str, key: str | None, gaps: bool = False) -> tuple[Numbers, tuple[int, ...]]:
    """(n, n_x), trailing axes flattened, and those axes. InputError for what is no table of finite numbers; NaN is
    one where `gaps` are allowed."""
    if array.ndim < 1 or not array.size:
        raise InputError(Problem(f"{place} holds no rows (shape {array.shape})", key))
    if array.dtype.kind not in "biuf":
        raise InputError(Problem(f"{place} holds text (dtype {array.dtype}); inputs must be numbers", key))
    axes = array.shape[1:] or (1,)
    X = array.reshape(len(array), prod(axes))
    if X.dtype.kind == "b":
        X = X.view(np.uint8)
    if X.dtype.itemsize > 8:
        X = X.astype(np.float64)
    check_finite(X, place, key, gaps)
    return np.ascontiguousarray(X), axes


def check_finite(X: Numbers, place: str, key: str | None, gaps: bool = False) -> None:
    """InputError that names the first infinite value, or NaN unless `gaps` are allowed, and counts them."""
    if X.dtype.kind != "f":
        return
    rows = max(1, _BLOCK // X.shape[1])
    count, first = 0, ""
    for start in range(0, len(X), rows):
        block = X[start : start + rows]
        bad = np.isinf(block) if gaps else ~np.isfinite(block)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            first = first or f"the first {X[start + row, column]} in row {start + row}, column {column}"
            count += int(bad.sum())
    if count:
        values = "1 value is" if count == 1 else f"{count} values are"
        message = f"{place}: {values} NaN or infinite, {first}; fill them in or take these rows out"
        raise InputError(Problem(message, key))


def as_labels(array: Array, place: str, key: str | None) -> Labels:
    """(n,) labels: numbers or text. One-hot rows are told to become class numbers."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = "; one-hot rows? store class numbers: y.argmax(axis=1)" if array.ndim == 2 else ""
        raise InputError(Problem(f"{place} has shape {array.shape}, a target needs (n,){hint}", key))
    if array.dtype.kind == "S":
        return from_cells([cell.decode("utf-8", "replace").strip() for cell in array.tolist()])
    if array.dtype.kind == "U":
        return from_cells([cell.strip() for cell in array.tolist()])
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        if len(array):
            check_finite(array[:, None], place, key)
    return array


def pixel_names(axes: tuple[int, ...]) -> tuple[str, ...]:
    """pixel_r_c (and _channel) of an image's flattened axes; column_1, ... of a row with one axis."""
    if len(axes) not in (2, 3):
        return column_names(prod(axes))
    return tuple("pixel_" + "_".join(map(str, place)) for place in np.ndindex(*axes))


def image_axes(axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """[height, width] or [height, width, channels] if the axes look like an image's, else None."""
    if len(axes) == 2 and min(axes) > 1:
        return axes
    if len(axes) == 3 and axes[2] <= 4:
        return axes
    return None
