"""The bootstrap, Student's t and the chi-square interval against SciPy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dltrain.diagnosis import means
from dltrain.diagnosis.means import DIRECT, bca, mean_interval, single, skewed_student, student, t_value
from dltrain.engine.streams import Purpose, generator


@pytest.mark.parametrize("n", [30, 114, 360, 3000])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bca_is_scipys_on_the_same_draws(rng: np.random.Generator, n: int, confidence: float) -> None:
    x = rng.standard_normal(n) ** 2
    theirs = stats.bootstrap(
        (x,),
        np.mean,
        n_resamples=2000,
        confidence_level=confidence,
        method="BCa",
        rng=generator(0, Purpose.BOOTSTRAP),
    ).confidence_interval
    assert bca(x, confidence) == pytest.approx((theirs.low, theirs.high), rel=1e-10)


@pytest.mark.parametrize("kind", ["squares", "one outlier", "heavy tail"])
def test_large_samples_are_resampled_the_short_way_with_the_same_result(rng: np.random.Generator, kind: str) -> None:
    n = DIRECT + 4000
    x = rng.standard_normal(n) ** 2
    if kind == "one outlier":
        x[17] = 1e5
    if kind == "heavy tail":
        x = rng.pareto(1.5, n)
    short, long = means._by_counts(x, 2000), means._one_by_one(x, 2000)
    assert short.mean() == pytest.approx(long.mean(), abs=4 * float(long.std()) / np.sqrt(1000))
    assert short.std() == pytest.approx(long.std(), rel=0.1)
    assert stats.ks_2samp(short, long).pvalue > 1e-3
    ours, theirs = bca(x, 0.95), np.quantile(long, [0.025, 0.975])
    assert ours.low == pytest.approx(theirs[0], abs=0.35 * float(long.std()))
    assert ours.high > theirs[1] - 0.35 * float(long.std())


def test_a_million_values_take_bounded_memory(rng: np.random.Generator) -> None:
    x = rng.standard_normal(1_000_000) ** 2
    tracemalloc.start()
    ends, method = mean_interval(x, 0.95)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    half = 1.96 * float(x.std()) / 1000
    assert method == "bca"
    assert ends == pytest.approx((x.mean() - half, x.mean() + half), abs=0.1 * half)
    assert peak < 128e6


def test_equal_errors_give_equal_bytes(rng: np.random.Generator) -> None:
    x = rng.standard_normal(500) ** 2
    assert mean_interval(x, 0.95) == mean_interval(x.copy(), 0.95)


@given(freedom=st.integers(1, 60), confidence=st.floats(0.01, 0.9999))
def test_t_is_scipys(freedom: int, confidence: float) -> None:
    assert t_value(confidence, freedom) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-7)


@pytest.mark.parametrize("n", [2, 3, 10, 29])
def test_students_interval_is_scipys(rng: np.random.Generator, n: int) -> None:
    x = 5 + rng.standard_normal(n)
    theirs = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
    assert student(x, 0.95) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


@pytest.mark.parametrize("n", [3, 12, 40, 299])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_few_errors_get_students_interval_with_halls_long_end(
    rng: np.random.Generator, n: int, confidence: float
) -> None:
    """Hall's transformed t by root finding: of squares the upper end is his and the lower one Student's."""
    from scipy.optimize import brentq

    x = rng.chisquare(1, n)
    d, error, t = x - x.mean(), stats.sem(x), stats.t.ppf((1 + confidence) / 2, n - 1)
    skew = float(stats.skew(x)) / np.sqrt(n)
    assert skew == pytest.approx((d**3).sum() / (d**2).sum() ** 1.5)
    end = brentq(lambda T: T + skew * T**2 / 3 + skew**2 * T**3 / 27 + skew / 6 + t, -1e4, 1e4, xtol=1e-13)
    ends, method = mean_interval(x, confidence)
    assert method == "t_skew"
    assert ends.high == pytest.approx(x.mean() - min(end, -t) * error, rel=1e-7)
    assert ends.low == pytest.approx(max(0.0, x.mean() - t * error), rel=1e-7)
    mirrored = skewed_student(-x, confidence)
    assert tuple(mirrored) == pytest.approx((-skewed_student(x, confidence).high, -skewed_student(x, confidence).low))


def test_errors_without_skewness_get_students_interval() -> None:
    x = np.array([1.0, 2, 3, 4, 5])
    assert mean_interval(x, 0.95)[0] == pytest.approx(tuple(student(x, 0.95)), rel=1e-12)
    assert mean_interval([2.0, 4.0], 0.95)[0].high == pytest.approx(student(np.array([2.0, 4.0]), 0.95).high)


def test_skewed_errors_are_covered_where_t_and_the_bootstrap_fail(rng: np.random.Generator) -> None:
    """600 samples of 20 squares of Laplace draws, whose true mean is 2."""
    samples = rng.laplace(size=(600, 20)) ** 2
    hits = {
        name: np.mean([low <= 2 <= high for low, high in (of(x) for x in samples)])
        for name, of in {
            "t": lambda x: student(x, 0.95),
            "bca": lambda x: bca(x, 0.95, draws=400),
            "t_skew": lambda x: skewed_student(x, 0.95),
        }.items()
    }
    assert hits["t"] < hits["bca"] < hits["t_skew"] and hits["t_skew"] > 0.9


def test_one_outlier_does_not_blow_the_interval_up() -> None:
    """A bootstrap-t of such errors has an upper end in the thousands."""
    x = np.append(np.linspace(0.99, 1.01, 29), 100.0)
    ends = skewed_student(x, 0.95)
    assert student(x, 0.95).high < ends.high < 4 * student(x, 0.95).high


def test_many_errors_take_the_bootstrap(rng: np.random.Generator) -> None:
    x = rng.random(300)
    assert mean_interval(x, 0.95)[1] == "bca"
    assert mean_interval(x[:299], 0.95)[1] == "t_skew"


def test_one_value_gets_the_chi_square_interval() -> None:
    theirs = 1 / stats.chi2.ppf([0.975, 0.025], 1)
    assert single(1.0, 0.95) == pytest.approx(tuple(theirs), rel=1e-9)
    assert mean_interval([0.3], 0.95)[1] == "chi_square"


def test_bca_covers_about_95_percent(rng: np.random.Generator) -> None:
    """300 samples of 60 squares of normal draws, whose true mean is 1: BCa is known to be a little too narrow."""
    hits = 0
    for _ in range(300):
        low, high = bca(rng.standard_normal(60) ** 2, 0.95, draws=1000)
        hits += low <= 1 <= high
    assert 0.90 < hits / 300 < 0.98


@settings(max_examples=60, deadline=None)
@given(
    x=arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1e100)),
    confidence=st.sampled_from([0.1, 0.5, 0.95, 0.999999]),
)
def test_any_errors_give_a_finite_interval(x: np.ndarray, confidence: float) -> None:
    ends, _ = mean_interval(x, confidence)
    assert np.isfinite(ends).all()
    assert 0 <= ends.low <= ends.high * (1 + 1e-12)


def test_constant_errors_have_no_width() -> None:
    assert mean_interval(np.full(100, 0.25), 0.95)[0] == (0.25, 0.25)
    assert mean_interval(np.zeros(100), 0.95)[0] == (0.0, 0.0)
