"""The ways a training ends other than well: what is said, what is kept, and the exit code."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import call, trees

from dltrain import experiment, runs
from dltrain.cli import boundary
from dltrain.errors import StorageError

HUGE = "optimizer={kind: gradient_descent, learning_rate: 1e6}"
RELU = "architecture={layers: [8, 8, 8], activation: relu}"


# ---- diverged


def test_a_diverging_run_stops_says_so_and_keeps_what_it_has(empty_folder: Path) -> None:
    called = call(
        "train",
        trees(empty_folder),
        "--run-id",
        "lost",
        HUGE,
        RELU,
        "schedule={kind: manual, values: {1: 0.01, 3: 1e9}}",
    )
    assert (called.code, called.out) == (3, "runs/lost\n")
    assert len(called.errors) == 1
    assert called.errors[0].startswith("error: diverged at step ")
    assert "try a lower optimizer.learning_rate" in called.errors[0]
    record = runs.read_run("runs/lost")
    assert (record["state"], record["epochs"]) == ("diverged", 2)
    assert record["reason"] in called.errors[0]
    assert [line["epoch"] for line in runs.read_metrics("runs/lost")] == [1, 2]
    theta, _, _ = runs.decode_model("runs/lost/model.safetensors")
    assert np.isfinite(theta).all() and theta.any()
    assert not Path("runs/lost/diagnosis.json").exists()
    assert Path("runs/lost/report.html").exists()
    events = [json.loads(line) for line in Path("runs/lost/events.jsonl").read_text().splitlines()]
    assert [event for event in events if event["kind"] == "diverged"][0]["step"] == record["step"]


def test_diverged_in_other_words(empty_folder: Path) -> None:
    config = trees(empty_folder)
    quiet = call("train", config, "-q", "--run-id", "quiet", HUGE, RELU)
    assert (quiet.code, quiet.out, len(quiet.err.splitlines())) == (3, "runs/quiet\n", 1)
    told = call("train", config, "--json", "--run-id", "told", HUGE, RELU)
    assert (told.code, len(told.err.splitlines())) == (3, 1)
    assert (told.json["run"], told.json["state"]) == ("runs/told", "diverged")
    assert set(told.json["diverged"]) == {"epoch", "step", "layer", "what"}


def test_what_a_diverged_run_keeps_is_refused_where_it_gives_no_number(shelf: Path) -> None:
    for more in ((), ("--json",), ("--data", shelf / "trees.csv")):
        called = call("evaluate", "lost", "--part", "dev", *more, "--runs-dir", shelf / "runs")
        assert (called.code, called.out, len(called.errors)) == (2, "", 1)
        assert "did its training diverge" in called.err


# ---- a bug


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("this should\nnot be")


def test_a_bug_is_one_line_and_a_traceback_in_the_folder(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trees(empty_folder)
    monkeypatch.setattr(experiment, "diagnose", broken)
    called = call("train", config, "-q", "--run-id", "broken")
    assert (called.code, called.out) == (70, "")
    assert len(called.err.splitlines()) == 1
    assert called.err.startswith("error: a bug in dltrain: RuntimeError: this should not be (test_cli_ends.py:")
    assert runs.read_run("runs/broken")["state"] == "failed"
    assert runs.read_run("runs/broken")["epochs"] == 3
    assert "RuntimeError: this should" in Path("runs/broken/traceback.txt").read_text()
    assert len(runs.read_metrics("runs/broken")) == 3


def test_debug_shows_the_traceback(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltrain.config.schema", broken)
    assert "Traceback" not in call("schema").err
    called = call("schema", debug=True)
    assert called.code == 70
    assert "Traceback (most recent call last)" in called.err and "RuntimeError: this should" in called.err


def test_debug_stands_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], bool]] = []
    monkeypatch.setattr(boundary, "run", lambda arguments, debug: seen.append((arguments, debug)) or 0)
    for typed in (["--debug", "schema"], ["schema", "--debug"]):
        monkeypatch.setattr(sys, "argv", ["dltrain", *typed])
        with pytest.raises(SystemExit):
            boundary.main()
    assert seen == [(["schema"], True)] * 2


# ---- the disk


def full(*_: Any, **__: Any) -> Any:
    raise StorageError("cannot write: the disk is full")


@pytest.mark.parametrize("name", ["append_metrics", "write_all", "event"])
def test_a_full_disk_is_said_as_such(name: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trees(empty_folder)
    monkeypatch.setattr(runs.RunFolder, name, full)
    called = call("train", config, "-q", "--run-id", "full")
    assert (called.code, called.out, called.err) == (74, "", "error: cannot write: the disk is full\n")
    assert runs.read_run("runs/full")["state"] == "interrupted"  # with more room it can go on
    assert not Path("runs/full/traceback.txt").exists()


def test_bookkeeping_does_not_hide_why_it_ended(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full from the middle on: not even the state can be written."""
    config = trees(empty_folder)
    honest = runs.RunFolder.state

    def state(self: runs.RunFolder, new_state: Any, **fields: Any) -> None:
        return honest(self, new_state, **fields) if new_state == "running" else full()

    monkeypatch.setattr(runs.RunFolder, "state", state)
    monkeypatch.setattr(runs.RunFolder, "append_metrics", broken)
    assert call("train", config, "-q", "--run-id", "a").code == 70
    monkeypatch.setattr(runs.RunFolder, "append_metrics", full)
    assert call("train", config, "-q", "--run-id", "b").code == 74
    assert runs.read_run("runs/b")["state"] == "interrupted"  # nobody holds it any more
    monkeypatch.setattr(runs.RunFolder, "append_metrics", interrupt)
    assert call("train", config, "-q", "--run-id", "c").code == 130


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a disk that is full")
def test_a_full_disk_behind_stdout(shelf: Path) -> None:
    command = [sys.executable, "-m", "dltrain", "runs", "--runs-dir", str(shelf / "runs")]
    with open("/dev/full", "w") as nowhere:
        done = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (74, f"error: cannot write: {os.strerror(errno.ENOSPC)}\n")


