"""Paired tests and intervals against SciPy, published numbers, and simulations of their coverage."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.diagnosis.clusters import block_length, blocks, cluster_means, clustered_difference, effective_examples
from dltrain.diagnosis.comparison import Contender, Examples, compare, compare_configs
from dltrain.diagnosis.crossed import crossed_difference
from dltrain.diagnosis.estimates import Measurement, estimate
from dltrain.diagnosis.intervals import wilson
from dltrain.diagnosis.means import bca_ends, bca_p, resampled_means, skewed_student, t_p
from dltrain.diagnosis.paired import agresti_min, holm, mcnemar
from dltrain.diagnosis.weighted import weighted_draws
from dltrain.errors import InputError

stats = pytest.importorskip("scipy.stats")


@given(st.integers(0, 700), st.integers(0, 700))
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand() -> None:
    """1 against 9 of 10: 2 (1 + 10)/1024. Large counts neither overflow nor lose their digits."""
    assert mcnemar(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar(0, 3) == 0.25
    assert mcnemar(5, 5) == mcnemar(0, 0) == 1
    assert mcnemar(40_000, 41_000) == pytest.approx(stats.binomtest(40_000, 81_000).pvalue, rel=1e-6)


def test_agresti_min_on_a_published_table() -> None:
    """Approval of the prime minister (Agresti, Categorical Data Analysis, table 10.1): 794, 150, 86, 570. Wald gives
    0.04 ± 1.96 · 0.0095 = (0.021, 0.059); half an example a cell changes the fourth decimal."""
    found = agresti_min(150, 86, 1600, 0.95)
    assert found == pytest.approx((0.0212, 0.0587), abs=1e-3)
    d, total = 64 / 1602, 1602
    half = 1.959964 * math.sqrt(237 - 64**2 / total) / total
    assert found == pytest.approx((d - half, d + half), abs=1e-7)


def test_agresti_min_at_the_ends() -> None:
    low, high = agresti_min(0, 0, 50, 0.95)
    assert low == -high and 0 < high < 0.05  # no disagreement is not certainty
    assert agresti_min(10, 0, 10, 0.95).high == 1
    assert agresti_min(0, 10, 10, 0.95).low == -1


def test_agresti_min_covers() -> None:
    """Exactly, by summing over all tables of 25 examples: 92 to 99 % whatever the rates, near 95 on average."""
    n, covered = 25, []
    for p_b, p_c in [(0.05, 0.05), (0.1, 0.05), (0.2, 0.1), (0.3, 0.1), (0.4, 0.3)]:
        inside = 0.0
        for b, c in itertools.product(range(n + 1), repeat=2):
            if b + c <= n:
                low, high = agresti_min(b, c, n, 0.95)
                if low <= p_b - p_c <= high:
                    inside += stats.multinomial.pmf([b, c, n - b - c], n, [p_b, p_c, 1 - p_b - p_c])
        covered.append(inside)
    assert all(0.92 < share <= 1 for share in covered) and 0.94 < np.mean(covered) < 0.98


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([0.2]) == [0.2] and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_lies_below_bonferroni(p: list[float]) -> None:
    found = holm(p)
    assert all(one <= now <= min(1, len(p) * one) + 1e-12 for one, now in zip(p, found, strict=True))
    order = sorted(range(len(p)), key=lambda i: p[i])
    assert all(found[i] <= found[j] for i, j in itertools.pairwise(order))


def test_t_p_is_scipy_s(rng: np.random.Generator) -> None:
    for n in (3, 10, 400):
        x = rng.normal(0.2, 1, n)
        expected = stats.ttest_1samp(x, 0).pvalue
        assert t_p(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(n), n - 1) == pytest.approx(expected, abs=1e-9)
    assert t_p(2.0, 1.0, 5000) == pytest.approx(2 * stats.t.sf(2.0, 5000), abs=1e-4)


def test_the_bootstrap_s_p_turns_where_the_interval_reaches_0(rng: np.random.Generator) -> None:
    for shift in (0.15, 0.3, -0.25):
        x = rng.exponential(size=80) - 1 + shift
        means, mean, influence = resampled_means(x, 2000), float(x.mean()), x - x.mean()
        p = bca_p(means, mean, influence)
        for confidence, holds in ((1 - p - 0.01, False), (1 - p + 0.01, True)):
            if 0 < confidence < 1:
                low, high = bca_ends(means, mean, influence, confidence)
                assert (low <= 0 <= high) == holds
        assert p == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.1)


# ---- groups and time


def grouped(rng: np.random.Generator, groups: int, size: int, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors whose rate differs from group to group."""
    rates = np.clip(0.2 + sd * rng.normal(size=groups), 0, 1)
    return (rng.random((groups, size)) < rates[:, None]).ravel().astype(float), np.repeat(np.arange(groups), size)


