"""Errors of weighted examples: SciPy's bootstrap and Wilson interval, NumPy's weighted variance, repeated rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dltrain.diagnosis import Measurement, baseline_entry, diagnose, error_entry, with_test
from dltrain.diagnosis import weighted as module
from dltrain.diagnosis.estimates import estimate, from_json
from dltrain.diagnosis.intervals import wilson, wilson_finite
from dltrain.diagnosis.means import DIRECT, mean_interval
from dltrain.diagnosis.weighted import effective_size, weighted_bca, weighted_student
from dltrain.engine.streams import Purpose, generator
from dltrain.errors import InputError

OPTIONS = {"task": "binary", "threshold": 0.02, "confidence": 0.95}


def test_the_effective_size_by_hand() -> None:
    assert effective_size(np.array([2.0, 1.0, 1.0])) == 16 / 6
    assert effective_size(np.array([1e300, 1e300, 0.0])) == 2.0
    assert effective_size(np.zeros(3)) == 0.0


@given(st.lists(st.just(0.0) | st.floats(1e-9, 1e9), min_size=1, max_size=60).filter(any), st.floats(0.01, 1000))
def test_the_effective_size_lies_between_1_and_n_and_knows_no_scale(weights: list[float], factor: float) -> None:
    w = np.array(weights)
    assert 1 - 1e-9 <= effective_size(w) <= np.count_nonzero(w) * (1 + 1e-9)
    assert effective_size(w * factor) == pytest.approx(effective_size(w))


@pytest.mark.parametrize(("wrong", "n"), [(0, 50), (7, 90), (90, 90)])
def test_a_weighted_rate_has_wilsons_interval_at_its_effective_size(wrong: int, n: int) -> None:
    """SciPy's Wilson interval knows whole counts alone: weights of 4 and 0 leave a whole n_eff."""
    weights = np.repeat([4.0, 0.0], [n, 2 * n])
    entry = error_entry("dev", Measurement(wrong / n, n=3 * n, weights=weights), task="binary", confidence=0.95)
    theirs = stats.binomtest(wrong, n).proportion_ci(0.95, "wilson")
    assert (entry["n"], entry["n_eff"]) == (3 * n, n)
    assert (entry["low"], entry["high"]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_without_weights_nothing_is_said_of_them() -> None:
    entry = error_entry("dev", Measurement(0.1, n=90), task="binary", confidence=0.95)
    assert "n_eff" not in entry
    assert "n_eff" not in baseline_entry(Measurement(0.1, n=90), task="binary", confidence=0.95)
    weighed = Measurement(0.1, n=90, weights=np.ones(90))
    assert baseline_entry(weighed, task="binary", confidence=0.95) == {
        key: entry[key] for key in ("value", "low", "high", "n")
    } | {"n_eff": 90}


def test_a_weighted_sample_of_a_training_set() -> None:
    measurement = Measurement(0.1, n=200, population=1000, weights=np.repeat([3.0, 1.0], 100))
    entry = error_entry("train", measurement, task="binary", confidence=0.95)
    n_eff = 400**2 / 1000
    assert (entry["low"], entry["high"]) == wilson_finite(0.1, 200, 1000, 0.95, n_eff)
    assert wilson_finite(0.1, 200, 1000, 0.95, n_eff) == wilson(0.1, n_eff * 999 / 800, 0.95)
    whole = Measurement(0.1, n=1000, population=1000, weights=np.ones(1000))
    assert error_entry("train", whole, task="binary", confidence=0.95)["interval"] == "exact"


@pytest.mark.parametrize("n", [60, 400, 3000])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_weighted_bootstrap_is_scipys_on_the_same_draws(
    rng: np.random.Generator, n: int, confidence: float
) -> None:
    """SciPy takes the acceleration from the jackknife, here it is the influence: they agree as n grows."""
    x, w = rng.standard_normal(n) ** 2, rng.random(n) + 0.1
    theirs = stats.bootstrap(
        (x, w),
        lambda x, w, axis: (w * x).sum(axis=axis) / w.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=2000,
        confidence_level=confidence,
        method="BCa",
        rng=generator(0, Purpose.BOOTSTRAP),
    ).confidence_interval
    ours = weighted_bca(x, w, confidence)
    width = theirs.high - theirs.low
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.5 * width / np.sqrt(n))


@pytest.mark.parametrize("n", [12, 300])
def test_equal_weights_give_the_plain_interval(rng: np.random.Generator, n: int) -> None:
    x = rng.standard_normal(n) ** 2
    plain, method = mean_interval(x, 0.95)
    ends, same = mean_interval(x, 0.95, np.full(n, 0.3))
    assert (same, tuple(ends)) == (method, pytest.approx(tuple(plain), rel=1e-9))


@pytest.mark.parametrize("n", [1, 2, 12, 300])
def test_examples_of_weight_0_are_left_out(rng: np.random.Generator, n: int) -> None:
    x, w = rng.standard_normal(n) ** 2, rng.random(n) + 0.1
    more = mean_interval(np.append(x, [1e6, 7.0]), 0.95, np.append(w, [0, 0]))
    assert more == mean_interval(x, 0.95, w)


