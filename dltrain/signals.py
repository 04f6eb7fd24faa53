"""Signals ask; the training loop looks after each batch and answers. Nothing is saved in a handler.

Import nothing slow here: the handlers stand before NumPy is loaded.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

STOPPING = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)}
REQUEUE = 75


class Stopped(BaseException):
    """The process was asked to leave; what there was to save is saved. `code` is the exit code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(reason)


def deafen() -> None:
    """For a process whose exit code is settled: the interpreter's end would give signals their deadly default back."""
    numbers = [*STOPPING.values(), *([signal.SIGUSR2] if hasattr(signal, "SIGUSR2") else [])]
    for number in numbers:
        if isinstance(getattr(signal.getsignal(number), "__self__", None), Signals):
            signal.signal(number, signal.SIG_IGN)


def hush() -> None:
    """For a whole process: where Python cannot raise what a handler raised (a callback of its own), nothing is said;
    the next look at `asked` answers."""
    loud = sys.unraisablehook

    def quiet(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, Stopped):
            loud(unraisable)

    sys.unraisablehook = quiet


def requeue_code_of(arguments: Sequence[str]) -> int:
    """What `--requeue-code` says, for signals that come before the command line is parsed; else REQUEUE."""
    name, code = "--requeue-code", ""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument == "--":
            break
        if argument == name:
            code = following
        elif argument.startswith(f"{name}="):
            code = argument.removeprefix(f"{name}=")
    return int(code) if code.isascii() and code.isdigit() and 0 < int(code) < 256 else REQUEUE


class Signals:
    """SIGINT, SIGTERM and SIGHUP: save and leave with 128 + n; SIGUSR1: save and leave with the requeue code;
    SIGUSR2: save and go on. Until `defer`, and on a second SIGINT, a stopping signal leaves at once."""

    def __init__(self, requeue_code: int = REQUEUE) -> None:
        self.requeue_code = requeue_code
        self.asked: int | None = None
        """The stopping signal that came, if one did."""
        self.save = False
        """Whether SIGUSR2 came and has not been answered yet."""
        self.until: float | None = None
        """When the time that the process was given is over, by time.monotonic()."""
        self.limit = "--max-time"
        """The option that gave it."""
        self._deferring = False

    def install(self) -> None:
        """Takes over from now on. A signal that the process was started to ignore (nohup) stays ignored."""
        for number in STOPPING.values():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        if hasattr(signal, "SIGUSR2"):
            signal.signal(signal.SIGUSR2, self._save)

    def watch(self, requeue_code: int, seconds: float | None = None, limit: str = "--max-time") -> None:
        """From here on a training looks at the signals. Raises Stopped if one came already and got lost on the way:
        an exception raised by a handler in the midst of an import may be swallowed. `limit`: the option that gave the
        seconds."""
        self.requeue_code, self.limit = requeue_code, limit
        self.until = None if seconds is None else time.monotonic() + seconds
        self.answer()
        self.save = self._deferring = False
        self.install()

    def defer(self, deferring: bool = True) -> None:
        """Whether somebody looks at `asked` after each batch. Raises Stopped if nobody does and one came."""
        self._deferring = deferring
        if not deferring:
            self.answer()

    def answer(self) -> None:
        """Raises Stopped if a stopping signal came."""
        if self.asked is not None:
            raise self._stopped(self.asked)

    @property
    def leaving(self) -> bool:
        """Whether it is time to leave: a stopping signal came, or the time is over."""
        return self.asked is not None or (self.until is not None and time.monotonic() >= self.until)

    def answered(self) -> int:
        """The exit code for the stopping signal that came, which is answered with it."""
        assert self.asked is not None
        code, self.asked = self._stopped(self.asked).code, None
        return code

    def _stop(self, number: int, frame: FrameType | None) -> None:
        again = self.asked is not None and number == signal.SIGINT
        self.asked = number
        if again or not self._deferring:
            raise self._stopped(number)

    def _save(self, number: int, frame: FrameType | None) -> None:
        self.save = True

    def _stopped(self, number: int) -> Stopped:
        name = signal.Signals(number).name
        if number == getattr(signal, "SIGUSR1", None):
            return Stopped(self.requeue_code, name)
        return Stopped(128 + number, name)


current = Signals()
"""The process's own."""
