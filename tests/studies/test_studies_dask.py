"""The executor on a Dask cluster that only pretends: which workers get trials, and what becomes of those that are lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from studies_parts import folder_in

from dltrain.errors import ClusterGone, InputError
from dltrain.studies import dask_worker, executor_dask
from dltrain.studies.dask_worker import Fitness
from dltrain.studies.executor import Ended, Task
from dltrain.studies.executor_dask import DaskWorkers, connect
from dltrain.studies.folder import StudyFolder
from dltrain.studies.seeds import Seeds


@dataclass(eq=False)
class Future:
    status: str = "pending"
    value: Any = None
    calls: list[Callable[[Any], None]] = field(default_factory=list)

    def done(self) -> bool:
        return self.status != "pending"

    def end(self, value: Any) -> None:
        self.status, self.value = ("error" if isinstance(value, Exception) else "finished"), value
        for call in self.calls:
            call(self)

    def result(self, timeout: float) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    def add_done_callback(self, call: Callable[[Any], None]) -> None:
        self.calls.append(call)

    def cancel(self) -> None:
        self.status = "cancelled"

    def release(self) -> None: ...


class Client:
    """A scheduler whose workers answer as `fitness` says."""

    def __init__(self, threads: dict[str, int]) -> None:
        self.threads = threads
        self.fitness: dict[str, Any] = {}
        self.attempts: list[tuple[str, Future, tuple[Any, ...]]] = []
        self.status = "running"
        self.asked: list[tuple[Any, ...]] = []

    def nthreads(self, **_: Any) -> dict[str, int]:
        if self.status != "running":
            raise OSError("closed")
        return self.threads

    def submit(self, function: Any, *arguments: Any, workers: list[str], **options: Any) -> Future:
        assert options["pure"] is False and options["allow_other_workers"] is False and options["retries"] == 0
        future = Future()
        if function is dask_worker.examine:
            future.end(self.fitness.get(workers[0], Fitness(process=f"of {workers[0]}", sees=True)))
        else:
            self.attempts.append((workers[0], future, arguments))
        return future

    def run(self, *arguments: Any, **_: Any) -> None:
        self.asked.append(arguments)

    def cancel(self, futures: list[Future], force: bool) -> None:
        for future in futures:
            future.cancel()

    def close(self, timeout: float) -> None:
        self.status = "closed"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(executor_dask, "LOOK_SECONDS", 0.0)
    with folder_in(tmp_path, Seeds(seeds=3, first=1)) as found:
        yield found


def opened(client: Client, folder: StudyFolder, **more: Any) -> tuple[DaskWorkers, list[str]]:
    notes: list[str] = []
    return DaskWorkers(client, folder, notes.append, **more), notes


def test_a_trial_for_each_thread_and_for_workers_that_come_later(folder: StudyFolder) -> None:
    client = Client({"a": 2})
    executor, _ = opened(client, folder)
    assert (executor.workers, executor.free) == (2, 2)
    for trial in range(2):
        executor.start(Task(trial=trial, words=["train"], timeout=3.0))
    assert (executor.free, executor.running) == (0, 2)
    client.threads = {"a": 2, "b": 1}
    assert executor.wait(0.0) == []
    assert (executor.workers, executor.free) == (3, 1)
    executor.start(Task(trial=2, words=["train"]))
    worker, future, arguments = client.attempts[2]
    assert (worker, arguments[1:]) == ("b", ("of b", 2, ["train"], None))
    future.end(Ended(trial=2, code=0))
    assert executor.wait(1.0) == [Ended(trial=2, code=0)]
    assert (executor.free, executor.running) == (1, 2)


def test_a_worker_that_dies_costs_the_attempts_it_had(folder: StudyFolder) -> None:
    client = Client({"a": 1, "b": 1})
    executor, _ = opened(client, folder)
    for trial in range(2):
        executor.start(Task(trial=trial, words=[]))
    dead = client.attempts[0][0]
    del client.threads[dead]
    [lost] = executor.wait(0.0)
    assert (lost.trial, lost.code, lost.given_back) == (0, 1, False)
    assert lost.said == f"error: its Dask worker {dead} died or was cut off\n"
    assert client.attempts[0][1].status == "cancelled"
    assert (executor.workers, executor.running, executor.free) == (1, 1, 0)


def test_a_worker_that_came_back_under_its_old_address_runs_nothing_twice(folder: StudyFolder) -> None:
    client = Client({"a": 1})
    executor, _ = opened(client, folder)
    executor.start(Task(trial=0, words=[]))
    client.attempts[0][1].end(dask_worker.OtherProcess("another"))
    [lost] = executor.wait(1.0)
    assert lost.code == 1 and "died" in lost.said
    with pytest.raises(dask_worker.OtherProcess):
        dask_worker.attempt("name", "of another", 0, [], None)


def test_a_worker_that_leaves_in_time_costs_nothing(folder: StudyFolder) -> None:
    client = Client({"a": 1})
    executor, _ = opened(client, folder)
    run = folder.trial(0)
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"state": "interrupted", "created": "9:00", "updated": "10:00"}))
    executor.start(Task(trial=0, words=[]))
    client.threads = {}
    [lost] = executor.wait(0.0)
    assert not lost.given_back, "it was saved before this attempt"
    client.threads = {"b": 1}
    executor.wait(0.0)
    executor.start(Task(trial=0, words=[]))
    (run / "run.json").write_text(json.dumps({"state": "interrupted", "created": "9:00", "updated": "10:05"}))
    client.threads = {}
    [lost] = executor.wait(0.0)
    assert lost.given_back
    client.threads = {"c": 1, "d": 1}
    executor.wait(0.0)
    executor.start(Task(trial=0, words=[]))
    client.attempts[-1][1].end(Ended(trial=0, code=143, given_back=True))
    assert executor.wait(1.0)[0].given_back
    assert executor.free == 1, "nothing more for a worker that is about to go"


@pytest.mark.parametrize(
    ("fitness", "said"),
    [
        (Fitness(process="x", sees=False), "it does not see "),
        (Fitness(process="x", sees=True, drift=("numpy: 2.1 -> 2.2",)), "numpy: 2.1 -> 2.2: the result would not"),
        (ModuleNotFoundError("No module named 'dltrain'"), "No module named 'dltrain'; it needs this dltrain"),
    ],
)
def test_who_cannot_train_the_same_gets_no_trials(fitness: Any, said: str, folder: StudyFolder) -> None:
    client = Client({"a": 1, "b": 1})
    client.fitness = {"a": fitness}
    executor, notes = opened(client, folder)
    assert executor.workers == 1
    assert len(notes) == 1 and notes[0].startswith("note: Dask worker a gets no trials: ") and said in notes[0]
    client.threads = {"a": 1}
    with pytest.raises(InputError, match="none of the Dask cluster's workers can be given trials"):
        executor.wait(0.0)


def test_drift_may_be_allowed(folder: StudyFolder) -> None:
    client = Client({"a": 1})
    client.fitness = {"a": Fitness(process="x", sees=True, drift=("numpy: 2.1 -> 2.2",))}
    executor, notes = opened(client, folder, allow_drift=True)
    assert (executor.workers, notes) == (1, [])


def test_no_workers_yet_is_said_once(folder: StudyFolder) -> None:
    client = Client({})
    executor, notes = opened(client, folder)
    executor.wait(0.0)
    assert (executor.workers, executor.free) == (0, 0)
    assert notes == ["note: the scheduler has no workers yet; waiting for some"]


def test_a_scheduler_that_is_gone_ends_it(folder: StudyFolder) -> None:
    client = Client({"a": 1})
    executor, _ = opened(client, folder)
    executor.start(Task(trial=0, words=[]))
    client.status = "connecting"
    with pytest.raises(ClusterGone, match="the connection to the Dask scheduler is lost"):
        executor.wait(0.0)
    executor.close()
    assert ClusterGone("x").exit_code == 74


def test_what_asks_to_save_reaches_the_attempts(folder: StudyFolder) -> None:
    client = Client({"a": 1})
    executor, _ = opened(client, folder)
    executor.start(Task(trial=0, words=[]))
    executor.ask_to_leave()
    executor.save()
    name = client.attempts[0][2][0]
    while len(client.asked) < 2:
        time.sleep(0.01)
    assert sorted(client.asked, key=str) == [(dask_worker.ask, name, 12), (dask_worker.ask, name, 15)]
    executor.close()
    assert client.attempts[0][1].status == "cancelled" and client.status == "closed"


def test_whatever_else_goes_wrong_is_a_failed_attempt(folder: StudyFolder) -> None:
    client = Client({"a": 1})
    executor, _ = opened(client, folder)
    executor.start(Task(trial=0, words=[]))
    client.attempts[0][1].end(RuntimeError("odd\nthing"))
    assert executor.wait(1.0) == [Ended(trial=0, code=1, said="error: Dask worker a: odd thing\n")]


def test_a_machine_says_whether_it_is_fit(folder: StudyFolder, tmp_path: Path) -> None:
    record = folder.record
    found = dask_worker.examine(str(folder.path), record["id"], record["created"])
    assert (found.process, found.sees, list(found.drift)) == (dask_worker.SELF, True, [])
    assert not dask_worker.examine(str(folder.path), record["id"], "another time").sees
    assert not dask_worker.examine(str(tmp_path / "none"), record["id"], record["created"]).sees


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InputError, match=r"--executor dask needs Dask: pip install 'dltrain\[cluster\]'"):
        connect("tcp://127.0.0.1:8786")
