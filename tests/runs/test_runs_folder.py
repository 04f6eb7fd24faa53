"""The life of a run folder: states, metrics, events, records."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from dltrain.errors import Damaged, InputError, StorageError
from dltrain.runs import (
    RunFolder,
    create,
    read_events,
    read_metrics,
    read_record,
    read_run,
    read_test,
    record_look,
    write_test,
)
from dltrain.storage import operations
from dltrain.storage.operations import Operation


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    with create(tmp_path, "one", "x", {}) as made:
        yield made


def test_states_and_what_is_kept_with_them(run: RunFolder) -> None:
    run.state("running", threads=1)
    run.state("finished", epochs=7)
    record = read_run(run.path)
    assert (record["state"], record["threads"], record["epochs"]) == ("finished", 1, 7)
    assert record == run.record
    assert record["created"] < record["updated"]
    run.close()
    run.close()
    assert read_run(run.path) == record


@pytest.mark.parametrize(
    ("path", "wrong"), [(["running", "finished"], "running"), ([], "finished"), (["failed"], "diverged")]
)
def test_steps_that_no_run_takes(run: RunFolder, path: list[str], wrong: str) -> None:
    for state in path:
        run.state(state)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not go"):
        run.state(wrong)  # type: ignore[arg-type]
    with create(run.path.parent, "two", "x", {}) as other, pytest.raises(ValueError, match="not to be set"):
        other.state("running", id="three")


def test_metrics_and_events_are_lines_of_json(run: RunFolder) -> None:
    run.append_metrics({"epoch": 1, "cost": np.float32(0.25), "dev": {"error": float("inf")}})
    run.append_metrics({"epoch": 2, "cost": 0.125})
    run.event("warning", text="größer")
    assert (run.path / "metrics.jsonl").read_text() == (
        '{"epoch": 1, "cost": 0.25, "dev": {"error": null}}\n{"epoch": 2, "cost": 0.125}\n'
    )
    assert read_metrics(run.path) == [{"epoch": 1, "cost": 0.25, "dev": {"error": None}}, {"epoch": 2, "cost": 0.125}]
    (event,) = read_events(run.path)
    assert event["kind"] == "warning" and event["text"] == "größer" and event["time"].endswith("Z")


@pytest.mark.parametrize("state", ["interrupted", "finished", "diverged"])
def test_the_lines_are_on_the_disk_before_the_state_says_so(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, state: Literal["interrupted", "finished", "diverged"]
) -> None:
    run.state("running")
    run.append_metrics({"epoch": 1})
    seen: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", lambda operation: seen.append(f"{operation.kind} {operation.path}"))
        run.state(state)
    assert seen[:2] == [f"sync {run.path / name}" for name in ("metrics.jsonl", "events.jsonl")]
    assert any(what.startswith("rename") for what in seen[2:])


def test_a_failed_run_says_so_though_its_files_are_lost(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run.state("running")

    def hook(operation: Operation) -> None:
        raise OSError(errno.EIO, "")

    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", hook)
        with pytest.raises(StorageError):
            run.sync()
    run.state("failed")
    assert read_run(run.path)["state"] == "failed"


def test_equal_metrics_are_equal_bytes(tmp_path: Path) -> None:
    folders = [create(tmp_path, name, "x", {}) for name in ("a", "b")]
    for folder in folders:
        folder.append_metrics({"epoch": 1, "cost": 0.1 + 0.2})
        folder.close()
    first, second = ((folder.path / "metrics.jsonl").read_bytes() for folder in folders)
    assert first == second


@pytest.mark.parametrize("length", range(0, 36))
def test_metrics_cut_anywhere(tmp_path: Path, length: int) -> None:
    text = b'{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n'[:length]
    (tmp_path / "metrics.jsonl").write_bytes(text)
    assert read_metrics(tmp_path) == [{"epoch": k} for k in (1, 2, 3)][: text.count(b"\n")]


def test_a_bad_line_in_the_middle_is_damage(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch": 1}\n{"epo\n{"epoch": 3}\n')
    with pytest.raises(Damaged, match=r"metrics.jsonl:2 is damaged"):
        read_metrics(tmp_path)


def test_files_written_into_it(run: RunFolder) -> None:
    run.write("notes.json", b'{"headline": "high bias"}')
    assert read_record(run.path, "notes.json") == {"headline": "high bias"}
    for name in ("../x", "a/b", "run.json", ".lock", ""):
        with pytest.raises(ValueError, match="not a file"):
            run.write(name, b"")
    with pytest.raises(InputError, match="has no preparation.json"):
        read_record(run.path, "preparation.json")


def test_the_test_record(run: RunFolder) -> None:
    assert read_test(run.path) is None
    write_test(run.path, {"part": "test", "error": {"value": 0.02}})
    assert read_test(run.path) == {"part": "test", "error": {"value": 0.02}}


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1]", b"\xff", b'{"state": "asleep", "created": "x"}', b"[" * 100_000, b'{"state": []}']
)
def test_a_damaged_run_json(run: RunFolder, text: bytes) -> None:
    (run.path / "run.json").write_bytes(text)
    with pytest.raises(Damaged) as caught:
        read_run(run.path)
    assert caught.value.exit_code == 65 and "\n" not in str(caught.value)


LIVE = """
import sys, time
from dltrain.runs import create
run = create(sys.argv[1], "one", "x", {})
run.state("running")
run.append_metrics({"epoch": 1})
print("running", flush=True)
time.sleep(60)
"""


def test_a_killed_run_reads_as_interrupted_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LIVE, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "running\n"
            assert read_run(tmp_path / "one")["state"] == "running"
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert json.loads((tmp_path / "one" / "run.json").read_text())["state"] == "running"
    assert read_run(tmp_path / "one")["state"] == "interrupted"
    assert read_metrics(tmp_path / "one") == [{"epoch": 1}]


def test_a_run_that_finishes_between_two_looks_is_finished(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run.state("running")

    def finish(path: object) -> bool:
        run.state("finished")
        return False

    monkeypatch.setattr("dltrain.runs.records.held", finish)
    assert read_run(run.path)["state"] == "finished"


def test_looks_are_counted_by_rows(tmp_path: Path) -> None:
    assert record_look(tmp_path / "runs", "aa", "one", 100, 0.02) == 0
    assert record_look(tmp_path / "runs", "bb", "one", 100, 0.02) == 0
    assert record_look(tmp_path / "runs", "aa", "two", 100, 0.03) == 1
    with open(tmp_path / "runs" / "looks.jsonl", "ab") as file:
        file.write(b'[1]\n?\n{"rows_sha256": "aa", "ru')  # foreign lines, and one torn by a power loss
    assert record_look(tmp_path / "runs", "aa", "two", 100, 0.03) == 2
    looks = (tmp_path / "runs" / "looks.jsonl").read_text().splitlines()
    assert list(json.loads(looks[-1])) == ["rows_sha256", "run", "time", "n", "error"]


LOOK = "import sys; from dltrain.runs import record_look; print(record_look(sys.argv[1], 'aa', 'one', 5, 0.5))"


def test_looks_of_several_processes_are_all_counted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOOK, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    counts = [int(process.communicate()[0]) for process in processes]
    assert sorted(counts) == list(range(8))
    assert os.listdir(tmp_path) == ["looks.jsonl"]
