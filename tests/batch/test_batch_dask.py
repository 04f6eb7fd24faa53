"""A search on a real Dask scheduler with two worker processes on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from batch_projects import RECIPES, Project, wait_for
from batch_searches import SEARCH, tables, whole, write

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None or not Path("/proc").is_dir(),
    reason="needs Dask (pip install 'dltrain[cluster]') and /proc: make cluster",
)
FIVE = SEARCH.replace("trials: 2", "trials: 5")
WORKERS = ("one", "two")


class Dask:
    """Its scheduler and workers; a worker is a nanny with the process that holds the tasks."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.environment = project.environment | {
            "PYTHONPATH": str(RECIPES.parents[1]),
            "DASK_TEMPORARY_DIRECTORY": str(project.folder.parent / "dask"),
        }
        self.file = project.folder / "scheduler.json"
        words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))
        self.scheduler = self._start("dask_scheduler", *words)
        wait_for(self.file.exists, "the scheduler's file")
        self.workers = [self.worker(name) for name in WORKERS]

    def _start(self, module: str, *words: str) -> int:
        program = (sys.executable, "-m", f"distributed.cli.{module}", *words)
        with (self.project.folder.parent / f"{module}-{len(self.project.started)}.log").open("w") as log:
            return self.project.start(*program, env=self.environment, stderr=log, stdout=log).pid

    def worker(self, name: str) -> int:
        words = ("--scheduler-file", str(self.file), "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
        return self._start("dask_worker", *words, "--name", name)

    def holder(self, worker: int) -> int | None:
        """The process that holds the worker's tasks, if a trial runs under it."""
        for child in children(worker):
            if any(b"dltrain" in line for line in below(child)):
                return child
        return None

    def search(self, *words: str) -> tuple[str, ...]:
        given = ("search", "search.yaml", "--run-id", "mine", "--executor", "dask", "--scheduler", str(self.file))
        return (str(self.project.program), *given, *words)


def children(pid: int) -> list[int]:
    """Of a process, from any of its threads."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(one) for one in task.read_text().split()]
    return found


def below(pid: int) -> Iterator[bytes]:
    """The command lines of all processes that come from one."""
    for one in children(pid):
        with suppress(OSError):
            yield Path(f"/proc/{one}/cmdline").read_bytes()
        yield from below(one)


@pytest.fixture
def dask(project: Project) -> Iterator[Dask]:
    found = Dask(project)
    yield found
    for pid in (*found.workers, found.scheduler):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    time.sleep(0.5)


def attempts(project: Project) -> list[dict[str, object]]:
    files = (project.run_of("mine") / "attempts").glob("*.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_worker_killed_with_a_trial_costs_one_attempt_and_nothing_else(dask: Dask) -> None:
    project = dask.project
    write(project, FIVE, epochs=30)
    running = project.start(*dask.search("-q"))
    wait_for(lambda: project.epochs("mine/trials/0") > 0, "the first epoch of trial 0", every=0.01)
    holders = [holder for worker in dask.workers if (holder := dask.holder(worker))]
    os.kill(holders[0], signal.SIGKILL)
    out, err = running.communicate(timeout=240)
    assert (running.returncode, out) == (0, "runs/mine\n"), err
    [lost] = attempts(project)
    assert (lost["attempt"], lost["outcome"], lost["final"]) == (1, "crashed", False)
    assert "died or was cut off" in str(lost["cause"])
    assert tables(project.run_of("mine")) == whole(project)


def test_a_scheduler_that_goes_leaves_all_of_it_resumable(dask: Dask) -> None:
    project = dask.project
    write(project, epochs=100_000)
    running = project.start(*dask.search())
    project.await_epochs("mine/trials/0", 2)
    os.kill(dask.scheduler, signal.SIGKILL)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 74, err
    assert "error: the connection to the Dask scheduler is lost" in err
    assert "dltrain resume runs/mine goes on" in err
    assert "Traceback" not in err
    assert json.loads((project.run_of("mine") / "study.json").read_text())["state"] == "interrupted"
    again = project.call(*dask.search("-q"))
    assert again.returncode == 74 and again.stderr.startswith("error: no Dask scheduler answers at "), again.stderr


def test_stopped_searches_save_their_trials_and_go_on_without_dask(dask: Dask) -> None:
    project = dask.project
    write(project, epochs=120)
    running = project.start(*dask.search())
    project.await_epochs("mine/trials/0", 2)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 143, err
    assert json.loads((project.run_of("mine") / "trials/0/run.json").read_text())["state"] == "interrupted"
    assert attempts(project) == []
    again = project.call(str(project.program), "resume", "mine", "-q")
    assert again.returncode == 0, again.stderr
    assert tables(project.run_of("mine")) == whole(project)


def test_a_killed_search_leaves_no_trial_behind(dask: Dask) -> None:
    project = dask.project
    write(project, epochs=100_000)
    running = project.start(*dask.search())
    project.await_epochs("mine/trials/0", 2)
    running.kill()
    running.communicate()
    record = project.run_of("mine") / "trials/0/run.json"
    wait_for(lambda: json.loads(record.read_text())["state"] == "interrupted", "the trial to be saved")


QSUB = """\
#!/bin/sh
# PBS's contract: qsub FILE runs the script somewhere, and says which job it is; qdel JOB ends it.
sh "$1" >"$STAND_IN/log-$$" 2>&1 </dev/null &
echo "$!.pbs"
"""
QDEL = '#!/bin/sh\nfor job; do kill "${job%.pbs}"; done\n'


def test_jobs_of_pbs_as_workers(project: Project, may_take_long: None) -> None:
    pytest.importorskip("dask_jobqueue")
    write(project)
    record = project.folder.parent / "pbs"
    record.mkdir()
    for name, text in (("qsub", QSUB), ("qdel", QDEL)):
        (project.bin / name).write_text(text)
        (project.bin / name).chmod(0o755)
    environment = project.environment | {"PYTHONPATH": str(RECIPES.parents[1]), "STAND_IN": str(record)}
    words = (sys.executable, "-W", "ignore", "dask_jobs.py", "pbs", "2", "search.yaml", "--run-id", "mine", "-q")
    done = project.call(*words, env=environment)
    assert done.returncode == 0, done.stderr
    assert tables(project.run_of("mine")) == whole(project)
