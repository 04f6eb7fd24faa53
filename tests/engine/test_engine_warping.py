"""Warps: sampling against scipy.ndimage, composition against one map after another, smooth fields by their moments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.engine.warping import Warp, smooth_fields

ndimage = pytest.importorskip("scipy.ndimage")
Array = np.ndarray
DTYPE = np.dtype(np.float64)


def pictures(b: int, height: int, width: int, channels: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(b, height, width, channels))


def scipy_sampled(images: Array, y: Array, x: Array) -> Array:
    """(b, height, width, channels): each picture and channel by itself, order 1, the edge's own value beyond it."""
    out = np.empty_like(images)
    for i, image in enumerate(images):
        for c in range(images.shape[-1]):
            out[i, ..., c] = ndimage.map_coordinates(image[..., c], [y[i], x[i]], order=1, mode="nearest")
    return out


def unclipped(warp: Warp) -> tuple[Array, Array]:
    """The places by the docstring's formula, one pixel after another."""
    y, x = np.empty((2, warp.b, warp.height, warp.width))
    middle = np.array([(warp.height - 1) / 2, (warp.width - 1) / 2])
    for i in range(warp.b):
        for row in range(warp.height):
            for column in range(warp.width):
                place = warp.M[i] @ (np.array([row, column]) - middle) + warp.t[i] + middle
                if warp.displacement is not None:
                    place = place + warp.displacement[i, :, row, column]
                y[i, row, column], x[i, row, column] = place
    return y, x


@pytest.mark.parametrize("shape", [(3, 8, 8, 1), (2, 5, 9, 3), (4, 28, 28, 1), (2, 1, 6, 1), (1, 1, 1, 2)])
@pytest.mark.parametrize("bent", [False, True])
def test_sampling_is_scipys(shape: tuple[int, int, int, int], bent: bool) -> None:
    b, height, width, _ = shape
    rng = np.random.default_rng(1)
    warp = Warp(b, height, width, DTYPE)
    warp.move(rng.normal(size=(b, 2, 2)), rng.normal(size=(b, 2)) * 3)
    if bent:
        warp.bend(rng.normal(size=(b, 2, height, width)) * 2)
    images = pictures(*shape)
    np.testing.assert_allclose(warp.of(images), scipy_sampled(images, *unclipped(warp)), rtol=0, atol=1e-12)


def test_more_pictures_than_are_sampled_at_once() -> None:
    images = pictures(40, 28, 28, 1)
    warp = Warp(40, 28, 28, DTYPE)
    warp.move(t=np.random.default_rng(2).normal(size=(40, 2)))
    np.testing.assert_allclose(warp.of(images), scipy_sampled(images, *unclipped(warp)), rtol=0, atol=1e-12)


def test_single_precision_stays_so_and_is_near() -> None:
    images = pictures(5, 28, 28, 3)
    M, t = np.tile([[0.9, 0.2], [-0.2, 0.9]], (5, 1, 1)), np.full((5, 2), 1.25)
    found = []
    for dtype in (np.float32, np.float64):
        warp = Warp(5, 28, 28, np.dtype(dtype))
        warp.move(M, t)
        found.append(warp.of(images.astype(dtype)))
        assert found[-1].dtype == dtype
    np.testing.assert_allclose(found[0], found[1], atol=2e-5)


def test_the_identity_changes_no_bit() -> None:
    images = pictures(3, 6, 7, 2).astype(np.float32)
    still = Warp(3, 6, 7, np.dtype(np.float32))
    assert np.array_equal(still.of(images), images)
    sampled = Warp(3, 6, 7, np.dtype(np.float32))
    sampled.bend(np.zeros((3, 2, 6, 7), np.float32))
    assert np.array_equal(sampled.of(images), images)


@pytest.mark.parametrize("signs", [(1, -1), (-1, 1), (-1, -1)])
def test_mirrors_are_exact_sampled_or_not(signs: tuple[int, int]) -> None:
    images = pictures(2, 6, 5, 1)
    wanted = images[:, :: signs[0], :: signs[1]]
    plain, sampled = Warp(2, 6, 5, DTYPE), Warp(2, 6, 5, DTYPE)
    for warp in (plain, sampled):
        warp.move(np.tile(np.diag(signs).astype(float), (2, 1, 1)))
    sampled.bend(np.zeros((2, 2, 6, 5)))
    assert np.array_equal(plain.of(images), wanted)
    assert np.array_equal(sampled.of(images), wanted)


