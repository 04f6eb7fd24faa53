"""Splitting by time: train is the past, test the future."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.labels import number_name
from dltrain.data.raw import Labels, is_text
from dltrain.data.readers.columns import days
from dltrain.data.readers.dialect import is_number
from dltrain.data.splitting.sizes import Sizes
from dltrain.engine.streams import Purpose, permutation
from dltrain.errors import InputError, Problem

TELL = 10
_DAY_FIRST = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b", re.ASCII)
"""31/12/2024 and the like."""

Rows = npt.NDArray[np.int64]
Name = Callable[[Any], str]


def draw_by_time(
    sizes: Sizes, seed: int, column: Labels, *, dates: bool = False
) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """Row numbers of each part, ascending: train the earliest rows, then dev, then test; and notes.

    Rows of the same time stay together, so a boundary moves to the nearest change of time. train_dev is drawn at
    random, by `seed`, from train's period: it has to have train's distribution, or it could not tell mismatch (here
    drift) from variance. Nothing else here is random.
    """
    codes = places(column)
    order = np.argsort(codes, kind="stable")
    asked = {"train": sizes.train + sizes.train_dev, "dev": sizes.dev, "test": sizes.test}
    periods = {part: size for part, size in asked.items() if size}
    _check_enough(int(codes.max()) + 1, tuple(periods))
    changes = np.flatnonzero(np.diff(codes[order])) + 1
    pieces = np.split(order, _nearest(changes, np.cumsum(list(periods.values()))[:-1].tolist()))
    parts = dict.fromkeys(asked, order[:0]) | dict(zip(periods, pieces, strict=True))
    name: Name = day_name if dates else str if is_text(column) else number_name
    notes = [_boundaries({part: parts[part] for part in periods}, lambda row: name(column[row]))]
    notes += _moved(parts, asked)
    if is_text(column):
        first, last = (str(column[order[place]]) for place in (0, -1))
        notes.append(f"time: text is sorted letter by letter, from {first!r} to {last!r}")
    train, train_dev = _carve(parts.pop("train"), sizes.train_dev, seed)
    found = {"train": train, "train_dev": train_dev, **parts}
    return {part: np.sort(rows) for part, rows in found.items()}, tuple(notes)


def check_times(column: Labels, name: str) -> None:
    """InputError for words among numbers or dates, and for dates whose letters have another order than their days."""
    if not is_text(column):
        return
    cells = [str(cell).strip() for cell in column.tolist()]
    distinct = dict.fromkeys(cells)
    for kind, fits in (("date", lambda cell: days(cell) is not None), ("number", is_number)):
        sound = {cell for cell in distinct if fits(cell)}
        strays = [row for row, cell in enumerate(cells) if cell not in sound]
        if strays and 2 * len(strays) < len(cells):
            what = "a date (expected YYYY-MM-DD)" if kind == "date" else "a number"
            said = [(row, f"{cells[row]!r} is not {what}, unlike most of {name}") for row in strays[:TELL]]
            more = [Problem(f"{len(strays) - TELL} more rows of {name} are like it", "split.column")]
            problems = [Problem(message, "split.column", f"row {row}") for row, message in said]
            raise InputError(*problems, *more[: len(strays) > TELL])
    if 2 * sum(_DAY_FIRST.match(cell) is not None for cell in distinct) > len(distinct):
        message = f"{cells[0]!r} in {name} is not a date, and sorted by its letters is not in time; write YYYY-MM-DD"
        raise InputError(Problem(message, "split.column", "row 0"))


def places(column: Labels) -> npt.NDArray[np.int64]:
    """(n,) the place of each row's time among the different times."""
    if not is_text(column):
        return np.unique(column, return_inverse=True)[1].astype(np.int64)
    import polars as pl

    ranks = pl.Series(column.tolist(), dtype=pl.String).rank("dense")
    return ranks.to_numpy().astype(np.int64) - 1


def _check_enough(times: int, parts: tuple[str, ...]) -> None:
    if times < len(parts):
        what = "every row has the same time" if times == 1 else f"there are {times} different times"
        message = f"{what}, which cannot be cut into {', '.join(parts)}; rows of one time stay together"
        raise InputError(Problem(message, "split.column"))


def _nearest(changes: npt.NDArray[np.int64], ends: list[int]) -> list[int]:
    """Each end at the change of time nearest to it, the earlier of two, no part left empty."""
    found: list[int] = []
    first = 0
    for number, end in enumerate(ends):
        free = changes[first : len(changes) - (len(ends) - number - 1)]
        place = first + int(np.argmin(np.abs(free - end)))
        found.append(int(changes[place]))
        first = place + 1
    return found


def _carve(rows: Rows, train_dev: int, seed: int) -> tuple[Rows, Rows]:
    """(train, train_dev) of the rows of train's period."""
    if train_dev and train_dev >= len(rows):
        message = f"{train_dev} rows leave train empty, whose period has {len(rows)}"
        raise InputError(Problem(message, "split.train_dev"))
    rows = np.sort(rows)[permutation(len(rows), seed, Purpose.SPLIT)] if train_dev else rows
    return rows[train_dev:], rows[:train_dev]


def _boundaries(periods: dict[str, Rows], name: Callable[[int], str]) -> str:
    """`time: train 2011-01-01 to 2012-06-03, dev 2012-06-04 to 2012-09-14, test 2012-09-15 to 2012-12-31`."""
    spans = {part: (name(int(rows[0])), name(int(rows[-1]))) for part, rows in periods.items()}
    said = (f"{part} {first}" + f" to {last}" * (first != last) for part, (first, last) in spans.items())
    return f"time: {', '.join(said)}"


def _moved(parts: dict[str, Rows], asked: dict[str, int]) -> list[str]:
    """Where rows of one time made parts larger or smaller than asked."""
    differ = [f"{part} {len(parts[part])} ({size} asked)" for part, size in asked.items() if len(parts[part]) != size]
    return [f"time: rows of one time stay together, so the parts are {', '.join(differ)}"] if differ else []


def day_name(days: Any) -> str:
    """Days since 1970-01-01 as a date, with the time of day where there is one."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(days))
    except OverflowError:
        return number_name(days)
    moment += timedelta(microseconds=500_000)  # days in float64 are exact to about a microsecond
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return text.removesuffix(":00").removesuffix(" 00:00")
