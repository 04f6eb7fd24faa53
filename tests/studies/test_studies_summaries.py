"""What the kinds of studies propose, and what they make of their trials."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from studies_parts import CONTEXT, result

from dltrain import runs
from dltrain.errors import Damaged
from dltrain.studies.folder import ATTEMPTS
from dltrain.studies.folds import Folds
from dltrain.studies.kinds import study_of
from dltrain.studies.learning_curve import LearningCurve, default_sizes
from dltrain.studies.model import Result
from dltrain.studies.power_law import fit, resampled
from dltrain.studies.seeds import Seeds, over_seeds
from dltrain.studies.trial_results import results_csv

CURVE = LearningCurve(sizes=(10, 20, 40), seeds=2, first=5, steps=30, batch_size=16)


@pytest.mark.parametrize("study", [Seeds(seeds=3, first=7), Folds(folds=4, seed=2), CURVE])
def test_a_study_comes_back_from_its_record(study: object) -> None:
    assert study_of(json.loads(json.dumps(study.to_json()))) == study  # type: ignore[attr-defined]


def test_a_study_that_makes_no_sense_is_damaged() -> None:
    for settings in ({"kind": "other"}, {"kind": "seeds", "wrong": 1}, {}):
        with pytest.raises(Damaged, match="does not describe a study"):
            study_of(settings)
    assert ATTEMPTS == "attempts"


def test_seeds_follow_each_other() -> None:
    study = Seeds(seeds=3, first=7)
    assert study.propose([]) == [{"seed": 7}, {"seed": 8}, {"seed": 9}]
    assert study.propose([result(0, 0.1)]) == []


def test_the_interval_over_seeds_is_students() -> None:
    from scipy import stats

    values = [0.10, 0.12, 0.09, 0.15]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    entry = over_seeds(values, CONTEXT)
    assert (entry["low"], entry["high"]) == (pytest.approx(low), pytest.approx(high))
    assert entry["sd"] == pytest.approx(np.std(values, ddof=1)) and entry["n"] == 4
    alone = over_seeds([0.2], CONTEXT)
    assert (alone["low"], alone["high"], alone["sd"]) == (None, None, None)


def test_what_diverged_or_crashed_is_listed_and_left_out() -> None:
    crashed = result(2, None, outcome="crashed", cause="killed by SIGKILL")
    summary = Seeds(seeds=3, first=0).summarize([result(0, 0.1), result(1, None), crashed], CONTEXT)
    assert summary["errors"]["dev"]["n"] == 1
    assert [row["state"] for row in summary["trials"]] == ["finished", "diverged", "crashed"]
    assert summary["trials"][2]["cause"] == "killed by SIGKILL"
    nothing = Seeds(seeds=1, first=0).summarize([result(0, None)], CONTEXT)
    assert nothing["errors"] == {} and nothing["headline"] is None


def trial(number: int, train: float, dev: tuple[float, float, float]) -> Result:
    """With an exact training error and a dev error of 200 rows between two ends."""
    errors = {
        "train": {"value": train, "low": train, "high": train, "n": 900, "interval": "exact"},
        "dev": {"value": dev[1], "low": dev[0], "high": dev[2], "n": 200, "interval": "wilson"},
    }
    return result(number, dev[1], errors=errors)


def test_gaps_over_seeds_know_of_other_seeds_and_other_rows() -> None:
    """By hand: the t interval of the gaps and the mean half-widths of the trials' own, added in squares."""
    from scipy import stats

    trials = [
        trial(0, 0.01, (0.08, 0.10, 0.14)),
        trial(1, 0.03, (0.09, 0.11, 0.13)),
        trial(2, 0.02, (0.10, 0.12, 0.18)),
    ]
    found = Seeds(seeds=3, first=0).summarize(trials, CONTEXT)
    gaps = np.array([0.09, 0.08, 0.10])
    spread = float(stats.t.ppf(0.975, 2) * stats.sem(gaps))
    below, above = np.mean([0.02, 0.02, 0.02]), np.mean([0.04, 0.02, 0.06])
    variance = found["gaps"]["variance"]
    assert variance["value"] == pytest.approx(0.09)
    assert variance["low"] == pytest.approx(0.09 - np.hypot(spread, below))
    assert variance["high"] == pytest.approx(0.09 + np.hypot(spread, above))
    assert variance["verdict"] == found["verdict"]["variance"] == "high"
    assert found["errors"]["dev"]["of"] == "training randomness only"
    dev = found["errors"]["dev"]["with_rows"]
    assert dev["low"] < 0.11 - 0.02 and dev["high"] > 0.11 + 0.04 and dev["n"] == 200
    assert "with_rows" not in found["errors"]["train"], "every training row was measured"
    bias = found["gaps"]["avoidable_bias"]
    assert bias["high"] - bias["value"] == pytest.approx(float(stats.t.ppf(0.975, 2) * stats.sem([0.01, 0.03, 0.02])))
    assert found["headline"] == "high variance, bias undetermined, leaning low"


