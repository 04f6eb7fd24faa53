"""GNU parallel: each job one run id; a session that was stopped, or whose jobs were, is gone on with."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress

import pytest
from batch_projects import REAL, Project, contents, ended, signal_run, unpack

SEEDS = ("1", "2", "3")


@pytest.fixture(scope="session")
def parallel(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """The PATH on which GNU parallel is found."""
    if shutil.which("parallel") is None:
        if not os.environ.get(REAL):
            pytest.skip("GNU parallel is not installed; make slurm fetches it")
        request.getfixturevalue("may_unpack")
        return f"{unpack(tmp_path_factory.mktemp('parallel'), 'parallel')}/usr/bin:{os.environ['PATH']}"
    return os.environ["PATH"]


@pytest.fixture
def environment(project: Project, parallel: str) -> dict[str, str]:
    return project.environment | {"PATH": f"{project.bin}:{parallel}", "OMP_NUM_THREADS": "7"}


def test_what_was_stopped_is_gone_on_with(project: Project, environment: dict[str, str]) -> None:
    words = ("./parallel.sh", "mine.yaml", *SEEDS)
    first = project.start(*words, env=environment)
    project.await_epochs("mine-1", 5)
    signal_run(project.run_of("mine-1"), signal.SIGUSR1)  # one job asks to be run again
    project.await_epochs("mine-2", 5)
    first.kill()  # and then the machine goes down: each job has a process group of its own
    for seed in SEEDS[1:3]:
        with suppress(FileNotFoundError):
            signal_run(project.run_of(f"mine-{seed}"), signal.SIGKILL)
    ended(first)
    done = project.call(*words, env=environment)
    assert done.returncode == 0, done.stderr
    for seed in SEEDS:
        whole = project.uninterrupted("mine.yaml", f"seed={seed}")
        assert contents(project.run_of(f"mine-{seed}")) == whole
    before = (project.folder / "mine.joblog").read_text()
    assert [line.split("\t")[6] for line in before.splitlines()[1:]].count("0") == len(SEEDS)
    assert project.call(*words, env=environment).returncode == 0
    assert (project.folder / "mine.joblog").read_text() == before, "nothing was left to do"


def test_the_number_of_failures_is_the_exit_code(project: Project, environment: dict[str, str]) -> None:
    done = project.call("./parallel.sh", "mine.yaml", "1", "none", "half", env=environment)
    assert done.returncode == 2
    assert done.stdout == "runs/mine-1\n"
    assert "seed" in done.stderr
