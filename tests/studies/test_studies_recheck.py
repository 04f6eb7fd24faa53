"""Neighbours of a search's winner."""

from __future__ import annotations

from dltrain.studies.recheck import MOST, Recheck, neighbours
from dltrain.studies.space import Space

SPACE = Space.of(
    {
        "optimizer.learning_rate": {"kind": "log_uniform", "low": 1e-4, "high": 1.0},
        "optimizer.kind": {"kind": "choice", "values": ["adam", "momentum"]},
        "optimizer.beta": {"kind": "uniform", "low": 0.5, "high": 0.9, "when": {"optimizer.kind": "momentum"}},
        "architecture.layers.0.units": {"kind": "int", "low": 1, "high": 100},
    }
)
ADAM = {"optimizer.kind": "adam", "optimizer.learning_rate": 0.01, "architecture.layers.0.units": 1}
MOMENTUM = {**ADAM, "optimizer.kind": "momentum", "optimizer.beta": 0.7}


def test_neighbours_differ_in_one_key_by_a_tenth_of_its_scale() -> None:
    found = neighbours(SPACE, ADAM)
    changes = [{key: point[key] for key in point if point[key] != ADAM[key]} for point in found]
    assert changes == [
        {"optimizer.learning_rate": 0.025119},  # 10^-2 by 10^0.4
        {"architecture.layers.0.units": 11},
        {"optimizer.learning_rate": 0.0039811},
    ]  # at the end of its range there is none lower, and adam goes with no beta


def test_what_others_depend_on_stays() -> None:
    assert all(set(point) == set(MOMENTUM) for point in neighbours(SPACE, MOMENTUM))


def test_there_are_few() -> None:
    many = Space.of({f"search.{n}": {"kind": "uniform", "low": 0.0, "high": 1.0} for n in range(20)})
    found = neighbours(many, {f"search.{n}": 0.5 for n in range(20)})
    assert len(found) == MOST
    assert len({next(key for key in point if point[key] != 0.5) for point in found}) == MOST  # all of other keys


def test_every_point_has_the_same_seeds() -> None:
    study = Recheck(study="s", then={}, changed=(), points=(ADAM, MOMENTUM), seeds=2, first=5)
    assert study.propose([]) == [{**point, "seed": seed} for point in (ADAM, MOMENTUM) for seed in (5, 6)]
