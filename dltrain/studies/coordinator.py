"""The coordinator: rounds of trials over an executor, until the study proposes no more.

What it knows it reads from the folders, so it can be killed at any moment: started again it asks the study for the
same trials, sees which are over, goes on with those begun and starts the others. The same results.csv comes of it with
any number of workers, since a trial depends on its overrides alone, and these on complete rounds.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from dltrain.errors import InputError, RunExists, RunHeld, StorageError
from dltrain.signals import REQUEUE, Signals, Stopped
from dltrain.studies.executor import Ended, Executor, Task
from dltrain.studies.folder import RESULTS, WINNER, StudyFolder
from dltrain.studies.model import Overrides, Planned, Result, Role, Rules, Study, objective_of
from dltrain.studies.stages import Stage, closed, following, pruned
from dltrain.studies.trial_results import results_csv, settled

LOOK_SECONDS = 0.1
"""Between two looks at the signals."""
PATIENCE = 10.0
"""Seconds that another process may still hold a trial: one whose coordinator was killed a moment ago."""
GRACE = 1.0
"""Seconds in which a signal that ended a trial may reach this process too, as Ctrl-C does."""
LEAVING = 30.0
"""Seconds for trials to save and leave."""
REFUSED, DAMAGED, HELD, BUG, EXISTS, DISK = 2, 65, 69, 70, 73, 74
STOPPED = {128 + number: number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
STOPPED |= {REQUEUE: signal.SIGUSR1}  # a batch system may send it to every process of a job
MEMORY = "not enough memory"


class Watcher(Protocol):
    """Whoever looks on."""

    def round(self, trials: Mapping[int, Overrides], done: int) -> None: ...

    def started(self, trial: int, attempt: int) -> None: ...

    def ended(self, result: Result) -> None: ...

    def tick(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt came to nothing. `certain`: the next one would come to the same."""

    cause: str
    certain: bool
    outcome: str = "crashed"


@dataclass(slots=True)
class Coordinator:
    """Runs a study in a held folder."""

    folder: StudyFolder
    study: Study
    executor: Executor
    rules: Rules
    watcher: Watcher
    signals: Signals
    allow_drift: bool = False
    _over: dict[int, Result] = field(default_factory=dict)
    _held: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Trials that another process held: since when, and when last looked at."""

    def run(self) -> list[Result]:
        """All trials, in order. Raises Stopped when asked to leave, after every trial saved; StorageError, RunHeld or
        RunExists where a trial says that going on makes no sense. The folder is then `interrupted`."""
        self.folder.state("running")
        self.signals.defer()
        try:
            done = self._rounds()
        except BaseException as error:
            with suppress(InputError, OSError, ValueError):
                self.folder.event("stopped", why=str(error) or type(error).__name__)
                stopped = isinstance(error, (Stopped, KeyboardInterrupt, InputError))
                self.folder.state("interrupted" if stopped else "failed")
            raise
        finally:
            self.executor.close()
        self.signals.defer(False)
        return done

    def run_stage(self, stage: Stage) -> list[Result]:
        """These trials alone, for who keeps the study's state elsewhere. Raises as `run`."""
        self.signals.defer()
        try:
            found = self._stage(stage)
        finally:
            self.executor.close()
        self.signals.defer(False)
        return found

    def _rounds(self) -> list[Result]:
        done: list[Result] = []
        while stage := following(self.study, done):
            done = self._settle(pruned(done, stage))
            done = self._settle(closed(done, self._stage(stage)))
        return self._settle(pruned(done, None))

    def _settle(self, done: list[Result]) -> list[Result]:
        self._over = {result.trial: result for result in done}
        self._write_results()
        return done

    def _stage(self, stage: Stage) -> list[Result]:
        over = {}
        for trial, planned in stage.trials.items():
            if (found := self._settled(trial, stage.round, planned)) is not None:
                over[trial] = found
        self._over |= over
        queue = deque(trial for trial in stage.trials if trial not in over)
        self.watcher.round({trial: planned.overrides for trial, planned in stage.trials.items()}, len(over))
        self._write_results()
        open_ = set(queue)
        while open_:
            self._look_at_signals()
            while queue and self.executor.free > 0 and self._may_start(queue[0]):
                trial = queue.popleft()
                self.watcher.started(trial, len(self.folder.attempts(trial)) + 1)
                self.executor.start(self._task(trial, stage.trials[trial]))
            for ended in self.executor.wait(LOOK_SECONDS):
                if self._is_over(ended, stage.round, stage.trials[ended.trial]):
                    open_.discard(ended.trial)
                else:
                    queue.append(ended.trial)
            self.watcher.tick()
        return [self._over[trial] for trial in stage.trials]

    def _settled(self, trial: int, round_: int, planned: Planned) -> Result | None:
        return settled(self.folder, trial, round_, planned, objective_of(self.study))

    def _may_start(self, trial: int) -> bool:
        """A trial that was held a moment ago waits a little before it is tried again."""
        return trial not in self._held or time.monotonic() >= self._held[trial][1] + LOOK_SECONDS

    def _task(self, trial: int, planned: Planned) -> Task:
        words = words_of(self.folder, trial, planned)
        words += ["--allow-drift"] if self.allow_drift else []
        return Task(trial=trial, words=words, timeout=self.rules.trial_timeout)

    def _is_over(self, ended: Ended, round_: int, planned: Planned) -> bool:
        """Whether the trial needs no more attempts. Its folder has the last word, not how its process ended."""
        trial = ended.trial
        if (found := self._settled(trial, round_, planned)) is None:
            failure = self._failure(ended)
            if failure is None:
                return False
            self._record(trial, failure)
            found = self._settled(trial, round_, planned)
        if found is None:
            return False
        self._over[trial] = found
        self._write_results()
        self.watcher.ended(found)
        return True

    def _failure(self, ended: Ended) -> Failure | None:
        """What the attempt failed of; None if it was not its own doing, and does not count."""
        said = last_error(ended.said)
        if ended.code == HELD:
            self._wait_for(ended.trial, said)
            return None
        if ended.given_back:
            return None
        if ended.code == DISK:
            raise StorageError(f"trial {ended.trial}: {said or 'the disk is full, or failed'}")
        if ended.code == EXISTS:
            raise RunExists(f"trial {ended.trial}: {said or 'its folder is that of another run'}")
        if ended.code in STOPPED or -ended.code in STOPPED.values():
            self._let_signals_come()
        return failure_of(ended, said)

    def _wait_for(self, trial: int, said: str) -> None:
        """Another process still has the trial's folder."""
        now = time.monotonic()
        began, _ = self._held.get(trial, (now, now))
        self._held[trial] = (began, now)
        if now - began > PATIENCE:
            raise RunHeld(f"trial {trial}: {said or 'held by another live process'}")

    def _let_signals_come(self) -> None:
        """A signal to all processes of a terminal may reach a trial first; then its end is no failure."""
        end = time.monotonic() + GRACE
        while not self.signals.leaving and time.monotonic() < end:
            time.sleep(0.01)
        self._look_at_signals()

    def _record(self, trial: int, failure: Failure) -> None:
        attempt = len(self.folder.attempts(trial)) + 1
        final = failure.certain or attempt >= self.rules.attempts
        fields: dict[str, Any] = {"attempt": attempt, "outcome": failure.outcome, "cause": failure.cause}
        self.folder.add_attempt(trial, **fields, final=final)
        self.folder.event("attempt", trial=trial, **fields, final=final)

    def _write_results(self) -> None:
        write_tables(self.folder, self._over.values())

    def _look_at_signals(self) -> None:
        """Passes on what asks to save; raises Stopped, once every trial has saved and left, for what asks to leave."""
        if self.signals.save:
            self.signals.save = False
            self.executor.save()
        if not self.signals.leaving:
            return
        self.executor.ask_to_leave()
        end = time.monotonic() + LEAVING
        while self.executor.running and time.monotonic() < end:
            self.executor.wait(LOOK_SECONDS)
        self.signals.answer()
        raise Stopped(self.signals.requeue_code, f"{self.signals.limit} is over")


