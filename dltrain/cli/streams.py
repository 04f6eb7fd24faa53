"""Standard streams that the caller closed, that nobody reads any more, or whose disk is full."""

from __future__ import annotations

import io
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from dltrain.signals import current

if TYPE_CHECKING:
    from dltrain.experiment import Watcher
    from dltrain.studies.coordinator import Watcher as TrialsWatcher
    from dltrain.studies.model import Overrides, Result


PATIENCE = 0.1
"""Seconds between two looks at whether a full pipe is read and whether a signal came."""
GRACE = 1.0
"""Seconds for a result to be written when the process's time is over."""


def fill_closed() -> None:
    """Streams that the caller closed lead nowhere, so that no file opened later gets their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  it stays open to the end


def leave(stream: TextIO) -> None:
    """What is still buffered, and all that follows, goes nowhere: writing to it is no error from here on."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def for_data() -> TextIO:
    """Stdout for a file's content: UTF-8 whatever the locale, since a terminal's fallbacks would change data."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


@contextmanager
def unread() -> Iterator[None]:
    """For results that lie in a file too: a closed stdout is no error, nor one that nobody reads in time."""
    try:
        with _in_time(sys.stdout):
            yield
            sys.stdout.flush()
    except BrokenPipeError:
        leave(sys.stdout)


@contextmanager
def _in_time(stream: TextIO) -> Iterator[None]:
    """When the process's time is over, what is still to be written to the stream goes nowhere; the write that waits
    goes on after the signal, and finds no full pipe any more."""
    if current.until is None:
        yield
        return
    handler = signal.signal(signal.SIGALRM, lambda number, frame: leave(stream))
    timer = signal.setitimer(signal.ITIMER_REAL, max(current.until - time.monotonic(), GRACE))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def tell(line: str) -> None:
    """One line on stderr, if anybody is there."""
    try:
        if not stuck(sys.stderr):
            print(line, file=sys.stderr, flush=True)
    except OSError:
        leave(sys.stderr)


def stuck(stream: TextIO) -> bool:
    """Waits until a line can be written to a pipe or terminal; True if it is full, nobody reads on, and a signal
    or the time asks to leave: then nothing more may be written, since that would wait for ever."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return False
    while not select.select((), (number,), (), PATIENCE)[1]:
        if current.leaving:
            leave(stream)
            return True
    return False


class Onlooker:
    """Passes on to a display on stderr. If that can't be written to any more, training goes on without it."""

    def __init__(self, display: Watcher) -> None:
        self._display = display

    def step(self, step: int) -> None:
        try:
            self._display.step(step)  # it draws on terminals alone
        except OSError:
            leave(sys.stderr)

    def epoch(self, record: Mapping[str, Any]) -> None:
        try:
            if not stuck(sys.stderr):
                self._display.epoch(record)
        except OSError:
            leave(sys.stderr)

    def adjusted(self, said: str, epochs: int, steps: int) -> None:
        try:
            if not stuck(sys.stderr):
                self._display.adjusted(said, epochs, steps)
        except OSError:
            leave(sys.stderr)


class TrialsOnlooker:
    """The same for a study's trials."""

    def __init__(self, display: TrialsWatcher) -> None:
        self._display = display

    def round(self, trials: Mapping[int, Overrides], done: int) -> None:
        with _unless_gone():
            self._display.round(trials, done)

    def started(self, trial: int, attempt: int) -> None:
        with _unless_gone():
            self._display.started(trial, attempt)

    def ended(self, result: Result) -> None:
        with _unless_gone():
            if not stuck(sys.stderr):
                self._display.ended(result)

    def tick(self) -> None:
        with _unless_gone():
            self._display.tick()


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except OSError:
        leave(sys.stderr)
