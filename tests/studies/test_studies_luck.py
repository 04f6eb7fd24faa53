"""The luck of a search where the truth is known, and how the trials' dev rows are read."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from dltrain import runs
from dltrain.diagnosis.comparison import Examples
from dltrain.studies import dev_losses
from dltrain.studies.luck import in_words, luck_of, summarized

ROWS, TRIALS, RATE = 359, 60, 0.0245


def simulated(kind: str, random: Any) -> tuple[Any, Any]:
    """Errors of 60 trials on 359 rows, and the trials' true error rates."""
    rates = np.full(TRIALS, RATE)
    if kind == "equal":
        return (random.random((TRIALS, ROWS)) < RATE).astype(float), rates
    if kind == "alike":  # equal ones that fail on nearly the same rows
        hardness, own = random.standard_normal(ROWS), random.standard_normal((TRIALS, ROWS))
        return (0.8**0.5 * hardness + 0.2**0.5 * own < NormalDist().inv_cdf(RATE)).astype(float), rates
    if kind == "one":
        rates = np.where(np.arange(TRIALS) == 7, 0.02, 0.2)
    else:
        rates = np.linspace(0.02, 0.2, TRIALS)
    return (random.random((TRIALS, ROWS)) < rates[:, None]).astype(float), rates


@pytest.mark.parametrize(
    ("kind", "truth", "within"), [("equal", 0.0166, 0.001), ("alike", 0.0131, 0.002), ("one", 0.0, 0.0015)]
)
def test_the_estimate_is_the_truth_in_the_mean(kind: str, truth: float, within: float) -> None:
    """`truth`: mean of (true error − dev error) of the winner in 8,000 or more simulated searches of each kind; 60 equal ones
    of about 2.5 % on 359 rows look 1.7 points too good (statistics of the search)."""
    random = np.random.default_rng(0)
    found, held = [], []
    for _ in range(60):
        errors, rates = simulated(kind, random)
        luck = luck_of(errors)
        assert luck is not None
        found.append(luck.value)
        entry = summarized(luck, errors, Examples("binary"), 0.95)["corrected"]
        held.append(entry["low"] <= rates[luck.winner] <= entry["high"])
    assert np.mean(found) == pytest.approx(truth, abs=within)
    assert np.mean(held) >= 0.9


def test_the_truth_the_estimate_is_held_to() -> None:
    """Of equal trials the winner's error is the least of 60 binomials: E[min] by summing P(min > k) = P(X > k)^60."""
    from math import comb

    tail, least = 1.0, 0.0
    for k in range(40):
        tail -= comb(ROWS, k) * RATE**k * (1 - RATE) ** (ROWS - k)
        least += max(tail, 0.0) ** TRIALS
    assert RATE - least / ROWS == pytest.approx(0.0167, abs=0.0003)


def test_a_trial_better_beyond_doubt_owes_nothing_to_luck() -> None:
    errors = np.ones((5, 100))
    errors[3, 5:] = 0
    luck = luck_of(errors)
    assert luck is not None and (luck.winner, luck.apparent, luck.value) == (3, 0.05, 0)


def test_one_trial_or_one_group_has_no_luck() -> None:
    errors = np.eye(4)
    assert luck_of(errors[:1]) is None
    assert luck_of(errors, codes=np.zeros(4, np.int64)) is None


def test_ties_go_to_the_first() -> None:
    errors = np.zeros((3, 10))
    luck = luck_of(errors)
    assert luck is not None and luck.winner == 0 and luck.value == 0


def test_equal_weights_and_groups_of_one_change_nothing() -> None:
    errors, _ = simulated("equal", np.random.default_rng(1))
    plain = luck_of(errors)
    assert plain == luck_of(errors, codes=np.arange(ROWS)) == luck_of(errors, weights=np.ones(ROWS))


def test_rows_of_weight_nothing_are_not_there() -> None:
    errors, _ = simulated("slope", np.random.default_rng(2))
    weights = np.repeat([1.0, 0.0], [200, ROWS - 200])
    whole, part = luck_of(errors, weights=weights), luck_of(errors[:, :200])
    assert whole is not None and part is not None
    assert (whole.winner, whole.apparent) == (part.winner, pytest.approx(part.apparent))
    assert whole.value == pytest.approx(part.value, abs=0.003)


def test_copies_of_rows_count_once_when_they_are_a_group() -> None:
    """Each row 4 times, in one group: as many independent ones as before, so as much luck; row by row it looks less."""
    random = np.random.default_rng(3)
    clustered, single, ignored = [], [], []
    for _ in range(20):
        errors = (random.random((30, 80)) < 0.1).astype(float)
        copies, codes = np.repeat(errors, 4, axis=1), np.repeat(np.arange(80), 4)
        kept = [luck_of(errors), luck_of(copies, codes=codes), luck_of(copies)]
        values = [luck.value for luck in kept if luck is not None]
        single.append(values[0]), clustered.append(values[1]), ignored.append(values[2])
    assert np.mean(clustered) == pytest.approx(np.mean(single), rel=0.02)
    assert np.mean(ignored) < 0.7 * np.mean(single)


