"""The panels of a search's page: each hyperparameter on its own scale against the objective, and the zooming boxes.

They are drawn as SVG by the template, from coordinates alone: no script is needed to see them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltrain.report.formats import clean, percent
from dltrain.report.scales import Scale, decades, label, scales_of, steps
from dltrain.report.search_tables import Values, points

WIDTH, HEIGHT = 460.0, 168.0
"""Of the picture, and of the area in which points are drawn, in units of the picture."""
LEFT, TOP, RIGHT = 58.0, 22.0, 20.0
"""Around that area; templates/panel.html.j2 has the same numbers."""
AXIS, STRIP = 34.0, 13.0
"""Below it: room for ticks, and for each round's box."""
SPREAD = 10.0
"""Objectives over so large a factor get a logarithmic axis."""
SHAPES = ("ring", "square", "diamond", "dot")
"""Rounds are told apart by shape: the last is filled, those before are not."""
BOXES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the search."""

    x: float
    y: float
    shape: str
    title: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """A round's box below the axis."""

    x: float
    y: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Rect:
    """A round's box over two hyperparameters."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture: points over one hyperparameter, or over two with the rounds' boxes."""

    title: str
    note: str
    x_label: str
    y_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    strips: tuple[Strip, ...]
    rects: tuple[Rect, ...]
    diverged: float | None
    """Where diverged points are drawn, above the others."""
    height: float
    plot: float
    """Height of the area of points."""


@dataclass(frozen=True, slots=True)
class Upright:
    """The objective's axis, the same for all panels."""

    low: float
    high: float
    log: bool
    percent: bool

    @staticmethod
    def of(scores: Sequence[float], values: Values) -> Upright:
        found = [value for value in scores if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(found), max(found)
        log = low > 0 and high / low > SPREAD
        margin = 0.0 if log else 0.05 * (high - low) or 0.5 * abs(high) or 0.5
        ends = (low / 1.15, high * 1.15) if log else (low - margin if low - margin > 0 else 0.0, high + margin)
        if low < 0:
            ends = (low - margin, high + margin)
        return Upright(*ends, log, values.is_rate)

    def y(self, score: float, height: float) -> float:
        return round(TOP + height * (1 - self._share(score)), 2)

    def _share(self, score: float) -> float:
        if self.log:
            return math.log(score / self.low) / math.log(self.high / self.low)
        return (score - self.low) / (self.high - self.low)

    def ticks(self, height: float) -> tuple[tuple[float, str], ...]:
        factor = 100.0 if self.percent else 1.0
        low, high = factor * self.low, factor * self.high
        marks = decades(low, high) if self.log else steps(low, high)
        kept = [mark for mark in marks if low <= mark <= high]
        return tuple((self.y(mark / factor, height), label(mark) + ("%" if self.percent else "")) for mark in kept)


def panels(record: Mapping[str, Any]) -> list[Panel]:
    """One for each hyperparameter, the most important first."""
    values = Values(record)
    summary = record.get("summary") or {}
    found = points(record, values)
    upright = Upright.of([point["objective"] for point in found if point["objective"] is not None], values)
    shares = {one["path"]: one for one in summary.get("importance") or ()}
    scales = sorted(
        scales_of(values.study.get("space") or {}), key=lambda one: -float(shares.get(one.path, {}).get("share", 0))
    )
    return [_panel(scale, found, summary, values, upright, shares.get(scale.path)) for scale in scales]


def _panel(
    scale: Scale,
    found: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    values: Values,
    upright: Upright,
    share: Mapping[str, Any] | None,
) -> Panel:
    rounds = summary.get("rounds") or ()
    strips = _strips(scale, rounds)
    lost = any(point["state"] == "diverged" for point in found)
    return Panel(
        title=clean(scale.path),
        note=_share(share),
        x_label=clean(scale.path.rpartition(".")[2]) + (f" ({scale.words})" if scale.words else ""),
        y_label=values.objective + (" (%)" if upright.percent else ""),
        x_ticks=tuple((_x(place), text) for place, text in scale.ticks()),
        y_ticks=upright.ticks(HEIGHT),
        marks=tuple(_marks(scale, found, summary, values, upright)),
        strips=strips,
        rects=(),
        diverged=TOP - 12 if lost else None,
        height=TOP + HEIGHT + AXIS + 14 + (STRIP * len(strips) + 6 if strips else 0),
        plot=HEIGHT,
    )


def _share(share: Mapping[str, Any] | None) -> str:
    if share is None:
        return ""
    low, high = percent(share["low"], 0).removesuffix("%"), percent(share["high"], 0)
    return f"importance {percent(share['share'], 0)} ({low} to {high})"


def _x(place: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, place)), 2)


