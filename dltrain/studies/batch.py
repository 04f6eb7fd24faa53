"""A study as jobs of a batch system: no process lives through it, each trial is a job, and one job closes each round.

What a round's trials are is written into study.json when the round before it is closed; only that job changes
study.json and results.csv. The jobs of trials change nothing but the trial's own folder and its list of attempts:
they hold the study's lock together, and the trial's alone. A paused trial that goes on belongs to a round of its own
here, as do the winner's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dltrain import resuming, runs
from dltrain.errors import Damaged, InputError, RunHeld
from dltrain.runs.records import LOCK
from dltrain.signals import Signals, Stopped, current
from dltrain.storage import Lock, held, hold, make_folders, to_json
from dltrain.studies import starting
from dltrain.studies.coordinator import Coordinator, Watcher, write_tables
from dltrain.studies.executor_local import LocalProcesses
from dltrain.studies.folder import ATTEMPTS, StudyFolder, reopen
from dltrain.studies.kinds import study_of
from dltrain.studies.model import Planned, Result, Rules, Study, objective_of
from dltrain.studies.stages import Stage, closed, following, pruned
from dltrain.studies.trial_results import settled

BATCH = "batch"
"""In study.json: {round, stage, trials, sizes}: the round that is open, from 1, and its trials; sizes of all rounds."""
PATIENCE = 10.0
"""Seconds for a job that closes a round to be done."""


class NotYet(Stopped):
    """A round that is not open yet, or not over yet: run it again later. Exit code 75, or `--requeue-code`."""

    def __init__(self, reason: str, found: Standing | None = None) -> None:
        super().__init__(current.requeue_code, reason)
        self.found = found


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a study is: the first round that is not over, with what there is of it, or the end."""

    round: int
    stage: Stage | None
    """None where the study is over."""
    done: Sequence[Result]
    """Of the rounds before."""
    found: Mapping[int, Result] = field(default_factory=dict)
    """Of this round."""

    @property
    def missing(self) -> dict[int, int]:
        """Index in the round -> trial, of those that are not over."""
        trials = () if self.stage is None else self.stage.trials
        return {index: trial for index, trial in enumerate(trials) if trial not in self.found}


def standing(folder: StudyFolder, study: Study) -> Standing:
    """What the trials' folders say."""
    done: list[Result] = []
    number = 0
    while stage := following(study, done):
        number += 1
        done = pruned(done, stage)
        found = _found(folder, study, stage)
        if len(found) < len(stage.trials):
            return Standing(number, stage, done, found)
        done = closed(done, [found[trial] for trial in stage.trials])
    return Standing(number + 1, None, pruned(done, None))


def _found(folder: StudyFolder, study: Study, stage: Stage) -> dict[int, Result]:
    objective = objective_of(study)
    seen = {trial: settled(folder, trial, stage.round, planned, objective) for trial, planned in stage.trials.items()}
    return {trial: result for trial, result in seen.items() if result is not None}


def sizes_after(study: Study, standing_: Standing) -> list[int]:
    """How many trials the round that is not over has, and each after it, if all go well. Only a trial that diverges or
    crashes where others pause can make it fewer."""
    done, stage = list(standing_.done), standing_.stage
    sizes = []
    while stage is not None:
        sizes.append(len(stage.trials))
        done = closed(pruned(done, stage), [_pretended(stage, trial) for trial in stage.trials])
        stage = following(study, done)
    return sizes


def _pretended(stage: Stage, trial: int) -> Result:
    """A trial that did as well as all others."""
    planned = stage.trials[trial]
    entry = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}
    return Result(
        trial=trial,
        round=stage.round,
        overrides=planned.overrides,
        outcome="finished" if planned.until is None else "paused",
        path=Path(),
        errors={"train": entry, "dev": entry},
        score=0.5,
        epochs=planned.until,
        role=planned.role,
    )


def open_round(folder: StudyFolder, study: Study) -> Standing:
    """Writes into study.json which trials the jobs are to run next, and how many rounds are to come."""
    found = standing(folder, study)
    write_tables(folder, [*found.done, *found.found.values()])
    before = list((folder.record.get(BATCH) or {}).get("sizes") or ())[: found.round - 1]
    sizes = [*before, *sizes_after(study, found)]
    stage = found.stage
    numbered = {} if stage is None else {trial: replace(one, trial=trial) for trial, one in stage.trials.items()}
    trials = [json.loads(to_json(asdict(planned))) for planned in numbered.values()]
    batch = {"round": found.round, "stage": stage and stage.round, "trials": trials, "sizes": sizes}
    if folder.record.get(BATCH) != batch:
        folder.state("running", **{BATCH: batch})
    return found


class TrialFolder(StudyFolder):
    """A study's folder as the job of one of its trials has it: beside the jobs of the others, which are not to meet."""

    def __init__(self, path: Path, record: dict[str, Any], locks: Sequence[Lock]) -> None:
        self.path = path
        self.record = record
        self._locks = locks

    def state(self, new: Any, **fields: Any) -> None:
        """Not this job's to say."""

    def event(self, kind: str, **fields: Any) -> None:
        """What there is to say of an attempt is in the trial's own list."""

    def write(self, name: str, data: bytes) -> None:
        """Not this job's to write."""

    def close(self) -> None:
        for lock in self._locks:
            lock.release()


