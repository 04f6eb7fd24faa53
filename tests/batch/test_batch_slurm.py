"""The Slurm recipes on a real Slurm of two nodes on this machine: make slurm."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_projects import RECIPES, TOOLS, Project, contents, wait_for
from batch_searches import PRUNED, SEARCH, tables, whole, write

pytestmark = pytest.mark.timeout(600)
LOOPBACK = TOOLS / "slurm_loopback.sh"
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
LONG = 2500  # epochs, a minute or two: Slurm looks at time limits every 30 s


def free_ports() -> int:
    """The first of three ports that nobody listens on."""
    for first in range(20000 + os.getpid() % 10000, 40000, 3):
        probes = [socket.socket() for _ in range(3)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    pytest.skip("no three free ports")


@pytest.fixture(scope="module")
def slurm(may_unpack: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a running Slurm."""
    folder = tmp_path_factory.mktemp("slurm") / "loopback"
    try:
        started = subprocess.run([LOOPBACK, "start", folder, str(free_ports())], capture_output=True, text=True)
        apt = folder / "run" / "log" / "apt"
        if started.returncode != 0 and not (folder / "slurm.conf").exists():
            pytest.skip(f"apt has no Slurm: {apt.read_text()[-200:] if apt.exists() else started.stderr}")
        assert started.returncode == 0, started.stderr
        shell = f". {shlex.quote(str(folder / 'env'))} && env -0"
        output = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
        yield dict(line.split("=", 1) for line in output.split("\0") if "=" in line)
    finally:
        subprocess.run([LOOPBACK, "stop", folder], check=True)


class Cluster:
    """Slurm's commands, from the project's folder and with its environment."""

    def __init__(self, project: Project, variables: dict[str, str]) -> None:
        self.project = project
        self.hurried: set[tuple[str, str]] = set()
        self.environment = variables | {"PATH": f"{project.bin}:{variables['PATH']}"}

    def say(self, *words: str) -> str:
        done = self.project.call(*words, env=self.environment)
        assert done.returncode == 0, f"{words}\n{done.stderr}"
        return done.stdout.strip()

    def submit(self, *words: str) -> str:
        return self.say("sbatch", "--parsable", *words)

    def facts(self, job: str) -> list[dict[str, str]]:
        """Of a job, or of each task of an array."""
        blocks = self.say("scontrol", "show", "job", "--oneliner", *job.split()).splitlines()
        return [dict(word.split("=", 1) for word in block.split() if "=" in word) for block in blocks if block]

    def hurry(self, job: str) -> None:
        """Starts a requeued job after 12 s instead of two minutes; at once its old credentials would be in the way."""
        for fact in self.facts(job):
            start = (fact["JobId"], fact["Restarts"])
            if fact["JobState"] == "PENDING" and start[1] != "0" and start not in self.hurried:
                update = ("scontrol", "update", f"jobid={start[0]}", "StartTime=now+12")
                if self.project.call(*update, env=self.environment).returncode == 0:
                    self.hurried.add(start)

    def hurry_all(self) -> bool:
        for fact in self.facts(""):
            self.hurry(fact["JobId"])
        return False

    def is_over(self, job: str) -> bool:
        self.hurry(job)
        return all(fact["JobState"] in ENDED for fact in self.facts(job))

    def await_end(self, job: str) -> list[dict[str, str]]:
        wait_for(lambda: self.is_over(job), f"the end of job {job}", 400, every=1.0)
        return self.facts(job)

    def log(self) -> str:
        return "\n".join(path.read_text() for path in self.project.folder.glob("*.log"))


@pytest.fixture
def cluster(project: Project, slurm: dict[str, str]) -> Iterator[Cluster]:
    found = Cluster(project, slurm)
    yield found
    found.say("scancel", "--user=root", "--quiet")


