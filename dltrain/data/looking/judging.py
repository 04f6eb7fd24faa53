"""What the columns of a table are good for: inputs, a name of each row, a time to split by, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dltrain.config.starter import Column
from dltrain.data.fitting.scaling import Vector
from dltrain.data.labels import SettledTask, decide_task, from_cells, number_name, numbered
from dltrain.data.raw import Raw, is_text
from dltrain.data.splitting.periods import day_name
from dltrain.data.suspicion.affine import find_affine
from dltrain.data.suspicion.determines import find_single
from dltrain.data.suspicion.identifiers import find_identifiers
from dltrain.data.suspicion.training_rows import TrainingRows
from dltrain.errors import InputError, Problem

MOST_CATEGORIES = 1_000
"""A category with more becomes too many inputs."""
TIMES = 20
"""Different dates, at least, for the order of the rows to mean something."""
MOSTLY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The columns, and what follows for the config."""

    columns: tuple[Column, ...]
    rows: int
    """Rows that are kept: those with a target."""
    task: SettledTask | Literal["auto"]
    why: str
    missing: Literal["error", "median"]
    time: str | None
    dates: tuple[str, ...]
    inputs: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A column as it is in the rows."""

    name: str
    kind: str
    gaps: int
    distinct: int
    example: str


def judge(raw: Raw, test: Raw | None, whole: bool, unnamed: Sequence[str]) -> Judged:
    """raw, test: read with gaps. Raises InputError where there is nothing to learn, or nothing to learn it from."""
    raw, lost = _with_target(raw)
    task, why = _task(raw, whole)
    seen = [_seen(raw, j) for j in range(len(raw.features))]
    out = _excluded(raw, seen, task)
    id = next((name for name, reason in out.items() if reason.startswith("id: ")), None)
    time = _time(raw, seen, out, task) if whole else None
    inputs = [one for one in seen if one.name not in out and one.name != time]
    if not inputs and time is not None:
        time, inputs = None, [one for one in seen if one.name not in out]
    test, lost_test = (None, 0) if test is None else _with_target(test)
    gaps = _gaps_of_test(test, {one.name for one in inputs})
    columns = [_column(one, out, id, time, gaps.get(one.name, 0)) for one in seen]
    some = not whole or any(column.gaps or column.test_gaps for column in columns if column.role == "input")
    return Judged(
        columns=(*columns, _target_column(raw, task, lost, lost_test)),
        rows=raw.n,
        task=task,
        why=why.removeprefix(f"task: {task}, since "),
        missing="median" if some or lost or lost_test else "error",
        time=time,
        dates=tuple(one.name for one in inputs if one.kind == "date"),
        inputs=sum(min(one.distinct, MOST_CATEGORIES) if one.kind == "category" else 1 for one in inputs),
    )


def _with_target(raw: Raw) -> tuple[Raw, int]:
    """The rows that have a target, and how many have none."""
    assert raw.y is not None
    if not is_text(raw.y):
        return raw, 0
    kept = np.flatnonzero([cell != "" for cell in raw.y.tolist()])
    if not len(kept):
        raise InputError(Problem(f"{raw.target} has no value in any row of {raw.place}", "data.target"))
    lost = raw.n - len(kept)
    if not lost:
        return raw, 0
    found = raw.only(kept)
    assert found.y is not None
    return replace(found, y=from_cells([str(cell) for cell in found.y.tolist()])), lost


def _task(raw: Raw, whole: bool) -> tuple[SettledTask, str]:
    try:
        return decide_task(raw, "auto")
    except InputError:
        if whole:
            raise
        return "multiclass", ""  # the first rows of a large file may hold one class


def _seen(raw: Raw, j: int) -> Seen:
    values = raw.X[:, j].astype(np.float64)
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    kind, name = raw.kind(j), raw.features[j]
    example = "" if not len(present) else _said(raw, kind, name, float(present[0]))
    return Seen(name, kind, len(values) - len(present), len(distinct), example)


def _said(raw: Raw, kind: str, name: str, value: float) -> str:
    if kind == "category":
        return raw.vocabularies[name][int(value)]
    return day_name(value) if kind == "date" else number_name(value)


def _excluded(raw: Raw, seen: Sequence[Seen], task: SettledTask) -> dict[str, str]:
    """Column -> why it is no input; `id: ` before it for the one that names the rows. One input is left at least."""
    empty = frozenset(one.name for one in seen if not one.distinct)
    names = dict(_names_of_rows(raw, seen, task, empty))
    useless = {name: why for name, why in _useless(seen, raw.n) if name not in names}
    giving = dict(_giving_away(raw, seen, task, frozenset(useless) | frozenset(names)))
    words = {one.name for one in seen if one.kind == "category"}
    useless |= {name: why for name, why in names.items() if name in words}
    for out in ({**useless, **names, **giving}, {**useless, **names}, useless):
        if len(out) < len(seen):
            return out
    reasons = "; ".join(f"{name}: {why.removeprefix('id: ')}" for name, why in list(useless.items())[:3])
    raise InputError(Problem(f"{raw.place} has no column to learn from beside the target ({reasons})", "data.exclude"))


def _useless(seen: Sequence[Seen], n: int) -> Iterator[tuple[str, str]]:
    for one in seen:
        present = n - one.gaps
        if not one.distinct:
            yield one.name, "has no value in any row"
        elif one.distinct == 1 and not one.gaps:
            yield one.name, "is the same in every row"
        elif one.kind == "category" and one.distinct > max(10, MOSTLY * present):
            yield one.name, f"has {one.distinct:,} categories in {present:,} rows"
        elif one.kind == "category" and one.distinct > MOST_CATEGORIES:
            yield one.name, f"has {one.distinct:,} categories, each an input"


def _table(raw: Raw, task: SettledTask, without: frozenset[str]) -> TrainingRows:
    assert raw.y is not None
    kept = [j for j, name in enumerate(raw.features) if name not in without]
    return TrainingRows(
        X=raw.X[:, kept],
        kinds=[raw.kind(j) for j in kept],
        features=[raw.features[j] for j in kept],
        vocabularies=raw.vocabularies,
        y=raw.y,
        task=task,
        rows=np.arange(raw.n),
        target=raw.target,
    )


def _names_of_rows(
    raw: Raw, seen: Sequence[Seen], task: SettledTask, without: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Identifiers; the first that is different in every row is the id."""
    whole = {one.name for one in seen if one.distinct == raw.n}
    found = False
    for suspect in find_identifiers(_table(raw, task, without)):
        name = suspect.columns[0]
        first, found = not found and name in whole, found or name in whole
        yield name, ("id: " if first else "") + _reason(suspect.text, name)