def test_what_chooses_may_be_another_measure() -> None:
    """Chosen by a loss that is noise: the error of what is chosen is no better than it looks."""
    random = np.random.default_rng(4)
    found = []
    for _ in range(40):
        errors = (random.random((30, 200)) < 0.1).astype(float)
        luck = luck_of(errors, chosen_by=random.random((30, 200)))
        assert luck is not None
        found.append(luck.value)
    assert np.mean(found) == pytest.approx(0, abs=0.008)


def test_many_rows_take_fewer_draws_and_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from dltrain.studies import luck

    errors, _ = simulated("equal", np.random.default_rng(5))
    whole = luck_of(errors)
    monkeypatch.setattr(luck, "AT_ONCE", 1)
    assert luck_of(errors) == whole
    monkeypatch.setattr(luck, "MOST_WORK", 1)
    few = luck_of(errors)
    assert whole is not None and few is not None and few.value == pytest.approx(whole.value, abs=0.003)


def test_regression_scales_the_winners_interval() -> None:
    errors = np.random.default_rng(6).chisquare(1, (20, 100))
    luck = luck_of(errors)
    assert luck is not None
    entry = summarized(luck, errors, Examples("regression"), 0.95)
    corrected = entry["corrected"]
    assert corrected["low"] < luck.corrected < corrected["high"]
    assert entry["high"] == pytest.approx(corrected["high"] - luck.apparent)
    assert in_words(entry, True).startswith(f"about {luck.value:.3f} of its dev error is luck of the search")


def test_words() -> None:
    corrected = {"value": 0.028, "low": 0.015, "high": 0.0505}
    words = in_words({"value": 0.017, "corrected": corrected}, False)
    assert words == "about 1.7 points of its dev error are luck of the search: on other rows expect 2.8% [1.5%, 5.1%]"
    small = in_words({"value": 0.0002, "corrected": {"value": 0.028, "low": None, "high": None}}, False)
    assert small == "next to nothing of its dev error is luck of the search: on other rows expect 2.8%"


def leave(path: Path, errors: Any, **more: Any) -> Path:
    path.mkdir(parents=True)
    n = len(errors)
    arrays = {"rows": np.arange(n), "y": np.zeros(n, np.int64), "predicted": np.asarray(errors, np.int64)}
    (path / "predictions.npz").write_bytes(runs.encode_predictions(**{**arrays, "errors": np.asarray(errors), **more}))
    return path


def test_points_are_read_as_means_over_their_seeds(tmp_path: Path) -> None:
    paths = [leave(tmp_path / str(i), row) for i, row in enumerate([[1, 0, 0, 1], [0, 0, 0, 1], [1, 1, 1, 1]])]
    found = dev_losses.read([(0.375, paths[:2]), (1.0, paths[2:])], "dev.error", "binary")
    assert isinstance(found, dev_losses.DevLosses)
    assert found.errors.tolist() == found.chosen_by.tolist() == [[0.5, 0, 0, 1], [1, 1, 1, 1]]


def test_a_loss_is_computed_from_the_probabilities(tmp_path: Path) -> None:
    yhat = np.array([[0.5, 0.5], [0.25, 0.75]])
    one = leave(tmp_path / "0", [0, 1], yhat=yhat)
    two = leave(tmp_path / "1", [0, 0], yhat=np.array([[1.0, 0.0], [0.5, 0.5]]))
    points = [(1.5 * np.log(2), [one]), (0.5 * np.log(2), [two])]
    found = dev_losses.read(points, "dev.loss", "binary")
    assert isinstance(found, dev_losses.DevLosses)
    assert np.allclose(found.chosen_by, np.log([[2, 4], [1, 2]])) and found.errors.tolist() == [[0, 1], [0, 0]]
    wrong = dev_losses.read([(0.1, [one]), (0.5, [two])], "dev.loss", "binary")
    assert wrong == "dev.loss of the trials is not what their predictions give: the luck of the search is not known"


def test_why_there_is_no_luck_to_tell(tmp_path: Path) -> None:
    one, two = leave(tmp_path / "0", [0, 1]), leave(tmp_path / "1", [1, 1], rows=np.array([5, 6]))
    assert "train.error is not a mean over dev rows" in str(dev_losses.read([], "train.error", "binary"))
    assert "two points or more" in str(dev_losses.read([(0.5, [one])], "dev.error", "binary"))
    assert "the same dev rows" in str(dev_losses.read([(0.5, [one]), (1.0, [two])], "dev.error", "binary"))
    lost = dev_losses.read([(0.5, [one]), (1.0, [tmp_path / "2"])], "dev.error", "binary")
    assert "the luck of the search is not known" in str(lost) and "predictions.npz" in str(lost)


def test_only_the_best_points_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_losses, "MOST", 2)
    points = [
        (1.0, [tmp_path / "gone"]),
        (0.0, [leave(tmp_path / "1", [0, 0])]),
        (0.5, [leave(tmp_path / "2", [0, 1])]),
    ]
    found = dev_losses.read(points, "dev.error", "binary")
    assert isinstance(found, dev_losses.DevLosses) and found.errors.tolist() == [[0, 0], [0, 1]]
