"""Shares of hyperparameters on surfaces whose shares are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dltrain.studies.importance import Axis, Importance, importance, in_words, ranks

Surface = Callable[[Any], Any]


def found_of(places: Any, scores: Any, **kinds: dict[str, Any]) -> Importance:
    axes = [Axis(path=f"x{j}", places=column, **kinds.get(f"x{j}", {})) for j, column in enumerate(places.T)]
    return importance(axes, scores, 0.95)


def values(found: Importance) -> list[float]:
    return [share.value for share in found.alone.values()]


def test_ranks_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    scores = np.array([0.3, math.inf, 0.1, 0.3, math.inf, 0.2])
    expected = stats.rankdata(scores)
    got = ranks(scores)
    assert got.mean() == pytest.approx(0) and got.std() == pytest.approx(1)
    assert np.allclose(got, (expected - expected.mean()) / expected.std())


@pytest.mark.parametrize("trials", [20, 60])
def test_shares_of_an_additive_surface(trials: int) -> None:
    """2a + b of uniform a, b has variances 4/12 and 1/12: shares 0.8 and 0.2, nearly so in ranks."""
    got = []
    for seed in range(10):
        places = np.random.default_rng(seed).random((trials, 3))
        got.append(values(found_of(places, 2 * places[:, 0] + places[:, 1])))
    mean = np.mean(got, axis=0)
    assert np.abs(mean - [0.8, 0.2, 0]).max() < 0.05
    assert np.abs(np.array(got) - mean).max() < 0.2


def test_a_monotone_change_of_the_objective_changes_nothing() -> None:
    places = np.random.default_rng(3).random((30, 2))
    scores = places[:, 0] + 0.3 * places[:, 1]
    assert found_of(places, np.exp(20 * scores)) == found_of(places, scores)


def test_diverged_trials_count_as_the_worst() -> None:
    places = np.random.default_rng(4).random((40, 2))
    scores = np.where(places[:, 0] > 0.7, np.inf, 0.1 + 0.001 * places[:, 1])
    found = found_of(places, scores)
    assert found.alone["x0"].value > 0.6 > 0.3 > found.alone["x1"].value


def test_what_only_pairs_explain_is_told_apart() -> None:
    places = np.random.default_rng(5).random((60, 3))
    found = found_of(places, (places[:, 0] - 0.5) * (places[:, 1] - 0.5))
    assert found.together.value > 0.9 and max(values(found)) < 0.05


def test_noise_is_nobodys_share() -> None:
    random = np.random.default_rng(6)
    shares = [found_of(random.random((60, 3)), random.random(60)) for _ in range(5)]
    assert np.mean([found.unexplained.value for found in shares]) > 0.8
    assert all(in_words(found, 60) is not None for found in shares)


def test_zooming_in_does_not_hide_what_it_settled() -> None:
    """Later rounds in a tenth of the range of x0: over their own trials x1 explains most, over the space x0 does."""
    random = np.random.default_rng(7)
    wide, narrow = random.random((20, 2)), random.random((40, 2)) * [0.1, 1.0] + [0.25, 0.0]
    places = np.vstack([wide, narrow])
    scores = 10 * (places[:, 0] - 0.3) ** 2 + 0.05 * places[:, 1]
    near = slice(20, None)
    correlation = [abs(np.corrcoef(places[near, j], ranks(scores[near]))[0, 1]) for j in range(2)]
    assert correlation[1] > correlation[0]
    found = found_of(places, scores)
    assert found.alone["x0"].low > found.alone["x1"].high or found.alone["x0"].value > 2 * found.alone["x1"].value


def test_a_choice_and_a_condition() -> None:
    """The choice moves the score by ±1 (variance 1); under its second value only, x1 moves it by √3 · (2u − 1), of
    variance 1, in half of the space: shares 2/3 and 1/3."""
    random = np.random.default_rng(8)
    picked = random.integers(0, 2, 200)
    u = np.where(picked == 1, random.random(200), np.nan)
    scores = 3 * np.where(picked == 1, 1.0, -1.0) + np.where(picked == 1, 1.5 * math.sqrt(3) * (2 * u - 1), 0.0)
    scores = scores + random.normal(0, 1.2, 200)
    kinds = {"x0": {"levels": 2, "ordered": False}, "x1": {"active": 0.5}}
    found = found_of(np.stack([(picked + 0.5) / 2, u], axis=1), scores, **kinds)
    assert found.alone["x0"].value > 3 * found.alone["x1"].value > 0
    assert found.alone["x1"].value > 0.02


def test_intervals_hold_the_shares_of_many_more_trials() -> None:
    """Coverage over 30 searches of 30 trials each: at least 8 of 10."""

    def surface(places: Any, random: Any) -> Any:
        return 2 * places[:, 0] + places[:, 1] + 0.5 * random.standard_normal(len(places))

    random = np.random.default_rng(9)
    many = random.random((3000, 3))
    truth = found_of(many, surface(many, random))
    held = []
    for _ in range(30):
        places = random.random((30, 3))
        found = found_of(places, surface(places, random))
        held.append(
            [found.alone[p].low - 0.01 <= truth.alone[p].value <= found.alone[p].high + 0.01 for p in truth.alone]
        )
    assert np.mean(held, axis=0).min() >= 0.8


def test_shares_sum_to_one_and_lie_in_their_intervals() -> None:
    places = np.random.default_rng(10).random((25, 6))
    found = found_of(places, places[:, 0] * places[:, 1] + places[:, 5], x5={"levels": 3})
    shares = [*found.alone.values(), found.together, found.unexplained]
    assert sum(share.value for share in shares) == pytest.approx(1)
    assert all(0 <= share.low <= share.value <= share.high <= 1 for share in shares)


def test_equal_scores_say_nothing() -> None:
    found = found_of(np.random.default_rng(1).random((10, 2)), np.ones(10))
    assert found.unexplained.value == 1 and values(found) == [0, 0]
    assert (
        in_words(found, 10) == "10 trials are too few to tell which hyperparameter matters: none stands out from chance"
    )


def test_words_name_what_overlaps() -> None:
    random = np.random.default_rng(2)
    places = random.random((20, 2))
    found = found_of(places, places[:, 0] + places[:, 1] + 0.1 * random.standard_normal(20))
    words = str(in_words(found, 20))
    assert words.startswith("20 trials are too few to tell x") and words.endswith(" apart: their intervals overlap")