def test_mirroring_does_not_change_the_pictures_given() -> None:
    images = pictures(2, 4, 4, 1)
    before = images.copy()
    warp = Warp(2, 4, 4, DTYPE)
    warp.move(np.tile(np.diag([1.0, -1.0]), (2, 1, 1)))
    warp.of(images)
    assert np.array_equal(images, before)


@given(seed=st.integers(0, 2**16))
def test_moves_compose_as_one_after_another(seed: int) -> None:
    """A picture whose values are its own coordinates is sampled without loss inside: each move shows where it led."""
    rng = np.random.default_rng(seed)
    size, b = 41, 2
    grid = np.stack(np.meshgrid(np.arange(size) - 20.0, np.arange(size) - 20.0, indexing="ij"), axis=-1)
    images = np.tile(grid, (b, 1, 1, 1))
    moves = [(np.eye(2) + rng.normal(size=(b, 2, 2)) / 10, rng.normal(size=(b, 2))) for _ in range(3)]
    once = Warp(b, size, size, DTYPE)
    one_by_one = images
    for M, t in moves:
        once.move(M, t)
        each = Warp(b, size, size, DTYPE)
        each.move(M, t)
        one_by_one = each.of(one_by_one)
    middle = (slice(None), slice(14, 27), slice(14, 27))
    np.testing.assert_allclose(once.of(images)[middle], one_by_one[middle], atol=1e-9)


def test_a_field_behind_a_move_goes_through_it() -> None:
    """Zoomed by two, then displaced by one pixel: two pixels of the picture before."""
    images = np.arange(21.0).reshape(1, 1, 21, 1)
    warp = Warp(1, 1, 21, DTYPE)
    warp.move(2 * np.eye(2)[None])
    field = np.zeros((1, 2, 1, 21))
    field[:, 1] = 1.0
    warp.bend(field)
    inner = slice(6, 14)
    assert np.array_equal(warp.of(images)[0, 0, inner, 0], 10 + 2 * (np.arange(21) - 10)[inner] + 2.0)


def test_two_fields_add_up() -> None:
    one, two = np.random.default_rng(3).normal(size=(2, 1, 2, 5, 5))
    warp = Warp(1, 5, 5, DTYPE)
    warp.bend(one)
    warp.bend(two)
    assert warp.displacement is not None
    np.testing.assert_allclose(warp.displacement, one + two)


@pytest.mark.parametrize(("size", "spread"), [((8, 8), 1.2), ((28, 20), 4.2), ((5, 5), 0.5), ((1, 3), 3.0)])
def test_fields_have_mean_0_and_variance_1_everywhere(size: tuple[int, int], spread: float) -> None:
    n = 4000
    fields = smooth_fields(n, *size, spread, np.random.default_rng(4), DTYPE)
    assert fields.shape == (n, 2, *size)
    assert np.abs(fields.mean(axis=0)).max() < 5 / np.sqrt(n)
    assert np.abs(fields.var(axis=0) - 1).max() < 6 * np.sqrt(2 / n)


def test_fields_are_alike_over_their_spread() -> None:
    """White noise blurred by a Gaussian has the correlation exp(−d²/(4 spread²)) between pixels d apart."""
    spread, n = 4.0, 6000
    fields = smooth_fields(n, 28, 28, spread, np.random.default_rng(5), DTYPE)[:, 0]
    for d in (1, 4, 8, 12):
        found = (fields[:, 8, 8] * fields[:, 8, 8 + d]).mean()
        assert found == pytest.approx(np.exp(-(d**2) / (4 * spread**2)), abs=0.06)
    assert abs((fields[:, 8, 8] * fields[:, 27, 27]).mean()) < 0.06


def test_the_two_axes_of_a_field_are_independent() -> None:
    fields = smooth_fields(6000, 6, 6, 1.0, np.random.default_rng(6), DTYPE)
    assert abs((fields[:, 0] * fields[:, 1]).mean()) < 0.02
