"""The numeric gradient: exact on quadratics, of the right order of error, kinks seen, samples fair."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.gradcheck import check
from dltrain.gradcheck.numeric import approximate, choose


@dataclass
class Quadratic:
    """J = ½ θᵀAθ with gradient Aθ: the two-sided formula has no error but round-off."""

    theta: np.ndarray = field(default_factory=lambda: np.array([1.0, -2.0, 0.5]))
    A: np.ndarray = field(default_factory=lambda: np.array([[3.0, 1.0, 0.0], [1.0, 2.0, -1.0], [0.0, -1.0, 4.0]]))
    blocks = (("u", slice(0, 1)), ("v", slice(1, 3)))

    def cost(self, theta: np.ndarray) -> float:
        return float(0.5 * theta @ self.A @ theta)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return self.A @ theta


class Rosenbrock:
    """J = (1 − x)² + 100 (y − x²)²."""

    theta = np.array([-1.2, 1.0])
    blocks = (("theta", slice(0, 2)),)

    def cost(self, theta: np.ndarray) -> float:
        x, y = theta
        return float((1 - x) ** 2 + 100 * (y - x**2) ** 2)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        x, y = theta
        return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


class Hinge:
    """J = Σ max(θ, 0) + |θ|, with the kinks told."""

    blocks = (("theta", slice(0, 4)),)

    def __init__(self, theta: list[float]) -> None:
        self.theta = np.array(theta)

    def cost(self, theta: np.ndarray) -> float:
        return float(np.maximum(theta, 0).sum() + np.abs(theta).sum())

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return (theta > 0) + np.sign(theta)

    def sides(self, theta: np.ndarray) -> np.ndarray:
        return theta > 0


def test_a_quadratic_by_hand() -> None:
    found = approximate(Quadratic(), np.arange(3), 1e-3)
    np.testing.assert_allclose(found.values, [1.0, -3.5, 4.0], rtol=1e-11)
    assert not found.kinked.any()


def test_rosenbrock_at_its_classical_start() -> None:
    # -2·2.2 − 400·(−1.2)·(1 − 1.44) = −215.6 and 200·(1 − 1.44) = −88
    found = approximate(Rosenbrock(), np.arange(2), 1e-5)
    np.testing.assert_allclose(found.values, [-215.6, -88.0], rtol=1e-8)
    assert check(Rosenbrock()).verdict == "great"


@pytest.mark.parametrize(("one_sided", "order"), [(False, 2), (True, 1)])
def test_the_error_is_of_the_order_the_notes_give(one_sided: bool, order: int) -> None:
    """Two-sided O(ε²), one-sided O(ε): ten times the ε, 10^order times the error."""
    problem = Rosenbrock()
    true = problem.gradient(problem.theta)
    errors = [abs(approximate(problem, np.array([0]), e, one_sided).values[0] - true[0]) for e in (1e-4, 1e-3, 1e-2)]
    slopes = np.diff(np.log10(errors))
    np.testing.assert_allclose(slopes, order, atol=0.05)


def test_one_sided_error_is_half_epsilon_times_the_second_derivative() -> None:
    """J = θ³ at 2: J(2 + ε) = 8 + 12ε + 6ε² + ε³."""

    class Cube(Quadratic):
        theta = np.array([2.0])
        blocks = (("theta", slice(0, 1)),)

        def __init__(self) -> None: ...

        def cost(self, theta: np.ndarray) -> float:
            return float(theta[0] ** 3)

    one = approximate(Cube(), np.array([0]), 1e-3, one_sided=True).values[0]
    two = approximate(Cube(), np.array([0]), 1e-3).values[0]
    assert one - 12 == pytest.approx(6e-3 + 1e-6, rel=1e-6)
    assert two - 12 == pytest.approx(1e-6, rel=1e-4)


def test_theta_is_left_as_it_was() -> None:
    problem = Quadratic()
    before = problem.theta.copy()
    check(problem, one_sided=True)
    check(problem)
    np.testing.assert_array_equal(problem.theta, before)


def test_rounding_of_theta_plus_epsilon_does_not_count() -> None:
    """At θ = 1e6, θ ± 1e-7 is off by up to 1e-3 of ε; dividing by the distance there really is gives the slope."""

    class Line(Quadratic):
        theta = np.array([1e6])
        blocks = (("theta", slice(0, 1)),)

        def __init__(self) -> None: ...

        def cost(self, theta: np.ndarray) -> float:
            return float(3 * (theta[0] - 1e6))

    assert approximate(Line(), np.array([0]), 1e-7).values[0] == pytest.approx(3, rel=1e-12)


def test_kinks_are_left_out_and_counted() -> None:
    report = check(Hinge([0.3, 0.0, -0.5, 4e-8]))
    assert (report.kinks, report.compared, report.verdict) == (2, 2, "great")
    assert check(Hinge([0.3, 2e-7, -0.5, -2e-7])).kinks == 0


def test_without_the_kinks_told_the_same_cost_is_not_good() -> None:
    class Silent(Hinge):
        sides = None

    assert check(Silent([0.3, 0.0, -0.5, 4e-8])).verdict == "not good"


def test_only_kinks_is_no_proof() -> None:
    report = check(Hinge([0.0, 0.0, 0.0, 0.0]))
    assert (report.compared, report.verdict, report.exit_code) == (0, "okay, double check", 0)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    samples=st.integers(1, 100),
    seed=st.integers(0, 2**63 - 1),
)
def test_samples_are_fair(sizes: list[int], samples: int, seed: int) -> None:
    """Every block at least once, none twice, as many as asked, and a block is taken whole before it has fewer
    coordinates than a larger one."""
    edges = np.cumsum([0, *sizes])
    blocks = [(str(n), slice(int(a), int(b))) for n, (a, b) in enumerate(zip(edges, edges[1:], strict=False))]
    chosen = choose(blocks, samples, seed)
    counts = np.histogram(chosen, edges)[0]
    assert (np.diff(chosen) > 0).all()
    assert chosen.min() >= 0 and chosen.max() < edges[-1]
    assert counts.min() >= 1
    assert counts.sum() == min(sum(sizes), max(samples, len(sizes)))
    np.testing.assert_array_equal(chosen, choose(blocks, samples, seed))
    whole = counts == np.array(sizes)
    assert whole.all() or counts[whole].max(initial=0) <= counts[~whole].max() + 1


def test_all_coordinates_without_samples_and_other_ones_with_another_seed() -> None:
    blocks = [("a", slice(0, 500))]
    np.testing.assert_array_equal(choose(blocks, None), np.arange(500))
    assert set(choose(blocks, 20, 0).tolist()) != set(choose(blocks, 20, 1).tolist())
