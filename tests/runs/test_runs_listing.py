"""Listing runs and finding the one that is meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dltrain.errors import InputError
from dltrain.runs import create, find, list_runs, write_test

DIAGNOSIS = {
    "errors": {
        "bayes": {"value": 0.0, "source": "assumed"},
        "train": {"value": 0.01, "n": 100},
        "dev": {"value": 0.11, "n": 50},
        "test": None,
    },
    "gaps": dict.fromkeys(("avoidable_bias", "variance", "mismatch", "test_gap")),
    "verdict": {"bias": None, "variance": "high", "mismatch": None},
    "headline": "high variance",
    "task": "multiclass",
    "threshold": 0.02,
    "confidence": 0.95,
    "advice": [],
}


def make(runs: Path, name: str, *, epochs: int | None = None) -> Path:
    with create(runs, name, "x", {}, task="multiclass") as run:
        run.state("running")
        run.append_metrics({"epoch": 1})
        run.append_metrics({"epoch": 2})
        run.write("diagnosis.json", json.dumps(DIAGNOSIS).encode())
        run.state("finished", **({} if epochs is None else {"epochs": epochs}))
    return run.path


def test_a_line_for_each_run_newest_first(tmp_path: Path) -> None:
    make(tmp_path, "zz-first", epochs=7)
    write_test(make(tmp_path, "second"), {"error": {"value": 0.2}})
    live = create(tmp_path, "aa-third", "x", {})
    third, second, first = list_runs(tmp_path)
    assert (first.id, first.state, first.task, first.headline, first.epochs) == (
        "zz-first",
        "finished",
        "multiclass",
        "high variance",
        7,
    )
    assert first.path == tmp_path / "zz-first"
    assert first.errors == {"train": 0.01, "dev": 0.11}
    assert second.errors == {"train": 0.01, "dev": 0.11, "test": 0.2} and second.epochs == 2
    assert (third.id, third.state, third.errors, third.headline, third.epochs) == (
        "aa-third",
        "created",
        {},
        None,
        None,
    )
    live.close()
    assert list_runs(tmp_path)[0].state == "interrupted"


def test_broken_folders_are_listed_not_fatal(tmp_path: Path) -> None:
    make(tmp_path, "good")
    for name, break_it in {
        "cut": lambda path: (path / "run.json").write_bytes(b'{"state"'),
        "gone": lambda path: (path / "run.json").unlink(),
        "folder": lambda path: ((path / "run.json").unlink(), (path / "run.json").mkdir()),
        "diagnosis": lambda path: (path / "diagnosis.json").write_bytes(b"\xff"),
        "fifo": lambda path: ((path / "run.json").unlink(), os.mkfifo(path / "run.json")),
    }.items():
        break_it(make(tmp_path, name))
    states = {run.id: run.state for run in list_runs(tmp_path)}
    assert states == {"good": "finished", **dict.fromkeys(("cut", "gone", "folder", "diagnosis", "fifo"), "damaged")}
    assert find(tmp_path, "latest") == tmp_path / "good"


def test_odd_values_in_a_diagnosis_are_damage(tmp_path: Path) -> None:
    path = make(tmp_path, "odd")
    for odd in ({"errors": 3}, {"headline": 4}, {"errors": {"train": 5, "dev": {"value": "x"}}}):
        (path / "diagnosis.json").write_text(json.dumps(DIAGNOSIS | odd))
        (run,) = list_runs(tmp_path)
        assert run.errors == {} and run.headline is None and run.state == "damaged"


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []
    (tmp_path / "notes").mkdir()
    (tmp_path / ".staging-x").mkdir()
    (tmp_path / ".staging-x" / "run.json").write_text("{}")
    (tmp_path / "looks.jsonl").write_text("")
    assert list_runs(tmp_path) == []
    with pytest.raises(InputError, match="a part of this path is a file"):
        list_runs(tmp_path / "looks.jsonl")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("digits-20261122T100000Z-aaaaaa", "digits-20261122T110000Z-bbbbbb", "mnist-20261122T120000Z-cccccc"):
        make(tmp_path / "runs", name)
    return tmp_path / "runs"


def test_finding(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mnist = runs / "mnist-20261122T120000Z-cccccc"
    assert find(runs, "latest") == mnist
    assert find(runs, "mnist-20261122T120000Z-cccccc") == mnist
    assert find(runs, "m") == mnist
    assert find(runs, "digits-20261122T10") == runs / "digits-20261122T100000Z-aaaaaa"
    assert find(runs.parent / "elsewhere", str(mnist)) == mnist
    monkeypatch.chdir(runs.parent)
    assert find("other", "runs/mnist-20261122T120000Z-cccccc/").resolve() == mnist


def test_an_id_that_begins_another_is_itself(tmp_path: Path) -> None:
    for name in ("a", "ab"):
        make(tmp_path, name)
    assert find(tmp_path, "a") == tmp_path / "a"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("digits", r"2 runs in .* begin so: digits-20261122T100000Z-aaaaaa, digits-20261122T110000Z-bbbbbb"),
        ("minst", r"did you mean mnist-20261122T120000Z-cccccc\?"),
        ("nothing-like-it", "none of the 3 .* dltrain runs lists them"),
        ("some/where", "no such folder"),
        ("..", "not a run folder"),
        ("", "an empty name"),
        ("a\0b", "none of the 3"),
        ("x" * 5000, "none of the 3"),
    ],
)
def test_not_finding(runs: Path, typed: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        find(runs, typed)
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


@pytest.mark.parametrize("typed", ["latest", "digits"])
def test_no_runs_yet(tmp_path: Path, typed: str) -> None:
    with pytest.raises(InputError, match="no runs in .*none yet; .*dltrain train"):
        find(tmp_path / "none", typed)


def test_listing_and_finding_load_no_numpy(runs: Path) -> None:
    program = (
        "import sys; from dltrain import runs; folder = sys.argv[1]; found = runs.find(folder, 'm');"
        "print(len(runs.list_runs(folder)), found.name[:5], len(runs.read_metrics(found)));"
        "print([name for name in ('numpy', 'safetensors', 'pydantic', 'threadpoolctl', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(runs)], capture_output=True, text=True, check=True)
    assert done.stdout == "3 mnist 2\n[]\n"


def test_many_runs_are_listed_from_their_small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the metrics, a listing reads the end of them only."""
    with create(tmp_path, "long", "x", {}) as run:
        for epoch in range(1, 4001):
            run.append_metrics({"epoch": epoch, "layers": [{"dead": 0.0, "gradient_norm": 0.5}] * 3})
    size = (tmp_path / "long" / "metrics.jsonl").stat().st_size
    whole, taken = os.read, [0]

    def count(fd: int, n: int) -> bytes:
        data = whole(fd, n)
        taken[0] += len(data)
        return data

    monkeypatch.setattr(os, "read", count)
    assert list_runs(tmp_path)[0].epochs == 4000
    assert taken[0] < size / 4
