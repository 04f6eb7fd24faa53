"""Exponentially weighted averages: the recursion is the sum, and lag and noise are what theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from dltrain.engine import averages

SERIES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(np.array)
BETAS = st.floats(0, 0.999)


@given(SERIES, BETAS)
def test_the_recursion_equals_the_sum(theta: np.ndarray, beta: float) -> None:
    """v_t = (1 - β) Σ β^(t-i) θ_i (section 2.2), and corrected a mean whose weights sum to 1."""
    v = averages.weighted_average(theta, beta)
    fair = averages.corrected(v, beta)
    for t in range(1, theta.size + 1):
        weights = [(1 - beta) * beta ** (t - i) for i in range(1, t + 1)]
        assert v[t - 1] == pytest.approx(math.fsum(w * th for w, th in zip(weights, theta, strict=False)), abs=1e-9)
        wanted = np.average(theta[:t], weights=weights)
        assert fair[t - 1] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_scipys_filter_is_the_same(rng: np.random.Generator) -> None:
    theta = rng.normal(50, 10, 1000)
    assert averages.weighted_average(theta, 0.9) == pytest.approx(lfilter([0.1], [1, -0.9], theta), rel=1e-12)


def test_the_first_two_days() -> None:
    """β = 0.98 at 40 and 49 degrees: 0.8 and 1.764 before correction, 40 and 44.55 after."""
    v = averages.weighted_average(np.array([40.0, 49.0]), 0.98)
    assert v == pytest.approx([0.8, 1.764])
    assert averages.corrected(v, 0.98) == pytest.approx([40, (0.98 * 0.02 * 40 + 0.02 * 49) / 0.0396])


@given(SERIES)
def test_beta_0_is_the_series(theta: np.ndarray) -> None:
    v = averages.weighted_average(theta, 0.0)
    assert (v == theta).all() and (averages.corrected(v, 0.0) == theta).all()


@given(st.floats(-100, 100), BETAS)
def test_a_constant_stays_itself_once_corrected(c: float, beta: float) -> None:
    v = averages.weighted_average(np.full(30, c), beta)
    assert averages.corrected(v, beta) == pytest.approx(np.full(30, c), rel=1e-9, abs=1e-12)
    assert v == pytest.approx(c * (1 - beta ** np.arange(1, 31)), rel=1e-9, abs=1e-9)


def test_window_and_lag_of_the_notes() -> None:
    assert averages.window(0.9) == pytest.approx(10) and averages.window(0.98) == pytest.approx(50)
    assert averages.mean_lag(0.9) == pytest.approx(9) and averages.mean_lag(0.98) == pytest.approx(49)
    k = np.arange(5000)
    assert averages.mean_lag(0.98) == pytest.approx(float(np.sum(k * 0.02 * 0.98**k)))
    assert 0.9**10 == pytest.approx(1 / math.e, abs=0.02), "older values have less than 1/e of the weight"


@pytest.mark.parametrize("beta, lag", [(0.0, 0), (0.5, 1), (0.9, 9), (0.98, 49)])
def test_a_steady_rise_is_followed_by_the_mean_lag(beta: float, lag: int) -> None:
    assert averages.measured_lag(np.arange(6000.0), beta) == lag


@pytest.mark.parametrize("period", [100, 365])
@pytest.mark.parametrize("beta", [0.8, 0.9, 0.95])
def test_a_wave_is_followed_by_its_phase(beta: float, period: int) -> None:
    """The filter (1 - β)/(1 - βe^{-iω}) turns a wave by atan(β sin ω/(1 - β cos ω))."""
    omega = 2 * math.pi / period
    lag = math.atan(beta * math.sin(omega) / (1 - beta * math.cos(omega))) / omega
    found = averages.measured_lag(np.sin(omega * np.arange(40 * period)), beta)
    assert found == pytest.approx(lag, abs=0.51)


def test_a_wave_below_noise_too(rng: np.random.Generator) -> None:
    """A year's wave under daily noise: the noise itself, which an average follows at once, doesn't count."""
    theta = 20 * np.sin(2 * math.pi * np.arange(3650) / 365) + rng.normal(0, 5, 3650)
    assert averages.measured_lag(theta, 0.98) == pytest.approx(40.5, abs=2)


def test_a_short_series_has_no_measured_lag() -> None:
    assert averages.measured_lag(np.arange(30.0), 0.98) is None
    assert averages.measured_lag(np.ones(1), 0.0) is None


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.98])
def test_noise_of_independent_values(beta: float, rng: np.random.Generator) -> None:
    theta = rng.normal(0, 3, 200_000)
    v = averages.weighted_average(theta, beta)
    assert averages.noise(theta) == pytest.approx(3 * math.sqrt(2), rel=0.01)
    assert averages.noise(v) / averages.noise(theta) == pytest.approx(averages.noise_left(beta), rel=0.02)
    assert averages.noise(np.ones(1)) == 0.0


@given(SERIES.filter(lambda theta: theta.size > 4), st.integers(0, 2))
def test_the_centred_average_is_the_mean_around(theta: np.ndarray, half: int) -> None:
    means = [theta[t - half : t + half + 1].mean() for t in range(half, theta.size - half)]
    assert averages.centred_average(theta, half) == pytest.approx(means, abs=1e-9)