def test_copies_are_worth_one_each(rng: np.random.Generator) -> None:
    """Groups of 8 equal rows: n_eff is the number of groups, up to (z/t)² and the bootstrap's noise."""
    once = (rng.random(100) < 0.3).astype(float)
    errors, codes = np.repeat(once, 8), np.repeat(np.arange(100), 8)
    ratio = (1.959964 / stats.t.ppf(0.975, 99)) ** 2
    assert effective_examples(errors, codes, 0.95) == pytest.approx(99 * ratio, rel=0.08)
    found = estimate("dev", Measurement(errors.mean(), errors=errors, groups=codes), task="binary", confidence=0.95)
    assert found.method == "clustered" and found.n == 800
    assert found.interval == pytest.approx(wilson(once.mean(), 100, 0.95), abs=0.01)


def test_groups_of_one_are_no_groups(rng: np.random.Generator) -> None:
    errors = (rng.random(300) < 0.2).astype(float)
    assert effective_examples(errors, np.arange(300), 0.95) == pytest.approx(300, rel=0.08)


def test_no_error_in_groups_still_has_a_width() -> None:
    codes = np.repeat(np.arange(20), 10)
    found = estimate("dev", Measurement(0.0, errors=np.zeros(200), groups=codes), task="binary", confidence=0.95)
    assert found.high > wilson(0.0, 20, 0.95).high > 0.15  # 20 groups, not 200 rows


def test_one_group_tells_nothing() -> None:
    errors = np.array([1.0, 0, 0, 0])
    found = estimate("dev", Measurement(0.25, errors=errors, groups=np.zeros(4, int)), task="binary", confidence=0.95)
    assert found.n_eff == 1 and found.high - found.low > 0.8
    assert clustered_difference(errors, np.zeros(4, int), 0.95)[2] == 1.0


def test_more_examples_of_groups_narrow_a_rate(rng: np.random.Generator) -> None:
    errors, codes = grouped(rng, 40, 10, 0.15)
    found = estimate("dev", Measurement(errors.mean(), errors=errors, groups=codes), task="binary", confidence=0.95)
    more = found.on_more(1600, 0.95)
    assert more.n_eff == pytest.approx(4 * found.n_eff)
    assert more.interval == pytest.approx(wilson(found.value, more.n_eff, 0.95))


def test_clustered_intervals_cover_where_wilson_s_do_not(rng: np.random.Generator) -> None:
    """400 draws of 40 groups of 20 that differ: 95 % holds within the noise of the simulation."""
    covered = [0, 0]
    truth = float(np.clip(0.2 + 0.15 * rng.normal(size=1_000_000), 0, 1).mean())
    for _ in range(400):
        errors, codes = grouped(rng, 40, 20, 0.15)
        n_eff = effective_examples(errors, codes, 0.95)
        for i, n in enumerate((n_eff, len(errors))):
            low, high = wilson(errors.mean(), n, 0.95)
            covered[i] += low <= truth <= high
    assert 0.92 < covered[0] / 400 < 0.98
    assert covered[1] / 400 < 0.85


def test_cluster_means_are_weighted_sums() -> None:
    means, sizes = cluster_means(np.array([1.0, 0, 1, 1]), np.array([7, 7, 2, 5]), np.array([1.0, 3, 2, 0]))
    assert means.tolist() == [1.0, 0.25] and sizes.tolist() == [2.0, 4.0]


def test_grouped_means_of_regression(rng: np.random.Generator) -> None:
    errors = np.repeat(rng.exponential(size=60), 5)
    codes = np.repeat(np.arange(60), 5)
    found = estimate("dev", Measurement(errors.mean(), errors=errors, groups=codes), task="regression", confidence=0.95)
    assert found.method == "clustered" and found.n == 300
    assert found.interval == pytest.approx(tuple(skewed_student(errors[::5], 0.95)), abs=0.02)


