"""The script that `search --emit slurm` writes, under a stand-in that runs arrays in order; and the jobs by themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from batch_projects import Project, signal_run
from batch_searches import PRUNED, SEARCH, stand_in, tables, whole, write

THREE = SEARCH.replace("trials: 2", "trials: 3")
"""Two of them in the first round."""
LONG = 100_000
"""Epochs that nobody waits for."""


def emit(project: Project, *words: str) -> str:
    done = project.call("dltrain", "search", "search.yaml", "--run-id", "mine", "--emit", "slurm", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def job(project: Project, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return project.call("dltrain", "search", "--run-id", "mine", *words, **options)


def trial(project: Project) -> Path:
    return project.run_of("mine") / "trials" / "0"


def state(project: Project) -> str:
    return str(json.loads((project.run_of("mine") / "study.json").read_text())["state"])


def submitted(environment: dict[str, str]) -> list[dict[str, Any]]:
    files = sorted(Path(environment["STAND_IN"]).glob("*.json"), key=lambda file: int(file.stem))
    return [json.loads(file.read_text()) for file in files]


def test_arrays_come_to_what_one_process_comes_to(project: Project) -> None:
    check_arrays(project, SEARCH)


def test_rungs_are_rounds_of_their_own(project: Project, may_take_long: None) -> None:
    check_arrays(project, PRUNED)


def check_arrays(project: Project, text: str) -> None:
    write(project, text)
    environment = stand_in(project)
    emit(project, "-o", "jobs.sh", "-q")
    subprocess.run(["bash", "-n", "jobs.sh"], cwd=project.folder, check=True)
    done = project.call("bash", "jobs.sh", env=environment)
    assert done.returncode == 0, done.stderr
    jobs = submitted(environment)
    assert all(one["started"] and not any(one["codes"].values()) for one in jobs)
    assert "afterany:1" in jobs[1]["options"]["dependency"] and "afterok:2" in jobs[2]["options"]["dependency"]
    assert tables(project.run_of("mine")) == whole(project)
    assert state(project) == "finished"
    assert (project.run_of("mine") / "report.html").is_file()
    assert "nothing is left to submit" in emit(project)
    over = job(project, "--round", "1", "--array-index", "0")
    assert (over.returncode, over.stderr) == (0, "note: trial 0 of round 1 is over already; nothing to do\n")


def test_a_lost_trial_is_trained_by_the_job_that_closes_its_round(project: Project, may_take_long: None) -> None:
    write(project)
    environment = stand_in(project)
    emit(project, "-o", "jobs.sh", "-q")
    text = (project.folder / "jobs.sh").read_text()
    lose = text.replace("srun dltrain", '[ "\\$SLURM_ARRAY_TASK_ID" = 0 ] && exit 9\nsrun dltrain', 1)
    (project.folder / "jobs.sh").write_text(lose)
    done = project.call("bash", "jobs.sh", env=environment)
    assert done.returncode == 0, done.stderr
    jobs = submitted(environment)
    assert jobs[0]["codes"]["0"] == 9 and jobs[1]["codes"] == {"None": 0}
    assert "0 (index 0) of its 1 trials are missing" in (project.run_of("mine") / "slurm/round-1-close.log").read_text()
    assert tables(project.run_of("mine")) == whole(project)


def test_a_round_that_cannot_be_closed_starts_no_further_one(project: Project, may_take_long: None) -> None:
    write(project)
    environment = stand_in(project)
    emit(project, "-o", "jobs.sh", "-q")
    text = (project.folder / "jobs.sh").read_text()
    (project.folder / "jobs.sh").write_text(text.replace("--array-index", "--no-such-option"))
    done = project.call("bash", "jobs.sh", env=environment)
    assert done.returncode == 0, done.stderr
    assert [one["started"] for one in submitted(environment)] == [True, True, False, False, False, False]
    left = emit(project)
    assert 'array 1 0 ""' in left
    (project.folder / "left.sh").write_text(left)
    for file in Path(environment["STAND_IN"]).iterdir():
        file.unlink()
    assert project.call("bash", "left.sh", env=environment).returncode == 0
    assert tables(project.run_of("mine")) == whole(project)


def test_what_jobs_say_of_rounds(project: Project, may_take_long: None) -> None:
    write(project, THREE)
    emit(project)
    early = job(project, "--round", "2", "--array-index", "0")
    assert (early.returncode, early.stderr) == (75, "error: round 2 is not open yet: round 1 is not closed\n")
    assert job(project, "--round", "2", "--array-index", "0", "--requeue-code", "99").returncode == 99
    beyond = job(project, "--round", "1", "--array-index", "2")
    assert (beyond.returncode, beyond.stderr) == (2, "error: --array-index 2: round 1 has trials 0 to 1\n")
    assert job(project, "--round", "9", "--array-index", "0").returncode == 2
    first = job(project, "--round", "1", "--array-index", "0", "-q")
    assert (first.returncode, first.stdout) == (0, "runs/mine/trials/0\n"), first.stderr
    before = (project.run_of("mine") / "study.json").read_bytes()
    missing = job(project, "--round", "1", "--collect")
    assert (missing.returncode, missing.stdout) == (75, "1\n")
    assert missing.stderr == "error: round 1 is not over: 1 (index 1) of its 2 trials are missing\n"
    assert (project.run_of("mine") / "study.json").read_bytes() == before
    assert job(project, "--round", "1", "--array-index", "1", "-q").returncode == 0
    closed = job(project, "--collect")
    assert (closed.returncode, closed.stderr) == (0, "note: round 2 is open: 1 trials\n")
    ahead = job(project, "--round", "3", "--collect")
    assert (ahead.returncode, ahead.stdout) == (75, "")
    assert ahead.stderr == "error: round 3 is not open yet: round 2 is not closed\n"


def test_a_job_that_was_stopped_saved_its_trial_and_tells_to_run_it_again(
    project: Project, may_take_long: None
) -> None:
    write(project, epochs=LONG)
    emit(project)
    words = ("search", "--run-id", "mine", "--round", "1", "--array-index", "0")
    first = project.start("dltrain", *words)
    project.await_epochs("mine/trials/0", 2)
    assert state(project) == "running"
    second = project.call("dltrain", *words)
    assert (second.returncode, first.poll()) == (69, None)
    assert job(project, "--collect").returncode == 75
    for number in (signal.SIGUSR1,):
        first.send_signal(number)
        signal_run(trial(project), number)  # Slurm sends it to every process of the job
    _, err = first.communicate()
    assert first.returncode == 75, err
    assert "trial 0 saved" in err
    assert not (project.run_of("mine") / "attempts" / "0.jsonl").exists()
    run = json.loads((trial(project) / "run.json").read_text())
    assert run["state"] == "interrupted"


def test_a_trial_of_a_job_has_as_many_attempts_as_another(project: Project, may_take_long: None) -> None:
    write(project, THREE + "  attempts: 2\n", epochs=LONG)
    emit(project)
    task = project.start("dltrain", "search", "--run-id", "mine", "--round", "1", "--array-index", "0")
    failed = project.run_of("mine") / "attempts" / "0.jsonl"
    for attempt in (1, 2):
        while (failed.read_text().count("\n") if failed.exists() else 0) < attempt:
            with suppress(OSError):  # it is not there yet, or is gone
                signal_run(trial(project), signal.SIGKILL)
            time.sleep(0.05)
    _, err = task.communicate()
    assert task.returncode == 5
    assert "error: trial 0 crashed: killed by SIGKILL" in err
    collected = job(project, "--collect")
    assert (collected.returncode, collected.stdout) == (75, "1\n"), "a trial that crashed for good is over"


def test_jobs_with_a_config_make_the_study_once(project: Project, may_take_long: None) -> None:
    write(project, THREE)
    words = ("search", "search.yaml", "--run-id", "mine", "--round", "1", "-q", "--array-index")
    tasks = [project.start("dltrain", *words, str(index)) for index in (0, 1)]
    ends = [task.communicate() for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], ends
    assert job(project, "--collect", "-q").returncode == 0
    other = project.call("dltrain", *words, "0", "training.epochs=5")
    assert other.returncode == 73, other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--round", "1"], "--round needs --array-index I, to train a trial of it, or --collect, to close it"),
        (["--array-index", "1"], "--array-index needs --round: which round the trial is of"),
        (["--collect", "--round", "1", "--array-index", "1"], "--collect closes a round"),
        (["--emit", "slurm", "--collect"], "--emit writes the script of all rounds"),
        (["-o", "x.sh"], "-o goes with --emit slurm; add it"),
        (["--round", "1", "--collect"], "--round and --collect need --run-id"),
        (["--round", "1", "--collect", "--run-id", "none"], "there is no search none in runs"),
        (["search.yaml", "--emit", "slurm", "-o", "none/x.sh"], "none: there is no such folder to write to"),
        (["search.yaml", "--executor", "dask"], "--executor dask needs --scheduler ADDRESS"),
        (["search.yaml", "--scheduler", "tcp://127.0.0.1:1"], "--scheduler goes with --executor dask"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], said: str, project: Project) -> None:
    write(project)
    done = project.call("dltrain", "search", "-q", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not os.path.exists(project.folder / "runs")
