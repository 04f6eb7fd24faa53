"""A first config for a data file: from what was seen in it to commented YAML that every line explains itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dltrain.config.proportions import proportions
from dltrain.config.records import Task
from dltrain.config.scalars import write_scalar
from dltrain.config.shares import GIVEN_TEST, by_size

Role: TypeAlias = Literal["input", "target", "id", "time", "excluded"]
_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the file, and what becomes of it."""

    name: str
    kind: str
    """number, date, category, classes or quantity."""
    gaps: int
    """Rows without a value, test rows of their own not counted,"""
    distinct: int
    example: str
    role: Role
    why: str = ""
    """Why it is no input."""
    test_gaps: int = 0
    """and those of the test rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen in a data file."""

    sources: tuple[str, ...]
    """Absolute."""
    rows: int
    """Rows to be split; estimated where not `whole`."""
    whole: bool = True
    """All rows were looked at, or only the first ones."""
    columns: tuple[Column, ...] = ()
    target: str | int | None = None
    names: tuple[str, ...] | None = None
    """data.columns"""
    doubt: str = ""
    """What speaks against these names."""
    arrays: Mapping[str, tuple[str, str]] | None = None
    test: str | None = None
    """A file of test rows. Absolute."""
    tested: bool = False
    """There are test rows of their own, in whatever form."""
    task: Task = "auto"
    why: str = ""
    """Why this task."""
    missing: Literal["error", "median"] = "error"
    label_map: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    """Column of dates in whose order the rows stand."""
    dates: tuple[str, ...] = ()
    """Other columns of dates."""
    inputs: int = 0
    """About so many inputs of the network."""


def write(look: Look, folder: str | None = None) -> str:
    """The config. Paths are relative to `folder`, the one it is written to; absolute for None.

    The same look gives the same text.
    """
    return "\n".join([*_head(look), *_data(look, folder), *_network(look), *_split(look, folder)]) + "\n"


def training_rows(look: Look) -> int:
    """About how many rows are trained on."""
    share = 0.9 if look.tested else by_size(look.rows)[0]
    return max(1, int(share * look.rows))


def _head(look: Look) -> Iterator[str]:
    names = ", ".join(os.path.basename(source) for source in look.sources[:3])
    more = f" and {len(look.sources) - 3} more" if len(look.sources) > 3 else ""
    about = "" if look.whole else "about "
    width = f", {len(look.columns)} columns" if look.columns else ""
    yield f"# {_comment(names)}{more}: {about}{look.rows:,} rows{width}"
    yield "# Change what you like: dltrain explain KEY says what a key means, dltrain check CONFIG what all comes to."
    yield "version: 1"


def _data(look: Look, folder: str | None) -> Iterator[str]:
    sources = [write_scalar(_path(source, folder)) for source in look.sources]
    yield "data:"
    yield f"  source: {sources[0] if len(sources) == 1 else _flow(look.sources, folder)}"
    if look.arrays is not None:
        pairs = ", ".join(f"{part}: {_list(pair)}" for part, pair in look.arrays.items())
        yield f"  arrays: {{{pairs}}}"
    if look.target is not None:
        yield f"  target: {write_scalar(look.target)}"
    if look.names is not None:
        yield f"  columns: {_list(look.names)}" + _why(f"{look.doubt}: leave this out if so" if look.doubt else "")
    if look.task != "auto":
        yield f"  task: {look.task}" + _why(look.why)
    yield from _left_out(look)
    yield from _gaps(look)
    if look.label_map:
        pairs = ", ".join(f"{write_scalar(old)}: {write_scalar(new)}" for old, new in look.label_map.items())
        yield f"  label_map: {{{pairs}}}" + _why("the test file spells the classes so")


def _left_out(look: Look) -> Iterator[str]:
    for column in look.columns:
        if column.role == "id":
            yield f"  id: {write_scalar(column.name)}" + _why(f"{column.why}: no input")
    out = [column for column in look.columns if column.role == "excluded"]
    if out:
        yield "  exclude:" + _why("take a line away and the column is an input")
        for column in out:
            yield f"    - {write_scalar(column.name)}" + _why(column.why)


