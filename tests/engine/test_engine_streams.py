"""Random streams: pure functions of their place, distinct from each other, and fair."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dltrain.engine.streams import Masks, Purpose, generator, keep_words, normals, permutation

SEEDS = st.integers(0, 2**63 - 1)


@given(m=st.integers(0, 300), seed=SEEDS, place=st.integers(0, 2**40))
def test_a_permutation_holds_every_number_once(m, seed, place):
    order = permutation(m, seed, Purpose.SHUFFLE, place)
    assert order.dtype == np.int64
    assert order.shape == (m,)
    assert np.array_equal(np.sort(order), np.arange(m))
    assert np.array_equal(order, permutation(m, seed, Purpose.SHUFFLE, place))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_every_permutation_is_equally_likely(m):
    seen = [tuple(permutation(m, seed, Purpose.SHUFFLE).tolist()) for seed in range(6000)]
    counts = [seen.count(order) for order in itertools.permutations(range(m))]
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("m", [2**16 - 1, 2**16, 2**16 + 1, 2**17])
def test_large_permutations_around_a_power_of_two(m):
    order = permutation(m, 7, Purpose.SPLIT)
    assert np.array_equal(np.bincount(order, minlength=m), np.ones(m))
    assert abs(np.corrcoef(order, np.arange(m))[0, 1]) < 5 / np.sqrt(m)


@given(seed=SEEDS, place=st.integers(0, 2**40), layer=st.integers(0, 1000))
def test_a_draw_is_a_function_of_its_place(seed, place, layer):
    first = generator(seed, Purpose.SHUFFLE, place, layer)
    first_words = first.bit_generator.random_raw(5)
    generator(seed + 1, Purpose.SPLIT).standard_normal(100)
    again = generator(seed, Purpose.SHUFFLE, place, layer).bit_generator.random_raw(5)
    assert np.array_equal(first_words, again)


def test_no_two_streams_overlap():
    """1,000 words each of 3 seeds x 7 purposes x 3 places x 3 layers: a word met twice would be an overlap."""
    words = [
        generator(seed, purpose, place, layer).bit_generator.random_raw(1000)
        for seed in (0, 1, 2**63 - 1)
        for purpose in Purpose
        for place in (0, 1, 2**32)
        for layer in (0, 1, 2)
    ]
    drawn = np.concatenate(words)
    assert len(np.unique(drawn)) == len(drawn)


def test_purposes_keep_their_numbers():
    """A changed number would change every run."""
    numbers = {"INITIALIZE": 1, "SHUFFLE": 2, "DROPOUT": 3, "SPLIT": 4, "BOOTSTRAP": 5, "GRADCHECK": 6, "LIMIT": 7}
    assert {purpose.name: purpose.value for purpose in Purpose}.items() >= numbers.items()
    assert len({purpose.value for purpose in Purpose}) == len(Purpose)


def test_normals_are_the_same_in_both_dtypes_and_differ_by_layer():
    wide, narrow = normals((50, 20), 3, 1, np.float64), normals((50, 20), 3, 1, np.float32)
    assert narrow.dtype == np.float32
    assert np.array_equal(wide.astype(np.float32), narrow)
    assert abs(np.corrcoef(wide.ravel(), normals((50, 20), 3, 2, np.float64).ravel())[0, 1]) < 0.15
    assert stats.kstest(normals((200, 200), 1, 1, np.float64).ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("keep_prob", "k"), [(1.0, 65536), (0.5, 32768), (0.8, 52429), (1e-9, 1), (1 - 1e-9, 65535), (1 / 65536, 1)]
)
def test_keep_prob_in_words_of_16_bits(keep_prob, k):
    assert keep_words(keep_prob) == k


def mask(seed: int, step: int, layer: int, keep: int = 52429, shape: tuple[int, ...] = (64, 33)) -> np.ndarray:
    out = np.empty(shape, np.bool_)
    Masks(seed).draw(keep, step, layer, out)
    return out


def test_a_mask_is_a_function_of_its_place():
    masks = Masks(5)
    out = np.empty((64, 33), np.bool_)
    for step, layer in [(3, 1), (1, 0), (3, 2), (3, 1)]:
        masks.draw(52429, step, layer, out)
        assert np.array_equal(out, mask(5, step, layer))


def test_masks_differ_by_seed_step_layer_and_example():
    base = mask(5, 3, 1)
    share = 0.8**2 + 0.2**2  # of places where two independent masks agree
    for other in (mask(6, 3, 1), mask(5, 4, 1), mask(5, 3, 2)):
        assert abs((base == other).mean() - share) < 0.06
    assert len({row.tobytes() for row in base}) == len(base)


@pytest.mark.parametrize("keep", [1, 6554, 32768, 52429, 65535])
def test_masks_keep_k_of_65536(keep):
    out = mask(1, 1, 1, keep, (1000, 1003))
    assert stats.binomtest(int(out.sum()), out.size, keep / 65536).pvalue > 1e-3
    by_step = [int(mask(1, step, 1, keep, (50, 40)).sum()) for step in range(200)]
    assert stats.binomtest(sum(by_step), 200 * 2000, keep / 65536).pvalue > 1e-3


def test_units_of_a_mask_are_independent():
    """First words of many steps, where a weak start of the fast generator would show."""
    first = np.array([mask(1, step, 1, 32768, (1, 64))[0] for step in range(4000)], dtype=float)
    assert np.abs(first.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(4000)
    correlations = np.corrcoef(first, rowvar=False)[np.triu_indices(64, 1)]
    assert np.abs(correlations).max() < 5.5 / np.sqrt(4000)
