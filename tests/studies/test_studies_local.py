"""Trials as processes: codes, time limits, what they say, and that none outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltrain.studies import executor_local
from dltrain.studies.executor import Ended, Task
from dltrain.studies.executor_local import LocalProcesses, command
from dltrain.studies.forking import possible

ROOT = str(Path(executor_local.__file__).parents[2])
PROGRAMS = """\
import sys
if any("forking" in word for word in sys.orig_argv):
    import dltrain.studies.forking as forking
    forking.PRELOADED = ()
    forking._run = lambda words: exec(words[0], {"__name__": "__main__"})
"""
"""A sitecustomize.py for the process that forks."""


@pytest.fixture(params=["forked", "fresh"])
def processes(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[LocalProcesses]:
    """Whose tasks are programs in Python instead."""
    if request.param == "forked" and not possible():
        pytest.skip("forks on Linux alone")
    (tmp_path / "sitecustomize.py").write_text(PROGRAMS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    monkeypatch.setattr(executor_local, "possible", lambda: request.param == "forked")
    monkeypatch.setattr(executor_local, "command", lambda words: [sys.executable, "-S", "-c", *words])
    executor = LocalProcesses(2)
    yield executor
    executor.close()


def ended(executor: LocalProcesses, count: int = 1) -> list[Ended]:
    found: list[Ended] = []
    end = time.monotonic() + 60
    while len(found) < count and time.monotonic() < end:
        found += executor.wait(0.1)
    return found


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("pass", 0, ""),
        ("import sys; sys.exit('error: no')", 1, "error: no\n"),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import os; os.close(2); os._exit(4)", 4, ""),
        ("import sys; sys.stderr.write('x' * 300000 + 'end')", 0, "end"),
    ],
)
def test_how_a_process_ended_is_told(program: str, code: int, said: str, processes: LocalProcesses) -> None:
    processes.start(Task(trial=3, words=[program]))
    assert (processes.free, processes.running) == (1, 1)
    found = ended(processes)
    assert [(one.trial, one.code, one.timed_out) for one in found] == [(3, code, False)]
    assert found[0].said.endswith(said) and len(found[0].said) <= executor_local.HEARD
    assert (processes.free, processes.running) == (2, 0)


def test_what_hears_no_signal_is_killed_in_time(processes: LocalProcesses) -> None:
    deaf = "import signal, time; signal.pthread_sigmask(0, signal.valid_signals()); time.sleep(600)"
    processes.start(Task(trial=0, words=[deaf], timeout=0.3))
    processes.start(Task(trial=1, words=["pass"]))
    found = {one.trial: one for one in ended(processes, 2)}
    assert found[0].timed_out and found[0].code == -9
    assert not found[1].timed_out and found[1].code == 0


def test_closing_leaves_none(processes: LocalProcesses) -> None:
    processes.start(Task(trial=0, words=["import time; time.sleep(600)"]))
    process = processes._running[0].process
    processes.close()
    assert process.returncode == -9


def test_who_forks_may_be_killed(processes: LocalProcesses) -> None:
    """Its trials end with it; the next ones have another."""
    processes.start(Task(trial=0, words=["import time; time.sleep(600)"]))
    if processes._forks is None:
        pytest.skip("nobody forks")
    first = processes._forks._process.pid
    os.kill(first, signal.SIGKILL)
    assert [(one.trial, one.code) for one in ended(processes)] == [(0, -9)]
    processes.start(Task(trial=1, words=["pass"]))
    assert [(one.trial, one.code) for one in ended(processes)] == [(1, 0)]
    assert processes._forks is not None and processes._forks._process.pid != first


def test_trials_are_started_from_nothing_where_nobody_comes_up_to_fork(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(PROGRAMS.replace("forking.PRELOADED = ()", "sys.exit(1)"))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    executor = LocalProcesses(1)
    executor.start(Task(trial=0, words=["--version"]))
    assert isinstance(executor._running[0].process, subprocess.Popen)
    assert [one.code for one in ended(executor)] == [0]
    executor.close()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_trial_ignores_what_the_coordinator_was_started_to_ignore(
    processes: LocalProcesses, handler: signal.Handlers
) -> None:
    """As under nohup; and the one that forks hears no Ctrl-C itself."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        program = "import signal, sys; sys.exit(3 if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else 4)"
        processes.start(Task(trial=0, words=[program]))
        assert [one.code for one in ended(processes)] == [3 if handler is signal.SIG_IGN else 4]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_trial_runs_the_command_without_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('imported from the current folder')")
    done = subprocess.run(command(["--version"]), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("dltrain "), done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("forks", [True, False])
def test_a_trial_ends_with_its_coordinator(tmp_path: Path, forks: bool) -> None:
    """The coordinator is killed while a trial hangs in a way that hears nothing."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys, time\n"
        "def hang():\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "    print('up', file=sys.stderr, flush=True)\n"
        "    time.sleep(600)\n"
        "if 'hang-here' in sys.orig_argv:\n"
        "    import dltrain.studies.child as child\n"
        "    child.end_with(os.getppid())\n"
        "    hang()\n"
        "if any('forking' in word for word in sys.orig_argv):\n"
        "    import dltrain.studies.forking as forking\n"
        "    forking.PRELOADED, forking._run = (), lambda words: hang()\n"
    )
    program = (
        "import time\n"
        "from dltrain.studies.executor import Task\n"
        "from dltrain.studies.executor_local import LocalProcesses\n"
        "executor = LocalProcesses(1)\n"
        f"executor._may_fork = executor._may_fork and {forks}\n"
        "executor.start(Task(trial=0, words=['hang-here']))\n"
        "one = executor._running[0]\n"
        "while b'up' not in one.said: executor.wait(0.05)\n"
        "print(one.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    coordinator = subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, text=True)
    assert coordinator.stdout is not None
    trial = int(coordinator.stdout.readline())
    assert is_alive(trial)
    coordinator.send_signal(signal.SIGKILL)
    coordinator.communicate()
    end = time.monotonic() + 20
    while is_alive(trial) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_alive(trial)


def is_alive(pid: int) -> bool:
    """A dead process that nobody has waited for is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
