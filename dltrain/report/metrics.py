"""What predictions tell beside their error, in a few lines: classes, calibration, the surest mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dltrain.report.formats import clean, count, number, percent
from dltrain.report.view import interval

SHOWN = 3


def metric_facts(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and words, of the plain data of `metrics`: what is not there is left out."""
    worst = [one for one in metrics.get("per_class") or () if one["error"]["value"]]
    worst.sort(key=lambda one: -one["error"]["value"])
    if worst:
        yield "classes most often missed", "; ".join(_missed(one) for one in worst[:SHOWN])
    pairs = (metrics.get("confusion") or {}).get("pairs")
    if pairs:
        yield "most often confused", "; ".join(_confused(pair) for pair in pairs[:SHOWN])
    if metrics.get("calibration"):
        yield "calibration", _calibrated(metrics["calibration"])
    mistakes = metrics.get("mistakes")
    if mistakes:
        what = "furthest off" if "off" in mistakes[0] else "surest mistakes"
        yield f"{what} (the first row is 0)", "; ".join(_mistake(one) for one in mistakes[:SHOWN])


def _missed(one: Mapping[str, Any]) -> str:
    error = one["error"]
    ends = interval(error["low"], error["high"], percent)
    return f"{clean(one['class'])} {percent(error['value'])} ({ends}) of {count(one['n'])}"


def _confused(pair: Mapping[str, Any]) -> str:
    times = "once" if pair["n"] == 1 else f"{count(pair['n'])} times"
    return f"{clean(pair['true'])} taken for {clean(pair['predicted'])} {times}"


def _calibrated(found: Mapping[str, Any]) -> str:
    said = f"expected calibration error {percent(found['ece'])}"
    return f"{said}; {percent(found['if_calibrated'])} is chance alone, were it calibrated"


def _mistake(one: Mapping[str, Any]) -> str:
    place = f"row {one['row']}" + (f" (id {clean(one['id'])})" if "id" in one else "")
    if "off" in one:
        return f"{place}: {number(one['predicted'])} for {number(one['true'])}"
    sure = "" if one.get("p_predicted") is None else f" at {percent(one['p_predicted'])}"
    return f"{place}: {clean(one['true'])} taken for {clean(one['predicted'])}{sure}"
