"""Printing with Rich so that nothing is cut when piped, and no byte is written that the stream can't take."""

from __future__ import annotations

import io
import os
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

PIPED_WIDTH = 100_000
"""Rich cuts at 80 columns when it doesn't write to a terminal; no table of ours is ever this wide."""

FALLBACK = {
    **dict.fromkeys("█▉▊▋▌", "#"),
    **dict.fromkeys("▍▎▏", "."),
    **dict(zip("▁▂▃▄▅▆▇", "_.,-~+*", strict=True)),
    **dict.fromkeys("─—–−", "-"),
    "━": "=",
    "▶": ">",
    "┤": "|",
    "│": "|",
    "└": "+",
    "▲": "^",
    "·": "|",
    "→": ">",
    "≥": ">",
    "≤": "<",
    "²": "2",
    "×": "x",
    "λ": "l",
    "✓": "+",
    "’": "'",
}
"""One character for one, so that columns stay aligned."""


def is_terminal(stream: TextIO) -> bool:
    """True if a person watches `stream` on a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def plain(stream: TextIO) -> bool:
    """True where there is to be no colour and no animation: not a terminal, or NO_COLOR is set."""
    return not is_terminal(stream) or bool(os.environ.get("NO_COLOR"))


def width_of(stream: TextIO) -> int:
    """Columns of the terminal, or far more than any table needs when there is none."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else PIPED_WIDTH


def show(*parts: RenderableType, stream: TextIO | None = None) -> None:
    """Print each part to `stream` (stdout)."""
    stream = stream or sys.stdout
    buffer = io.StringIO()
    console = make_console(buffer, stream)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
    text = "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))
    stream.write(encodable(text, stream.encoding))


def make_console(target: TextIO, stream: TextIO) -> Console:
    """A console that writes to `target` as fits `stream`. Names in the data are neither markup nor emoji codes."""
    from rich.console import Console

    return Console(
        file=target,
        width=width_of(stream),
        force_terminal=not plain(stream),
        no_color=plain(stream),
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def encodable(text: str, encoding: str | None) -> str:
    """`text` with every character that `encoding` lacks replaced by one that looks like it, or by `?`."""
    encoding = encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_stand_in(char, encoding) for char in text)
    return text


def _stand_in(char: str, encoding: str) -> str:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        wide = unicodedata.east_asian_width(char) in "WF"
        return FALLBACK.get(char, "??" if wide else "?")
    return char


def plain_table() -> Table:
    """A table without a frame: a rule under the header, two blanks between columns."""
    from rich import box
    from rich.table import Table

    return Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )


def column(table: Table, header: str, *, right: bool = False, whole: bool = False) -> None:
    """Add a column that wraps on a narrow terminal (unless it is to stay whole, to be copied), and never ends in an
    ellipsis. Numbers stand to the right."""
    table.add_column(header, justify="right" if right else "left", overflow="fold", no_wrap=whole)
