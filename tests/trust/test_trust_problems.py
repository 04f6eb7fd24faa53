"""The generated problems: what is called their Bayes error is the lowest possible one."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from benchmarks.trust import problems
from benchmarks.trust.problems import COMPONENTS, Draw, Problem, Shift, ShiftKind

N = 200_000
CLASSES = {"kind": "multiclass", "classes": 3, "n_x": 2, "noise": 0.1}


@pytest.fixture(autouse=True)
def fewer_fresh_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "FRESH", N)


def margin(rate: float) -> float:
    """Four standard errors of the difference of two rates on N examples."""
    return 4 * math.sqrt(2 * rate * (1 - rate) / N)


def test_the_rule_of_regions_itself_errs_at_the_bayes_rate() -> None:
    problem = Problem(family="regions", seed=1, **CLASSES)  # type: ignore[arg-type]
    X, y = problem.draw(N, Draw.TEST)
    assert problem.bayes() == 0.1
    assert abs(np.mean(problems.rule(problem).answer(X) != y) - 0.1) < margin(0.1)


def test_the_likeliest_class_of_clusters_errs_at_the_bayes_rate() -> None:
    """The likeliest class by summed densities, without the logarithms and the posterior of the problem's own way."""
    problem = Problem(family="clusters", seed=2, spread=2.0, **CLASSES)  # type: ignore[arg-type]
    X, y = problem.draw(N, Draw.TEST)
    means = problems.rule(problem).means
    density = np.zeros((N, 3))
    for place, mean in enumerate(means):
        density[:, place // COMPONENTS] += np.exp(-((X - mean) ** 2).sum(axis=1) / 2)
    found = float(np.mean(density.argmax(axis=1) != y))
    assert 0.1 < problem.bayes() < 0.6
    assert abs(found - problem.bayes()) < margin(found)


@pytest.mark.parametrize("tails", ["normal", "laplace", "uneven"])
def test_a_regression_has_the_share_of_noise_that_it_says(tails: str) -> None:
    problem = Problem(kind="regression", family="regions", seed=3, noise=0.3, tails=tails)  # type: ignore[arg-type]
    X, y = problem.draw(N, Draw.TEST)
    surface = math.sqrt(0.7) * problems.rule(problem).answer(X)
    assert np.mean((y - surface) ** 2) == pytest.approx(0.3, abs=0.02)
    assert np.var(y) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("kind", get_args(ShiftKind))
def test_every_shift_changes_something_and_none_at_strength_0(kind: str) -> None:
    problem = Problem(family="regions", seed=4, **CLASSES)  # type: ignore[arg-type]
    X, y = problem.draw(500, Draw.DEV)
    moved, answers = problem.draw(500, Draw.DEV, shift=Shift(kind=kind, strength=0.5))  # type: ignore[arg-type]
    assert not (np.array_equal(X, moved) and np.array_equal(y, answers))
    if kind != "clipped":
        same, labels = problem.draw(500, Draw.DEV, shift=Shift(kind=kind, strength=0.0))  # type: ignore[arg-type]
        assert np.array_equal(X, same) and np.array_equal(y, labels)


def test_equal_arguments_give_equal_draws_and_others_do_not() -> None:
    problem = Problem(family="clusters", seed=5, **CLASSES)  # type: ignore[arg-type]
    first, again, other = (problem.draw(50, *place)[0] for place in ((Draw.DEV, 1), (Draw.DEV, 1), (Draw.DEV, 2)))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
