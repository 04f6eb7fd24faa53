"""How far the conversion of data larger than memory is: a bar on a terminal, elsewhere a line where a stage begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltrain.report.bars import progress_bar
from dltrain.report.console import encodable
from dltrain.report.downloads import Downloads, size
from dltrain.report.formats import clean, count
from dltrain.report.progress import BAR_WIDTH

if TYPE_CHECKING:
    from rich.text import Text

_STAGES = {
    "reading": "reading (larger than memory)",
    "preparing": "preparing",
    "arranging": "shuffling the training rows",
}


class Conversions(Downloads):
    """A context manager whose `watch` takes (stage, so far, in all): bytes while it reads, then rows."""

    def watch(self, file: str, done: int, total: int) -> None:
        stage = _STAGES.get(file, file)
        if self.silent or not total:
            if stage != self.file:
                print(stage, file=self.stream, flush=True)
            self.file = stage
            return
        super().watch(stage, done, total)

    def picture(self, file: str, done: int, total: int, seconds: float) -> Text:
        from rich.text import Text

        named = size if file == _STAGES["reading"] else count
        share = done / max(total, 1)
        words = f"  {100 * share:3.0f}%  {named(done)} of {named(total)}"
        line = Text.assemble((clean(file), "bold"), "  ", (progress_bar(share, BAR_WIDTH), "blue"), words)
        line.overflow, line.no_wrap = "crop", True
        line.plain = encodable(line.plain, self.stream.encoding)
        return line
