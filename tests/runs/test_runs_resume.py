"""Looking at a run that exists, and taking it over."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.errors import Damaged, InputError, RunHeld
from dltrain.runs import RunOver, create, peek, read_events, read_metrics, reopen
from dltrain.storage import operations


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens when the power fails is tested elsewhere."""
    monkeypatch.setattr(operations, "_flush", lambda fd: None)


STATES = ("created", "running", "interrupted", "failed", "finished", "diverged")


def left(runs: Path, state: str, name: str = "one") -> Path:
    """A run that its process left in this state, with one checkpoint and one line more."""
    with create(runs, name, "x", {}) as run:
        run.append_metrics({"epoch": 1})
        run.save_checkpoint({"theta": np.zeros(2)}, {"step": 5, "epoch": 1})
        run.append_metrics({"epoch": 2})
        if state != "created":
            run.state("running")
        if state not in ("created", "running"):
            run.state(state)  # type: ignore[arg-type]
    return run.path


@pytest.mark.parametrize("state", STATES)
def test_a_quick_look(tmp_path: Path, state: str) -> None:
    left(tmp_path, state)
    record = peek(tmp_path, "one")
    assert record is not None
    assert record["state"] == ("interrupted" if state in ("created", "running") else state)
    assert json.loads((tmp_path / "one" / "run.json").read_text())["state"] == state


def test_a_look_at_a_live_run(tmp_path: Path) -> None:
    with create(tmp_path, "one", "x", {}) as run:
        for state in ("created", "running"):
            if state == "running":
                run.state("running")
            record = peek(tmp_path, "one")
            assert record is not None and record["state"] == state


def test_no_such_run(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("")
    (tmp_path / "file").write_text("")
    for name in ("none", "foreign", "file"):
        assert peek(tmp_path, name) is None
        with pytest.raises(InputError, match="there is no run"):
            reopen(tmp_path, name)
    assert peek(tmp_path / "nowhere", "one") is None
    assert sorted(os.listdir(tmp_path)) == ["file", "foreign"] and os.listdir(tmp_path / "foreign") == ["thesis.tex"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "/etc"])
def test_names_that_are_no_ids(tmp_path: Path, name: str) -> None:
    for use in (peek, reopen):
        with pytest.raises(InputError, match="expected the name of a folder") as caught:
            use(tmp_path, name)
        assert "\n" not in str(caught.value)


BROKEN: dict[str, Any] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "fifo": lambda path: (path.unlink(), os.mkfifo(path)),
    "link": lambda path: (path.rename(path.with_name("other")), path.symlink_to("other")),
    "unknown state": lambda path: path.write_text('{"state": "asleep", "created": "x"}'),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_run_json(tmp_path: Path, kind: str) -> None:
    path = left(tmp_path, "running")
    BROKEN[kind](path / "run.json")
    before = sorted(os.listdir(path))
    for use in (peek, reopen):
        with pytest.raises(Damaged, match="is damaged") as caught:
            use(tmp_path, "one")
        assert caught.value.exit_code == 65 and "\n" not in str(caught.value)
    assert sorted(os.listdir(path)) == before


@pytest.mark.parametrize("name", ["metrics.jsonl", "events.jsonl"])
@pytest.mark.parametrize("kind", ["folder", "fifo", "link"])
def test_odd_things_in_place_of_lines(tmp_path: Path, name: str, kind: str) -> None:
    path = left(tmp_path, "running")
    BROKEN[kind](path / name)
    with pytest.raises(Damaged, match=f"{name} is damaged: not a regular file"):
        reopen(tmp_path, "one")
    record = peek(tmp_path, "one")  # and the lock was given back
    assert record is not None and record["state"] == "interrupted"


@pytest.mark.parametrize("state", ["created", "running", "interrupted", "failed"])
def test_taking_over(tmp_path: Path, state: str) -> None:
    path = left(tmp_path, state)
    (path / ".run.json.01234567.tmp").write_text("{")
    (path / "checkpoints" / ".step.01234567.tmp").write_text("half")
    before = (path / "run.json").read_bytes()
    with open(path / "metrics.jsonl", "ab") as file:
        file.write(b'{"epo')
    with reopen(tmp_path, "one") as run:
        assert (path / "run.json").read_bytes() == before
        with pytest.raises(RunHeld, match=r"run one in .* held by another live process .pid \d+ on ") as caught:
            reopen(tmp_path, "one")
        assert caught.value.exit_code == 69
        found = run.load_checkpoint()
        assert found is not None and found.meta["epoch"] == 1
        run.state("running")
        record = peek(tmp_path, "one")
        assert record is not None and record["state"] == "running" and record["process"]["pid"] == os.getpid()
        assert record["created"] == json.loads(before)["created"]
        run.append_metrics({"epoch": 2, "again": True})
        run.state("finished")
    assert read_metrics(path) == [{"epoch": 1}, {"epoch": 2, "again": True}]
    assert not list(path.rglob("*.tmp")) and read_events(path) == []


