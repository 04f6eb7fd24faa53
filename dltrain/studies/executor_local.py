"""Trials as processes of this machine, with one thread each for the matrix products."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dltrain.studies.executor import Ended, Task
from dltrain.studies.forking import Forked, Forks, possible

SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
"""Numbers of threads that libraries take from the environment. A trial sets its own anyhow; this saves memory."""
HEARD = 4096
"""Bytes kept of what a trial says."""
LOOK_SECONDS = 0.02
"""Between two looks at processes that closed their stderr."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True, eq=False)
class _Running:
    task: Task
    process: subprocess.Popen[bytes] | Forked
    deadline: float | None
    said: bytes = b""
    timed_out: bool = False
    listening: bool = field(default=True)


class LocalProcesses:
    """An Executor. It uses no threads: the trials' lives are tied to that of the thread that starts them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._running: list[_Running] = []
        self._selector = selectors.DefaultSelector()
        self._forks: Forks | None = None
        self._may_fork = possible()

    @property
    def free(self) -> int:
        return self.workers - len(self._running)

    @property
    def running(self) -> int:
        return len(self._running)

    def start(self, task: Task) -> None:
        process = self._process(task.words)
        assert process.stderr is not None
        os.set_blocking(process.stderr.fileno(), False)
        deadline = None if task.timeout is None else time.monotonic() + task.timeout
        running = _Running(task, process, deadline)
        self._running.append(running)
        self._selector.register(process.stderr, selectors.EVENT_READ, running)

    def _process(self, words: Sequence[str]) -> subprocess.Popen[bytes] | Forked:
        """Forked from one that has all modules loaded, else from nothing."""
        env = {**os.environ, **dict.fromkeys(SINGLE, "1")}
        if self._may_fork:
            try:
                if self._forks is not None and not self._forks.alive:
                    self._forks.close()
                    self._forks = None
                if self._forks is None:
                    self._forks = Forks(_label(words), env)
                return self._forks.start(words)
            except OSError:
                self._may_fork = False
        return subprocess.Popen(
            command(words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env
        )

    def wait(self, seconds: float) -> list[Ended]:
        end = time.monotonic() + seconds
        while True:
            self._listen(self._patience(end))
            self._kill_late()
            ended = [self._ended(one) for one in list(self._running) if one.process.poll() is not None]
            if ended or not self._running or time.monotonic() >= end:
                return ended

    def _patience(self, end: float) -> float:
        """Until the next thing that no stream tells of."""
        deadlines = [one.deadline for one in self._running if one.deadline is not None]
        until = min([end, *deadlines]) - time.monotonic()
        deaf = any(not one.listening for one in self._running)
        return max(0.0, min(until, LOOK_SECONDS) if deaf else until)

    def _listen(self, seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(min(seconds, LOOK_SECONDS))
            return
        for key, _ in self._selector.select(seconds):
            one: _Running = key.data
            try:
                heard = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            one.said = (one.said + heard)[-HEARD:]
            if not heard:  # closed, as by its end
                self._selector.unregister(key.fileobj)
                one.listening = False

    def _kill_late(self) -> None:
        now = time.monotonic()
        for one in self._running:
            if one.deadline is not None and now >= one.deadline:
                one.timed_out, one.deadline = True, None
                one.process.kill()

    def _ended(self, one: _Running) -> Ended:
        self._running.remove(one)
        assert one.process.stderr is not None
        with suppress(BlockingIOError):
            one.said = (one.said + (os.read(one.process.stderr.fileno(), 65536) or b""))[-HEARD:]
        self._forget(one)
        said, code = one.said.decode(errors="replace"), one.process.returncode
        assert code is not None
        return Ended(trial=one.task.trial, code=code, timed_out=one.timed_out, said=said)

    def _forget(self, one: _Running) -> None:
        assert one.process.stderr is not None
        if one.listening:
            self._selector.unregister(one.process.stderr)
        one.process.stderr.close()

    def ask_to_leave(self) -> None:
        self._signal(signal.SIGTERM)

    def save(self) -> None:
        self._signal(signal.SIGUSR2)

    def _signal(self, number: int) -> None:
        for one in self._running:
            one.process.send_signal(number)

    def close(self) -> None:
        for one in self._running:
            one.process.kill()
        for one in self._running:
            one.process.wait()
            self._forget(one)
        self._running.clear()
        self._selector.close()
        if self._forks is not None:
            self._forks.close()


def _label(words: Sequence[str]) -> str:
    """What a list of processes shows: where the trials lie."""
    return words[words.index("--runs-dir") + 1] if "--runs-dir" in words else "trials"


def command(words: Sequence[str]) -> list[str]:
    """A process of this Python that runs `dltrain WORDS` and lives no longer than this one. Like the `dltrain`
    command, and unlike `python -m`, it imports nothing from the current folder."""
    import dltrain

    home = os.path.dirname(os.path.dirname(os.path.abspath(dltrain.__file__)))
    code = f"import sys; sys.path.append({home!r}); from dltrain.studies.child import main; main()"
    return [sys.executable, "-P", "-c", code, str(os.getpid()), *words]
