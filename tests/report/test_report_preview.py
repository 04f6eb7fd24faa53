"""The sheet of augmented pictures: PNG files, shades, and the page in a real browser without a network."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_report_browser import BROWSER, FLAGS

from dltrain.data.preview import Sheet
from dltrain.report.png import png
from dltrain.report.preview import coarse, page


def sheet(labels: tuple[str, ...] = ("cat", "<b>dog</b>"), shape: tuple[int, ...] = (8, 12, 3)) -> Sheet:
    draw = np.random.Generator(np.random.PCG64(1))
    n, v = len(labels), 3
    return Sheet(
        labels=labels,
        rows=tuple(range(n)),
        originals=draw.integers(0, 256, (n, *shape)).astype(np.uint8),
        versions=draw.integers(0, 256, (n, v, *shape)).astype(np.uint8),
        kinds=("rotate",),
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_is_read_as_it_was_written(channels: int) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, channels)).astype(np.uint8)
    found = np.asarray(image.open(io.BytesIO(png(picture))))
    assert np.array_equal(found, picture[:, :, 0] if channels < 3 else picture[:, :, :3])


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (5, 40), (1, 1)])
def test_shades_are_means_of_what_they_cover(size: tuple[int, int]) -> None:
    lines = coarse(np.full((*size, 3), 255, np.uint8))
    assert lines == ["█" * 16] * 8
    half = np.zeros((*size, 1), np.uint8)
    assert coarse(half) == [" " * 16] * 8


def test_a_bright_half_is_bright_in_shades() -> None:
    picture = np.zeros((28, 28, 1), np.uint8)
    picture[:, 14:] = 255
    assert coarse(picture) == [" " * 8 + "█" * 8] * 8


def test_names_are_no_markup() -> None:
    text = page(sheet(), "shapes", ["rotate, degrees 15"])
    assert "<b>dog" not in text and "&lt;b&gt;dog" in text
    assert text == page(sheet(), "shapes", ["rotate, degrees 15"])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine to load the page in")
def test_a_browser_shows_every_picture_and_has_nothing_to_say(tmp_path: Path) -> None:
    """The page asks for nothing: a picture that did not load would leave its policy's complaint on the console."""
    file = tmp_path / "sheet.html"
    file.write_text(page(sheet(), "shapes", ["rotate, degrees 15"]))
    assert BROWSER is not None
    shot = tmp_path / "shot.png"
    flags = [flag for flag in FLAGS if flag != "--dump-dom"]
    command: list[Any] = [BROWSER, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}"]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    image = pytest.importorskip("PIL.Image")
    with image.open(shot) as seen:
        pixels = np.asarray(seen.convert("RGB")).reshape(-1, 3)
    drawn = {tuple(pixel) for pixel in sheet().originals.reshape(-1, 3).tolist()}
    there = {tuple(pixel) for pixel in np.unique(pixels, axis=0).tolist()}
    assert len(drawn & there) > 0.9 * len(drawn)