def test_few_effective_examples_take_students_t_and_its_skewed_end(rng: np.random.Generator) -> None:
    """Many light examples beside a few heavy ones: n_eff = 6.8 of 405, so a bootstrap would be too narrow."""
    x, w = rng.standard_normal(405) ** 2, np.repeat([1.0, 0.003], [5, 400])
    n_eff = effective_size(w)
    ends, method = mean_interval(x, 0.95, w)
    half = stats.t.ppf(0.975, int(n_eff) - 1) * np.sqrt(np.cov(x, aweights=w) / n_eff)
    mean = np.average(x, weights=w)
    assert (method, int(n_eff)) == ("t_skew", 7)
    assert ends.low == pytest.approx(max(0.0, mean - half), rel=1e-7) and ends.high >= (mean + half) * (1 - 1e-9)


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=29))
def test_students_interval_is_finite_and_around_the_mean(weights: list[float]) -> None:
    w = np.array(weights)
    x = np.arange(len(w)) / len(w)
    ends = weighted_student(x, w, 0.95)
    assert np.isfinite(ends).all()
    assert ends.low <= np.average(x, weights=w) <= ends.high


@pytest.mark.parametrize("kind", ["uneven", "one heavy", "equal"])
def test_many_values_are_resampled_the_short_way_with_the_same_result(rng: np.random.Generator, kind: str) -> None:
    n = DIRECT + 3000
    x = rng.standard_normal(n) ** 2
    w = np.ones(n) if kind == "equal" else rng.exponential(size=n)
    if kind == "one heavy":
        w[5], x[5] = 300.0, 9.0
    d = w * (x - np.average(x, weights=w))
    short, long = module._by_counts(d, w, 2000), module._one_by_one(d, w, 2000)
    assert short.mean() == pytest.approx(long.mean(), abs=4 * float(long.std()) / np.sqrt(1000))
    assert short.std() == pytest.approx(long.std(), rel=0.1)
    assert stats.ks_2samp(short, long).pvalue > 1e-3


def test_the_weighted_interval_covers(rng: np.random.Generator) -> None:
    """Of 200 samples whose weights undo an uneven draw, about 95 % of the intervals hold the true mean."""
    held = 0
    for _ in range(200):
        strata = rng.random(150) < 0.8
        x = np.where(strata, 1.0, 3.0) * rng.exponential(size=150)
        ends, _ = mean_interval(x, 0.95, np.where(strata, 0.5 / 0.8, 0.5 / 0.2))
        held += ends.low <= 2.0 <= ends.high
    assert 0.89 <= held / 200 <= 0.99


def test_the_gap_and_what_settles_it_use_the_effective_size() -> None:
    """Weights 3 and 1 leave 0.8 of the examples: n/0.8 weighted rows are worth n plain ones."""
    weights = np.repeat([3.0, 1.0], 250)
    plain = diagnose({"train": Measurement(0.01), "dev": Measurement(0.04, n=400)}, **OPTIONS)
    weighed = diagnose({"train": Measurement(0.01), "dev": Measurement(0.04, n=500, weights=weights)}, **OPTIONS)
    gap, wanted = weighed["gaps"]["variance"], plain["gaps"]["variance"]
    assert weighed["errors"]["dev"]["n_eff"] == 400
    assert (gap["low"], gap["high"], gap["verdict"]) == (wanted["low"], wanted["high"], "undetermined")
    more, plainly = gap["settle"]["more"], wanted["settle"]["more"]
    assert (500 + more) * 0.8 == pytest.approx(400 + plainly, abs=1)


def test_on_more_examples_a_mean_narrows_and_keeps_its_share() -> None:
    x, w = np.linspace(0, 1, 60), np.repeat([2.0, 1.0], 30)
    found = estimate("dev", Measurement(0.4, errors=x, weights=w), task="regression", confidence=0.95)
    grown = found.on_more(240, 0.95)
    assert grown.n_eff == pytest.approx(4 * found.n_eff)
    assert grown.high - grown.value == pytest.approx((found.high - found.value) / 2)


def test_the_record_of_a_weighted_error_comes_back() -> None:
    weights = np.repeat([3.0, 1.0], 250)
    found = diagnose({"train": Measurement(0.01), "dev": Measurement(0.05, n=500, weights=weights)}, **OPTIONS)
    entry = json.loads(
        json.dumps(error_entry("test", Measurement(0.09, n=500, weights=weights), task="binary", confidence=0.95))
    )
    assert from_json(entry, task="binary").to_json() == entry
    filled = with_test(json.loads(json.dumps(found)), entry)
    assert filled["errors"]["test"]["n_eff"] == 400
    plain = {"train": Measurement(0.01), "dev": Measurement(0.05, n=400), "test": Measurement(0.09, n=400)}
    wanted = diagnose(plain, **OPTIONS)["gaps"]["test_gap"]
    gap = filled["gaps"]["test_gap"]
    assert (gap["low"], gap["high"], gap["verdict"]) == (wanted["low"], wanted["high"], wanted["verdict"])


def test_a_part_of_weight_0_is_refused() -> None:
    with pytest.raises(InputError, match="every dev example has weight 0"):
        diagnose({"train": Measurement(0.0), "dev": Measurement(0.0, n=2, weights=np.zeros(2))}, **OPTIONS)
