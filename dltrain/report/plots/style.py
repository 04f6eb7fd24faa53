"""One style for every picture. Lines are told apart by dash and shade, so that grey paper loses nothing.

No global state: figures are made without pyplot, inside `style()`. Files hold no date, and their inner names come from
a fixed salt, so that equal numbers give equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png", ".pdf")
WIDTH = 3.9
"""Inches of one graph; two side by side fill a page."""
HEIGHT = 3.0
SHADES = ("#1b1b1b", "#c2410c", "#2563a8", "#7fa650", "#9b9b9b", "#d9a400")
"""Dark to light, so that grey keeps them apart."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (7, 2, 1.5, 2)), (0, (3, 1.2, 1, 1.2, 1, 1.2)), (0, (10, 3)))
LINES: tuple[dict[str, Any], ...] = tuple(
    {"color": shade, "linestyle": dash, "linewidth": 1.6} for shade, dash in zip(SHADES, DASHES, strict=True)
)
"""Keywords of the first, second, ... line of a graph."""
SETTINGS = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.framealpha": 0.85,
    "path.simplify": True,
    "savefig.dpi": 150,
    "svg.fonttype": "none",
    "svg.hashsalt": "dltrain",
}


@contextmanager
def style() -> Iterator[None]:
    """The settings of every picture, for as long as one is made. Raises InputError without matplotlib."""
    require()
    from matplotlib import rc_context

    with rc_context(SETTINGS):  # type: ignore[arg-type]
        yield


def require() -> None:
    """Raises InputError, with what to install, if matplotlib is not there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        message = "drawing pictures needs matplotlib: pip install 'dltrain[plot]'"
        raise InputError(message) from None


def figure(columns: int = 1, rows: int = 1, *, width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Any]:
    """A figure and its axes: one, or an array of them. `width` and `height` are those of each."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes: Axes | Any = drawn.subplots(rows, columns)
    return drawn, axes


def ending(file: Path) -> str:
    """svg, png or pdf. Raises InputError for another."""
    if file.suffix.lower() not in ENDINGS:
        expected = ", ".join(ENDINGS)
        raise InputError(Problem(f"{file.name}: pictures end in {expected}", "--plot"))
    return file.suffix.lower().removeprefix(".")


def encode(drawn: Figure, kind: str = "svg") -> bytes:
    """The bytes of an svg, png or pdf file."""
    dates: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    sink = io.BytesIO()
    drawn.savefig(sink, format=kind, metadata=dates[kind])
    data = sink.getvalue()
    if kind == "svg":  # no blanks at the ends of lines
        data = b"\n".join(line.rstrip() for line in data.split(b"\n"))
    return data