def test_one_seed_that_finished_has_its_own_table() -> None:
    found = Seeds(seeds=2, first=0).summarize([trial(0, 0.01, (0.08, 0.10, 0.14)), result(1, None)], CONTEXT)
    variance = found["gaps"]["variance"]
    assert (variance["low"], variance["high"]) == (pytest.approx(0.07), pytest.approx(0.13))
    assert "one seed" in found["note"] and found["errors"]["dev"]["low"] is None


def test_a_regressions_bias_stays_open_over_seeds_too() -> None:
    from dataclasses import replace

    context = replace(CONTEXT, task="regression")
    trials = [trial(0, 0.30, (0.3, 0.31, 0.4)), trial(1, 0.31, (0.3, 0.32, 0.4))]
    bias = Seeds(seeds=2, first=0).summarize(trials, context)["gaps"]["avoidable_bias"]
    assert bias["verdict"] == "undetermined" and bias["settle"]["part"] == "bayes"


def test_a_fold_without_a_result_is_said() -> None:
    summary = Folds(folds=2, seed=1).summarize([result(0, None), result(1, None)], CONTEXT)
    assert "2 of 2 folds have no result" in summary["note"]


def test_folds_are_pooled_in_one_unit(tmp_path: Path, rng: np.random.Generator) -> None:
    """Each fold has divided squares and weights by numbers of its own training set."""
    squares, weights = rng.exponential(size=(2, 50)), rng.lognormal(0, 2, (2, 50))
    variances, means = (1.0, 3.0), (1.0, 5.0)
    trials = []
    for fold in range(2):
        folder = tmp_path / str(fold)
        folder.mkdir()
        y = np.zeros(50)
        own = squares[fold] / variances[fold]
        (folder / "predictions.npz").write_bytes(
            runs.encode_predictions(np.arange(50) + 50 * fold, y, y, own, weights=weights[fold] / means[fold])
        )
        known = {"task": "regression", "target_sd": variances[fold] ** 0.5, "weight_mean": means[fold]}
        (folder / "preparation.json").write_text(json.dumps(known))
        trials.append(result(fold, float(own.mean()), {"split.fold": fold}, path=folder))
    errors = Folds(folds=2, seed=1).summarize(trials, replace(CONTEXT, task="regression"))["errors"]
    assert errors["dev"]["value"] == pytest.approx(np.average(squares, weights=weights) / 2)
    assert errors["train"]["value"] == pytest.approx((0.01 * 1 + 0.01 * 3) / 2 / 2)


def test_sizes_train_alike_but_for_their_rows() -> None:
    proposed = CURVE.propose([])
    assert len(proposed) == 6
    assert [one["data.train_limit"] for one in proposed] == [40, 40, 20, 20, 10, 10]
    assert {one["training.steps"] for one in proposed} == {30}
    assert [one["training.batch_size"] for one in proposed] == [16, 16, 16, 16, 10, 10]
    assert all(one["seed"] == one["data.train_limit_seed"] for one in proposed)
    assert default_sizes(1000, 10) == (62, 125, 250, 500, 1000)
    assert default_sizes(50, 2) == (12, 25, 50)


def curve(error: object) -> list[Result]:
    """Trials whose dev error is `error(m, seed)`."""
    return [
        result(trial, float(error(one["data.train_limit"], one["seed"])), dict(one))  # type: ignore[operator]
        for trial, one in enumerate(CURVE.propose([]))
    ]


def test_a_law_is_found_again() -> None:
    summary = CURVE.summarize(curve(lambda m, seed: 0.05 + 0.9 * m**-0.5), CONTEXT)
    law = summary["fit"]
    assert (law["a"], law["b"], law["c"]) == (pytest.approx(0.05), pytest.approx(0.9), 0.5)
    gain = 0.9 * (40**-0.5 - 80**-0.5)
    assert summary["twice"]["buys"]["value"] == pytest.approx(gain)
    assert summary["twice"]["error"]["value"] == pytest.approx(0.05 + 0.9 * 80**-0.5)
    assert summary["errors"]["dev"]["value"] == pytest.approx(0.05 + 0.9 * 40**-0.5)
    assert [entry["m"] for entry in law["band"]][-1] == 160


