"""Best points at the edge of a range: the best value may lie beyond it, and the range should be wider."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from dltrain.studies.points import Point, ranked
from dltrain.studies.space import COUNT, Dimension, LogWhole, Space, Whole

End: TypeAlias = Literal["low", "high"]

NEAR = 0.05
"""Of the scale's length: so near to an end a point is at the edge."""
OUTER = 0.25
BEST = 3
"""So many best points, and all as good, lie in the outer quarter where the optimum does; of a setting that does not
matter they rarely do (2 · 4⁻³)."""
STEP = math.sqrt(10)
"""Half a decade: how much wider a logarithmic range is suggested."""


def edges(space: Space, points: Sequence[Point]) -> list[dict[str, Any]]:
    """{path, value, end: low|high, low, high, suggestion}: where the best points are within 5 % of the scale from an
    end that can be moved. `value` is the best point's, `suggestion` an override of the search for the other end."""
    found = []
    good = _good(points)
    for dimension in space.dimensions:
        end = _end(dimension, good)
        beyond = None if end is None else wider(dimension, end)
        if end is None or beyond is None:
            continue
        ends = {"low": dimension.values.low, "high": dimension.values.high}
        suggestion = f"search.space.{dimension.path}.{end}={json.dumps(beyond)}"
        value = good[0].overrides[dimension.path]
        found.append({"path": dimension.path, "value": value, "end": end, **ends, "suggestion": suggestion})
    return found


def _good(points: Sequence[Point]) -> list[Point]:
    """The best ones that trained to their end, and all that are as good."""
    whole = [point for point in ranked(points) if math.isinf(point.epochs)]
    if not whole:
        return []
    bound = whole[min(BEST, len(whole)) - 1].objective
    return [point for point in whole if point.objective is not None and bound is not None and point.objective <= bound]


def _end(dimension: Dimension, good: Sequence[Point]) -> End | None:
    """The end at which the good points gather."""
    if dimension.scale == "choice" or dimension.values.low == dimension.values.high:
        return None
    if not good or dimension.path not in good[0].overrides:
        return None
    places = [_place(dimension, point.overrides[dimension.path]) for point in good if dimension.path in point.overrides]
    if min(places) <= NEAR and max(places) <= OUTER:
        return "low"
    return "high" if max(places) >= 1 - NEAR and min(places) >= 1 - OUTER else None


def _place(dimension: Dimension, value: Any) -> float:
    """As the dimension has it, but of a whole number such that the ends are 0 and 1."""
    if not isinstance(dimension.values, Whole | LogWhole):
        return dimension.values.place(value)
    first, last = (dimension.values.place(end) for end in (dimension.values.low, dimension.values.high))
    return (dimension.values.place(value) - first) / (last - first)


def wider(dimension: Dimension, end: End) -> float | int | None:
    """Half a decade further out on a logarithmic scale, half the range on a linear one, in round numbers, within what
    the config allows; None where there is no room."""
    values = dimension.values
    low, high = values.low, values.high
    least, most = limits(dimension.path)
    if values.scale == "linear":
        beyond = high + (high - low) / 2 if end == "high" else low - (high - low) / 2
        found = float(f"{beyond:.1e}")
    elif values.scale == "log":
        factor = min(STEP, high / low)
        found = float(f"{high * factor if end == 'high' else low / factor:.0e}")
    else:
        factor = min(STEP, (1 - low) / (1 - high))
        left = float(f"{(1 - high) / factor if end == 'high' else min(1.0, (1 - low) * factor):.0e}")
        found = round(1 - left, 12)
    found = min(max(found, least), most)
    if isinstance(values, Whole | LogWhole):
        floor = 1 if isinstance(values, LogWhole) else 0
        found = max(floor, math.ceil(found) if end == "high" else math.floor(found))
    return found if (found > high if end == "high" else found < low) else None


def limits(path: str) -> tuple[float, float]:
    """Between what the config allows a number to be, as far as its declaration says; a bound that is itself refused
    is left by a little."""
    from dltrain.config.hints import members
    from dltrain.config.validating import section_hint

    if path == COUNT:
        return 0, math.inf
    least, most = -math.inf, math.inf
    names = tuple(path.split("."))
    if names[0] == "architecture" and len(names) > 2 and names[1] == "layers":
        names = (*names[:2], "0", *names[3:])
    for base, constraints in members(section_hint(names)):
        if base not in (int, float):
            continue
        for constraint in constraints:
            least = max(least, _bound(constraint, "ge", "gt", 1))
            most = min(most, -_bound(constraint, "le", "lt", -1))
    return least, most


def _bound(constraint: Any, closed: str, open_: str, side: int) -> float:
    """The bound times `side`; a hair inside where the bound itself is out; −∞ where it is another constraint."""
    if (value := getattr(constraint, closed, None)) is not None:
        return side * float(value)
    if (value := getattr(constraint, open_, None)) is not None:
        return side * float(value) + 1e-9
    return -math.inf


def in_words(edge: Mapping[str, Any]) -> str:
    """`optimizer.learning_rate: the best, 0.93, is at the high end of 0.0001 to 1.0; a wider range may hold a
    better one`."""
    return (
        f"{edge['path']}: the best, {edge['value']}, is at the {edge['end']} end of {edge['low']} to {edge['high']}; "
        "a wider range may hold a better one"
    )
