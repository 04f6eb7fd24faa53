"""What runs trials: a coordinator hands out tasks and hears how they ended, wherever they ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One attempt of a trial: the words after `dltrain` that train it, or go on with it."""

    trial: int
    words: Sequence[str]
    timeout: float | None = None
    """Seconds until it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended."""

    trial: int
    code: int
    """Exit code; -n if signal n killed it."""
    timed_out: bool = False
    said: str = ""
    """The end of what it wrote on stderr."""
    given_back: bool = False
    """Whether who ran it had to leave, and it was asked to save: not a failure of its own."""


class Executor(Protocol):
    """Runs tasks at once, as many as it has workers."""

    @property
    def free(self) -> int:
        """How many more tasks it would start at once."""

    @property
    def running(self) -> int:
        """How many tasks have not ended."""

    def start(self, task: Task) -> None:
        """Starts a task; returns at once."""

    def wait(self, seconds: float) -> list[Ended]:
        """The tasks that ended since the last call, waiting for one for at most so long."""

    def ask_to_leave(self) -> None:
        """Asks every task to save and leave; `wait` then tells that they did."""

    def save(self) -> None:
        """Asks every task to save and go on."""

    def close(self) -> None:
        """Ends what still runs, at once."""
