"""A test of the tests: each mechanism that protects a run is taken out in turn, and a check must fail.

(Every fsync is taken out in test_runs_power_loss.py and test_storage_power_loss.py.)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy

from dltrain.errors import Damaged, RunHeld, StorageError
from dltrain.runs import RunFolder, create, list_checkpoints, read_metrics, reopen
from dltrain.storage import operations

Patch = pytest.MonkeyPatch
Check = Callable[[Path, Patch], None]
"""Passes while the mechanism is there, fails by an AssertionError when it is not."""


def save(run: RunFolder, step: int, **options: Any) -> Path:
    run.append_metrics({"epoch": step})
    name = run.save_checkpoint({"theta": np.full(3, float(step))}, {"step": step}, **options)
    return run.path / "checkpoints" / name


def three(tmp_path: Path) -> tuple[Path, list[Path]]:
    with create(tmp_path, "one", "x", {}) as run:
        run.state("running")
        return run.path, [save(run, step, keep=3) for step in (1, 2, 3)]


def goes_on_right(tmp_path: Path) -> None:
    """Whatever is loaded is as it was saved, and going on to step 4 gives the metrics of an undisturbed run."""
    with reopen(tmp_path, "one") as run:
        found = run.load_checkpoint()
        assert found is not None
        step = found.meta["step"]
        assert found.arrays["theta"].tolist() == [step] * 3
        for later in range(step + 1, 5):
            save(run, later)
    assert [record["epoch"] for record in read_metrics(run.path)] == [1, 2, 3, 4]


def a_flipped_bit(tmp_path: Path, patch: Patch) -> None:
    _, files = three(tmp_path)
    data = bytearray(files[2].read_bytes())
    data[-2] ^= 1
    files[2].write_bytes(data)
    goes_on_right(tmp_path)


def another_step_in_the_name(tmp_path: Path, patch: Patch) -> None:
    _, files = three(tmp_path)
    files[2].rename(str(files[2]).replace("00000003", "00000009"))
    with reopen(tmp_path, "one") as run:
        found = run.load_checkpoint()
        assert found is not None and found.name == files[1].name


def a_changed_metrics_line(tmp_path: Path, patch: Patch) -> None:
    path, _ = three(tmp_path)
    text = (path / "metrics.jsonl").read_text()
    (path / "metrics.jsonl").write_text(text.replace('"epoch": 3', '"epoch": 7'))
    goes_on_right(tmp_path)


def lost_metrics_lines(tmp_path: Path, patch: Patch) -> None:
    path, _ = three(tmp_path)
    os.truncate(path / "metrics.jsonl", 26)
    try:
        goes_on_right(tmp_path)
    except ValueError as error:
        raise AssertionError(error) from error


def lines_after_the_checkpoint(tmp_path: Path, patch: Patch) -> None:
    path, _ = three(tmp_path)
    with open(path / "metrics.jsonl", "ab") as file:
        file.write(b'{"epoch": 4}\n')
    goes_on_right(tmp_path)


def a_torn_line(tmp_path: Path, patch: Patch) -> None:
    path, _ = three(tmp_path)
    with open(path / "events.jsonl", "ab") as file:
        file.write(b'{"kind": "war')
    with reopen(tmp_path, "one") as run:
        run.event("warning")
    assert (path / "events.jsonl").read_bytes().count(b'"kind"') == 1


def two_at_once(tmp_path: Path, patch: Patch) -> None:
    three(tmp_path)
    with reopen(tmp_path, "one"):
        try:
            with reopen(tmp_path, "one"):
                pass
        except RunHeld:
            return
    raise AssertionError("two hold the run")


def a_killed_process(tmp_path: Path, patch: Patch) -> None:
    path, _ = three(tmp_path)
    (path / "checkpoints" / ".step.0123abcd.tmp").write_text("half")
    reopen(tmp_path, "one").close()
    assert not list(path.rglob("*.tmp"))


def a_state_that_is_not_finite(tmp_path: Path, patch: Patch) -> None:
    with create(tmp_path, "one", "x", {}) as run:
        try:
            run.save_checkpoint({"theta": np.array([np.nan])}, {"step": 1})
        except ValueError:
            return
    raise AssertionError("NaN was saved")


def a_disk_that_lies(tmp_path: Path, patch: Patch) -> None:
    with create(tmp_path, "one", "x", {}) as run:
        whole = os.write
        patch.setattr(os, "write", lambda fd, data: whole(fd, bytes(len(data))))
        try:
            run.save_checkpoint({"theta": np.zeros(3)}, {"step": 0})
        except StorageError:
            return
    raise AssertionError("nothing was said")


def a_full_disk_while_saving(tmp_path: Path, patch: Patch) -> None:
    with create(tmp_path, "one", "x", {}) as run:
        save(run, 1, keep=1)
        with patch.context() as full:
            full.setattr(operations, "create", fails)
            with pytest.raises(StorageError):
                save(run, 2, keep=1)
    assert [kept.step for kept in list_checkpoints(run.path)] == [1]


def fails(*_: object) -> int:
    raise OSError(28, "")


def a_damaged_file_where_the_same_is_written_again(tmp_path: Path, patch: Patch) -> None:
    _, files = three(tmp_path)
    whole = files[2].read_bytes()
    files[2].write_bytes(whole[:-1])
    with reopen(tmp_path, "one") as run:
        run.load_checkpoint()
        assert save(run, 3) == files[2]
    assert files[2].read_bytes() == whole


def damaged_ones_that_are_newer(tmp_path: Path, patch: Patch) -> None:
    _, files = three(tmp_path)
    for path in files[1:]:
        path.write_bytes(b"")
    with reopen(tmp_path, "one") as run:
        run.load_checkpoint()
        name = save(run, 2, keep=1)
    assert [kept.name for kept in list_checkpoints(run.path)] == [name.name]


def nothing_sound(tmp_path: Path, patch: Patch) -> None:
    _, files = three(tmp_path)
    for path in files:
        path.write_bytes(b"")
    (tmp_path / "one" / "metrics.jsonl").write_bytes(b"")  # lines without checkpoints are refused for themselves
    with reopen(tmp_path, "one") as run:
        try:
            run.load_checkpoint()
        except Damaged:
            return
    raise AssertionError("a silent start from zero")


def writing_before_loading(tmp_path: Path, patch: Patch) -> None:
    three(tmp_path)
    with reopen(tmp_path, "one") as run:
        try:
            run.append_metrics({"epoch": 9})
        except ValueError:
            return
    raise AssertionError("a line follows lines of which no checkpoint knows")


def a_crashed_run_is_the_same_in_the_end(tmp_path: Path, patch: Patch) -> None:
    toy.train(tmp_path / "whole")
    with patch.context() as failing:
        left = [60]

        def hook(operation: operations.Operation) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(5, "")

        failing.setattr(operations, "hook", hook)
        with pytest.raises(StorageError):
            toy.train(tmp_path / "stopped")
    shutil.copytree(tmp_path / "stopped", tmp_path / "again")
    toy.train(tmp_path / "again")
    assert toy.digest(tmp_path / "again") == toy.digest(tmp_path / "whole")


def prune_first(patch: Patch) -> None:
    from dltrain.runs.shelf import Shelf

    put = Shelf.put

    def wrong(shelf: Shelf, name: str, pieces: Any, protected: Any) -> None:
        shelf.keep_only(())
        put(shelf, name, pieces, protected)

    patch.setattr(Shelf, "put", wrong)


def forget_faults(patch: Patch) -> None:
    """Damaged files are counted like sound ones."""
    from dltrain.runs.shelf import Shelf

    newest = Shelf.newest_sound

    def wrong(shelf: Shelf, *arguments: Any) -> Any:
        found = newest(shelf, *arguments)
        shelf._known = {path.name: True for path in sorted(shelf.folder.iterdir())}
        return found

    patch.setattr(Shelf, "newest_sound", wrong)


def start_from_zero(patch: Patch) -> None:
    from dltrain.runs.shelf import Shelf

    newest = Shelf.newest_sound

    def wrong(shelf: Shelf, *arguments: Any) -> Any:
        try:
            return newest(shelf, *arguments)
        except Damaged:
            return None

    patch.setattr(Shelf, "newest_sound", wrong)


def take_out(target: str, replacement: Any) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(target, replacement)


MECHANISMS: list[tuple[str, Callable[[Patch], None], Check]] = [
    ("the hash of the file", take_out("dltrain.runs.checkpoints.same_hash", lambda *_: True), a_flipped_bit),
    ("the step in the file", take_out("dltrain.runs.checkpoints.of_step", lambda *_: True), another_step_in_the_name),
    ("the hash of metrics", take_out("dltrain.runs.folder.metrics_fault", lambda *_: None), a_changed_metrics_line),
    ("the length of metrics", take_out("dltrain.runs.folder.metrics_fault", lambda *_: None), lost_metrics_lines),
    (
        "the cut of metrics",
        take_out("dltrain.storage.operations.truncate", lambda *_: None),
        lines_after_the_checkpoint,
    ),
    (
        "the cut of metrics again",
        take_out("dltrain.storage.Lines.cut", lambda *_: None),
        a_crashed_run_is_the_same_in_the_end,
    ),
    ("the cut of a torn line", take_out("dltrain.storage.operations.truncate", lambda *_: None), a_torn_line),
    ("the lock", take_out("dltrain.storage.locks._try", lambda *_: True), two_at_once),
    ("the sweep", take_out("dltrain.runs.resume.sweep_temporaries", lambda *_: None), a_killed_process),
    (
        "the screen for NaN",
        take_out("dltrain.runs.checkpoints.not_finite", lambda *_: None),
        a_state_that_is_not_finite,
    ),
    ("the reading back", take_out("dltrain.runs.shelf.Shelf.read_back", lambda *_: None), a_disk_that_lies),
    ("pruning last", prune_first, a_full_disk_while_saving),
    (
        "the look at what is there already",
        take_out("dltrain.runs.shelf.Shelf._is_sound", lambda shelf, name: (shelf.folder / name).exists()),
        a_damaged_file_where_the_same_is_written_again,
    ),
    ("counting only sound ones", forget_faults, damaged_ones_that_are_newer),
    ("the refusal to start from zero", start_from_zero, nothing_sound),
    (
        "loading before writing",
        take_out("dltrain.runs.RunFolder._check_loaded", lambda _: None),
        writing_before_loading,
    ),
]


@pytest.mark.parametrize(("remove", "check"), [pytest.param(*entry[1:], id=entry[0]) for entry in MECHANISMS])
def test_each_mechanism_is_needed_and_its_loss_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Patch], None], check: Check
) -> None:
    monkeypatch.setattr(operations, "_flush", lambda fd: None)
    with monkeypatch.context() as patch:
        check(tmp_path / "with", patch)
    with monkeypatch.context() as patch:
        remove(patch)
        with pytest.raises(AssertionError):
            check(tmp_path / "without", patch)
