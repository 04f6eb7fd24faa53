"""Data augmentation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dltrain.data.preview import sheet_of
from dltrain.engine.arrays import Floats
from dltrain.engine.augmentations import Augmentation, Crop, Distort, Flip, Noise, Rotate, Shift, Zoom
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop

SEEDS = range(1, 7)
NAME = "lesson_augmentation"
KINDS: tuple[Augmentation, ...] = (
    Flip(probability=1.0),
    Rotate(),
    Shift(),
    Crop(share=0.4),
    Zoom(factor=1.5),
    Distort(strength=0.06),
    Noise(sd=0.3),
)
SHOWN = 5
"""Digits in the picture."""


def _kinds(shop: Workshop) -> Iterator[Finding]:
    ready = shop.ready(NAME)
    plain = shop.ready(NAME, "data.augment=[]")
    sheets = {one.kind: sheet_of(ready.data, [one], 1, SHOWN, 1) for one in KINDS}
    yield Finding(
        "images: flip, distort, rotate, clip ...; characters: rotate, distort",
        f"{', '.join(sheets)} (crop is the notes' clip), each drawn anew at every visit",
        all(bool((sheet.versions[:, 0] != sheet.originals).any()) for sheet in sheets.values()),
    )
    parts = ready.data.parts
    same = all(np.array_equal(parts[name].X, plain.data.parts[name].X) for name in parts)
    yield Finding(
        "the training set is augmented, nothing else",
        f"{', '.join(parts)} are measured on the same bytes with and without it: {same}",
        same,
    )
    warned = [note for note in shop.ready(NAME, "data.augment=[flip]").notes if "flipped 2" in note]
    yield Finding("a flipped 2 is no 2", f"said before training: {len(warned) == 1}", len(warned) == 1)
    columns = [
        next(iter(sheets.values())).originals[..., 0],
        *(sheet.versions[:, 0, ..., 0] for sheet in sheets.values()),
    ]
    with shop.picture("augmentation", width=7.2, height=4.6) as axes:
        axes.imshow(_mosaic(columns), cmap="gray_r", interpolation="nearest", vmin=0, vmax=255)
        axes.set_xticks([4.5 + 10 * i for i in range(len(columns))], ["original", *sheets])
        axes.set_yticks([4.5 + 10 * i for i in range(SHOWN)], next(iter(sheets.values())).labels)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(False)
        for spine in axes.spines.values():
            spine.set_visible(False)


def _mosaic(columns: list[np.ndarray]) -> np.ndarray:
    """Pictures (n, height, width) of each column, beside and below one another with a gap of two pixels."""
    n, height, width = columns[0].shape
    out = np.zeros((n * (height + 2), len(columns) * (width + 2)), np.uint8)
    for j, pictures in enumerate(columns):
        for i, picture in enumerate(pictures):
            top, left = i * (height + 2) + 1, j * (width + 2) + 1
            out[top : top + height, left : left + width] = picture
    return out


def _training(shop: Workshop) -> Iterator[Finding]:
    augmented, plain, twice, flipped = (
        [shop.train(NAME, *words, f"seed={seed}") for seed in SEEDS] for words in shop.asked(NAME)
    )
    moved, without, more, mirrored = (_dev(runs) for runs in (augmented, plain, twice, flipped))
    yield _compared("augmented characters (rotate, distort) lower the dev error", without - moved, without, moved)
    yield _compared("flip raises it, for characters", mirrored - without, without, mirrored)
    off = moved - more
    yield Finding(
        "it stands in for training data that are hard to get: about as good as twice as many digits",
        f"dev error {moved.mean():.1%} from 100 digits augmented, {more.mean():.1%} from 200: "
        f"{100 * off.mean():+.1f} ± {100 * _half(off):.1f} points",
        float(off.mean()) - _half(off) < 0.005,
    )
    fits = max(run.error("train") for run in augmented)
    yield Finding(
        "variance falls and bias does not rise: the training set as it is, is still fitted",
        f"training error {fits:.1%} at most; variance {_mean_gap(plain):.1%} without, {_mean_gap(augmented):.1%} with",
        fits <= 0.02 and _mean_gap(augmented) < _mean_gap(plain),
    )
    with shop.picture("augmentation_errors", width=6.0, height=3.4) as axes:
        named = {
            "100 digits": without,
            "100, flipped": mirrored,
            "100, rotated\nand distorted": moved,
            "200 digits": more,
        }
        for x, values in enumerate(named.values()):
            axes.plot(np.full(len(values), x), 100 * values, "o", color="#2563a8", label=None if x else "a seed")
            axes.plot([x - 0.2, x + 0.2], [100 * values.mean()] * 2, color="black", label=None if x else "mean")
        axes.set(xticks=range(len(named)), xticklabels=list(named), ylabel="dev error, %", xlim=(-0.5, 3.5))
        axes.set_ylim(bottom=0)
        axes.set_title("dev error by training set")
        axes.legend()


def _compared(claim: str, gain: Floats, before: Floats, after: Floats) -> Finding:
    came = (
        f"dev error {before.mean():.1%} without, {after.mean():.1%} with: {100 * gain.mean():.1f} ± "
        f"{100 * _half(gain):.1f} points, over {len(gain)} seeds"
    )
    return Finding(claim, came, float(gain.mean()) > _half(gain))


def _dev(runs: list[Ran]) -> Floats:
    return np.array([run.error("dev") for run in runs])


def _mean_gap(runs: list[Ran]) -> float:
    return float(np.mean([run.gap("variance") for run in runs]))


def _half(values: Floats) -> float:
    """Half the width of the 95 % interval of the mean, by Student's t."""
    quantile = {5: 2.776, 6: 2.571}[len(values)]
    return quantile * float(values.std(ddof=1)) / math.sqrt(len(values))


LESSONS = [
    Lesson(
        section="1.6",
        title="Kinds of augmentation",
        where=("engine/augmentations.py", "engine/warping.py", "data/augmenting.py", "data/preview.py"),
        how=("dltrain data preview configs/lesson_augmentation.yaml", "dltrain explain data.augment"),
        show=_kinds,
        pictures=(("augmentation", "Digits, and what each kind of augmentation makes of them"),),
    ),
    Lesson(
        section="1.6",
        title="What augmentation does",
        where=("data/augmenting.py", "engine/visiting.py"),
        how=("dltrain train configs/lesson_augmentation.yaml", "dltrain recipe RUN"),
        show=_training,
        pictures=(
            ("augmentation_errors", "The dev error with and without augmentation, and with more data, over six seeds"),
        ),
        slow=True,
    ),
]
