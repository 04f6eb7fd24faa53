"""Best points at the edge of a range, and how far it is suggested to be moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.studies.edges import edges, in_words, limits, wider
from dltrain.studies.model import Result
from dltrain.studies.points import Point, points_of
from dltrain.studies.space import Space

RATE = "optimizer.learning_rate"


def points(path: str, values: list[Any], objectives: list[float], **more: Any) -> list[Point]:
    results = [
        Result(
            trial=i,
            round=1,
            overrides={path: value, "seed": 1},
            outcome="finished",
            path=Path("none"),
            errors={"dev": {"value": objective}},
            **more,
        )
        for i, (value, objective) in enumerate(zip(values, objectives, strict=True))
    ]
    return points_of(results, 1)


def space(path: str, kind: str, low: Any, high: Any) -> Space:
    return Space.of({path: {"kind": kind, "low": low, "high": high}})


def test_the_edge_of_a_logarithmic_range() -> None:
    found = edges(space(RATE, "log_uniform", 1e-4, 1.0), points(RATE, [0.9, 0.5, 0.3, 1e-3], [0.1, 0.2, 0.3, 0.4]))
    assert found == [
        {
            "path": RATE,
            "value": 0.9,
            "end": "high",
            "low": 1e-4,
            "high": 1.0,
            "suggestion": f"search.space.{RATE}.high=3.0",
        }
    ]
    assert in_words(found[0]) == (
        f"{RATE}: the best, 0.9, is at the high end of 0.0001 to 1.0; a wider range may hold a better one"
    )


@pytest.mark.parametrize(
    ("kind", "path", "low", "high", "end", "expected"),
    [
        ("log_uniform", RATE, 1e-4, 1.0, "low", 3e-5),
        ("log_uniform", RATE, 0.1, 0.2, "high", 0.4),
        ("one_minus_log_uniform", "optimizer.beta1", 0.9, 0.999, "high", 0.9997),
        ("one_minus_log_uniform", "optimizer.beta1", 0.9, 0.999, "low", 0.7),
        ("uniform", "architecture.keep_prob", 0.5, 0.9, "high", 1.0),
        ("uniform", "architecture.keep_prob", 0.5, 1.0, "high", None),
        ("uniform", "regularizer.lambd", 0.0, 1.0, "low", None),
        ("uniform", "regularizer.lambd", 0.0, 1.0, "high", 1.5),
        ("int", "architecture.layers.0.units", 16, 256, "high", 380),
        ("int", "architecture.layers.2.units", 1, 256, "low", None),
        ("int", "architecture.layers.count", 1, 3, "high", 4),
        ("int", "architecture.layers.count", 0, 3, "low", None),
        ("log_int", "architecture.layers.0.units", 16, 256, "high", 800),
        ("log_int", "architecture.layers.0.units", 16, 256, "low", 5),
    ],
)
def test_wider_by_half_a_decade_or_half_the_range(
    kind: str, path: str, low: Any, high: Any, end: Any, expected: Any
) -> None:
    assert wider(space(path, kind, low, high).dimensions[0], end) == expected


def test_what_is_suggested_the_config_allows() -> None:
    assert limits("architecture.keep_prob") == (1e-9, 1.0)
    assert limits("architecture.layers.5.units") == (1, float("inf"))
    assert limits("optimizer.beta1")[1] < 1


def test_a_best_point_alone_is_no_edge() -> None:
    """The others as good lie in the middle."""
    wide = space(RATE, "log_uniform", 1e-4, 1.0)
    assert edges(wide, points(RATE, [0.99, 0.01, 0.3, 1e-3], [0.1, 0.2, 0.3, 0.4])) == []
    assert edges(wide, points(RATE, [0.99, 0.9, 0.8, 1e-3], [0.1, 0.2, 0.3, 0.3])) == []
    assert edges(wide, points(RATE, [0.2, 0.3, 0.4, 1e-3], [0.1, 0.2, 0.3, 0.4])) == []
    assert edges(wide, []) == []


def test_the_ends_of_few_whole_numbers_count_as_edges() -> None:
    path = "architecture.layers.count"
    found = edges(space(path, "int", 1, 5), points(path, [5, 5, 5, 1], [0.1, 0.2, 0.3, 0.4]))
    assert [edge["suggestion"] for edge in found] == [f"search.space.{path}.high=7"]


def test_points_that_were_pruned_or_diverged_are_no_best_points() -> None:
    wide = space(RATE, "log_uniform", 1e-4, 1.0)
    found = points(RATE, [0.9, 0.8], [0.1, 0.2], epochs=5)
    pruned = [
        Point(index=p.index, round=1, overrides=p.overrides, results=tuple(_pruned(result) for result in p.results))
        for p in found
    ]
    assert edges(wide, found) != [] == edges(wide, pruned)


def _pruned(result: Result) -> Result:
    from dataclasses import replace

    return replace(result, outcome="pruned")


def test_a_setting_that_does_not_matter_seldom_warns() -> None:
    """P = 2 · (1/4)³ · (1 − 0.8³) = 1.5 %; a rule by the best point alone would warn in 10 %."""
    random = np.random.default_rng(0)
    wide = space("regularizer.lambd", "uniform", 1.0, 2.0)
    warned = 0
    for _ in range(1000):
        values = random.uniform(1, 2, 20).tolist()
        warned += bool(edges(wide, points("regularizer.lambd", values, random.random(20).tolist())))
    assert 5 <= warned <= 30
