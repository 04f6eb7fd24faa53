"""Claiming run ids: which are allowed, one winner among many processes, errors and kills on the way."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dltrain.errors import InputError, RunExists, RunHeld, StorageError
from dltrain.runs import checked_id, create, list_runs, new_id, read_run
from dltrain.storage import held, operations
from dltrain.storage.operations import Operation

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NOW = datetime(2026, 11, 22, 13, 30, 5, tzinfo=UTC)


@given(st.text(max_size=80))
@example("../x")
@example("a/b")
@example("a\n")
@example("é")
@example("")
@example(".")
def test_only_safe_names_are_ids(text: str) -> None:
    if ID.fullmatch(text) and text.lower() not in ("latest", "run.json"):
        return
    with pytest.raises(InputError) as caught:
        checked_id(text)
    line = str(caught.value)
    assert "\n" not in line and caught.value.exit_code == 2
    checked_id(line.rpartition("try ")[2])  # what it suggests is allowed


@given(st.from_regex(ID, fullmatch=True).filter(lambda text: "." not in text and text.lower() not in RESERVED))
def test_safe_names_pass_unchanged(text: str) -> None:
    assert checked_id(text) == text


RESERVED = ("latest", "checkpoints", "requests", "trials")


@pytest.mark.parametrize(
    "name", ["latest", "Latest", "run.json", "study.json", "looks.jsonl", "metrics.jsonl", "trials"]
)
def test_reserved_names(name: str) -> None:
    with pytest.raises(InputError, match="reserved"):
        checked_id(name)


@given(st.text())
@example("my config (2)")
@example("x" * 300)
def test_new_ids_are_ids_and_carry_name_and_time(name: str) -> None:
    made = new_id(name, NOW)
    assert checked_id(made) == made
    assert re.fullmatch(r".+-20261122T133005Z-[0-9a-f]{6}", made)


def test_a_new_id_reads_as_its_config() -> None:
    assert new_id("breast_cancer", NOW).startswith("breast_cancer-20261122T133005Z-")
    assert new_id("a b/c", NOW).startswith("a-b-c-2026")
    assert new_id("…", NOW).startswith("run-2026")
    assert new_id("a", NOW) != new_id("a", NOW)


def test_a_new_run_is_whole_held_and_described(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    with create(runs, "one", "x", {"config.yaml": b"seed: 1\n"}, task="binary", data_sha256="ab", threads=2) as run:
        assert run.id == "one" and run.path == runs / "one"
        assert held(run.path / ".lock")
        assert sorted(os.listdir(run.path)) == [".lock", "config.yaml", "events.jsonl", "metrics.jsonl", "run.json"]
        record = json.loads((run.path / "run.json").read_text())
        assert record["state"] == "created" and record["task"] == "binary" and record["threads"] == 2
        assert record["data"] == {"sha256": "ab"} and record["parent"] is None
        assert set(record["versions"]) == {"dltrain", "python", "numpy"}
        assert record["blas"] and record["cpu"]["cores"] >= 1
        assert record["process"]["pid"] == os.getpid()
    assert not held(run.path / ".lock")
    assert os.listdir(runs) == ["one"]


@pytest.mark.parametrize("name", ["a/b", "../x", ".lock", "", "run.json", "metrics.jsonl"])
def test_only_plain_files_go_into_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a file"):
        create(tmp_path, "one", "x", {name: b""})
    assert os.listdir(tmp_path) == []


def test_a_taken_id_is_refused_and_untouched(tmp_path: Path) -> None:
    run = create(tmp_path, "one", "x", {"config.yaml": b"first"})
    before = {name: (tmp_path / "one" / name).read_bytes() for name in os.listdir(tmp_path / "one")}
    with pytest.raises(RunHeld, match=f"run one .* held by another live process .pid {os.getpid()}") as caught:
        create(tmp_path, "one", "x", {"config.yaml": b"second"})
    assert caught.value.exit_code == 69
    run.close()
    with pytest.raises(RunExists, match=r"run one exists already .*\(interrupted\).*--run-id") as exists:
        create(tmp_path, "one", "x", {"config.yaml": b"second"})
    assert exists.value.exit_code == 73
    assert {name: (tmp_path / "one" / name).read_bytes() for name in os.listdir(tmp_path / "one")} == before
    assert os.listdir(tmp_path) == ["one"]


def test_whatever_has_the_name_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("kept")
    for name in ("file", "link", "foreign"):
        with pytest.raises(RunExists):
            create(tmp_path, name, "x", {})
    (tmp_path / "hollow").mkdir()
    create(tmp_path, "hollow", "x", {}).close()
    assert (tmp_path / "foreign" / "thesis.tex").read_text() == (tmp_path / "file").read_text() == "kept"


RACE = """
import os, sys
from dltrain.errors import InputError
from dltrain.runs import create, machine_facts
machine_facts()
folder, rounds, racers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(rounds):
    start, go = os.pipe()
    results, answer = os.pipe()
    alive, die = os.pipe()
    children = []
    for racer in range(racers):
        if not (child := os.fork()):
            os.close(go), os.close(die)
            os.read(start, 1)
            try:
                create(folder, f"run{number}", "x", {"config.yaml": b"%d" % racer})
                os.write(answer, b"won %d\\n" % racer)
            except InputError as error:
                os.write(answer, b"lost %d\\n" % error.exit_code)
            os.read(alive, 1)
            os._exit(0)
        children.append(child)
    os.close(go)
    os.close(answer)
    said = b""
    while said.count(b"\\n") < racers:
        said += os.read(results, 65536)
    os.close(die)
    for child in children:
        os.waitpid(child, 0)
    for fd in (start, results, alive):
        os.close(fd)
    lines = said.decode().split("\\n")[:-1]
    print(sum(line.startswith("won") for line in lines), lines.count("lost 69"),
          open(f"{folder}/run{number}/config.yaml").read() in [line[4:] for line in lines if line.startswith("won")])
