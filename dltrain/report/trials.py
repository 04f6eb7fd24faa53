"""What is seen while a study runs: a live table of its trials on a terminal, a line a trial elsewhere, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from dltrain.report.bars import sparkline
from dltrain.report.console import column, encodable, make_console, plain, plain_table
from dltrain.report.formats import clean, count, duration, fixed, percent
from dltrain.report.search_course import Course
from dltrain.report.tables import STATES

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from dltrain.studies.model import Overrides, Result

REFRESH_SECONDS = 0.5
ROWS = 16
"""Trials shown at once: those that run, then the newest that ended."""
COLORS = {**STATES, "crashed": "red", "timed out": "red", "again": "yellow", "paused": "cyan", "pruned": "dim"}


class Trials:
    """Says nothing (`--quiet`), and is what the others are made from."""

    def __init__(
        self, *, folder: Path, task: str, workers: int, stream: TextIO, record: Mapping[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self.regression = task == "regression"
        self.workers = workers
        self.stream = stream
        self.began = perf_counter()
        self.search = Course.of(record)
        self.begun = 0
        self.total = self.search.expected
        self.done = 0

    def round(self, trials: Mapping[int, Overrides], done: int) -> None:
        """Before these trials run at once, of which so many are over already."""
        self.search.round(trials, done)
        self.begun = max(self.begun, 1 + max(trials))
        self.total = max(self.total, self.begun)
        self.done = self.begun - len(trials) + done

    def started(self, trial: int, attempt: int) -> None:
        """A trial's process was started; the first attempt is 1."""

    def ended(self, result: Result) -> None:
        """A trial is over."""
        self.done += 1
        self.search.ended(result)

    def tick(self) -> None:
        """Now and then."""

    def close(self) -> None:
        """Take the display down."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def error(self, value: float | None) -> str:
        return fixed(value) if self.regression else percent(value, 2)

    def left(self) -> str:
        """The time that the others need at the pace so far: of a search all rounds, and the winner's training."""
        return duration(self.search.seconds_left(perf_counter() - self.began))

    def of_winner(self, trial: int) -> bool:
        """Whether it trains a search's winner anew."""
        return self.search.trials is not None and trial >= self.search.trials


class Lines(Trials):
    """One line a trial: for logs, pipes and batch jobs."""

    def round(self, trials: Mapping[int, Overrides], done: int) -> None:
        super().round(trials, done)
        over = f", {count(done)} over already" if done else ""
        number = f"{count(len(trials))} trial{'' if len(trials) == 1 else 's'}"
        self._say(f"{number}{over}, {self.workers} at once")

    def started(self, trial: int, attempt: int) -> None:
        if attempt > 1:
            self._say(f"trial {trial} failed; attempt {attempt}")

    def ended(self, result: Result) -> None:
        super().ended(result)
        errors = [f"{part} {self.error(result.errors[part]['value']):>7}" for part in PARTS if part in result.errors]
        words = [f"trial {result.trial} ({self.done}/{self.total})", result.outcome.replace("_", " "), *errors]
        words += [clean(result.cause)] if result.cause else []
        words += [difference(result.overrides), duration(perf_counter() - self.began)]
        if self.search.trials is not None:
            words += ["best so far"] if result.trial in self.search.best() else []
            words += [f"{self.left()} left"] if self.done < self.total else []
        self._say("  ".join(words))

    def _say(self, line: str) -> None:
        self.stream.write(encodable(line, self.stream.encoding) + "\n")
        self.stream.flush()


PARTS = ("train", "dev")
LIKE_FOR_ALL = ("training.steps", "training.epochs", "training.early_stopping", "training.batch_size")
"""Overrides that say nothing of how a trial differs from the others, or little."""


def difference(overrides: Mapping[str, Any]) -> str:
    """`seed=3 fold=2 regularizer=l2`, the last part of each path, without what only makes a layer like the others."""
    shown = {key: value for key, value in overrides.items() if key not in LIKE_FOR_ALL and not _idle(key, value)}
    return clean(" ".join(f"{_short(key)}={'null' if value is None else value}" for key, value in shown.items()))


def _idle(key: str, value: Any) -> bool:
    return value is None and key.startswith("architecture.layers.")


def _short(key: str) -> str:
    """The record's name where the last part is `kind`."""
    return key.removesuffix(".kind").rpartition(".")[2]


@dataclass(slots=True)
class Row:
    trial: int
    words: str
    state: str = "running"
    epoch: int | None = None
    train: float | None = None
    dev: float | None = None
    course: list[float] = field(default_factory=list)


