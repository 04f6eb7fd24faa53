"""Augmentations: what each kind draws, and that batches made anew depend on (seed, epoch, place) alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dltrain.engine.augmentations import Augmentation, Crop, Distort, Flip, Move, Noise, Rotate, Shift, Zoom, moved
from dltrain.engine.streams import Purpose, generator
from dltrain.engine.visiting import visits
from dltrain.engine.warping import Warp

Array = np.ndarray
B = 4000
MOVES = [Flip(), Flip(axis="vertical"), Rotate(), Shift(), Crop(), Zoom(), Distort()]


def stream(seed: int = 0) -> np.random.Generator:
    return generator(seed, Purpose.AUGMENT)


def warp_of(move: Move, b: int = B, height: int = 20, width: int = 10) -> Warp:
    warp = Warp(b, height, width, np.dtype(np.float64))
    move.move(warp, stream())
    return warp


def changed(warp: Warp) -> Array:
    """(b,): the pictures that are moved at all."""
    found: Array = (warp.M != np.eye(2)).any(axis=(1, 2)) | warp.t.any(axis=1)
    return found if warp.displacement is None else found | warp.displacement.any(axis=(1, 2, 3))


@pytest.mark.parametrize("move", [type(move)(probability=0.3) for move in MOVES], ids=lambda move: move.kind)
def test_probability_is_the_share_that_is_changed(move: Move) -> None:
    assert changed(warp_of(move, 2000, 6, 6)).mean() == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("move", [type(move)(probability=1.0) for move in MOVES], ids=lambda move: move.kind)
def test_probability_one_changes_every_example(move: Move) -> None:
    assert changed(warp_of(move, 500, 6, 6)).all()


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flip_mirrors_left_and_right_or_top_and_bottom(axis: str) -> None:
    images = np.random.default_rng(0).normal(size=(50, 3, 4, 2))
    found = moved(images, (Flip(axis=axis),), stream())  # type: ignore[arg-type]
    mirrored = images[:, :, ::-1] if axis == "horizontal" else images[:, ::-1]
    flipped = (found == mirrored).all(axis=(1, 2, 3))
    assert (flipped | (found == images).all(axis=(1, 2, 3))).all()
    assert 10 < flipped.sum() < 40


def test_rotate_turns_evenly_to_either_side_and_keeps_lengths() -> None:
    M = warp_of(Rotate(degrees=30)).M
    angles = np.degrees(np.arctan2(M[:, 0, 1], M[:, 0, 0]))
    assert np.abs(angles).max() <= 30 and angles.min() < -29 and angles.max() > 29
    assert angles.mean() == pytest.approx(0, abs=1.2) and angles.std() == pytest.approx(30 / np.sqrt(3), rel=0.05)
    np.testing.assert_allclose(M @ M.transpose(0, 2, 1), np.tile(np.eye(2), (B, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(M), 1)


def test_a_quarter_turn_is_numpys() -> None:
    images = np.random.default_rng(1).normal(size=(1, 7, 7, 1))
    warp = Warp(1, 7, 7, np.dtype(np.float64))

    class Quarter:
        def uniform(self, low: float, high: float, b: int) -> Array:
            return np.ones(b)

        def random(self, b: int) -> Array:
            return np.zeros(b)

    Rotate(degrees=90).move(warp, Quarter())  # type: ignore[arg-type]
    turns = [np.allclose(warp.of(images), np.rot90(images, k, axes=(1, 2))) for k in (1, 3)]
    assert sum(turns) == 1


def test_shift_goes_as_far_as_its_share_of_each_side() -> None:
    t = warp_of(Shift(share=0.2)).t
    assert np.abs(t[:, 0]).max() == pytest.approx(4, rel=0.01) and np.abs(t[:, 1]).max() == pytest.approx(2, rel=0.01)
    assert np.abs(t.mean(axis=0)).max() < 0.15
    assert abs(np.corrcoef(t.T)[0, 1]) < 0.06


def test_crop_never_looks_beyond_the_edges_and_reaches_them() -> None:
    warp = warp_of(Crop(share=0.4))
    share = warp.M[:, 0, 0]
    assert (warp.M[:, 1, 1] == share).all() and not warp.M[:, 0, 1].any()
    assert share.min() == pytest.approx(0.6, abs=0.01) and share.max() <= 1
    for axis, side in enumerate((20, 10)):
        furthest = np.abs(warp.t[:, axis]) + share * (side - 1) / 2
        assert furthest.max() <= (side - 1) / 2 + 1e-9
        assert furthest.max() == pytest.approx((side - 1) / 2, rel=0.01)


def test_zoom_is_even_on_a_logarithmic_scale() -> None:
    warp = warp_of(Zoom(factor=2.0))
    power = np.log2(1 / warp.M[:, 0, 0])
    assert (warp.M[:, 1, 1] == warp.M[:, 0, 0]).all()
    assert np.abs(power).max() <= 1 and power.std() == pytest.approx(1 / np.sqrt(3), rel=0.05)
    assert power.mean() == pytest.approx(0, abs=0.04)


def test_distort_displaces_by_its_share_of_the_shorter_side() -> None:
    field = warp_of(Distort(strength=0.1), b=1000).displacement
    assert field is not None
    assert field.std() == pytest.approx(0.1 * 10, rel=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_has_its_standard_deviation_and_leaves_the_rest(dtype: Any) -> None:
    X = np.ones((2000, 6), dtype)
    Noise(sd=0.3).add(X, np.array([0, 2, 5]), stream())
    assert X.dtype == dtype
    assert (X[:, [1, 3, 4]] == 1).all()
    noise = X[:, [0, 2, 5]] - 1
    assert noise.std() == pytest.approx(0.3, rel=0.03) and noise.mean() == pytest.approx(0, abs=0.02)
    assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.08


def test_noise_hits_its_share_of_the_rows() -> None:
    X = np.zeros((3000, 4))
    Noise(probability=0.25).add(X, slice(None), stream())
    assert X.any(axis=1).mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.kind)
def test_what_is_drawn_is_a_matter_of_the_stream_alone(move: Move) -> None:
    images = np.random.default_rng(2).normal(size=(9, 6, 5, 3)).astype(np.float32)
    one, same = (moved(images, (move,), stream(7)) for _ in range(2))
    assert np.array_equal(one, same) and one.dtype == np.float32
    assert not np.array_equal(one, moved(images, (move,), stream(8)))


def test_moves_keep_values_within_those_of_the_picture() -> None:
    images = np.random.default_rng(3).random((20, 9, 9, 1))
    found = moved(images, tuple(MOVES), stream())
    assert found.min() >= images.min() and found.max() <= images.max()


# ---- batches made of rows


@dataclass
class Recorder:
    """Makes inputs of row number, epoch and place."""

    rows: Any
    portion: int = 4

    def make(self, rows: Array, epoch: int, place: int, out: Array) -> None:
        assert len(rows) <= self.portion
        out[:, 0] = rows[:, 0]
        out[:, 1] = epoch
        out[:, 2] = place + np.arange(len(rows))


class Far:
    """A Table over an array."""

    def __init__(self, X: Array) -> None:
        self.X, self.block, self.window, self.shape, self.dtype = X, 3, 2, X.shape, X.dtype

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, part: slice) -> Array:
        return self.X[part]


@pytest.mark.parametrize("kept", [np.asarray, Far], ids=["in memory", "in a file"])
def test_every_row_is_made_once_an_epoch_at_its_place(kept: Any) -> None:
    rows = np.arange(23, dtype=np.uint8)[:, None]
    X = np.zeros((23, 3), np.float32)
    order = visits(X, 5, Recorder(kept(rows)))
    for epoch in (0, 3):
        order.begin(epoch)
        out = np.full((23, 3), np.nan, np.float32)
        numbers = np.concatenate([order.gather(a, b, out[a:b]) for a, b in [(0, 10), (10, 20), (20, 23)]])
        assert sorted(numbers) == list(range(23))
        assert np.array_equal(out[:, 0], numbers)
        assert (out[:, 1] == epoch).all() and np.array_equal(out[:, 2], np.arange(23))


def test_rows_are_visited_as_they_would_be_without() -> None:
    X = np.zeros((50, 3), np.float32)
    plain, made = visits(X, 5), visits(X, 5, Recorder(np.arange(50, dtype=np.float64)[:, None]))
    out = np.empty((50, 3), np.float32)
    for order in (plain, made):
        order.begin(2)
    assert np.array_equal(plain.gather(0, 50, out), made.gather(0, 50, out))


def test_every_kind_is_among_the_augmentations() -> None:
    kinds = {record().kind for record in Augmentation.__args__}  # type: ignore[attr-defined]
    assert kinds == {"flip", "rotate", "shift", "crop", "zoom", "distort", "noise"}