def _giving_away(
    raw: Raw, seen: Sequence[Seen], task: SettledTask, without: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Columns that give the target away alone, or two of which it is the sum or another affine map."""
    if len(without) == len(seen):
        return
    table = _table(raw, task, without)
    affine = tuple(find_affine(table))
    for suspect in affine:
        formula = suspect.text.partition(" (")[2].partition("); ")[0]
        for name in suspect.columns:
            yield name, f"gives the target away: {formula}"
    known = frozenset(suspect.columns[0] for suspect in affine if len(suspect.columns) == 1)
    for suspect in find_single(table, known):
        yield (
            suspect.columns[0],
            "gives the target away: " + suspect.text.partition(f"{raw.target}: ")[2].partition(";")[0],
        )


def _reason(text: str, name: str) -> str:
    """`identifier: Name names the rows (...); leave it out` -> `names the rows (...)`"""
    return text.removeprefix(f"identifier: {name} ").rpartition("; leave ")[0]


def _time(raw: Raw, seen: Sequence[Seen], out: dict[str, str], task: SettledTask) -> str | None:
    """The first column of dates that never fall from row to row; not if classes first occur late."""
    for j, one in enumerate(seen):
        if one.kind == "date" and not one.gaps and one.name not in out and one.distinct >= TIMES:
            values: Vector = raw.X[:, j].astype(np.float64)
            if (np.diff(values) >= 0).all() and (task == "regression" or _all_early(raw)):
                return one.name
    return None


def _all_early(raw: Raw) -> bool:
    """Every class is among the first half of the rows."""
    assert raw.y is not None
    names, codes = numbered(raw.y)
    return len(np.unique(codes[: raw.n // 2])) == len(names)


def _gaps_of_test(test: Raw | None, names: set[str]) -> dict[str, int]:
    if test is None or test.X.dtype.kind != "f":
        return {}
    counts = np.isnan(test.X).sum(axis=0).tolist()
    return {name: count for name, count in zip(test.features, counts, strict=True) if name in names}


def _column(one: Seen, out: dict[str, str], id: str | None, time: str | None, more: int) -> Column:
    reason = out.get(one.name, "").removeprefix("id: ")
    role: Literal["id", "time", "excluded", "input"] = (
        "id" if one.name == id else "time" if one.name == time else "excluded" if reason else "input"
    )
    why = "the order of the rows: the split goes by it" if role == "time" else reason
    return Column(
        name=one.name,
        kind=one.kind,
        gaps=one.gaps,
        test_gaps=more,
        distinct=one.distinct,
        example=one.example,
        role=role,
        why=why,
    )


def _target_column(raw: Raw, task: SettledTask, lost: int, lost_test: int) -> Column:
    assert raw.y is not None
    distinct = len(set(raw.y.tolist()))
    example = str(raw.y[0]) if is_text(raw.y) else number_name(raw.y[0])
    kind = "quantity" if task == "regression" else "classes"
    return Column(
        name=raw.target,
        kind=kind,
        gaps=lost,
        test_gaps=lost_test,
        distinct=distinct,
        example=example,
        role="target",
    )
