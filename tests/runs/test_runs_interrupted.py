"""Kills and disk errors at every operation of a run's whole life, start, resume and end included: the same command
again leaves the same bytes as an undisturbed run."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy

from dltrain.errors import StorageError
from dltrain.runs import peek
from dltrain.storage import operations
from dltrain.storage.operations import Operation


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither kills nor errors care whether the bytes are on the disk yet."""
    monkeypatch.setattr(operations, "_flush", lambda fd: None)


@pytest.fixture
def undisturbed(tmp_path: Path, quick: None) -> str:
    toy.train(tmp_path / "undisturbed")
    return toy.digest(tmp_path / "undisturbed")


def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    seen: list[Operation] = []
    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", seen.append)
        toy.train(tmp_path / "counted")
    return len(seen)


def test_the_toy_leaves_the_best_and_the_last(tmp_path: Path, undisturbed: str) -> None:
    names = sorted(os.listdir(tmp_path / "undisturbed" / toy.ID / "checkpoints"))
    assert [name[:13] for name in names] == ["step-00000008", "step-00000012"]
    assert toy.train(tmp_path / "undisturbed") == "finished"
    assert toy.digest(tmp_path / "undisturbed") == undisturbed


KILLED = """
import os, signal, sys
import numpy
import toy
from dltrain.runs import machine_facts
from dltrain.storage import operations
machine_facts()
operations._flush = lambda fd: None

def attempt(runs, kill, torn):
    "One process's life: killed before its operation number `kill`, or in the middle of its write number `kill`."
    child = os.fork()
    if not child:
        left = [kill]
        def hook(operation):
            left[0] -= not torn or operation.kind == "write"
            if left[0] == -1:
                if torn:
                    os.write(os.open(operation.path, os.O_WRONLY | os.O_APPEND), operation.data[: len(operation.data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
        operations.hook = hook
        try:
            toy.train(runs)
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

folder, mode = sys.argv[1:3]
if mode == "chain":
    for length in range(8, 60, 3):
        runs, kills = f"{folder}/chain{length}", 0
        while kills < 40 and attempt(runs, (length + kills) // (1 + kills % 2 * 3), torn=kills % 2 == 1):
            kills += 1
        attempt(runs, -1, False)
        print(kills, toy.digest(runs))
else:
    k = 0
    while True:
        runs = f"{folder}/{mode}{k}"
        if mode == "resume":
            attempt(runs, 14, True)
        if not attempt(runs, k, torn=mode == "torn"):
            break
        attempt(runs, -1, False)
        print(1, toy.digest(runs))
        k += 1
"""


@pytest.mark.parametrize(("mode", "least"), [("clean", 90), ("torn", 20), ("resume", 35), ("chain", 15)])
def test_killed_at_every_operation(tmp_path: Path, undisturbed: str, mode: str, least: int) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", KILLED, str(tmp_path), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) >= least
    assert {line[-1] for line in lines} == {undisturbed}, done.stdout
    assert mode != "chain" or max(int(line[0]) for line in lines) >= 10


def failing_at(k: int, number: int) -> Callable[[Operation], None]:
    left = [k]

    def hook(operation: Operation) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(number, os.strerror(number))

    return hook


def says_so(runs: Path, monkeypatch: pytest.MonkeyPatch, hook: Callable[[Operation], None]) -> bool:
    """Whether a run with this hook ends with exit code 74 and one line."""
    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", hook)
        try:
            toy.train(runs)
        except StorageError as error:
            assert error.exit_code == 74 and "\n" not in str(error)
            return True
    return False


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_an_error_at_every_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: str, number: int
) -> None:
    total = count(tmp_path, monkeypatch)
    assert total > 90
    for k in range(total):
        runs = tmp_path / f"runs{k}"
        assert says_so(runs, monkeypatch, failing_at(k, number)), k
        toy.train(runs)
        assert toy.digest(runs) == undisturbed, k
        assert not list((runs / toy.ID).rglob("*.tmp"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_at_every_operation_of_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: str, number: int
) -> None:
    assert says_so(tmp_path / "base", monkeypatch, failing_at(60, number))
    (tmp_path / "base" / toy.ID / "checkpoints" / ".step.01234567.tmp").write_bytes(b"left by a kill")
    with open(tmp_path / "base" / toy.ID / "metrics.jsonl", "ab") as file:
        file.write(b'{"epoch": 9}\n{"ep')
    said = []
    for k in itertools.count():
        runs = tmp_path / f"runs{k}"
        shutil.copytree(tmp_path / "base", runs)
        said.append(says_so(runs, monkeypatch, failing_at(k, number)))
        toy.train(runs)
        assert toy.digest(runs) == undisturbed, k
        if said[-3:] == [False] * 3:
            break
    assert k > 40 and said[:-3].count(False) == 1  # a temporary file that cannot be removed stops nobody


@pytest.mark.parametrize("k", range(0, 90, 9))
def test_a_disk_that_stays_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: str, k: int) -> None:
    left = [k]

    def hook(operation: Operation) -> None:
        left[0] -= 1
        if left[0] < 0 and operation.kind in ("write", "create", "make folder"):
            raise OSError(errno.ENOSPC, "")

    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", hook)
        for _ in range(2):
            with pytest.raises(StorageError, match="the disk is full"):
                toy.train(tmp_path)
    toy.train(tmp_path)
    record = peek(tmp_path, toy.ID)
    assert record is not None and record["state"] == "finished"
    assert toy.digest(tmp_path) == undisturbed


@pytest.mark.parametrize("keep", [1, 3])
def test_how_many_are_kept_on_the_way_leaves_no_trace(tmp_path: Path, undisturbed: str, keep: int) -> None:
    toy.train(tmp_path, keep=keep)
    assert toy.digest(tmp_path) == undisturbed
