"""A study as one HTML page: what its trials say together, each trial, their curves, the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.errors import Damaged
from dltrain.report.charts import DASHES, Axis, Chart, Series, compare_dev_errors, finite
from dltrain.report.formats import clean, count
from dltrain.report.page import render_template
from dltrain.report.recheck import recheck_lines
from dltrain.report.recipe import tried_lines
from dltrain.report.study_tables import Errors, again, named
from dltrain.report.trials import difference
from dltrain.report.view import view_of

CURVES = 24
"""Trials whose curves are drawn at most."""
TITLES = {
    "seeds": "Seeds",
    "folds": "Folds",
    "learning_curve": "Learning curve",
    "recipe": "Recipe, tried",
    "recheck": "A search, checked again",
}


def study_page(path: Path) -> str:
    """The page of the study in this folder. Equal folders give equal bytes. Raises Damaged."""
    record = runs.read_study(path)
    summary, kind = record.get("summary") or {}, (record.get("study") or {}).get("kind")
    if kind == "search":
        from dltrain.report.search_page import search_page

        return search_page(path, record)
    errors = Errors(record)
    rows = summary.get("trials") or ()
    charts = [chart for chart in (_points_chart(summary, errors), _comparison(path, rows, errors)) if chart]
    resolved = path / "config.resolved.yaml"
    table = {**summary, "run": path.name} if "gaps" in summary else None
    view = view_of(table, command=again(record, path.name)) if table else None
    return render_template(
        "study.html.j2",
        title=path.name,
        charts=charts,
        kind=TITLES.get(str(kind), clean(kind)),
        state=clean(record["state"]),
        run={"view": view},
        headline=clean(summary.get("headline") or "no trial finished"),
        note=clean(summary.get("note") or ""),
        rows=[_row(row, errors) for row in rows],
        points=[_point(point, errors) for point in summary.get("points") or ()],
        words=[*([] if view else named(summary)), *tried_lines(record), *recheck_lines(record)],
        config=resolved.read_text(encoding="utf-8") if resolved.is_file() else "",
    )


def _row(row: Mapping[str, Any], errors: Errors) -> dict[str, str]:
    found = row.get("errors") or {}
    dev, train = found.get("dev") or {}, found.get("train") or {}
    return {
        "trial": str(row["trial"]),
        "difference": difference(row["overrides"]),
        "state": row["state"].replace("_", " "),
        "train": errors.value(train.get("value")),
        "dev": errors.value(dev.get("value")),
        "interval": errors.interval(dev),
        "cause": clean(row.get("cause") or ""),
    }


def _point(point: Mapping[str, Any], errors: Errors) -> dict[str, str]:
    train, dev = point.get("train") or {}, point.get("dev") or {}
    return {
        "m": count(point["m"]),
        "train": errors.value(train.get("value")),
        "dev": errors.value(dev.get("value")),
        "interval": errors.interval(dev),
        "seeds": count(dev.get("n")),
    }


def _comparison(path: Path, rows: Sequence[Mapping[str, Any]], errors: Errors) -> Chart | None:
    """Dev error of each trial by epoch."""
    found = {}
    for row in rows[:CURVES]:
        try:
            metrics = runs.read_metrics(path / "trials" / str(row["trial"]))
        except Damaged:
            continue
        name = f"trial {row['trial']}: {difference(row['overrides'])}"
        found[name] = (metrics, "regression" if errors.regression else "multiclass")
    return compare_dev_errors(found) if any(metrics for metrics, _ in found.values()) else None


def _points_chart(summary: Mapping[str, Any], errors: Errors) -> Chart | None:
    """Errors against the number of training examples, with the fit and its band."""
    points = summary.get("points") or ()
    if not points:
        return None
    band = (summary.get("fit") or {}).get("band") or ()
    x = sorted({entry["m"] for entry in (*points, *band)})
    factor, unit = (1.0, "") if errors.regression else (100.0, "%")

    def values(entries: Sequence[Mapping[str, Any]], *keys: str) -> tuple[float | None, ...]:
        known: dict[int, Any] = {}
        for entry in entries:
            value: Any = entry
            for key in keys:
                value = (value or {}).get(key)
            known[entry["m"]] = value
        return tuple(None if known.get(m) is None else finite(factor * known[m]) for m in x)

    lines = (
        Series("dev error", values(points, "dev", "value"), "dev", points=True, unit=unit),
        Series("training error", values(points, "train", "value"), "train", points=True, unit=unit),
        Series("fit", _joined(x, band, values(band, "value")), "dev", width=2, unit=unit),
        Series("low end", _joined(x, band, values(band, "low")), "cost", DASHES[2], unit=unit),
        Series("high end", _joined(x, band, values(band, "high")), "cost", DASHES[2], unit=unit),
    )
    series = tuple(line for line in lines if any(value is not None for value in line.values))
    label = "error (of the target's variance)" if errors.regression else "error (%)"
    return Chart("points", "Errors by training examples", tuple(x), (Axis(label),), series, "training examples")


def _joined(
    x: Sequence[int], band: Sequence[Mapping[str, Any]], values: Sequence[float | None]
) -> tuple[float | None, ...]:
    """Straight lines between known points, so that a measured size between them is no gap in the curve."""
    known = [(m, value) for m, value in zip(x, values, strict=True) if value is not None]
    if not known:
        return tuple(values)
    found: list[float | None] = []
    for m, value in zip(x, values, strict=True):
        below = [pair for pair in known if pair[0] <= m]
        above = [pair for pair in known if pair[0] >= m]
        if value is not None or not below or not above:
            found.append(value)
            continue
        (left, low), (right, high) = below[-1], above[0]
        found.append(finite(low + (high - low) * (m - left) / (right - left)))
    return tuple(found)