# ---- Ctrl-C


def test_an_interrupt_keeps_the_folder(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trees(empty_folder)
    monkeypatch.setattr(experiment, "diagnose", interrupt)
    called = call("train", config, "-q", "--run-id", "stopped")
    assert (called.code, called.out) == (130, "")
    assert called.err == "error: interrupted\n"
    record = runs.read_run("runs/stopped")
    assert (record["state"], record["epochs"], record["steps"]) == ("interrupted", 3, 9)
    assert len(runs.read_metrics("runs/stopped")) == 3


def listen() -> None:
    """Where the tests run in the background SIGINT is ignored, and a child inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_sigint_to_a_process(empty_folder: Path) -> None:
    trees(empty_folder)
    command = [sys.executable, "-m", "dltrain", "train", "trees.yaml", "--run-id", "stopped", "training.epochs=1000000"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen,
    ) as process:
        metrics = Path("runs/stopped/metrics.jsonl")
        deadline = time.monotonic() + 60
        while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "note: SIGINT: stopped after a checkpoint; dltrain resume runs/stopped goes on"
    assert "Traceback" not in err
    record = runs.read_run("runs/stopped")
    assert record["state"] == "interrupted"
    assert record["epochs"] == len(runs.read_metrics("runs/stopped")) >= 1


# ---- nobody reads


def piped(command: str, *arguments: str) -> tuple[list[int], str]:
    """The exit codes of `dltrain ARGUMENTS COMMAND`, a shell's redirection or pipe, and what stderr held."""
    line = f'"{sys.executable}" -m dltrain "$@" {command}; echo "${{PIPESTATUS[@]}}" >codes'
    done = subprocess.run(["bash", "-c", line, "bash", *arguments], capture_output=True, text=True)
    return [int(code) for code in Path("codes").read_text().split()], done.stderr


def test_training_goes_on_when_nobody_reads_stdout(empty_folder: Path) -> None:
    trees(empty_folder)
    codes, err = piped("| true", "train", "trees.yaml", "--run-id", "unread")
    assert codes[0] == 0
    assert "Traceback" not in err and "error" not in err.lower().replace("dev error", "")
    assert runs.read_run("runs/unread")["state"] == "finished"


def test_training_goes_on_when_nobody_reads_stderr(empty_folder: Path) -> None:
    trees(empty_folder)
    codes, _ = piped("2>&1 | head -1", "train", "trees.yaml", "--run-id", "unread", "training.epochs=50")
    assert codes[0] == 0
    assert runs.read_run("runs/unread")["state"] == "finished"


def test_training_goes_on_with_all_streams_closed(empty_folder: Path) -> None:
    trees(empty_folder)
    codes, _ = piped("<&- >&- 2>&-", "train", "trees.yaml", "--run-id", "closed")
    assert codes == [0]
    assert runs.read_run("runs/closed")["state"] == "finished"


def test_a_closed_stdout_ends_the_others_quietly(shelf: Path, empty_folder: Path) -> None:
    for arguments in (["runs", "--csv"], ["predict", "trees", str(shelf / "trees.csv")], ["schema"]):
        more = [] if arguments == ["schema"] else ["--runs-dir", str(shelf / "runs")]
        _, err = piped("| true", *arguments, *more)
        assert err == "", arguments
