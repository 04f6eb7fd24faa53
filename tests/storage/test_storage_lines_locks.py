"""Appending whole lines, and locks between real processes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.errors import InputError, RunHeld, StorageError
from dltrain.storage import (
    Lines,
    canonical_json,
    held,
    hold,
    operations,
    read_bytes,
    read_first,
    read_if_there,
    sha256_file,
    to_json,
)
from dltrain.storage.operations import Operation


def test_lines_are_added_and_read(tmp_path: Path) -> None:
    for line in ("one", "zwei: ü"):
        lines = Lines(tmp_path / "a")
        lines.append(line)
        lines.sync()
        assert lines.read() == (tmp_path / "a").read_bytes()
        lines.close()
    assert (tmp_path / "a").read_text(encoding="utf-8") == "one\nzwei: ü\n"


@pytest.mark.parametrize("torn", [b"", b"x", b'{"epoch": 3', b"y" * 200_000, bytes(70_000)])
@pytest.mark.parametrize("whole", [b"", b"one\n", b"one\n" * 40_000])
def test_a_torn_end_is_cut_off_on_opening(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    (tmp_path / "a").write_bytes(whole + torn)
    lines = Lines(tmp_path / "a")
    lines.append("next")
    assert lines.read() == whole + b"next\n"
    lines.close()
    assert (tmp_path / "a").read_bytes() == whole + b"next\n"


def test_lines_are_taken_back_from_a_place(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "a")
    for line in ("one", "two", "three"):
        lines.append(line)
    assert lines.length == 14
    for place in (-1, 3, 5, 13, 15):
        with pytest.raises(ValueError, match=f"no line of .* ends at byte {place}"):
            lines.cut(place)
    for place, left in ((14, b"one\ntwo\nthree\n"), (8, b"one\ntwo\n"), (0, b"")):
        lines.cut(place)
        assert lines.read() == (tmp_path / "a").read_bytes() == left and lines.length == place
    lines.append("again")
    lines.close()
    assert (tmp_path / "a").read_bytes() == b"again\n"


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines(tmp_path / "a")
    lines.append("one")
    whole = os.write

    def half(fd: int, data: memoryview) -> int:
        if len(data) < 4:
            raise OSError(errno.ENOSPC, "")
        return whole(fd, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(StorageError, match="the disk is full"):
            lines.append("0123456789")
    assert (tmp_path / "a").read_bytes() == b"one\n"
    lines.append("two")
    lines.close()
    assert (tmp_path / "a").read_bytes() == b"one\ntwo\n"


def test_after_a_failed_sync_the_file_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines(tmp_path / "a")

    def hook(operation: Operation) -> None:
        if operation.kind == "sync":
            raise OSError(errno.EIO, "")

    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", hook)
        with pytest.raises(StorageError, match="input/output"):
            lines.sync()
    for again in (lines.sync, lines.read, lambda: lines.append("x")):
        with pytest.raises(StorageError, match="given up"):
            again()


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name in ("fifo", "folder"):
        for use in (Lines, read_bytes, sha256_file):
            with pytest.raises(InputError, match="not a regular file|it is a folder"):
                use(tmp_path / name)


def test_reading_and_hashing(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "a").write_bytes(data)
    assert read_bytes(tmp_path / "a") == data
    assert read_if_there(tmp_path / "a", last=300) == data[-300:]
    assert read_if_there(tmp_path / "none") is None
    assert sha256_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    assert sha256_file(tmp_path / "a", from_disk=True) == hashlib.sha256(data).hexdigest()
    assert read_first(tmp_path / "a", 300) == data[:300] and read_first(tmp_path / "a", 1 << 30) == data
    with pytest.raises(InputError, match="no such file"):
        read_bytes(tmp_path / "none")


HOLDER = """
import sys, time
from dltrain.storage import hold
lock = hold(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_lasts_as_long_as_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not held(path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            assert held(path)
            with pytest.raises(RunHeld, match="held by another live process"):
                hold(path, patience=0.05)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert not held(path)
    hold(path).release()


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    with hold(tmp_path / "lock"):
        assert held(tmp_path / "lock")
    lock = hold(tmp_path / "lock")
    lock.release()
    lock.release()
    assert not held(tmp_path / "lock")


ASKER = """
import sys
from dltrain.storage import held
print("asking", flush=True)
while True:
    held(sys.argv[1])
"""


def test_those_who_ask_do_not_keep_others_from_holding(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    hold(path).release()
    with subprocess.Popen([sys.executable, "-c", ASKER, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            for _ in range(20):
                hold(path, patience=30).release()
        finally:
            process.kill()


def test_a_child_process_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = hold(tmp_path / "lock")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        try:
            lock.release()
            assert not held(tmp_path / "lock")
        finally:
            child.kill()


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(InputError, match="no locks") as caught:
        hold(tmp_path / "lock", patience=60)
    assert caught.value.exit_code == 2
    assert held(tmp_path / "lock")  # it cannot be found out: the safe answer


def test_json_is_what_every_reader_takes() -> None:
    value = {"b": np.float32(0.5), "a": [float("nan"), np.inf, np.int64(3)], "c": np.array([1.0, np.nan]), "ü": (1,)}
    assert to_json(value) == '{"b": 0.5, "a": [null, null, 3], "c": [1.0, null], "ü": [1]}'
    assert canonical_json({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'
    with pytest.raises(ValueError):
        canonical_json(float("nan"))
    with pytest.raises(TypeError, match="set has no place in JSON"):
        to_json({"x": {1}})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_json_never_holds_nan(value: object) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(to_json(value), parse_constant=refuse)
