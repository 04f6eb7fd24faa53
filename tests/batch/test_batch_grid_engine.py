"""Grid Engine's contract: signals go to the job's process group; SIGUSR1 at s_rt and before it suspends, SIGUSR2 a
while before it kills; a job that leaves with 99 goes back to the queue, as one does whose host was lost (-r y)."""

from __future__ import annotations

import os
import signal
import subprocess

from batch_projects import RECIPES, Project, contents, ended

AGAIN = 99


def start(project: Project, *words: str) -> subprocess.Popen[str]:
    environment = project.environment
    environment |= {"SGE_O_PATH": environment["PATH"], "PATH": "/usr/bin:/bin"}  # as after a login
    words = ("/bin/bash", "grid_engine.sh", "mine.yaml", *words, "-q")
    return project.start(*words, env=environment, start_new_session=True)


def test_a_job_that_reaches_its_soft_limit_is_queued_again_and_ends_as_if_it_had_not(project: Project) -> None:
    job = start(project, "--run-id", "mine")
    project.await_epochs("mine", 5)
    os.killpg(job.pid, signal.SIGUSR1)
    left = ended(job)
    assert left.returncode == AGAIN, left.stderr
    job = start(project, "--run-id", "mine")
    out, err = job.communicate()
    assert (job.returncode, out) == (0, "runs/mine\n"), err
    assert contents(project.run_of("mine")) == project.uninterrupted("mine.yaml")


def test_a_killed_job_was_warned_and_loses_little(project: Project) -> None:
    rarely = "training.checkpoints.every_steps=100000"
    job = start(project, "--run-id", "mine", rarely)
    project.await_epochs("mine", 5)
    before = set(project.checkpoints("mine"))
    os.killpg(job.pid, signal.SIGUSR2)
    project.await_checkpoint("mine", before)
    assert job.poll() is None
    os.killpg(job.pid, signal.SIGKILL)
    assert ended(job).returncode == -signal.SIGKILL
    job = start(project, "--run-id", "mine", rarely)
    left = ended(job)
    assert left.returncode == 0, left.stderr
    assert contents(project.run_of("mine")) == project.uninterrupted("mine.yaml")


def test_the_limits_leave_the_notification_its_time() -> None:
    asked = [line[3:].strip() for line in (RECIPES / "grid_engine.sh").read_text().splitlines() if line[:3] == "#$ "]
    limits = dict(limit.split("=") for line in asked if line.startswith("-l ") for limit in line[3:].split(","))
    seconds = {name: sum(60**i * int(n) for i, n in enumerate(reversed(t.split(":")))) for name, t in limits.items()}
    assert {"-notify", "-r y", "-cwd", "-V"} <= set(asked)
    assert seconds["h_rt"] - seconds["s_rt"] >= 60, "notify of a queue is 60 s unless it is changed"
