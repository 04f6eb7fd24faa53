"""What a study came to, as tables on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import clean, count, fixed, percent
from dltrain.report.recheck import recheck_parts
from dltrain.report.recipe import tried_parts
from dltrain.report.search_tables import search_parts
from dltrain.report.trials import COLORS, difference
from dltrain.report.verdicts import diagnosis_parts

if TYPE_CHECKING:
    from rich.table import Table

WORDS = {
    "training randomness only": "mean and t interval over seeds, on the same rows: training randomness only",
    "pooled": "all out-of-fold predictions, pooled; the folds' own spread gives no interval",
}


class Errors:
    """How errors of a study are written."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.regression = record.get("task") == "regression"

    def value(self, value: float | None) -> str:
        if value is None:
            return ""
        return fixed(value) if self.regression else percent(value, 2)

    def interval(self, entry: Mapping[str, Any]) -> str:
        low, high = entry.get("low"), entry.get("high")
        if low is None or high is None or low == high:
            return ""
        if self.regression:
            return f"{fixed(low)} to {fixed(high)}"
        return f"{percent(low, 2).removesuffix('%')} to {percent(high, 2)}"


def print_study(record: Mapping[str, Any], *, path: str | None = None, stream: TextIO | None = None) -> None:
    """The trials one by one, what they say together, and the fit of a learning curve. `record`: study.json, of the
    study in `path`."""
    summary = record.get("summary") or {}
    errors = Errors(record)
    kind = (record.get("study") or {}).get("kind")
    parts: list[Any] = []
    if kind == "learning_curve":
        parts += [_points(summary.get("points") or (), errors), "", *_fit(summary, errors)]
    elif kind == "recipe" and summary.get("reference"):
        parts += tried_parts(record)
    elif kind == "recheck":
        parts += recheck_parts(record)
    elif kind == "search":
        parts += search_parts(record, Path(path or str(record.get("id"))))
    else:
        parts += [_trials(summary.get("trials") or (), errors), ""]
        parts += _together(summary, errors) if "gaps" not in summary else _table(record, path or str(record.get("id")))
    if summary.get("note"):
        parts.append(f"note: {clean(summary['note'])}")
    show(*parts, stream=stream)


def _trials(rows: Sequence[Mapping[str, Any]], errors: Errors) -> Table:
    from rich.text import Text

    table = plain_table()
    column(table, "trial", right=True)
    column(table, "")
    column(table, "state")
    column(table, "train", right=True)
    column(table, "dev", right=True)
    column(table, "interval", right=True)
    column(table, "n", right=True)
    for row in rows:
        state = row["state"].replace("_", " ")
        found = row.get("errors") or {}
        dev, train = found.get("dev") or {}, found.get("train") or {}
        values = [errors.value(train.get("value")), errors.value(dev.get("value")), errors.interval(dev)]
        n = "" if dev.get("n") is None else count(dev["n"])
        styled = Text(state, style=COLORS.get(state, ""))
        table.add_row(str(row["trial"]), difference(row["overrides"]), styled, *values, n)
    return table


def _table(record: Mapping[str, Any], path: str) -> list[Any]:
    """The bias/variance table of all trials, as that of a run."""
    return diagnosis_parts({**record["summary"], "run": path}, title="", command=again(record, path))


def again(record: Mapping[str, Any], path: str) -> str:
    """What trains the study's config again, for overrides to be added to."""
    study = record.get("study") or {}
    trial = f"/trials/{record['trials'][0]}" if study.get("kind") == "search" else ""  # of the winner
    words = ["dltrain", "train", f"{path}{trial}/config.resolved.yaml"]
    return shlex.join([*words, "--seeds", str(study["seeds"])] if study.get("kind") == "seeds" else words)


def _together(summary: Mapping[str, Any], errors: Errors) -> list[str]:
    lines = []
    for part, entry in _measured(summary).items():
        interval = errors.interval(entry)
        spread = "" if entry.get("sd") is None else f", sd {errors.value(entry['sd'])}"
        within = f" ({interval})" if interval else ""
        lines.append(f"{part:<9} {errors.value(entry['value'])}{within}{spread}")
    return lines + [f"  {words}" for words in named(summary)]


def named(summary: Mapping[str, Any]) -> list[str]:
    """What the intervals are of, in words, each once."""
    return [WORDS[of] for of in dict.fromkeys(entry.get("of") for entry in _measured(summary).values()) if of in WORDS]


def _measured(summary: Mapping[str, Any]) -> dict[str, Any]:
    return {part: entry for part, entry in (summary.get("errors") or {}).items() if entry}


def _points(points: Sequence[Mapping[str, Any]], errors: Errors) -> Table:
    table = plain_table()
    for header in ("examples", "train", "dev", "interval", "seeds"):
        column(table, header, right=True)
    for point in points:
        train, dev = point.get("train") or {}, point.get("dev") or {}
        values = [errors.value(train.get("value")), errors.value(dev.get("value")), errors.interval(dev)]
        table.add_row(count(point["m"]), *values, count(dev.get("n")))
    return table


def _fit(summary: Mapping[str, Any], errors: Errors) -> list[str]:
    fit, twice = summary.get("fit"), summary.get("twice")
    if not fit or not twice:
        return []
    law = f"dev error = {fit['a']:.4g} + {fit['b']:.4g} m^-{fit['c']:.2f}"
    buys = errors.interval(twice["buys"])
    within = f" ({buys})" if buys else ""
    error = errors.interval(twice["error"])
    about = f" ({error})" if error else ""
    return [
        f"fit: {law}",
        f"twice the data, {count(twice['m'])} examples: dev {errors.value(twice['error']['value'])}{about}, "
        f"which takes off {errors.value(twice['buys']['value'])}{within}",
        "  intervals: seeds drawn again, training randomness and the choice of examples; not of other dev rows",
    ]
