"""How far a download is: one line on a terminal, drawn again as bytes come; elsewhere nothing."""

from __future__ import annotations

import sys
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from dltrain.report.bars import progress_bar
from dltrain.report.console import encodable, make_console, plain
from dltrain.report.formats import clean
from dltrain.report.progress import BAR_WIDTH, REFRESH_SECONDS

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text


def size(count: int) -> str:
    """11594722 bytes are `11.6 MB`."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{count} bytes" if unit == "bytes" else f"{value:.3g} {unit}" if value < 99.95 else f"{value:.0f} {unit}"


class Downloads:
    """A context manager whose `watch` takes (file, bytes so far, bytes in all); to stderr."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.silent = plain(self.stream)
        self.live: Live | None = None
        self.file = ""
        self.began = self.next_draw = perf_counter()

    def watch(self, file: str, done: int, total: int) -> None:
        """At most ten drawings a second, and one when a file is there."""
        if self.silent:
            return
        now = perf_counter()
        if file != self.file:
            self.file, self.began = file, now
        if now >= self.next_draw or done == total:
            self.next_draw = now + REFRESH_SECONDS
            self._draw(self.picture(file, done, total, now - self.began))

    def picture(self, file: str, done: int, total: int, seconds: float) -> Text:
        """The line."""
        from rich.text import Text

        rate = f"  {size(round(done / seconds))}/s" if seconds > 0 else ""
        share = done / max(total, 1)
        words = f"  {100 * share:3.0f}%  {size(done)} of {size(total)}{rate}"
        line = Text.assemble((clean(file), "bold"), "  ", (progress_bar(share, BAR_WIDTH), "blue"), words)
        line.overflow, line.no_wrap = "crop", True
        line.plain = encodable(line.plain, self.stream.encoding)
        return line

    def _draw(self, picture: Text) -> None:
        if self.live is None:
            from rich.live import Live

            console = make_console(self.stream, self.stream)
            self.live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=True)
            self.live.start()
        self.live.update(picture, refresh=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None
