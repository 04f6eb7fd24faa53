"""Power losses at every operation of checkpointing and resuming: the newest durable checkpoint is there, whole, and
metrics.jsonl is cut to its moment. Each fsync, and the order of pruning, is taken out in turn: it must show."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_loss import World, first_loss, syncs_in_vain

from dltrain.errors import InputError
from dltrain.runs import RunFolder, create, list_checkpoints, reopen
from dltrain.storage import operations
from dltrain.storage.operations import Operation

Moment = tuple[bytes, bytes]
"""theta and metrics.jsonl of a step."""


class Recorder:
    """Writes a history into a run folder and remembers what must be found after a crash at each operation."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tmp = tmp_path
        self.path = tmp_path / "runs" / "one"
        self.patch = monkeypatch
        self.log: list[Operation] = []
        self.start: World = {}
        self.truth: dict[int, Moment] = {}
        self.returned: list[tuple[int, int]] = []
        self.metrics = b""
        self.judged: dict[Any, tuple[int | None, Moment] | None] = {}
        self.number = itertools.count()

    def begin(self) -> None:
        """From here on operations are recorded; what is there now is on the disk."""
        self.start = {
            str(path.relative_to(self.path)): path.read_bytes() if path.is_file() else None
            for path in self.path.rglob("*")
        }
        self.log.clear()
        self.patch.setattr(operations, "hook", self.log.append)

    def save(self, run: RunFolder, step: int, **options: Any) -> None:
        theta = np.full(3, step + 0.5)
        self.metrics = (self.path / "metrics.jsonl").read_bytes()
        self.truth[step] = (theta.tobytes(), self.metrics)
        run.save_checkpoint({"theta": theta}, {"step": step}, **options)
        self.returned.append((len(self.log), step))

    def sound(self, world: World, done: int) -> bool:
        durable = max((step for at, step in self.returned if at <= done), default=None)
        key = tuple(sorted(world.items()))
        if key not in self.judged:
            self.judged[key] = self._load(world)
        found = self.judged[key]
        if found is None:
            return False
        step, moment = found
        if step is None:
            return durable is None and moment[1] == b""
        return (durable is None or step >= durable) and moment == self.truth[step]

    def _load(self, world: World) -> tuple[int | None, Moment] | None:
        """(step, what was loaded) on coming back after the crash; None for anything damaged."""
        runs = self.tmp / f"world{next(self.number)}"
        for path, data in sorted(world.items()):
            place = runs / "one" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                place.mkdir(exist_ok=True)
            else:
                place.write_bytes(data)
        with self.patch.context() as patch:
            patch.setattr(operations, "hook", None)
            try:
                with reopen(runs, "one") as run:
                    found = run.load_checkpoint()
                    metrics = (run.path / "metrics.jsonl").read_bytes()
                    notes = [note for note in run.notes if found is not None]
            except InputError:
                return None
        if notes:  # a torn file under a checkpoint's name: its fsync came too late
            return None
        return (found.meta["step"], (found.arrays["theta"].tobytes(), metrics)) if found else (None, (b"", metrics))


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(operations, "_flush", lambda fd: None)  # the worlds decide what was synced
    return Recorder(tmp_path, monkeypatch)


def history(recorder: Recorder, keep: int) -> None:
    with create(recorder.path.parent, "one", "x", {}) as run:
        run.state("running")
        recorder.save(run, 0, keep=keep)  # the first checkpoint stands before the first line
        recorder.begin()
        for step in range(1, 4):
            run.append_metrics({"epoch": step})
            recorder.save(run, step, keep=keep, protect="best" if step == 1 else False)
            run.append_metrics({"epoch": step, "more": True})


@pytest.mark.parametrize("keep", [1, 2])
def test_the_newest_durable_checkpoint_is_found_after_any_crash(recorder: Recorder, keep: int) -> None:
    history(recorder, keep)
    assert first_loss(str(recorder.path), recorder.log, recorder.start, recorder.sound) is None
    assert {found[0] for found in recorder.judged.values() if found} == {0, 1, 2, 3}
    assert len(recorder.judged) > 50


def test_every_sync_of_a_checkpoint_is_needed(recorder: Recorder) -> None:
    history(recorder, keep=2)
    assert syncs_in_vain(str(recorder.path), recorder.log, recorder.start, recorder.sound) == []


def test_pruning_before_the_new_one_is_durable_would_show(recorder: Recorder) -> None:
    history(recorder, keep=1)
    log = recorder.log
    unlink = next(k for k, operation in enumerate(log) if operation.kind == "unlink")
    synced = max(k for k in range(unlink) if log[k].kind == "sync folder")
    log[synced], log[unlink] = log[unlink], log[synced]
    assert first_loss(str(recorder.path), log, recorder.start, recorder.sound) is not None


def interrupted(recorder: Recorder) -> None:
    """Two checkpoints, then lines that no checkpoint knows of, one of them torn."""
    with create(recorder.path.parent, "one", "x", {}) as run:
        run.state("running")
        for step in (1, 2):
            run.append_metrics({"epoch": step})
            recorder.save(run, step)
        run.append_metrics({"epoch": 99})
        run.append_metrics({"epoch": 99})
    with open(recorder.path / "metrics.jsonl", "ab") as file:
        file.write(b'{"epoch": 99')
    recorder.returned = [(0, 2)]


def test_resuming_after_any_crash(recorder: Recorder) -> None:
    interrupted(recorder)
    recorder.begin()
    with reopen(recorder.path.parent, "one") as run:
        found = run.load_checkpoint()
        assert found is not None and found.meta["step"] == 2
        for step in (3, 4):
            run.append_metrics({"epoch": step})
            recorder.save(run, step)
    kinds = [operation.kind for operation in recorder.log]
    assert kinds.count("truncate") == 2 and kinds.count("unlink") == 2
    assert first_loss(str(recorder.path), recorder.log, recorder.start, recorder.sound) is None
    assert syncs_in_vain(str(recorder.path), recorder.log, recorder.start, recorder.sound) == []


def test_metrics_that_are_not_cut_would_show(recorder: Recorder) -> None:
    interrupted(recorder)
    recorder.patch.setattr("dltrain.storage.Lines.cut", lambda lines, length: None)
    recorder.begin()
    assert not recorder.sound(recorder.start, 0)


def test_the_end_of_a_run(recorder: Recorder) -> None:
    """What is not kept may come back after a crash, or not; what is kept is there."""
    history(recorder, keep=2)
    recorder.begin()
    with reopen(recorder.path.parent, "one") as run:
        run.load_checkpoint()
        run.keep_only([kept.name for kept in list_checkpoints(run.path) if kept.step in (1, 3)])
    recorder.returned = [(0, 3)]
    assert first_loss(str(recorder.path), recorder.log, recorder.start, recorder.sound) is None
    assert [kept.step for kept in list_checkpoints(run.path)] == [1, 3]
