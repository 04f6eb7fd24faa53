"""Files are the old one or the new one, whole: under errors at every operation and kills at every operation."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dltrain.errors import InputError, StorageError
from dltrain.storage import (
    fill_folder,
    make_folders,
    operations,
    publish_folder,
    remove,
    remove_tree,
    sweep_temporaries,
    write_bytes,
    write_json,
    write_pieces,
    write_text,
)
from dltrain.storage.operations import Operation

DISK_ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EIO]
Failer = Callable[[int, int], None]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Operation]:
    seen: list[Operation] = []
    monkeypatch.setattr(operations, "hook", seen.append)
    return seen


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> Failer:
    """fail_at(k, errno): the k-th operation from now fails, no other."""

    def arrange(k: int, number: int) -> None:
        left = [k]

        def hook(operation: Operation) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise OSError(number, os.strerror(number))

        monkeypatch.setattr(operations, "hook", hook)

    return arrange


def test_the_bytes_are_there_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"one")
    write_bytes(tmp_path / "a", b"two")
    write_text(tmp_path / "b", "größer\n")
    write_json(tmp_path / "c", {"b": 1, "a": [1.5, None]})
    assert (tmp_path / "a").read_bytes() == b"two"
    assert (tmp_path / "b").read_text(encoding="utf-8") == "größer\n"
    assert json.loads((tmp_path / "c").read_text()) == {"b": 1, "a": [1.5, None]}
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_pieces_are_one_file(tmp_path: Path, log: list[Operation]) -> None:
    write_pieces(tmp_path / "a", (b"one", memoryview(b"two"), b"", bytearray(3)))
    assert (tmp_path / "a").read_bytes() == b"onetwo\0\0\0"
    assert [operation.kind for operation in log] == [
        "create",
        "write",
        "write",
        "write",
        "sync",
        "rename",
        "sync folder",
    ]


@pytest.mark.parametrize("kind", ["file", "folder", "link", "fifo", "nothing"])
def test_removing_whatever_is_there(tmp_path: Path, kind: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("x")
    path = tmp_path / "a"
    if kind == "file":
        path.write_text("")
    elif kind == "folder":
        (path / "b").mkdir(parents=True)
    elif kind == "link":
        path.symlink_to(tmp_path / "outside")
    elif kind == "fifo":
        os.mkfifo(path)
    remove(path)
    assert os.listdir(tmp_path) == ["outside"] and os.listdir(tmp_path / "outside") == ["precious"]


def test_what_cannot_be_removed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(operation: Operation) -> None:
        raise OSError(errno.EIO, "")

    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(operations, "hook", hook)
    with pytest.raises(StorageError, match="cannot remove"):
        remove(tmp_path / "file")
    with pytest.raises(InputError, match="cannot remove"):
        remove(tmp_path / "folder")


def test_a_relative_path_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_bytes("a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_the_protocol_in_order(tmp_path: Path, log: list[Operation]) -> None:
    write_bytes(tmp_path / "a", b"data")
    assert [operation.kind for operation in log] == ["create", "write", "sync", "rename", "sync folder"]
    assert os.path.dirname(log[0].path) == str(tmp_path)
    assert log[3].path == log[0].path and log[3].target == str(tmp_path / "a")


def test_the_temporary_file_is_a_new_one_never_a_link_laid_out_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltrain.storage.durable.token", lambda size: "00000000")
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".a.00000000.tmp").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="exists already"):
        write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "precious").read_text() == "kept"


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:3]))
    write_bytes(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_a_file_that_takes_no_byte_is_an_error_not_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(StorageError, match="cannot write"):
        write_bytes(tmp_path / "a", b"0")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", DISK_ERRORS)
@pytest.mark.parametrize("k", range(5))
def test_an_error_at_each_operation(tmp_path: Path, fail_at: Failer, k: int, number: int) -> None:
    target = tmp_path / "file.json"
    target.write_bytes(b"old")
    fail_at(k, number)
    with pytest.raises(StorageError) as caught:
        write_bytes(target, b"new")
    assert caught.value.exit_code == 74
    line = str(caught.value)
    assert "\n" not in line and str(target) in line
    assert target.read_bytes() == (b"new" if k == 4 else b"old")  # 4: after the rename only the folder's sync
    assert os.listdir(tmp_path) == ["file.json"]


def test_a_failed_sync_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []

    def hook(operation: Operation) -> None:
        if operation.kind == "sync":
            syncs.append(operation)
            raise OSError(errno.EIO, "")

    monkeypatch.setattr(operations, "hook", hook)
    with pytest.raises(StorageError, match="input/output error"):
        write_bytes(tmp_path / "a", b"x")
    assert len(syncs) == 1


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, StorageError, "the disk is full"),
        (errno.EDQUOT, StorageError, "quota"),
        (errno.EROFS, InputError, "read-only"),
        (errno.EACCES, InputError, "permission denied"),
        (errno.ENXIO, StorageError, "no such device or address"),
    ],
)
def test_the_cause_in_words(tmp_path: Path, fail_at: Failer, number: int, kind: type[InputError], words: str) -> None:
    fail_at(0, number)
    with pytest.raises(InputError, match=words) as caught:
        write_bytes(tmp_path / "a", b"x")
    assert type(caught.value) is kind


def test_real_refusals(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "none" / "a", tmp_path / "file" / "a", tmp_path / ("n" * 300)):
        with pytest.raises(InputError) as caught:
            write_bytes(path, b"x")
        assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_a_path_with_a_line_break_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        write_bytes(tmp_path / "a\nb" / "c", b"x")
    assert "\n" not in str(caught.value)


LIMITED = """
import resource, sys
from dltrain.errors import InputError
from dltrain.storage import Lines, write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for use in (lambda: write_bytes(sys.argv[1] + "/a", b"n" * 5000), lambda: Lines(sys.argv[1] + "/b").append("n" * 5000)):
    try:
        use()
    except InputError as error:
        print(error.exit_code, error)
