"""What a budget pays for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dltrain.studies import affording
from dltrain.studies.affording import share_of_halving
from dltrain.studies.search import Search

SPACE = {"optimizer.learning_rate": {"kind": "log_uniform", "low": 1e-4, "high": 1.0}}
SEARCH = Search(
    method="random", trials=9, rounds=1, points=8, seeds=1, seed=1, winner_seeds=0, space=SPACE, objective="dev.error"
)


@pytest.mark.parametrize(
    ("prune", "epochs", "share"),
    [
        ({"factor": 3, "min_epochs": 5, "rungs": [5, 15]}, 45, (5 + 10 / 3 + 30 / 9) / 45),
        ({"factor": 2, "min_epochs": 10, "rungs": [10]}, 15, (10 + 5 / 2) / 15),
        (None, 9, (1 + 2 / 3 + 6 / 9) / 9),
    ],
)
def test_halving_takes_its_share_of_the_epochs(prune: dict[str, Any] | None, epochs: int, share: float) -> None:
    assert share_of_halving(replace(SEARCH, prune=prune), epochs) == pytest.approx(share)


@pytest.mark.parametrize(("trials", "halved", "way"), [(20, 60, "caviar"), (19, 57, "halving"), (5, 30, "panda")])
def test_how_many_trainings_fit_in_decides(trials: int, halved: int, way: str) -> None:
    assert affording._way(trials, halved) == way
