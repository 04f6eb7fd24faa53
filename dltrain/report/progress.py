"""What is seen while training: a live display on a terminal, one line an epoch elsewhere, or nothing.

All of it goes to stderr. `progress(...)` picks one; each is a context manager with `step`, `epoch` and `close`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from dltrain.report.bars import progress_bar, sparkline
from dltrain.report.console import encodable, make_console, plain, width_of
from dltrain.report.formats import clean, count, duration, fixed, number, percent

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

REFRESH_SECONDS = 0.1
BAR_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the training goes. `start` is the step it goes on from (0 for a new run)."""

    total_steps: int
    steps_per_epoch: int
    start: int = 0
    planned: int | None = None
    """Epochs, where they do not all have the same number of steps."""

    @property
    def epochs(self) -> int:
        return self.planned or max(1, math.ceil(self.total_steps / max(1, self.steps_per_epoch)))


class Progress:
    """Says nothing (`--quiet`), and is what the others are made from."""

    def __init__(self, extent: Extent, *, task: str, stream: TextIO) -> None:
        self.began = perf_counter()
        self.extent = extent
        self.regression = task == "regression"
        self.stream = stream

    def step(self, step: int) -> None:
        """After each step, counted from 1. Called in the innermost loop: costs nothing here."""

    def epoch(self, record: Mapping[str, Any]) -> None:
        """After each epoch, with its line of metrics.jsonl."""

    def adjusted(self, said: str, epochs: int, steps: int) -> None:
        """The training takes so many epochs and steps from now on."""
        self.extent = replace(self.extent, planned=epochs, total_steps=steps)

    def close(self) -> None:
        """Take the display down; what it last said stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def error(self, part: Mapping[str, Any] | None) -> str:
        value = part.get("error") if part else None
        return fixed(value) if self.regression else percent(value, 2)


class Lines(Progress):
    """One line an epoch: for logs, pipes and batch jobs."""

    def epoch(self, record: Mapping[str, Any]) -> None:
        total = count(self.extent.epochs)
        fields = [f"epoch {count(record['epoch']).rjust(len(total))}/{total}", f"cost {number(record.get('cost')):>9}"]
        fields.append(f"train {self.error(record.get('train')):>7}")
        if record.get("dev"):
            fields.append(f"dev {self.error(record['dev']):>7}")
        fields.append(f"learning rate {number(record.get('learning_rate'))}")
        fields.append(duration(perf_counter() - self.began))
        self._say("  ".join(fields))

    def adjusted(self, said: str, epochs: int, steps: int) -> None:
        super().adjusted(said, epochs, steps)
        if said:
            self._say(f"adjusted {clean(said)}")

    def _say(self, line: str) -> None:
        self.stream.write(encodable(line, self.stream.encoding) + "\n")
        self.stream.flush()


class Display(Progress):
    """Two lines on a terminal, redrawn at most ten times a second."""

    def __init__(self, extent: Extent, *, task: str, stream: TextIO, label: str = "") -> None:
        super().__init__(extent, task=task, stream=stream)
        self.label = clean(label)
        self.now = extent.start
        self.record: Mapping[str, Any] = {}
        self.dev_errors: list[float] = []
        self.best: tuple[float, int] | None = None
        self.next_draw = self.began + REFRESH_SECONDS
        self.live: Live | None = None
        self.closed = False
        self.said = ""

    def step(self, step: int) -> None:
        if perf_counter() >= self.next_draw:
            self.now = step
            self.draw()

    def epoch(self, record: Mapping[str, Any]) -> None:
        self.record, self.now = record, record.get("step", self.now)
        error = (record.get("dev") or {}).get("error")
        if error is not None and math.isfinite(error):
            self.dev_errors.append(error)
            if self.best is None or error < self.best[0]:
                self.best = (error, record["epoch"])
        if perf_counter() >= self.next_draw:
            self.draw()

    def adjusted(self, said: str, epochs: int, steps: int) -> None:
        super().adjusted(said, epochs, steps)
        self.said = clean(said)

    def draw(self) -> None:
        """Draw now. The display appears with the first drawing, so that a very short run leaves no trace of it."""
        self.next_draw = perf_counter() + REFRESH_SECONDS
        if self.live is None:
            self.live = self._open()
        self.live.update(self.picture(), refresh=True)

    def _open(self) -> Live:
        from rich.live import Live

        console = make_console(self.stream, self.stream)
        live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=True)
        live.start()
        return live

    def close(self) -> None:
        if self.live is not None:
            self.closed = True
            self.live.update(self.picture(), refresh=True)
            self.live.stop()
            self.live = None

    def picture(self) -> Text:
        """The two lines, and what was adjusted last."""
        from rich.text import Text

        lines = Text(overflow="crop", no_wrap=True)
        lines.append_text(self._course()).append("\n").append_text(self._errors())
        lines.plain = encodable(lines.plain, self.stream.encoding)
        return lines

    def _course(self) -> Text:
        from rich.text import Text

        extent, total = self.extent, count(self.extent.epochs)
        share = self.now / max(1, extent.total_steps)
        done = self.now // max(1, extent.steps_per_epoch)
        if extent.planned is not None:
            done = self.record.get("epoch", done)
        epoch = min(extent.epochs, done + (0 if self.closed else 1))
        seconds = perf_counter() - self.began
        rate = (self.now - extent.start) / max(seconds, 1e-9)
        left = (extent.total_steps - self.now) / rate if rate > 0 else math.inf
        clock = duration(seconds) if self.closed else f"{duration(left)} left"
        before = f"epoch {count(epoch).rjust(len(total))}/{total}  "
        after = f"  {100 * share:3.0f}%  {number(rate, 3)} steps/s  {clock}"
        room = width_of(self.stream) - len(before) - len(after) - 1
        bar = max(0, min(BAR_WIDTH, room))
        label = f"{self.label}  " if self.label and len(self.label) + 2 + bar <= room else ""
        return Text.assemble((label, "bold"), before, (progress_bar(share, bar), "blue"), after)

    def _errors(self) -> Text:
        from rich.text import Text

        if not self.record:
            return Text("first epoch", style="dim")
        words = Text(f"cost {number(self.record.get('cost'))}  train {self.error(self.record.get('train'))}")
        if self.record.get("dev"):
            words.append(f"  dev {self.error(self.record['dev'])}", style="bold")
        if self.best is not None:
            words.append(f"  best {self.error({'error': self.best[0]})} (epoch {count(self.best[1])})", style="dim")
        words.append("  ").append(sparkline(self.dev_errors, 24), style="blue")
        return words.append(f"\nadjusted {self.said}", style="dim") if self.said else words


def progress(
    *,
    total_steps: int,
    steps_per_epoch: int,
    task: str,
    start: int = 0,
    epochs: int | None = None,
    label: str = "",
    quiet: bool = False,
    stream: TextIO | None = None,
) -> Progress:
    """The display that fits `stream` (stderr): none with `quiet`, live on a terminal, else one line an epoch.

    NO_COLOR asks for lines too: a display that redraws itself is animation.
    """
    stream = stream or sys.stderr
    extent = Extent(total_steps, steps_per_epoch, start)
    if epochs not in (None, extent.epochs):  # batches of another size, from some epoch on
        extent = replace(extent, planned=epochs)
    if quiet:
        return Progress(extent, task=task, stream=stream)
    if plain(stream):
        return Lines(extent, task=task, stream=stream)
    return Display(extent, task=task, stream=stream, label=label)
