"""Splitting by a hash of a key: a row keeps its part as rows are added, removed or put in another order."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

from dltrain.data.labels import number_name
from dltrain.data.raw import Labels, is_text
from dltrain.data.readers.dialect import is_number
from dltrain.data.splitting.sizes import Ratios
from dltrain.errors import InputError, Problem

PARTS = ("train", "train_dev", "dev", "test")
SAMPLE = 10_000
"""Text of which half of so many rows differ is not looked up, but hashed row by row: that is faster."""


def draw_by_hash(ratios: Ratios, seed: int, keys: Labels) -> tuple[dict[str, npt.NDArray[np.int64]], tuple[str, ...]]:
    """Row numbers of each part, ascending, and a note with the shares that came out.

    u in [0, 1) is a hash of each key and the seed; test has u < test, dev the next `dev`, and train
    the others, whose upper end is train_dev: none of them moves when only train_dev is asked for.

    Args:
        keys: (n,) numbers or text. Text that is a number is that number: "3", "3.0" and 3 are one key.
    """
    names, codes = _named(keys)
    part = _places(places(names, seed), ratios)
    part = part if codes is None else part[codes]
    rows = {name: np.flatnonzero(part == number) for number, name in enumerate(PARTS)}
    _check_empty(rows, ratios, names)
    return rows, (_note(rows),)


def places(names: list[str], seed: int) -> npt.NDArray[np.float64]:
    """(k,) places in [0, 1) of the keys: uniform, and the same on every machine.

    CRC-32 of the text (Geron, Hands-On Machine Learning, chapter 2), which of keys in a row is too regular to be
    random, then SplitMix64 (Steele et al. 2014) together with that of the seed.
    """
    words = np.array([crc32(name.encode("utf-8", "surrogatepass")) for name in names], dtype=np.uint64)
    words = _mixed(_mixed(words) + _mixed(np.full(1, seed, dtype=np.uint64)))
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The output function of SplitMix64, modulo 2^64."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _places(u: npt.NDArray[np.float64], ratios: Ratios) -> npt.NDArray[np.int64]:
    """The part of each place, as its number in PARTS."""
    held_out = ratios.test + ratios.dev if ratios.train else 1.0
    part = np.where(u < 1 - (1 - held_out) * ratios.train_dev, 0, 1)
    part[u < held_out] = 2
    part[u < ratios.test] = 3
    return part.astype(np.int64)


def _named(keys: Labels) -> tuple[list[str], npt.NDArray[np.int64] | None]:
    """Keys as canonical text, of each row; or where they repeat, of each different one, and each row's number."""
    if is_text(keys):
        cells = keys.tolist()
        if len(set(cells[:SAMPLE])) > SAMPLE // 2:
            return [_canonical(cell) for cell in cells], None
        numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
        codes = np.fromiter(map(numbers.__getitem__, cells), np.int64, len(cells))
        return [_canonical(cell) for cell in numbers], codes
    values, codes = np.unique(np.asarray(keys, dtype=np.float64), return_inverse=True)
    return _number_names(values), codes.astype(np.int64)


def _canonical(cell: str) -> str:
    cell = cell.strip()
    return cell if cell[:1].isalpha() or not is_number(cell) else number_name(float(cell))


def _number_names(values: npt.NDArray[np.float64]) -> list[str]:
    if np.all(values == np.rint(values)) and np.all(np.abs(values) < 2**53):
        return list(map(str, values.astype(np.int64).tolist()))
    return [number_name(value) for value in values.tolist()]


def _check_empty(rows: dict[str, npt.NDArray[np.int64]], ratios: Ratios, names: list[str]) -> None:
    train_dev = ratios.train * ratios.train_dev
    asked = {"train": ratios.train - train_dev, "train_dev": train_dev, "dev": ratios.dev, "test": ratios.test}
    problems = [
        Problem(
            f"by: hash leaves {part} empty: {_count(names)}, few for a share of {asked[part]:.3g}",
            f"split.{part}",
        )
        for part in PARTS
        if asked[part] > 0 and not len(rows[part])
    ]
    if problems:
        raise InputError(*problems)


def _count(names: list[str]) -> str:
    keys = len(set(names))
    return "1 key" if keys == 1 else f"{keys} different keys"


def _note(rows: dict[str, npt.NDArray[np.int64]]) -> str:
    n = sum(map(len, rows.values()))
    said = ", ".join(f"{part} {len(rows[part])} ({len(rows[part]) / n:.1%})" for part in PARTS if len(rows[part]))
    return f"hash: {n} rows came out as {said}; rows of one key stay together, so ratios are met on average"
