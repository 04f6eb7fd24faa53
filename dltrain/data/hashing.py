"""Splitting by a hash of a key: a row keeps its part as rows are added, removed or put in another order."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import numpy.typing as npt

from dltrain.data.dialect import is_number
from dltrain.data.labels import number_name
from dltrain.data.raw import Labels, is_text
from dltrain.data.sizes import Ratios
from dltrain.errors import InputError, Problem

PARTS = ("train", "train_dev", "dev", "test")


def draw_by_hash(ratios: Ratios, seed: int, keys: Labels) -> tuple[dict[str, npt.NDArray[np.int64]], tuple[str, ...]]:
    """Row numbers of each part, ascending, and a note with the shares that came out.

    u = (first 8 bytes of sha256("SEED:KEY")) / 2^64 for each key; test has u < test, dev the next `dev`, and train
    the others, whose upper end is train_dev: none of them moves when only train_dev is asked for.

    Args:
        keys: (n,) numbers or text. Text that is a number is that number: "3", "3.0" and 3 are one key.
    """
    names, codes = _distinct(keys)
    part = _places(places(names, seed), ratios)[codes]
    rows = {name: np.flatnonzero(part == number) for number, name in enumerate(PARTS)}
    _check_empty(rows, ratios, len(names))
    return rows, (_note(rows, len(names)),)


def places(names: list[str], seed: int) -> npt.NDArray[np.float64]:
    """(k,) places in [0, 1) of the keys: uniform, and the same on every machine."""
    start = f"{seed}:"
    hashes = map(sha256, [f"{start}{name}".encode("utf-8", "surrogatepass") for name in names])
    digests = b"".join([one.digest() for one in hashes])
    words = np.frombuffer(digests, dtype=">u8")[::4]
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _places(u: npt.NDArray[np.float64], ratios: Ratios) -> npt.NDArray[np.int64]:
    """The part of each place, as its number in PARTS."""
    held_out = ratios.test + ratios.dev if ratios.train else 1.0
    part = np.where(u < 1 - (1 - held_out) * ratios.train_dev, 0, 1)
    part[u < held_out] = 2
    part[u < ratios.test] = 3
    return part.astype(np.int64)


def _distinct(keys: Labels) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct keys as canonical text, and the number of each row's key. Two numbers may have the same text."""
    if not is_text(keys):
        values, codes = np.unique(np.asarray(keys, dtype=np.float64), return_inverse=True)
        return [number_name(value) for value in values.tolist()], codes.astype(np.int64)
    cells = [str(cell) for cell in keys.tolist()]
    numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
    names = [number_name(float(cell)) if is_number(cell) else cell.strip() for cell in numbers]
    merged = {name: number for number, name in enumerate(dict.fromkeys(names))}
    into = np.fromiter(map(merged.__getitem__, names), np.int64, len(names))
    return list(merged), into[np.fromiter(map(numbers.__getitem__, cells), np.int64, len(cells))]


def _check_empty(rows: dict[str, npt.NDArray[np.int64]], ratios: Ratios, keys: int) -> None:
    train_dev = ratios.train * ratios.train_dev
    asked = {"train": ratios.train - train_dev, "train_dev": train_dev, "dev": ratios.dev, "test": ratios.test}
    problems = [
        Problem(
            f"by: hash leaves {part} empty: {_count(keys)} are too few for a share of {asked[part]:.3g}",
            f"split.{part}",
        )
        for part in PARTS
        if asked[part] > 0 and not len(rows[part])
    ]
    if problems:
        raise InputError(*problems)


def _count(keys: int) -> str:
    return "1 key" if keys == 1 else f"{keys} different keys"


def _note(rows: dict[str, npt.NDArray[np.int64]], keys: int) -> str:
    n = sum(map(len, rows.values()))
    said = ", ".join(f"{part} {len(rows[part])} ({len(rows[part]) / n:.1%})" for part in PARTS if len(rows[part]))
    return f"hash: {_count(keys)} in {n} rows came out as {said}; ratios are met on average"