def stops(run: Path) -> list[str]:
    """Why a run was stopped, each time."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [event["why"] for event in events if event["kind"] == "stopped"]


def test_a_job_requeued_at_its_time_limit_ends_as_if_it_had_no_limit(cluster: Cluster) -> None:
    project = cluster.project
    project.write("mine.yaml", LONG)
    job = cluster.submit("--time=1", "--signal=USR1@55", "slurm.sh", "mine.yaml", "--run-id", "mine", "-q")
    other = cluster.submit("slurm.sh", "mine.yaml", "--run-id", "whole", "-q")
    wait_for(lambda: cluster.facts(job)[0]["Restarts"] != "0", "the time limit", every=1.0)
    cluster.say("scontrol", "update", f"jobid={job}", "TimeLimit=10")  # once is enough
    [fact] = cluster.await_end(job)
    assert (fact["JobState"], fact["ExitCode"], fact["Restarts"]) == ("COMPLETED", "0:0", "1"), cluster.log()
    assert cluster.await_end(other)[0]["Restarts"] == "0"
    assert stops(project.run_of("mine")) == ["SIGUSR1"]
    assert stops(project.run_of("whole")) == []
    assert contents(project.run_of("mine")) == contents(project.run_of("whole"))


def test_a_preempted_job_goes_on_where_it_left_off(cluster: Cluster) -> None:
    project = cluster.project
    job = cluster.submit("slurm.sh", "mine.yaml", "--run-id", "mine", "-q")
    project.await_epochs("mine", 3)
    cluster.say("scontrol", "requeue", job)
    [fact] = cluster.await_end(job)
    assert (fact["JobState"], fact["Restarts"]) == ("COMPLETED", "1"), cluster.log()
    assert stops(project.run_of("mine")) == ["SIGTERM"]
    assert contents(project.run_of("mine")) == project.uninterrupted("mine.yaml")


def test_a_failed_job_keeps_its_code_and_is_not_requeued(cluster: Cluster) -> None:
    job = cluster.submit("slurm.sh", "mine.yaml", "--run-id", "mine", "optimizer.learning_rate=fast")
    [fact] = cluster.await_end(job)
    assert (fact["JobState"], fact["ExitCode"], fact["Restarts"]) == ("FAILED", "2:0", "0")
    assert "optimizer.learning_rate" in cluster.log()


def test_an_array_over_seeds_on_two_nodes_all_finish(cluster: Cluster) -> None:
    project = cluster.project
    job = cluster.submit("--job-name=mine", "slurm_seeds.sh", "mine.yaml", "-q")
    facts = cluster.await_end(job)
    assert [fact["JobState"] for fact in facts] == ["COMPLETED"] * 4, cluster.log()
    assert {fact["NodeList"] for fact in facts} == {"n1", "n2"}
    for seed in range(1, 5):
        assert contents(project.run_of(f"mine-{seed}")) == project.uninterrupted("mine.yaml", f"seed={seed}")


def test_an_array_over_configs(cluster: Cluster) -> None:
    project = cluster.project
    project.write("short.yaml", 3)
    project.write("longer one.yaml", 5)
    job = cluster.submit("--array=1-2", "slurm_configs.sh", "short.yaml", "./longer one.yaml")
    facts = cluster.await_end(job)
    assert {fact["JobState"] for fact in facts} == {"FAILED", "COMPLETED"}, "a run id holds no blank"
    assert project.epochs("short") == 3
    project.write("longer.yaml", 5)
    job = cluster.submit("--array=1-2", "slurm_configs.sh", "short.yaml", "./longer.yaml")
    assert {fact["JobState"] for fact in cluster.await_end(job)} == {"COMPLETED"}, cluster.log()
    assert (project.epochs("short"), project.epochs("longer")) == (3, 5)


def test_a_chain_of_jobs_goes_on_one_after_the_other(cluster: Cluster) -> None:
    project = cluster.project
    project.write("mine.yaml", 120)
    words = ("--job-name=mine", "slurm_chain.sh", "mine.yaml", "--run-id", "mine", "-q")
    jobs = [cluster.submit(*words, "--max-time", "3s"), cluster.submit(*words), cluster.submit(*words)]
    ends = [cluster.await_end(job)[0] for job in jobs]
    assert [end["ExitCode"] for end in ends] == ["75:0", "0:0", "0:0"], cluster.log()
    assert stops(project.run_of("mine")) == ["--max-time is over"]
    assert contents(project.run_of("mine")) == project.uninterrupted("mine.yaml")


@pytest.mark.parametrize("text", [SEARCH.replace("trials: 2", "trials: 5"), PRUNED], ids=["boxes", "rungs"])
def test_a_search_as_arrays_on_two_nodes(text: str, cluster: Cluster) -> None:
    project = cluster.project
    write(project, text, epochs=8)
    cluster.say("dltrain", "search", "search.yaml", "--run-id", "mine", "--emit", "slurm", "-o", "jobs.sh", "-q")
    last = cluster.say("bash", "jobs.sh").split()[2].rstrip(";")
    [fact] = cluster.await_end(last)
    assert (fact["JobState"], fact["ExitCode"]) == ("COMPLETED", "0:0"), logs(project)
    assert {one["NodeList"] for one in cluster.facts("")} >= {"n1", "n2"}
    assert tables(project.run_of("mine")) == whole(project)


def test_tasks_of_a_search_that_are_requeued_and_killed_are_made_up_for(cluster: Cluster) -> None:
    project = cluster.project
    write(project, SEARCH.replace("trials: 2", "trials: 4"), epochs=300)
    cluster.say("dltrain", "search", "search.yaml", "--run-id", "mine", "--emit", "slurm", "-o", "jobs.sh", "-q")
    last = cluster.say("bash", "jobs.sh").split()[2].rstrip(";")
    live = [fact for fact in cluster.facts("") if fact["JobState"] not in ENDED and fact["JobName"] == "mine-1"]
    first = live[0]["ArrayJobId"]
    for trial in (0, 1):
        project.await_epochs(f"mine/trials/{trial}", 2)
    cluster.say("scancel", "--signal=USR1", f"{first}_0")  # as two minutes before its time limit
    cluster.say("scancel", "--signal=KILL", f"{first}_1")
    wait_for(lambda: cluster.hurry_all() or cluster.facts(last)[0]["JobState"] in ENDED, "the last job", 500, every=1.0)
    assert cluster.facts(last)[0]["ExitCode"] == "0:0", logs(project)
    assert len(stops(project.run_of("mine") / "trials" / "0")) == 1
    assert "SIGUSR1: stopped, trial 0 saved" in (project.run_of("mine") / "slurm" / "round-1-0.log").read_text()
    assert not (project.run_of("mine") / "attempts" / "0.jsonl").exists()
    closing = (project.run_of("mine") / "slurm" / "round-1-close.log").read_text()
    assert "1 (index 1) of its 2 trials are missing" in closing
    assert tables(project.run_of("mine")) == whole(project)


def test_a_search_on_dask_workers_that_are_jobs(cluster: Cluster) -> None:
    pytest.importorskip("dask_jobqueue", reason="make cluster")
    project = cluster.project
    write(project, SEARCH.replace("trials: 2", "trials: 5"), epochs=8)
    recipe = project.folder / "dask_jobs.py"
    recipe.write_text(recipe.read_text().replace("1GB", "400MB"))  # all that a node of this Slurm has
    environment = cluster.environment | {"PYTHONPATH": str(RECIPES.parents[1])}
    words = (sys.executable, "-W", "ignore", "dask_jobs.py", "slurm", "2", "search.yaml", "--run-id", "mine", "-q")
    done = project.call(*words, env=environment)
    assert done.returncode == 0, done.stderr
    assert tables(project.run_of("mine")) == whole(project)


def logs(project: Project) -> str:
    return "\n".join(path.read_text() for path in (project.run_of("mine") / "slurm").glob("*.log"))