def test_blocks_are_longer_where_errors_follow_each_other(rng: np.random.Generator) -> None:
    noise = rng.normal(size=2000)
    follow = np.zeros(2000)
    for i in range(1, 2000):
        follow[i] = 0.8 * follow[i - 1] + noise[i]
    assert block_length(noise) <= 4
    assert 10 <= block_length(follow) <= 134
    assert block_length(np.zeros(50)) == block_length(np.array([1.0, 0])) == 1
    order = rng.permutation(2000)
    turned = np.empty(2000)
    turned[order] = follow
    times = np.empty(2000)
    times[order] = np.arange(2000)
    codes = blocks(turned, times)
    assert np.array_equal(codes[order], np.arange(2000) // block_length(follow))
    assert effective_examples((turned > 0).astype(float), codes, 0.95) < 500  # 1 + 2Σρ is near 5


# ---- whole comparisons


def contenders(*errors: list[int]) -> list[Contender]:
    return [Contender(name, np.array(one, float)) for name, one in zip("xyzw", errors, strict=False)]


def test_a_comparison_by_hand() -> None:
    """x wrong on 9 of 20, y on 1 other."""
    found = compare(contenders([1] * 9 + [0] * 11, [0] * 19 + [1]), Examples("binary"), 0.95)
    assert [entry["run"] for entry in found["runs"]] == ["y", "x"]
    assert found["runs"][0]["error"]["value"] == 0.05
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["only_a"], pair["only_b"]) == ("x", "y", 9, 1)
    assert pair["difference"]["value"] == pytest.approx(0.4)
    assert pair["p"] == pair["p_holm"] == pytest.approx(22 / 1024)
    assert pair["verdict"] == "worse" and pair["test"] == "mcnemar"
    assert (pair["difference"]["low"], pair["difference"]["high"]) == agresti_min(9, 1, 20, 0.95)
    assert "not their configs" in found["about"]


def test_three_models_are_corrected_for_three_pairs() -> None:
    found = compare(contenders([1] * 6 + [0] * 14, [0] * 20, [1] * 8 + [0] * 12), Examples("binary"), 0.95)
    p = {(pair["a"], pair["b"]): (pair["p"], pair["p_holm"]) for pair in found["pairs"]}
    assert p["z", "y"] == pytest.approx((2 / 256, 6 / 256))
    assert p["x", "y"] == pytest.approx((2 / 64, 4 / 64))
    assert p["z", "x"] == (0.5, 0.5)
    assert [pair["verdict"] for pair in found["pairs"]] == ["not told apart", "worse", "not told apart"]


def test_regression_is_compared_by_its_mean_errors(rng: np.random.Generator) -> None:
    a = rng.exponential(size=200)
    b = a + rng.normal(0.1, 0.5, 200)
    examples = Examples("regression")
    (pair,) = compare([Contender("a", a), Contender("b", b)], examples, 0.95)["pairs"]
    assert pair["a"] == "b" and "only_a" not in pair and pair["test"] == "bootstrap"
    reference = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert (pair["difference"]["low"], pair["difference"]["high"]) == pytest.approx(tuple(reference), abs=0.015)
    assert pair["p"] == pytest.approx(stats.ttest_rel(b, a).pvalue, abs=0.02)
    (few,) = compare([Contender("a", a[:12]), Contender("b", b[:12])], examples, 0.95)["pairs"]
    assert few["test"] == "t" and few["p"] == pytest.approx(stats.ttest_rel(b[:12], a[:12]).pvalue)


def test_equal_models_are_not_told_apart() -> None:
    for task in ("binary", "regression"):
        (pair,) = compare(contenders([1, 0] * 20, [1, 0] * 20), Examples(task), 0.95)["pairs"]
        assert pair["p"] == 1 and pair["verdict"] == "not told apart"
        assert pair["difference"]["low"] <= 0 <= pair["difference"]["high"]
    (one,) = compare(contenders([1], [0]), Examples("regression"), 0.95)["pairs"]
    assert one["difference"]["low"] is None and one["p"] == 1