def write_tables(folder: StudyFolder, results: Iterable[Result]) -> None:
    """results.csv, and winner.csv where the winner is trained again."""
    by_role: dict[Role, list[Result]] = {"trial": [], "winner": []}
    for result in results:
        by_role[result.role].append(result)
    folder.write(RESULTS, results_csv(by_role["trial"]))
    if by_role["winner"]:
        folder.write(WINNER, results_csv(by_role["winner"]))


def words_of(folder: StudyFolder, trial: int, planned: Planned) -> list[str]:
    """The words after `dltrain` that train a trial, or go on with it; from any folder."""
    words = ["train", os.path.abspath(folder.config), *map(text_of, planned.overrides.items()), "training.threads=1"]
    words += ["-q", "--run-id", str(trial), "--runs-dir", os.path.abspath(folder.trials)]
    return words + ([] if planned.until is None else ["--until-epoch", str(planned.until)])


def text_of(override: tuple[str, Any]) -> str:
    """KEY=VALUE; JSON is YAML."""
    key, value = override
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def last_error(said: str) -> str:
    """The last thing that a trial called an error."""
    errors = [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error: ")]
    return errors[-1] if errors else ""


def failure_of(ended: Ended, said: str) -> Failure:
    """Why an attempt that left no result came to nothing, and whether it would again."""
    if ended.timed_out:
        return Failure("no result in the time of an attempt", False, "timed_out")
    if ended.code < 0 or ended.code in STOPPED:
        number = -ended.code if ended.code < 0 else STOPPED[ended.code]
        hint = ", as the kernel does when memory runs out" if number == signal.SIGKILL else ""
        return Failure(f"killed by {_name(number)}{hint}", False)
    if ended.code == REFUSED:
        return Failure(said or "its config was refused", not said.startswith(MEMORY))
    if ended.code in (BUG, DAMAGED):
        return Failure(said or f"left with exit code {ended.code}", True)
    return Failure(said or f"left with exit code {ended.code}, without a result", False)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
