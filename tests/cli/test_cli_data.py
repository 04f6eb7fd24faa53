"""`dltrain data list` and `data fetch`: what they print, where files go, and training on a name."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cli_calling import call, table, two_kinds

from dltrain.config import SETS
from dltrain.data.sets import named as module
from dltrain.data.sets.named_sets import Named, Remote

ROWS = table(two_kinds()).encode()


@pytest.fixture(autouse=True)
def surroundings(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DLTRAIN_DATA_MIRROR", raising=False)
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(empty_folder / "cache"))
    return empty_folder


@pytest.fixture
def titanic(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Named:
    """Under the name of a known set: a small table, and a mirror that has it."""
    known = module.named_source("titanic")
    assert known is not None
    file = Remote("train.csv", len(ROWS), hashlib.sha256(ROWS).hexdigest(), ("http://127.0.0.1:9/train.csv",))
    small = replace(known, files=(file,), rows=60, inputs=2, data={"target": "kind", "exclude": ["id"]})
    others = tuple(named for named in module.NAMED_SETS if named.name != "titanic")
    monkeypatch.setattr(module, "NAMED_SETS", (*others, small))
    (empty_folder / "mirror" / "titanic").mkdir(parents=True)
    (empty_folder / "mirror" / "titanic" / "train.csv").write_bytes(ROWS)
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(empty_folder / "mirror"))
    return small


def test_fetch_prints_where_it_is_and_how_to_train(titanic: Named, empty_folder: Path) -> None:
    place = empty_folder / "cache" / "named" / "titanic"
    called = call("data", "fetch", "titanic")
    assert (called.code, called.err) == (0, "")
    assert called.out.splitlines() == [
        "titanic: fetched, 1 file, 1.44 kB",
        str(place),
        "  dltrain train data.source=titanic",
    ]
    assert (place / "train.csv").read_bytes() == ROWS
    assert call("data", "fetch", "titanic").out.startswith("titanic: here already, 1 file")
    assert call("data", "fetch", "titanic", "titanic", "-q").out == f"{place}\n"


def test_fetch_as_json(titanic: Named, empty_folder: Path) -> None:
    found = call("data", "fetch", "titanic", "--json").json
    place = str(empty_folder / "cache" / "named" / "titanic")
    config = {"data": {"source": f"{place}/train.csv", "target": "kind", "exclude": ["id"]}}
    only = {"name": "titanic", "path": place, "fetched": ["train.csv"], "config": config}
    assert found == {"schema_version": 1, "sets": [only]}
    assert call("data", "fetch", "titanic", "--json").json["sets"][0]["fetched"] == []


def test_the_command_that_fetch_prints_trains(titanic: Named) -> None:
    before = call("train", "data.source=titanic", "training.epochs=2")
    assert before.code == 2
    assert [line.partition("data.source: ")[2] for line in before.errors] == [
        "titanic is not on this machine: dltrain data fetch titanic"
    ]
    words = call("data", "fetch", "titanic").last.split()[1:]
    trained = call(*words, "training.epochs=2", "-q")
    assert (trained.code, Path(trained.last).name.partition("-")[0]) == (0, "titanic")
    assert call("evaluate", trained.last, "--part", "dev").code == 0
    again = call("train", Path(trained.last) / "config.resolved.yaml", "-q")
    assert again.code == 0
    files = ("metrics.jsonl", "model.safetensors")
    assert [(Path(again.last) / name).read_bytes() for name in files] == [
        (Path(trained.last) / name).read_bytes() for name in files
    ]


def test_unknown_names_are_all_told_before_anything_is_fetched(titanic: Named, empty_folder: Path) -> None:
    called = call("data", "fetch", "titanic", "mnits", "nothing-like-it")
    assert (called.code, called.out, len(called.errors)) == (2, "", 2)
    assert called.errors[0].startswith("error: no set 'mnits'; expected one of breast_cancer, digits, adult, ")
    assert called.errors[0].endswith("; did you mean mnist?") and "did you mean" not in called.errors[1]
    assert not (empty_folder / "cache").exists()


def test_a_built_in_set_needs_no_fetching() -> None:
    called = call("data", "fetch", "digits")
    assert (called.code, called.out, called.err) == (0, "", "digits comes with dltrain: nothing to fetch\n")


def test_offline_is_one_line(titanic: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", "/nowhere/at/all")
    called = call("data", "fetch", "titanic")
    assert (called.code, called.out) == (2, "") and called.err.count("\n") == 1
    assert called.err.startswith("error: cannot fetch titanic: /nowhere/at/all/titanic/train.csv: No such file")


def test_list_shows_all_sets_and_which_are_here(titanic: Named) -> None:
    lines = call("data", "list").out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == sorted(SETS)
    row = {line.split()[0]: line for line in lines}
    assert "built in" in row["digits"] and "CC BY 4.0" in row["digits"]
    assert "to fetch, 11.6 MB" in row["mnist"] and "to fetch, 1.44 kB" in row["titanic"]
    call("data", "fetch", "titanic")
    row = {line.split()[0]: line for line in call("data", "list").out.splitlines()[2:]}
    assert "to fetch" not in row["titanic"] and " fetched " in row["titanic"]


def test_list_as_json(titanic: Named, empty_folder: Path) -> None:
    call("data", "fetch", "titanic")
    sets = {entry["name"]: entry for entry in call("data", "list", "--json").json["sets"]}
    assert sorted(SETS) == list(sets)
    common = {"name", "kind", "rows", "inputs", "task", "classes", "target", "source", "licence", "where"}
    assert all(common <= set(entry) for entry in sets.values())
    assert (sets["digits"]["kind"], sets["digits"]["rows"], sets["digits"]["inputs"]) == ("built-in", 1797, 64)
    place = str(empty_folder / "cache" / "named" / "titanic")
    assert (sets["titanic"]["kind"], sets["titanic"]["fetched"], sets["titanic"]["path"]) == ("named", True, place)
    assert (sets["mnist"]["fetched"], sets["mnist"]["path"], sets["mnist"]["bytes"]) == (False, None, 11_594_722)


def test_help_loads_no_downloader() -> None:
    code = "import sys; from dltrain.cli.app import app; import dltrain.cli.data_fetch; print('pooch' in sys.modules)"
    root = str(Path(module.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "False\n", done.stderr