def test_equal_weights_change_little_and_large_ones_much(rng: np.random.Generator) -> None:
    a, b = ((rng.random(300) < rate).astype(float) for rate in (0.4, 0.25))
    plain = compare([Contender("a", a), Contender("b", b)], Examples("binary"), 0.95)["pairs"][0]
    equal = compare([Contender("a", a), Contender("b", b)], Examples("binary", np.ones(300)), 0.95)["pairs"][0]
    for end in ("value", "low", "high"):
        assert equal["difference"][end] == pytest.approx(plain["difference"][end], abs=0.01)
    first = np.where(np.arange(300) < 10, 1000.0, 1.0)
    heavy = compare([Contender("a", a), Contender("b", b)], Examples("binary", first), 0.95)["pairs"][0]
    assert heavy["test"] == "t"
    assert heavy["difference"]["value"] == pytest.approx(abs(np.average(a - b, weights=first)))
    width = [pair["difference"]["high"] - pair["difference"]["low"] for pair in (heavy, plain)]
    assert width[0] > 3 * width[1]


def test_groups_widen_a_difference(rng: np.random.Generator) -> None:
    once = [(rng.random(50) < rate).astype(float) for rate in (0.5, 0.3)]
    a, b = (np.repeat(one, 10) for one in once)
    codes = np.repeat(np.arange(50), 10)
    pair = compare([Contender("a", a), Contender("b", b)], Examples("binary", groups=codes), 0.95)["pairs"][0]
    alone = compare([Contender("a", once[0]), Contender("b", once[1])], Examples("binary"), 0.95)["pairs"][0]
    assert pair["difference"]["interval"] == "clustered" and pair["test"] == "bootstrap over groups"
    assert pair["difference"]["low"] == pytest.approx(alone["difference"]["low"], abs=0.05)
    assert pair["p"] == pytest.approx(alone["p"], abs=0.05) and pair["p"] > mcnemar(pair["only_a"], pair["only_b"])


# ---- configs: over seeds and examples


def test_configs_are_compared_over_seeds_and_examples(rng: np.random.Generator) -> None:
    """Seeds move the error by 3 %, 4 seeds a side, 80 examples that are hard for all networks."""

    def draw(level: float) -> np.ndarray:
        return np.clip(level + 0.03 * rng.normal(size=(4, 1)), 0, 1) + 0.1 * hard + 0.1 * rng.normal(size=(4, 80))

    covered = 0
    for _ in range(60):
        hard = rng.normal(size=80)
        found = crossed_difference(draw(0.5), draw(0.4), 0.95)
        covered += found.low <= 0.1 <= found.high
    assert covered >= 54


def test_more_seeds_narrow_only_what_seeds_cause(rng: np.random.Generator) -> None:
    hard = rng.normal(size=200)
    a, b = hard * 0.1 + rng.normal(size=(8, 1)), np.zeros((8, 200))
    found, fewer = crossed_difference(a, b, 0.95), crossed_difference(a[:3], b[:3], 0.95)
    assert fewer.high - fewer.low > 1.5 * (found.high - found.low)
    still = crossed_difference(np.tile(hard, (5, 1)), np.zeros((5, 200)), 0.95)
    reference = stats.ttest_1samp(hard, 0).confidence_interval(0.95)
    assert (still.low, still.high) == pytest.approx(tuple(reference), abs=0.02)
    normal = crossed_difference(rng.normal(size=(3, 20_000)), np.zeros((3, 20_000)), 0.95)
    assert normal.high - normal.low < 0.1


def test_a_claim_about_configs(rng: np.random.Generator) -> None:
    good = [Contender(f"g{i}", (rng.random(400) < 0.1).astype(float), "good") for i in range(3)]
    bad = [Contender(f"b{i}", (rng.random(400) < 0.3).astype(float), "bad") for i in range(4)]
    found = compare_configs([*bad, *good], Examples("binary"), 0.95)
    assert [config["runs"] for config in found["configs"]] == [["g0", "g1", "g2"], ["b0", "b1", "b2", "b3"]]
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["verdict"], pair["test"]) == ("b0", "g0", "worse", "crossed bootstrap")
    assert pair["difference"]["value"] == pytest.approx(0.2, abs=0.04)
    with pytest.raises(InputError, match="2 seeds of this config, expected 3"):
        compare_configs([*bad, *good[:2]], Examples("binary"), 0.95)


def test_weighted_draws_hold_the_mean(rng: np.random.Generator) -> None:
    found = weighted_draws(rng.normal(size=50), rng.random(50))
    assert found.means.mean() == pytest.approx(found.mean, abs=0.02) and len(found.means) == 2000
