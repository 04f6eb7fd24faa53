"""Wilson and Newcombe against SciPy, published examples, and their exact coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dltrain.diagnosis.intervals import Interval, difference, wilson, wilson_finite, z_value


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_z_is_scipys(confidence: float) -> None:
    assert z_value(confidence) == pytest.approx(stats.norm.ppf((1 + confidence) / 2), rel=1e-12)


@given(n=st.integers(1, 10**7), share=st.floats(0, 1), confidence=st.floats(0.01, 0.9999))
def test_wilson_is_scipys(n: int, share: float, confidence: float) -> None:
    k = round(share * n)
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    ours = wilson(k / n, n, confidence)
    assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)
    assert 0 <= ours.low <= k / n <= ours.high <= 1


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_examples(k: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3."""
    assert wilson(k / n, n, 0.95) == pytest.approx((low, high), abs=5e-5)


def test_no_errors_have_an_upper_end_above_zero() -> None:
    ends = wilson(0.0, 114, 0.95)
    assert ends.low == 0
    assert ends.high == pytest.approx(0.033, abs=5e-4)
    assert wilson(1.0, 114, 0.95) == pytest.approx((1 - ends.high, 1.0))


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_gives_the_published_examples(a: tuple[int, int], b: tuple[int, int], low: float, high: float) -> None:
    """Newcombe 1998, Interval estimation for the difference between independent proportions, table II, method 10."""
    (k1, n1), (k2, n2) = a, b
    ends = difference(k1 / n1, wilson(k1 / n1, n1, 0.95), k2 / n2, wilson(k2 / n2, n2, 0.95))
    assert ends == pytest.approx((low, high), abs=5e-5)


def test_one_exact_end_shifts_the_others_interval() -> None:
    dev = wilson(0.11, 500, 0.95)
    assert difference(0.11, dev, 0.01, Interval(0.01, 0.01)) == pytest.approx((dev.low - 0.01, dev.high - 0.01))
    assert difference(0.01, Interval(0.01, 0.01), 0.11, dev) == pytest.approx((0.01 - dev.high, 0.01 - dev.low))


@given(p=st.floats(0, 1), n=st.integers(1, 1000), more=st.integers(0, 100_000))
def test_a_sample_of_a_finite_population_is_known_better(p: float, n: int, more: int) -> None:
    finite, infinite = wilson_finite(p, n, n + more, 0.95), wilson(p, n, 0.95)
    assert infinite.low - 1e-12 <= finite.low <= p <= finite.high <= infinite.high + 1e-12
    assert wilson_finite(p, n, n, 0.95) == (p, p)


def test_the_finite_population_correction_scales_the_variance() -> None:
    """At large n the half width is z·sqrt(p(1 − p)/n·(N − n)/(N − 1))."""
    ends = wilson_finite(0.2, 40_000, 50_000, 0.95)
    half = z_value(0.95) * np.sqrt(0.2 * 0.8 / 40_000 * 10_000 / 49_999)
    assert (ends.high - ends.low) / 2 == pytest.approx(half, rel=1e-3)


@pytest.mark.parametrize("n", [20, 50, 114, 360])
def test_wilson_covers_95_percent(n: int) -> None:
    """Exactly, summed over all outcomes: near 95 % on average over the rates, and nowhere far below."""
    rates = np.linspace(0.02, 0.5, 97)
    ends = np.array([wilson(k / n, n, 0.95) for k in range(n + 1)])
    inside = (ends[:, 0] <= rates[:, None]) & (rates[:, None] <= ends[:, 1])
    coverage = (stats.binom.pmf(np.arange(n + 1), n, rates[:, None]) * inside).sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage.min() > 0.88


def test_newcombe_covers_95_percent() -> None:
    n1, n2 = 40, 60
    ours = [(k1 / n1, wilson(k1 / n1, n1, 0.95)) for k1 in range(n1 + 1)]
    theirs = [(k2 / n2, wilson(k2 / n2, n2, 0.95)) for k2 in range(n2 + 1)]
    ends = np.array([[difference(*a, *b) for b in theirs] for a in ours])
    coverage = []
    for p1 in np.linspace(0.05, 0.5, 10):
        for p2 in np.linspace(0.05, 0.5, 10):
            weight = np.outer(stats.binom.pmf(range(n1 + 1), n1, p1), stats.binom.pmf(range(n2 + 1), n2, p2))
            inside = (ends[..., 0] <= p1 - p2) & (p1 - p2 <= ends[..., 1])
            coverage.append(float((weight * inside).sum()))
    assert np.mean(coverage) == pytest.approx(0.955, abs=0.01)
    assert min(coverage) > 0.92