def _gaps(look: Look) -> Iterator[str]:
    if look.missing == "error":
        return
    inputs = [column for column in look.columns if column.role == "input"]
    found = _counted({column.name: column.gaps for column in inputs})
    test = _counted({column.name: column.test_gaps for column in inputs})
    gaps = "; ".join([*([found] if found else []), *([f"in the test file {test}"] if test else [])])
    what = f"gaps: {gaps}; " if gaps else "gaps further down are " if not look.whole else "gaps in new rows are "
    start = "" if look.whole or gaps else "only the beginning was looked at; "
    why = f"{start}{what}filled in (categories by the most frequent), each with an input saying so"
    lost = sum(column.gaps + column.test_gaps for column in look.columns if column.role == "target")
    yield "  missing: median" + _why(f"{why}; {lost:,} rows without a target are left out" if lost else why)


def _counted(gaps: Mapping[str, int]) -> str:
    """`Age 177, Cabin 687`; empty for none."""
    found = [f"{name} {count:,}" for name, count in gaps.items() if count]
    return ", ".join(found[:_NAMED]) + (f", ... ({len(found)} columns)" if len(found) > _NAMED else "")


def _network(look: Look) -> Iterator[str]:
    m = training_rows(look)
    chosen = proportions(m, look.inputs)
    yield "architecture:"
    yield f"  layers: {_list(chosen.layers)}" + _why("units of each hidden layer; [] is a linear model")
    rate = f"{{kind: adam, learning_rate: {write_scalar(chosen.learning_rate)}}}"
    yield f"optimizer: {rate}" + _why("the first thing to tune: try 10 times less and 3 times more")
    yield "schedule: cosine" + _why("the learning rate falls to 0 by the last epoch")
    lambd = f"{{kind: l2, lambd: {write_scalar(chosen.lambd)}}}"
    yield f"regularizer: {lambd}" + _why("small weights; more of it against high variance, none against high bias")
    yield "training:"
    yield f"  epochs: {chosen.epochs}"
    if chosen.batch_size is not None:
        yield f"  batch_size: {chosen.batch_size}"
    yield f"  early_stopping: {{patience: {chosen.patience}}}" + _why("keeps the parameters of the best dev error")


def _split(look: Look, folder: str | None) -> Iterator[str]:
    ratios = ", ".join(f"{part}: {share:g}" for part, share in _ratios(look).items())
    if look.test is not None:
        files = f"files: {{test: {write_scalar(_path(look.test, folder))}}}"
        ratios = f"{ratios}, {files}" if ratios else files
    if look.time is not None:
        by = f"by: time, column: {write_scalar(look.time)}"
        why = f"the rows stand in the order of {look.time}: trained on the past, measured on what came after"
        yield f"# {_comment(why)}."
        yield f"# At random instead: split: {{{ratios}}}" if ratios else "# At random instead: leave this out."
        yield f"split: {{{by}{', ' + ratios if ratios else ''}}}"
        return
    if look.dates:
        column = write_scalar(look.dates[0])
        yield f"# For a model of days to come, split: {{by: time, column: {column}}} tests it on the last ones."
    if ratios:
        why = (
            "test has rows of its own"
            if look.tested
            else "drawn at random; the test part is measured by evaluate alone"
        )
        yield f"split: {{{ratios}}}" + _why(why)


def _ratios(look: Look) -> dict[str, float]:
    """None where the number of rows is not known: it then goes by that."""
    if not look.whole or (look.arrays is not None and "dev" in look.arrays):
        return {}
    return dict(GIVEN_TEST) if look.tested else dict(zip(("train", "dev", "test"), by_size(look.rows), strict=True))


def _path(path: str, folder: str | None) -> str:
    """As it is written: relative if that is shorter, as it is for what lies near."""
    near = path if folder is None else os.path.relpath(path, folder)
    return min(path, near, key=len)


def _flow(paths: tuple[str, ...], folder: str | None) -> str:
    return _list(tuple(_path(path, folder) for path in paths))


def _list(values: tuple[str, ...] | tuple[int, ...]) -> str:
    return f"[{', '.join(write_scalar(value) for value in values)}]"


def _why(reason: str) -> str:
    return f"  # {_comment(reason)}" if reason else ""


def _comment(text: str) -> str:
    """What came from a file can't end the line."""
    return "".join(c if c.isprintable() and ord(c) < 0xFFFE else c.encode("unicode_escape").decode() for c in text)