@pytest.mark.parametrize("state", ["finished", "diverged"])
def test_what_is_over_is_not_taken_over(tmp_path: Path, state: str) -> None:
    path = left(tmp_path, state)
    (path / ".run.json.01234567.tmp").write_text("{")
    before = {name: (path / name).stat() for name in os.listdir(path) if name != ".lock"}
    with pytest.raises(RunOver, match=f"has {state}") as caught:
        reopen(tmp_path, "one")
    assert isinstance(caught.value, ValueError) and caught.value.record["state"] == state
    after = {name: (path / name).stat() for name in os.listdir(path) if name != ".lock"}
    assert {name: (s.st_mtime_ns, s.st_size) for name, s in after.items()} == {
        name: (s.st_mtime_ns, s.st_size) for name, s in before.items()
    }
    record = peek(tmp_path, "one")
    assert record is not None and record["state"] == state


def test_nothing_is_written_before_the_checkpoint_is_loaded(tmp_path: Path) -> None:
    left(tmp_path, "running")
    with reopen(tmp_path, "one") as run:
        for write in (lambda: run.append_metrics({}), lambda: run.save_checkpoint({}, {"step": 1})):
            with pytest.raises(ValueError, match="goes on from load_checkpoint"):
                write()
        run.event("note")
        run.load_checkpoint()
        run.append_metrics({"epoch": 2})


def test_metrics_that_are_gone(tmp_path: Path) -> None:
    path = left(tmp_path, "running")
    (path / "metrics.jsonl").unlink()
    with reopen(tmp_path, "one") as run, pytest.raises(Damaged, match="metrics.jsonl"):
        run.load_checkpoint()


def test_checkpoints_that_are_no_folder(tmp_path: Path) -> None:
    path = left(tmp_path, "running")
    shutil.rmtree(path / "checkpoints")
    (path / "checkpoints").write_text("")
    with reopen(tmp_path, "one") as run, pytest.raises(Damaged, match="checkpoints is damaged: not a folder"):
        run.load_checkpoint()


def test_a_quick_look_loads_no_heavy_library(tmp_path: Path) -> None:
    left(tmp_path, "finished")
    program = (
        "import sys; from dltrain import runs; record = runs.peek(sys.argv[1], 'one'); "
        "print(record['state'], runs.same_request(record, [b'x'], []), runs.peek(sys.argv[1], 'two'));"
        "print([name for name in ('numpy', 'safetensors', 'pydantic', 'threadpoolctl', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "finished False None\n[]\n"


RACE = """
import os, sys
from dltrain.errors import InputError
from dltrain.runs import peek, reopen
import numpy, safetensors
folder, racers = sys.argv[1], int(sys.argv[2])
start, go = os.pipe()
results, answer = os.pipe()
alive, die = os.pipe()
for racer in range(racers):
    if not os.fork():
        os.close(go), os.close(die)
        os.read(start, 1)
        try:
            assert peek(folder, "one")["state"] in ("interrupted", "running")
            run = reopen(folder, "one")
            run.load_checkpoint()
            run.state("running", winner=racer)
            os.write(answer, b"won %d\\n" % racer)
        except InputError as error:
            os.write(answer, b"lost %d\\n" % error.exit_code)
        except BaseException as error:
            os.write(answer, repr(error).encode() + b"\\n")
        os.read(alive, 1)
        os._exit(0)
os.close(go), os.close(answer)
said = b""
while said.count(b"\\n") < racers:
    said += os.read(results, 65536)
os.close(die)
lines = said.decode().split("\\n")[:-1]
winners = [int(line[4:]) for line in lines if line.startswith("won")]
print(len(winners), lines.count("lost 69"), peek(folder, "one").get("winner") in winners)
for _ in range(racers):
    os.wait()
"""


def test_of_many_that_take_over_at_once_one_wins(tmp_path: Path) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    for number in range(2):
        left(tmp_path / str(number), "running")
        command = [sys.executable, "-c", RACE, str(tmp_path / str(number)), "30"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stdout == "1 29 True\n", done.stdout + done.stderr


LIVE = """
import sys, time
from dltrain.runs import reopen
run = reopen(sys.argv[1], "one")
run.load_checkpoint()
run.state("running")
print("running", flush=True)
time.sleep(60)
"""


def test_a_killed_resume_is_taken_over_at_once(tmp_path: Path) -> None:
    left(tmp_path, "interrupted")
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", LIVE, tmp_path], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "running\n"
                with pytest.raises(RunHeld, match=f"pid {process.pid} "):
                    reopen(tmp_path, "one")
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
    with reopen(tmp_path, "one") as run:
        assert run.load_checkpoint() is not None
