"""A search as one HTML page: the winner's table, each hyperparameter on its own scale, the boxes, all trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.errors import Damaged
from dltrain.report.charts import Chart, compare_dev_errors
from dltrain.report.formats import clean, count
from dltrain.report.page import render_template
from dltrain.report.search_commands import next_commands, train_winner, winners_table
from dltrain.report.search_plots import SHAPES, panels, zoom
from dltrain.report.search_tables import Values, points
from dltrain.report.study_tables import Errors
from dltrain.report.view import view_of

CURVES = 12
"""Best points whose curves are drawn."""
METHODS = {
    "random": "random search",
    "coarse_to_fine": "coarse to fine",
    "grid": "grid",
    "tpe": "tree-structured Parzen estimator",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell of the table says, and what it is sorted by: a number, or empty where there is none."""

    text: str
    key: str = ""
    small: str = ""
    number: bool = True


def search_page(path: Path, record: Mapping[str, Any]) -> str:
    """The page of a search, record: its study.json. Equal folders give equal bytes."""
    summary, values = record.get("summary") or {}, Values(record)
    winner = summary.get("winner") or {}
    view = None
    if winner.get("gaps"):
        view = view_of(winners_table(record, path.name), command=train_winner(record, Path(path.name)))
    resolved = path / "config.resolved.yaml"
    curves = _curves(path, record, values)
    rounds = len(summary.get("rounds") or ())
    return render_template(
        "search.html.j2",
        title=path.name,
        charts=[curves] if curves else [],
        method=METHODS.get(str(values.study.get("method")), "search"),
        state=clean(record["state"]),
        headline=clean(summary.get("headline") or "no point has a result"),
        run={"view": view},
        winner=_winner(summary, values),
        words=[clean(words) for words in _words(summary)],
        panels=panels(record) if summary else [],
        zoom=zoom(record) if summary else None,
        shapes=_legend(rounds, [point["state"] for point in points(record, values)]),
        rounds=rounds,
        columns=_columns(values),
        rows=[_cells(row, values, Errors(record)) for row in summary.get("trials") or ()],
        best=None if not summary.get("best") else str(summary["best"]["trial"]),
        commands=[(words, command) for words, command in next_commands(record, Path(path.name))],
        config=resolved.read_text(encoding="utf-8") if resolved.is_file() else "",
    )


def _words(summary: Mapping[str, Any]) -> list[str]:
    luck = (summary.get("luck") or {}).get("note")
    return [*([luck] if luck else []), *(summary.get("notes") or ())]


def _winner(summary: Mapping[str, Any], values: Values) -> str:
    """What the winner is."""
    best = summary.get("best")
    if not best:
        return ""
    settings = ", ".join(f"{clean(key)} {values.setting(value)}" for key, value in best["overrides"].items())
    return f"point {best['point']}: {settings}"


def _legend(rounds: int, states: Sequence[str]) -> list[tuple[str, str]]:
    """(shape, words) of what is drawn."""
    shown = [(SHAPES[i], f"round {i + 1}") for i in range(min(rounds - 1, 3))]
    if rounds > 4:
        shown[-1] = (SHAPES[2], f"rounds 3 to {rounds - 1}")
    last = [("dot", f"round {rounds}" if rounds > 1 else "a point")]
    more = [("dash", "ended early")] if "pruned" in states or "paused" in states else []
    return [*shown, *last, *more, *([("cross", "diverged")] if "diverged" in states else [])]


def _columns(values: Values) -> list[tuple[str, bool]]:
    """(header, whether it is a number)."""
    numbers = ["trial", "round"]
    choices = {path for path, one in (values.study.get("space") or {}).items() if one.get("kind") == "choice"}
    settings = [(name, path not in choices) for path, name in zip(values.paths, values.names(), strict=True)]
    seed = [("seed", True)] if int(values.study.get("seeds") or 1) > 1 else []
    heads = [(name, True) for name in numbers] + [("state", False)]
    measured = [] if values.objective == "dev.error" else [(values.objective, True)]
    return [*heads, *measured, ("dev error", True), ("train error", True), *seed, *settings]


def _cells(row: Mapping[str, Any], values: Values, errors: Errors) -> list[Cell]:
    found = row.get("errors") or {}
    dev, train = found.get("dev") or {}, found.get("train") or {}
    overrides = row["overrides"]
    state = row["state"].replace("_", " ") + (f" at epoch {row['epochs']}" if row.get("epochs") else "")
    cells = [_number(row["trial"], str(row["trial"])), _number(row.get("round"), str(row.get("round") or ""))]
    cells.append(Cell(state, state, clean(row.get("cause") or ""), number=False))
    if values.objective != "dev.error":
        cells.append(_number(row.get("objective"), values.score(row.get("objective"))))
    cells.append(_number(dev.get("value"), errors.value(dev.get("value")), errors.interval(dev)))
    cells.append(_number(train.get("value"), errors.value(train.get("value"))))
    if int(values.study.get("seeds") or 1) > 1:
        cells.append(_number(overrides.get("seed"), str(overrides.get("seed"))))
    for (_, numeric), path in zip(_columns(values)[-len(values.paths) :], values.paths, strict=True):
        text = values.setting(overrides.get(path))
        cells.append(_number(overrides.get(path), text) if numeric else Cell(text, text, number=False))
    return cells


def _number(value: Any, text: str, small: str = "") -> Cell:
    finite = isinstance(value, int | float) and math.isfinite(value)
    return Cell(text, repr(value) if finite else "", small)


def _curves(path: Path, record: Mapping[str, Any], values: Values) -> Chart | None:
    """Dev error by epoch of the best points' first seeds, the best first."""
    seeds = int(values.study.get("seeds") or 1)
    found = {}
    for point in [one for one in points(record, values) if one["objective"] is not None][:CURVES]:
        trial = point["point"] * seeds
        try:
            metrics = runs.read_metrics(path / "trials" / str(trial))
        except Damaged:
            continue
        if metrics:
            score = values.score(point["objective"])
            found[f"point {count(point['point'])}, {score}"] = (
                metrics,
                "regression" if values.regression else "multiclass",
            )
    chart = compare_dev_errors(found) if found else None
    return replace(chart, title="Dev error of the best points, by epoch") if chart else None
