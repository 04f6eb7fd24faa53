"""Trials that start at once: one process loads dltrain and then forks for each of them.

Loading Python, NumPy, pydantic and dltrain takes longer than many a trial trains. The process here does it once, holds
nothing but modules, starts no thread, and forks: a trial begins where `dltrain train` does after its imports, in a
process of its own. It forks where Linux ties lives together; elsewhere, and where it does not come up, trials are
started from nothing.

    python -c "from dltrain.studies.forking import serve; serve()" PARENT SOCKET LABEL
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from dltrain.studies.child import end_with

PRELOADED = (
    "numpy.ma",
    "numpy.random",
    "threadpoolctl",
    "dltrain.cli.app",
    "dltrain.cli.preparing",
    "dltrain.cli.study",
    "dltrain.config.advice",
    "dltrain.config.dumping",
    "dltrain.config.resolving",
    "dltrain.config.validating:adapter",
    "dltrain.data.large.cache",
    "dltrain.report.conversions",
    "dltrain.report.downloads",
    "dltrain.report.gather",
    "dltrain.report.page:load_templates",
    "dltrain.report.progress",
    "dltrain.resuming",
)
"""What a training loads and builds, but for polars, which is not safe to fork. By name, since a trial is a command of
the rooms above."""
LONGEST = 1 << 16
"""Bytes of a message."""
HELD = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""What may reach all processes of a terminal: here they are for the trials, not for the one that forks them."""
SECONDS_TO_COME_UP = 30.0


class Forked:
    """A trial's process, with what `subprocess.Popen` offers of one."""

    def __init__(self, forks: Forks, pid: int, stderr: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stderr = os.fdopen(stderr, "rb", buffering=0)
        self._forks = forks

    def poll(self) -> int | None:
        self._forks.hear()
        return self.returncode

    def wait(self) -> int:
        while self.returncode is None:
            self._forks.hear(None)
        return self.returncode

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Nothing to a process that has ended; its number is not free before it is heard of here."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Forks:
    """The process that forks, seen from the one that wants trials."""

    def __init__(self, label: str, env: dict[str, str]) -> None:
        """label: what a list of processes shows. Raises OSError if it does not come up."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._living: dict[int, Forked] = {}
        with theirs:
            self._process = subprocess.Popen(
                [*_python(), str(os.getpid()), str(theirs.fileno()), label],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
                pass_fds=[theirs.fileno()],
            )
        if self._answer(SECONDS_TO_COME_UP) is None:
            self.close()
            raise OSError("the process that starts trials did not come up")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def start(self, words: Sequence[str]) -> Forked:
        """A process that runs `dltrain WORDS` and lives no longer than this one. Raises OSError."""
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._socket, [json.dumps({"words": list(words)}).encode()], [writing])
            while (said := self._answer(None)) is not None and "pid" not in said:
                self._take(said)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        if said is None:
            os.close(reading)
            raise BrokenPipeError("the process that starts trials has ended")
        found = self._living[said["pid"]] = Forked(self, said["pid"], reading)
        return found

    def hear(self, seconds: float | None = 0.0) -> None:
        """How trials ended, as far as it is known by now, or (None) as soon as one has."""
        while self._living and (said := self._answer(seconds)) is not None:
            self._take(said)
            seconds = 0.0
        if self._living and not self.alive:  # the kernel killed them with it
            for pid in list(self._living):
                self._take({"ended": pid, "code": -signal.SIGKILL})

    def _answer(self, seconds: float | None) -> dict[str, Any] | None:
        """The next message; None if there is none in time, or never will be."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return None
        with suppress(ConnectionError):
            if data := self._socket.recv(LONGEST):
                return dict(json.loads(data))
        self._process.wait()
        return None

    def _take(self, said: dict[str, Any]) -> None:
        if (ended := self._living.pop(said["ended"], None)) is not None:
            ended.returncode = said["code"]

    def close(self) -> None:
        """Ends the process; trials that still run end with it."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


def _python() -> list[str]:
    """This Python; like the `dltrain` command, and unlike `python -m`, it imports nothing from the current folder."""
    import dltrain

    home = os.path.dirname(os.path.dirname(os.path.abspath(dltrain.__file__)))
    code = f"import sys; sys.path.append({home!r}); from dltrain.studies.forking import serve; serve()"
    return [sys.executable, "-P", "-c", code]


def possible() -> bool:
    """Linux ends a child with its parent itself; on macOS forking after imports is not safe."""
    return sys.platform.startswith("linux")


def serve() -> NoReturn:
    """Loads, says so, and forks for each message until the other side is gone."""
    end_with(int(sys.argv[1]))
    asked = socket.socket(fileno=int(sys.argv[2]))
    before = {number: signal.signal(number, signal.SIG_IGN) for number in HELD}
    _load()
    ended, wakeup = os.pipe()
    for number in (ended, wakeup):
        os.set_blocking(number, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    asked.send(b'{"ready": true}')
    while True:
        waiting: list[Any] = [asked, ended]
        ready, _, _ = select.select(waiting, [], [])
        if ended in ready:
            os.read(ended, LONGEST)
            _report(asked)
        if asked in ready:
            data, (stderr, *_), _, _ = socket.recv_fds(asked, LONGEST, 1) if _more(asked) else (b"", (-1,), 0, None)
            if not data:
                os._exit(0)
            if (pid := os.fork()) == 0:
                for number in (ended, wakeup):
                    os.close(number)
                asked.close()
                _become(json.loads(data)["words"], stderr, before)
            os.close(stderr)
            asked.send(json.dumps({"pid": pid}).encode())


def _load() -> None:
    import gc

    for name in PRELOADED:
        module, _, function = name.partition(":")
        found = importlib.import_module(module)
        if function:
            getattr(found, function)()
    gc.collect()
    gc.freeze()  # a collection in a trial need not copy the pages of what is here


def _more(asked: socket.socket) -> bool:
    """False at the end, which comes without a file."""
    with suppress(ConnectionError):
        return bool(asked.recv(1, socket.MSG_PEEK))
    return False


def _report(asked: socket.socket) -> None:
    with suppress(ChildProcessError, ConnectionError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(found[1])
            asked.send(json.dumps({"ended": found[0], "code": code}).encode())


def _run(words: Sequence[str]) -> None:
    sys.argv = ["dltrain", *words]
    runpy.run_module("dltrain", run_name="__main__", alter_sys=True)


def _code_of(left: SystemExit) -> int:
    """As the interpreter understands it."""
    if isinstance(left.code, int) or left.code is None:
        return left.code or 0
    with suppress(Exception):
        print(left.code, file=sys.stderr)
    return 1


def _become(words: Sequence[str], stderr: int, before: dict[signal.Signals, Any]) -> NoReturn:
    """From here on this is a process like any other that runs `dltrain WORDS`."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_with(os.getppid())
        os.dup2(stderr, 2)
        os.close(stderr)
        for number, handler in before.items():
            signal.signal(number, handler)
        _run(words)
        code = 0
    except SystemExit as left:
        code = _code_of(left)
    except BaseException:
        import traceback

        with suppress(Exception):
            traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)