def _marks(
    scale: Scale,
    found: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    values: Values,
    upright: Upright,
) -> list[Mark]:
    """The worse first, so that the better are drawn over them."""
    marks = []
    chosen = summary["best"]["point"] if summary.get("best") else None
    last = len(summary.get("rounds") or ())
    for point in reversed(found):
        value = point["overrides"].get(scale.path)
        lost = point["state"] == "diverged"
        if scale.path not in point["overrides"] or (point["objective"] is None and not lost):
            continue
        y = TOP - 12 if lost else upright.y(point["objective"], HEIGHT)
        place = scale.place(value) + _aside(scale, point["point"])
        best = point["point"] == chosen
        marks.append(Mark(_x(place), y, _shape(point, last), _title(point, scale, value, values), best))
    return marks


def _aside(scale: Scale, number: int) -> float:
    """Points of one value of a choice stand beside each other."""
    if scale.values.scale != "choice":
        return 0.0
    golden = (number * 0.6180339887498949) % 1.0
    return (golden - 0.5) * 0.6 / len(scale.values.values)


def _shape(point: Mapping[str, Any], last: int) -> str:
    if point["state"] == "diverged":
        return "cross"
    if point["state"] in ("pruned", "paused"):
        return "dash"
    round_ = int(point["round"] or 1)
    return "dot" if round_ >= last else SHAPES[min(round_ - 1, 2)]


def _title(point: Mapping[str, Any], scale: Scale, value: Any, values: Values) -> str:
    score = "diverged" if point["objective"] is None else f"{values.objective} {values.score(point['objective'])}"
    return f"point {point['point']}, round {point['round']}: {clean(scale.path)} {values.setting(value)}, {score}"


def _strips(scale: Scale, rounds: Sequence[Mapping[str, Any]]) -> tuple[Strip, ...]:
    if len(rounds) < 2:
        return ()
    found = []
    for place, one in enumerate(rounds[:BOXES_SHOWN]):
        if scale.path not in one["box"]:
            continue
        low, high = (_x(end) for end in scale.span(one["box"][scale.path]))
        y = TOP + HEIGHT + AXIS + 14 + STRIP * place
        found.append(Strip(low, y, round(max(2.0, high - low), 2), str(one["round"])))
    return tuple(found)


def zoom(record: Mapping[str, Any]) -> Panel | None:
    """The points over the two most important hyperparameters that are numbers, and each round's box round them."""
    values = Values(record)
    summary = record.get("summary") or {}
    rounds = summary.get("rounds") or ()
    order = [one["path"] for one in summary.get("importance") or ()]
    scales = {scale.path: scale for scale in scales_of(values.study.get("space") or {})}
    there = (summary.get("best") or {}).get("overrides") or {}
    known = [path for path in order or scales if path in scales and path in there]
    numbers = [scales[path] for path in known if scales[path].values.scale != "choice"]
    if len(rounds) < 2 or len(numbers) < 2:
        return None
    across, up = numbers[:2]
    height = 1.6 * HEIGHT

    def y(place: float) -> float:
        return round(TOP + height * (1 - min(1.0, max(0.0, place))), 2)

    chosen = summary["best"]["point"] if summary.get("best") else None
    marks = [
        Mark(
            _x(across.place(point["overrides"][across.path])),
            y(up.place(point["overrides"][up.path])),
            _shape(point, len(rounds)),
            f"point {point['point']}, round {point['round']}: {values.score(point['objective']) or point['state']}",
            point["point"] == chosen,
        )
        for point in reversed(points(record, values))
        if across.path in point["overrides"] and up.path in point["overrides"]
    ]
    return Panel(
        title="Zooming in",
        note="each round's box over the two most important numbers" if order else "each round's box",
        x_label=_named(across),
        y_label=_named(up),
        x_ticks=tuple((_x(place), text) for place, text in across.ticks()),
        y_ticks=tuple((y(place), text) for place, text in up.ticks()),
        marks=tuple(marks),
        strips=(),
        rects=tuple(_rects(across, up, rounds, y)),
        diverged=None,
        height=TOP + height + AXIS + 14,
        plot=height,
    )


def _named(scale: Scale) -> str:
    return clean(scale.path) + (f" ({scale.words})" if scale.words else "")


def _rects(across: Scale, up: Scale, rounds: Sequence[Mapping[str, Any]], y: Any) -> list[Rect]:
    found = []
    for one in rounds[:BOXES_SHOWN]:
        box = one["box"]
        if across.path not in box or up.path not in box:
            continue
        left, right = (_x(end) for end in across.span(box[across.path]))
        bottom, top = (y(end) for end in up.span(box[up.path]))
        found.append(Rect(left, top, round(right - left, 2), round(bottom - top, 2), f"round {one['round']}"))
    return found