def test_a_regression_s_curve_has_one_unit(tmp_path: Path) -> None:
    """Each trial divides by the variance of its own subset; the squares themselves fall as 0.9/√m."""
    trials = []
    for trial, one in enumerate(CURVE.propose([])):
        m, variance = one["data.train_limit"], 4.0 if one["data.train_limit"] == 40 else 1.0 + 0.3 * trial
        folder = tmp_path / str(trial)
        folder.mkdir()
        (folder / "preparation.json").write_text(json.dumps({"task": "regression", "target_sd": variance**0.5}))
        trials.append(result(trial, 0.9 * m**-0.5 / variance, dict(one), path=folder))
    summary = CURVE.summarize(trials, replace(CONTEXT, task="regression"))
    assert [point["dev"]["value"] for point in summary["points"]] == pytest.approx(
        [0.9 * m**-0.5 / 4.0 for m in (10, 20, 40)]
    )
    assert summary["fit"]["c"] == 0.5


def test_a_gap_in_the_curve_leaves_seeds_or_the_fit_out() -> None:
    trials = curve(lambda m, seed: 0.05 + 0.9 * m**-0.5 + 0.01 * (seed - 5))
    lost = [one if one.trial else result(0, None, dict(one.overrides)) for one in trials]
    summary = CURVE.summarize(lost, CONTEXT)
    assert summary["fit"]["seeds"] == 1 and summary["twice"]["buys"]["low"] is None
    assert "one seed gives no band" in summary["note"]
    gone = [one for one in trials if one.overrides["data.train_limit"] != 20]
    assert CURVE.summarize(gone, CONTEXT)["fit"] is None
    assert CURVE.summarize([], CONTEXT)["headline"] is None


def test_the_fit_is_the_least_squares_that_scipy_finds(rng: np.random.Generator) -> None:
    from scipy.optimize import minimize

    sizes = np.array([50.0, 100, 200, 400, 800])
    for _ in range(5):
        errors = 0.02 + 2 * sizes**-0.7 * rng.uniform(0.9, 1.1, 5)
        law = fit(sizes, errors[None, :])

        def lost(p: np.ndarray, c: float, errors: np.ndarray = errors) -> float:
            return float((((p[0] + p[1] * sizes**-c - errors) ** 2) / errors).sum())

        best = min(
            minimize(lost, [0.01, 1.0], args=(c,), bounds=[(0, None), (0, None)], tol=1e-14).fun
            for c in np.arange(0.05, 2.0, 0.05)
        )
        ours = lost(np.array([law.a[0], law.b[0]]), float(law.c[0]))
        assert ours <= best * (1 + 1e-6)


@pytest.mark.parametrize("errors", [[0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.1, 0.2, 0.3], [0.3, 0.0, 0.0]])
def test_curves_that_are_none_still_have_a_fit(errors: list[float]) -> None:
    law = fit(np.array([10.0, 20, 40]), np.array([errors]))
    assert (law.a >= 0).all() and (law.b >= 0).all() and np.isfinite(law.at(80)).all()
    assert law.at(80) <= law.at(40) + 1e-12


def test_few_seeds_give_a_wide_band(rng: np.random.Generator) -> None:
    """Its sd is that of a mean, times t/z."""
    from scipy import stats

    curves = 0.5 + 0.01 * rng.normal(size=(4, 3))
    draws = resampled(curves, 0.95)
    wanted = curves.std(axis=0, ddof=1) / 2 * stats.t.ppf(0.975, 3) / stats.norm.ppf(0.975)
    assert draws.std(axis=0) == pytest.approx(wanted, rel=0.06)
    assert draws.mean(axis=0) == pytest.approx(curves.mean(axis=0), abs=2e-3)


def test_results_csv_quotes_what_csv_would_break() -> None:
    one = result(0, 0.25, {"seed": 1, "architecture.layers": [4, 2], "training.epochs": None, "x": "a,b"})
    other = result(1, None, {"seed": 1, "optimizer.learning_rate": 1e-05})
    text = results_csv([other, one]).decode()
    assert text.splitlines() == [
        "trial,round,state,objective,low,high,seed,architecture.layers,training.epochs,x,optimizer.learning_rate",
        '0,1,finished,0.25,0.0,1.0,1,"[4, 2]",null,"a,b",',
        "1,1,diverged,inf,,,1,,,,1e-05",
    ]
