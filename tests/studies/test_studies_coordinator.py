"""The coordinator against an executor that pretends: attempts, causes, rounds, signals, and what it never does twice."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from studies_parts import Ending, Pretender, Silent, finish, folder_in

from dltrain.errors import RunExists, RunHeld, StorageError
from dltrain.signals import Signals, Stopped
from dltrain.studies import coordinator as module
from dltrain.studies.coordinator import Coordinator
from dltrain.studies.executor import Ended, Task
from dltrain.studies.folder import StudyFolder, StudyOver, reopen
from dltrain.studies.model import Overrides, Result, Rules
from dltrain.studies.seeds import Seeds

THREE = Seeds(seeds=3, first=10)


def conducted(folder: StudyFolder, ending: Ending, study: Any = THREE, **more: Any) -> tuple[list[Result], Pretender]:
    rules = more.pop("rules", Rules())
    executor = Pretender(ending, **more)
    signals = Signals()
    return Coordinator(folder, study, executor, rules, Silent(), signals).run(), executor


def well(folder: StudyFolder) -> Ending:
    def ending(task: Task, attempt: int) -> Ended:
        finish(folder.path, task.trial, round(0.1 + task.trial / 100, 2))
        return Ended(trial=task.trial, code=0)

    return ending


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_do_not_depend_on_workers(workers: int, tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:
        results, executor = conducted(folder, well(folder), workers=workers)
        assert [result.objective for result in results] == [0.1, 0.11, 0.12]
        assert executor.asked == ["close"]
        assert (folder.path / "results.csv").read_text().splitlines() == [
            "trial,round,state,objective,low,high,seed",
            "0,1,finished,0.1,0.05,0.2,10",
            "1,1,finished,0.11,0.055,0.22,11",
            "2,1,finished,0.12,0.06,0.24,12",
        ]


def test_a_task_is_the_command_that_trains_or_goes_on(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:
        _, executor = conducted(folder, well(folder), rules=Rules(trial_timeout=9.0))
        words = list(executor.started[1].words)
        assert words[:4] == ["train", str(folder.path / "config.trial.yaml"), "seed=11", "training.threads=1"]
        assert words[4:] == ["-q", "--run-id", "1", "--runs-dir", str(folder.path / "trials")]
        assert executor.started[1].timeout == 9.0


@pytest.mark.parametrize(
    ("code", "said", "attempts", "cause"),
    [
        (-9, "", 3, "killed by SIGKILL, as the kernel does when memory runs out"),
        (-11, "", 3, "killed by SIGSEGV"),
        (7, "", 3, "left with exit code 7, without a result"),
        (0, "", 3, "left with exit code 0, without a result"),
        (2, "error: not enough memory; try a smaller network", 3, "not enough memory; try a smaller network"),
        (2, "note: x\nerror: training.batch_size: too large", 1, "training.batch_size: too large"),
        (70, "error: a bug in dltrain: no", 1, "a bug in dltrain: no"),
        (65, "error: its checkpoints are damaged", 1, "its checkpoints are damaged"),
    ],
)
def test_what_may_end_otherwise_is_tried_again(code: int, said: str, attempts: int, cause: str, tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            return Ended(trial=1, code=code, said=said) if task.trial == 1 else well(folder)(task, attempt)

        results, executor = conducted(folder, ending)
        assert [result.outcome for result in results] == ["finished", "crashed", "finished"]
        assert results[1].cause == cause and results[1].objective is None
        found = folder.attempts(1)
        assert [attempt["cause"] for attempt in found] == [cause] * attempts
        assert [attempt["final"] for attempt in found] == [False] * (attempts - 1) + [True]
        before = len(executor.started)
        again, executor = conducted(folder, ending)
        assert again == results and before and not executor.started, "what is over is not tried once more"


def test_a_trial_that_gets_there_at_last_leaves_no_trace_in_the_results(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            if task.trial == 2 and attempt < 3:
                return Ended(trial=2, code=-11)
            return well(folder)(task, attempt)

        results, _ = conducted(folder, ending)
        assert [result.outcome for result in results] == ["finished"] * 3
        assert len(folder.attempts(2)) == 2
        assert "crashed" not in (folder.path / "results.csv").read_text()


def test_attempts_of_an_earlier_coordinator_count(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:
        folder.add_attempt(0, attempt=1, outcome="crashed", cause="killed by SIGKILL", final=False)

        def ending(task: Task, attempt: int) -> Ended:
            return Ended(trial=task.trial, code=-9)

        _, executor = conducted(folder, ending)
        assert [sum(task.trial == trial for task in executor.started) for trial in range(3)] == [2, 3, 3]


def test_a_hang_is_timed_out(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            return Ended(trial=task.trial, code=-9, timed_out=True)

        results, _ = conducted(folder, ending, rules=Rules(attempts=2, trial_timeout=1.0))
        assert {result.outcome for result in results} == {"timed_out"}
        assert len(folder.attempts(0)) == 2


def test_a_trial_that_diverged_is_a_result(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            finish(folder.path, task.trial, state="diverged")
            return Ended(trial=task.trial, code=3)

        results, executor = conducted(folder, ending)
        assert [result.objective for result in results] == [float("inf")] * 3
        assert len(executor.started) == 3 and not folder.attempts(0)
        assert (folder.path / "results.csv").read_text().splitlines()[1] == "0,1,diverged,inf,,,10"


def test_the_folder_has_the_last_word(tmp_path: Path) -> None:
    """Killed after it had finished: nothing is lost."""
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            finish(folder.path, task.trial)
            return Ended(trial=task.trial, code=-9)

        results, executor = conducted(folder, ending)
        assert [result.outcome for result in results] == ["finished"] * 3
        assert len(executor.started) == 3 and not folder.attempts(0)


@pytest.mark.parametrize(("code", "error"), [(74, StorageError), (73, RunExists)])
def test_what_is_no_fault_of_the_trial_stops_the_study(code: int, error: type[Exception], tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            return Ended(trial=task.trial, code=code, said="error: no space left")

        with pytest.raises(error, match="no space left"):
            conducted(folder, ending)
        assert folder.record["state"] == "interrupted" and not folder.attempts(0)


def test_a_trial_still_held_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            return Ended(trial=task.trial, code=69) if attempt < 3 else well(folder)(task, attempt)

        results, _ = conducted(folder, ending)
        assert {result.outcome for result in results} == {"finished"} and not folder.attempts(0)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with folder_in(tmp_path / "other", THREE) as folder, pytest.raises(RunHeld):
        conducted(folder, lambda task, attempt: Ended(trial=task.trial, code=69))


def test_a_trial_of_other_data_is_refused(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:
        finish(folder.path, 1, data="e" * 64)
        with pytest.raises(RunExists, match="trial 1 was trained on other data"):
            conducted(folder, well(folder))


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 75)])
def test_a_signal_lets_trials_leave_and_counts_nothing(name: str, code: int, tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:
        signals = Signals()

        def ending(task: Task, attempt: int) -> Ended:
            signals.asked = int(getattr(signal, name))  # reached the trial first
            return Ended(trial=task.trial, code=143)

        executor = Pretender(ending)
        with pytest.raises(Stopped) as stopped:
            Coordinator(folder, THREE, executor, Rules(), Silent(), signals).run()
        assert stopped.value.code == code
        assert executor.asked == ["leave", "close"] and not executor.live
        assert folder.record["state"] == "interrupted" and not folder.attempts(0)


def test_a_signal_to_one_trial_alone_is_an_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    with folder_in(tmp_path, THREE) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            if task.trial == 0 and attempt == 1:
                return Ended(trial=0, code=143)
            return well(folder)(task, attempt)

        conducted(folder, ending)
        assert [attempt["cause"] for attempt in folder.attempts(0)] == ["killed by SIGTERM"]


def test_saving_is_passed_on(tmp_path: Path) -> None:
    with folder_in(tmp_path, THREE) as folder:
        signals, executor = Signals(), Pretender(well(folder))
        signals.save = True
        Coordinator(folder, THREE, executor, Rules(), Silent(), signals).run()
        assert executor.asked == ["save", "close"] and not signals.save


class Halving:
    """Two rounds: the second one's trials depend on what came of the first."""

    kind = "halving"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def propose(self, done: Sequence[Result]) -> list[Overrides]:
        if not done:
            return [{"seed": 1, "optimizer.learning_rate": rate} for rate in (0.1, 0.01, 0.001)]
        if len(done) > 3:
            return []
        best = min(done, key=lambda result: (result.objective, result.trial))
        return [{"seed": 2, **{key: value for key, value in best.overrides.items() if key != "seed"}}]

    def summarize(self, results: Sequence[Result], context: Any) -> dict[str, Any]:
        return {}