class Table(Trials):
    """A table on a terminal, redrawn twice a second."""

    def __init__(
        self, *, folder: Path, task: str, workers: int, stream: TextIO, record: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(folder=folder, task=task, workers=workers, stream=stream, record=record)
        self.proposals: dict[int, Overrides] = {}
        self.rows: dict[int, Row] = {}
        self.next_draw = self.began + REFRESH_SECONDS
        self.live: Live | None = None

    def round(self, trials: Mapping[int, Overrides], done: int) -> None:
        super().round(trials, done)
        self.proposals |= trials
        for row in self.rows.values():
            if row.state == "paused" and row.trial not in trials:
                row.state = "pruned"

    def started(self, trial: int, attempt: int) -> None:
        state = "running" if attempt == 1 else f"attempt {attempt}"
        before = self.rows.pop(trial, None)
        words = ("the winner: " if self.of_winner(trial) else "") + difference(self.proposals[trial])
        self.rows[trial] = Row(trial, words, state, course=before.course if before else [])

    def ended(self, result: Result) -> None:
        super().ended(result)
        row = self.rows.setdefault(result.trial, Row(result.trial, difference(result.overrides)))
        row.state = result.outcome.replace("_", " ")
        for part in PARTS:
            if part in result.errors:
                setattr(row, part, float(result.errors[part]["value"]))
        self._look(row)

    def tick(self) -> None:
        if perf_counter() >= self.next_draw:
            self.draw()

    def draw(self) -> None:
        """Look at the running trials, and draw."""
        self.next_draw = perf_counter() + REFRESH_SECONDS
        for row in self.rows.values():
            if row.state.startswith(("running", "attempt")):
                self._look(row)
        if self.live is None:
            self.live = self._open()
        self.live.update(self.picture(), refresh=True)

    def _open(self) -> Live:
        from rich.live import Live

        console = make_console(self.stream, self.stream)
        live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=True)
        live.start()
        return live

    def _look(self, row: Row) -> None:
        """The last line of the trial's metrics."""
        from dltrain import runs

        last = runs.last_metrics(self.folder / "trials" / str(row.trial))
        if last is None or last.get("epoch") == row.epoch:
            return
        row.epoch = last.get("epoch")
        found = {part: (last.get(part) or {}).get("error") for part in PARTS}
        if found["dev"] is not None:
            row.course.append(found["dev"])
        if row.state.startswith(("running", "attempt")):
            row.train, row.dev = found["train"], found["dev"]

    def picture(self) -> RenderableType:
        """The table and the line below it."""
        from rich.console import Group
        from rich.text import Text

        table = plain_table()
        for header, right in (("trial", True), ("", False), ("state", False), ("epoch", True)):
            column(table, header, right=right)
        for header in ("train", "dev"):
            column(table, header, right=True)
        column(table, "dev error, by epoch")
        best = self.search.best()
        if self.search.trials is not None:
            column(table, "")
        for row in self._shown():
            mark = [] if self.search.trials is None else [Text("best so far" if row.trial in best else "", "green")]
            errors = [self.error(row.train), self.error(row.dev)]
            state = Text(row.state, style=COLORS.get(row.state, ""))
            course = encodable(sparkline(row.course, 24), self.stream.encoding)
            table.add_row(str(row.trial), row.words, state, count(row.epoch), *errors, course, *mark)
        return Group(table, Text(encodable(self.course(), self.stream.encoding)))

    def course(self) -> str:
        """How far the study is."""
        return f"{count(self.done)} of {count(self.total)} trials are over, {self.left()} left"

    def _shown(self) -> list[Row]:
        rows = list(self.rows.values())
        running = [row for row in rows if row.state.startswith(("running", "attempt"))]
        ended = [row for row in rows if row not in running]
        best = [row for row in ended if row.trial in self.search.best()]
        kept = list({row.trial: row for row in [*running, *best, *ended[::-1]]}.values())[:ROWS]
        return sorted(kept, key=lambda row: row.trial)

    def close(self) -> None:
        if self.live is not None:
            self.live.update(self.picture(), refresh=True)
            self.live.stop()
            self.live = None


def trials_display(
    folder: Path,
    *,
    task: str,
    workers: int,
    quiet: bool = False,
    stream: TextIO | None = None,
    record: Mapping[str, Any] | None = None,
) -> Trials:
    """The display that fits `stream` (stderr): none with `quiet`, a table on a terminal, else a line a trial.

    record: study.json, for what a search still has before it."""
    stream = stream or sys.stderr
    kind = Trials if quiet else Lines if plain(stream) else Table
    return kind(folder=folder, task=task, workers=workers, stream=stream, record=record)