@dataclass(frozen=True, slots=True)
class Job:
    """One trial of a round, to be run or to be found over."""

    stage: Stage
    """Of this trial alone."""

    @property
    def trial(self) -> int:
        return next(iter(self.stage.trials))


def job_of(record: Mapping[str, Any], round_: int, index: int) -> Job | None:
    """The trial at a place of a round; None if that round is closed, or has fewer trials than it might have had.

    Raises NotYet for a round that is not open, InputError for a round or place that there is not."""
    batch = require_round(record, round_)
    sizes, trials = batch["sizes"], batch["trials"]
    size = max(sizes[round_ - 1] if round_ <= len(sizes) else 0, len(trials) if round_ == batch["round"] else 0)
    if not 0 <= index < size:
        raise InputError(f"--array-index {index}: round {round_} has trials 0 to {size - 1}")
    if record["state"] == "finished":
        return None
    if round_ > batch["round"]:
        raise NotYet(_not_open(round_, batch["round"]))
    if round_ < batch["round"] or index >= len(trials):
        return None
    planned = Planned(**trials[index])
    return Job(Stage(batch["stage"], {trials[index]["trial"]: planned}))


def require_round(record: Mapping[str, Any], round_: int) -> dict[str, Any]:
    """The BATCH of study.json. Raises InputError for a round that the study does not have, or where it was not made to
    be run by jobs; Damaged."""
    batch = record.get(BATCH)
    if batch is None:
        raise InputError(f"study {record['id']} is not run by jobs; dltrain search CONFIG --emit slurm makes it so")
    if not _makes_sense(batch):
        raise Damaged(f"study {record['id']}: study.json is damaged: its {BATCH} makes no sense")
    last = max(len(batch["sizes"]), batch["round"])
    if not 1 <= round_ <= last:
        raise InputError(f"--round {round_}: study {record['id']} has rounds 1 to {last}")
    return dict(batch)


def _makes_sense(batch: Any) -> bool:
    """Whether it is what `open_round` writes."""
    try:
        trials = [isinstance(one["trial"], int) and isinstance(one["overrides"], dict) for one in batch["trials"]]
        for one in batch["trials"]:
            Planned(**one)
        numbers = [batch["round"], *batch["sizes"], *([batch["stage"]] if trials else [])]
    except (KeyError, TypeError):
        return False
    return all(trials) and all(isinstance(number, int) and number > 0 for number in numbers)


def hold_trial(path: Path, record: dict[str, Any], trial: int) -> TrialFolder:
    """Raises RunHeld where a process has the whole study, or this trial."""
    locks: list[Lock] = []
    try:
        locks.append(_hold(path / LOCK, f"study {path.name}", shared=True))
        make_folders(path / ATTEMPTS)
        locks.append(_hold(path / ATTEMPTS / f".{trial}.lock", f"trial {trial} of study {path.name}"))
    except BaseException:
        for lock in locks:
            lock.release()
        raise
    return TrialFolder(path, record, locks)


def _hold(path: Path, what: str, shared: bool = False) -> Lock:
    try:
        return hold(path, patience=PATIENCE, shared=shared)
    except RunHeld as error:
        raise RunHeld(f"{what} is held by another live process") from error


def run_job(path: Path, job: Job, watcher: Watcher, signals: Signals, allow_drift: bool = False) -> Result:
    """Runs a trial, all its attempts, as a coordinator would. Raises as `Coordinator.run`, and InputError where this
    machine would not compute the same bits as the one that the study was started on."""
    record = runs.read_study(path)
    resuming.require_no_drift(record, allow_drift)
    starting.require_same_data(path, record)
    with hold_trial(path, record, job.trial) as folder:
        study, rules = study_of(record["study"]), Rules(**record["rules"])
        coordinator = Coordinator(folder, study, LocalProcesses(1), rules, watcher, signals, allow_drift)
        return coordinator.run_stage(job.stage)[0]


def close_round(path: Path, round_: int | None) -> tuple[StudyFolder, Standing]:
    """Takes the study, and opens the round after the last one that is over. Raises NotYet, RunHeld; StudyOver.

    round_: which one is to be closed, else that which is open. The folder is the caller's to close.
    """
    try:
        folder = reopen(path)
    except RunHeld as error:
        if held(path / LOCK):
            raise
        raise NotYet(f"trials of study {path.name} are still at work") from error
    try:
        before = require_round(folder.record, 1)["round"]
        found = open_round(folder, study_of(folder.record["study"]))
        if found.stage is not None and found.round < (round_ or before):
            raise NotYet(_not_open(round_ or before, found.round))
        if found.stage is not None and found.round == (round_ or before):
            raise NotYet(_what_is_missing(found), found)
        return folder, found
    except BaseException as error:
        with suppress(InputError, OSError):
            folder.event("collect", why=str(error))
        folder.close()
        raise


def _not_open(round_: int, open_: int) -> str:
    return f"round {round_} is not open yet: round {open_} is not closed"


def _what_is_missing(found: Standing) -> str:
    assert found.stage is not None
    places = ", ".join(f"{trial} (index {index})" for index, trial in list(found.missing.items())[:20])
    more = f" and {len(found.missing) - 20} more" if len(found.missing) > 20 else ""
    return f"round {found.round} is not over: {places}{more} of its {len(found.stage.trials)} trials are missing"