"""


def test_fifty_processes_one_winner(tmp_path: Path) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RACE, str(tmp_path), "8", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == ["1 49 True"] * 8
    assert sorted(os.listdir(tmp_path)) == [f"run{number}" for number in range(8)]


def _operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Operation]:
    seen: list[Operation] = []
    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", seen.append)
        create(tmp_path / "dry", "one", "x", {"config.yaml": b"x"}).close()
    return seen


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_at_each_operation_leaves_no_half_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    seen = _operations(tmp_path, monkeypatch)
    published = next(k for k, operation in enumerate(seen) if operation.kind == "rename")
    assert len(seen) > 15
    for k in range(len(seen)):
        left = [k]

        def hook(operation: Operation, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise OSError(number, "")

        runs = tmp_path / f"runs{k}"
        with monkeypatch.context() as patch:
            patch.setattr(operations, "hook", hook)
            with pytest.raises(StorageError) as caught:
                create(runs, "one", "x", {"config.yaml": b"x"})
        assert "\n" not in str(caught.value)
        assert (os.listdir(runs) if runs.exists() else []) == (["one"] if k > published else [])
        if k > published:
            assert read_run(runs / "one")["state"] == "interrupted"


KILLED = """
import os, signal, sys
from dltrain.runs import create, machine_facts
from dltrain.storage import operations
machine_facts()
k = 0
while True:
    if not (child := os.fork()):
        left = [k]
        def hook(operation):
            left[0] -= 1
            if left[0] == -1:
                os.kill(os.getpid(), signal.SIGKILL)
        operations.hook = hook
        create(f"{sys.argv[1]}/{k}", "one", "x", {"config.yaml": b"x"})
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
    k += 1
print(k)
"""


def test_killed_at_each_operation_a_run_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    kills = int(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    assert kills > 15
    there = 0
    for k in range(kills):
        listed = list_runs(tmp_path / str(k))
        assert [run.state for run in listed] in ([], ["interrupted"])
        there += len(listed)
        if listed:
            assert (listed[0].path / "config.yaml").read_bytes() == b"x"
        else:  # what is left half made is hidden and in nobody's way
            create(tmp_path / str(k), "one", "x", {}).close()
    assert 0 < there < kills


def test_stale_staging_folders_are_swept_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".staging-old-1", ".staging-new-2", ".staging-live-3", ".other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    from dltrain.storage import hold

    lock = hold(tmp_path / ".staging-live-3" / ".lock")
    long_ago = time.time() - 7200
    for name in (".staging-old-1", ".staging-live-3", ".other"):
        os.utime(tmp_path / name, (long_ago, long_ago))
    create(tmp_path, "one", "x", {}).close()
    assert sorted(os.listdir(tmp_path)) == [".other", ".staging-live-3", ".staging-new-2", "one"]
    lock.release()


def test_a_runs_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        create(tmp_path / "file", None, "x", {})
    assert caught.value.exit_code == 2 and str(tmp_path / "file") in str(caught.value)
