"""The sheet of `data preview`: a page whose pictures lie in it, a PNG, or coarse shades in a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dltrain.errors import InputError
from dltrain.report.console import show
from dltrain.report.formats import clean
from dltrain.report.page import render_still
from dltrain.report.png import data_uri

if TYPE_CHECKING:
    from dltrain.data.preview import Sheet

Picture = npt.NDArray[np.uint8]
SIDE = 84
"""Pixels of a picture's longer side on a sheet, about."""
SHADES = " ░▒▓█"
COARSE = (8, 16)
"""Lines and characters of a picture in a terminal: a character is twice as high as it is wide."""
IN_TERMINAL = (3, 3)
"""Pictures, and versions of each, that a terminal of 80 columns shows."""


def page(sheet: Sheet, title: str, settings: Sequence[str]) -> str:
    """The sheet as HTML in one file. Equal sheets give equal bytes."""
    height, width = _size(sheet)
    rows = [
        {
            "label": clean(label),
            "row": row,
            "original": data_uri(original),
            "versions": [data_uri(version) for version in versions],
        }
        for label, row, original, versions in zip(
            sheet.labels, sheet.rows, sheet.originals, sheet.versions, strict=True
        )
    ]
    return render_still(
        "preview.html.j2",
        title=title,
        rows=rows,
        settings=[clean(each) for each in settings],
        count=sheet.versions.shape[1],
        width=width,
        height=height,
    )


def _size(sheet: Sheet) -> tuple[int, int]:
    """(height, width) at which each picture is shown: whole times its own where it is smaller."""
    height, width = sheet.originals.shape[1:3]
    longer = max(height, width)
    times = max(1, SIDE // longer) if longer <= SIDE else SIDE / longer
    return max(1, round(height * times)), max(1, round(width * times))


def picture(sheet: Sheet, path: Path) -> bytes:
    """The sheet as a PNG, with the names of the classes. Raises InputError without Pillow."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        message = f"drawing {path} needs Pillow: pip install 'dltrain[images]'; a .html sheet needs nothing"
        raise InputError(message) from None
    height, width = _size(sheet)
    font, gap, head = ImageFont.load_default(), 6, 18
    labels = [clean(label)[:24] for label in sheet.labels]
    left = gap + max(round(font.getlength(label)) for label in ["original", *labels]) + gap
    n, v = sheet.versions.shape[:2]
    whole = Image.new("RGB", (left + (v + 1) * (width + gap), head + n * (height + gap)), "white")
    draw = ImageDraw.Draw(whole)
    draw.text((left, 3), "original", "black", font)
    for epoch in range(v):
        draw.text((left + (epoch + 1) * (width + gap), 3), f"epoch {epoch + 1}", "black", font)
    for i in range(n):
        top = head + i * (height + gap)
        draw.text((gap, top + height // 2 - 6), labels[i], "black", font)
        for place, one in enumerate([sheet.originals[i], *sheet.versions[i]]):
            pixels = one[:, :, :3] if one.shape[2] >= 3 else np.repeat(one[:, :, :1], 3, axis=2)
            drawn = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
            whole.paste(drawn, (left + place * (width + gap), top))
    file = io.BytesIO()
    whole.save(file, "PNG")
    return file.getvalue()


def print_preview(sheet: Sheet) -> None:
    """A coarse look at the first pictures."""
    n, v = min(IN_TERMINAL[0], len(sheet.labels)), min(IN_TERMINAL[1], sheet.versions.shape[1])
    width = COARSE[1] + 2
    heads = ["original", *(f"epoch {epoch + 1}" for epoch in range(v))]
    for i in range(n):
        show(f"{clean(sheet.labels[i])} (row {sheet.rows[i]})")
        show("".join(f"{head:<{width}}" for head in heads).rstrip())
        drawn = [coarse(one) for one in [sheet.originals[i], *sheet.versions[i, :v]]]
        for line in zip(*drawn, strict=True):
            show("  ".join(line).rstrip())


def coarse(one: Picture) -> list[str]:
    """A picture (height, width, channels) as lines of shades, the brightest full."""
    grey = one.astype(np.float64).mean(axis=2)
    cells = _means(_means(grey, COARSE[0]).T, COARSE[1]).T
    places = np.minimum((cells / 256 * len(SHADES)).astype(int), len(SHADES) - 1)
    return ["".join(SHADES[place] for place in line) for line in places.tolist()]


def _means(rows: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    """(n, k): the means of n stretches of the rows, which are repeated where there are fewer."""
    ends = np.arange(n + 1) * len(rows) / n
    first = np.floor(ends[:-1]).astype(int)
    last = np.maximum(first + 1, np.floor(ends[1:]).astype(int))
    return np.stack([rows[a:b].mean(axis=0) for a, b in zip(first.tolist(), last.tolist(), strict=True)])