"""


def test_a_file_the_system_really_cuts_short(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").write_bytes(b"old\n")
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["74", "74"], done.stdout
    assert (tmp_path / "a").read_bytes() == b"old" and (tmp_path / "b").read_bytes() == b"old\n"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


KILLED = """
import os, signal, sys
from dltrain.storage import operations, write_bytes
path, rounds = sys.argv[1], int(sys.argv[2])
for k in range(rounds):
    if not (child := os.fork()):
        left = [k]
        def hook(operation):
            left[0] -= 1
            if left[0] == -1:
                os.kill(os.getpid(), signal.SIGKILL)
        operations.hook = hook
        write_bytes(path, b"%d" % k * 100_000)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    with open(path, "rb") as file:
        print(k, os.WTERMSIG(status), file.read()[:99999:99998].decode(), os.path.getsize(path))
"""


def test_killed_before_each_operation(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"x" * 100_000)
    done = subprocess.run([sys.executable, "-c", KILLED, target, "6"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [(row[1], row[2]) for row in rows] == [*[("9", "xx")] * 4, ("9", "44"), ("0", "55")]
    assert {row[3] for row in rows} == {"100000"}
    left = [name for name in os.listdir(tmp_path) if name != "a"]
    assert len(left) == 3  # killed before write, sync and rename; before the create there was none
    sweep_temporaries(tmp_path)
    assert os.listdir(tmp_path) == ["a"]


def test_the_sweep_takes_nothing_else(tmp_path: Path) -> None:
    keep = [".hidden", "a.tmp", ".a.tmp", ".a.0123456z.tmp", "a.01234567.tmp"]
    for name in keep:
        (tmp_path / name).write_text("")
    (tmp_path / ".a.01234567.tmp").write_text("")
    (tmp_path / ".folder.01234567.tmp").mkdir()
    sweep_temporaries(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([*keep, ".folder.01234567.tmp"])


def test_folders_above_are_made_and_synced(tmp_path: Path, log: list[Operation]) -> None:
    make_folders(tmp_path / "a" / "b")
    make_folders(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert [(operation.kind, operation.path) for operation in log] == [
        ("make folder", str(tmp_path / "a")),
        ("sync folder", str(tmp_path)),
        ("make folder", str(tmp_path / "a" / "b")),
        ("sync folder", str(tmp_path / "a")),
    ]


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match="exists already"):
        make_folders(tmp_path / "a")
    with pytest.raises(InputError, match="file, not a folder|exists already"):
        make_folders(tmp_path / "a" / "b")


def test_publishing_takes_a_free_name_only(tmp_path: Path) -> None:
    for name in ("s1", "s2", "s3", "s4", "s5"):
        (tmp_path / name).mkdir()
        fill_folder(tmp_path / name, {"run.json": name.encode(), "empty": b""})
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "hollow").mkdir()
    assert publish_folder(tmp_path / "s1", tmp_path / "run")
    assert not publish_folder(tmp_path / "s2", tmp_path / "run")
    assert not publish_folder(tmp_path / "s3", tmp_path / "file")
    assert not publish_folder(tmp_path / "s4", tmp_path / "link")
    assert publish_folder(tmp_path / "s5", tmp_path / "hollow")
    assert (tmp_path / "run" / "run.json").read_text() == "s1"
    assert (tmp_path / "file").read_text() == "kept"


def test_removing_a_tree_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("x")
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "tree" / "below" / "a").write_text("")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")
    assert os.listdir(tmp_path) == ["outside"] and (tmp_path / "outside" / "precious").exists()