def test_a_round_sees_all_of_the_one_before_and_resuming_asks_for_the_same(tmp_path: Path) -> None:
    errors = {0: 0.3, 1: 0.1, 2: 0.2, 3: 0.15}
    with folder_in(tmp_path, Halving()) as folder:

        def ending(task: Task, attempt: int) -> Ended:
            finish(folder.path, task.trial, errors[task.trial])
            return Ended(trial=task.trial, code=0)

        results, executor = conducted(folder, ending, Halving())
        assert [result.round for result in results] == [1, 1, 1, 2]
        assert results[3].overrides == {"seed": 2, "optimizer.learning_rate": 0.01}
        assert {task.trial for task in executor.started[:3]} == {0, 1, 2}
        rows = (folder.path / "results.csv").read_text()
        assert rows.splitlines()[0].endswith("seed,optimizer.learning_rate")
        again, executor = conducted(folder, ending, Halving())
        assert again == results and not executor.started
        assert (folder.path / "results.csv").read_text() == rows


def test_a_study_is_held_by_one_process(tmp_path: Path) -> None:
    folder = folder_in(tmp_path, THREE)
    with pytest.raises(RunHeld, match="held by another live process"):
        reopen(folder.path)
    folder.close()
    with reopen(folder.path) as again:
        assert again.record["state"] == "interrupted"
        again.state("finished")
    with pytest.raises(StudyOver):
        reopen(folder.path)
