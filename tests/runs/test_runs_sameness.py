"""Telling whether a run is asked for again: configs, data, machine."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.runs import create, data_changed, describe_request, differing_keys, facts_drift, machine_facts, peek
from dltrain.runs import same_request as same

KEYS = st.text("abc", min_size=1, max_size=2)
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "x", ""])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
RECORDS = st.dictionaries(KEYS, TREES, max_size=4)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def paths(tree: Any) -> dict[str, Any]:
    """Every dotted path with what is there; the whole tree under ''."""
    found = {"": tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, below in items:
        found |= {f"{name}.{path}".rstrip("."): value for path, value in paths(below).items()}
    return found


def put(tree: Any, path: str, value: Any) -> Any:
    """A copy of the tree with another value at a path."""
    tree = copy.deepcopy(tree)
    *above, last = path.split(".")
    place = tree
    for name in above:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return tree


@given(RECORDS)
def test_a_tree_does_not_differ_from_itself(tree: dict[str, Any]) -> None:
    turned = dict(reversed(copy.deepcopy(tree).items()))
    assert differing_keys(tree, turned) == []
    assert differing_keys(tree, json.loads(json.dumps(tree))) == []


@given(RECORDS, RECORDS)
def test_what_differs_is_named_and_nothing_else(old: dict[str, Any], new: dict[str, Any]) -> None:
    lines = differing_keys(old, new)
    named = [line.split(": ", 1)[0] for line in lines]
    assert (lines == []) == (canonical(old) == canonical(new))
    assert len(set(named)) == len(named)
    before, after = paths(old), paths(new)
    for name in named:  # they do differ there, and the nearest common place is named, not one above it
        assert canonical(before.get(name, "absent")) != canonical(after.get(name, "absent")) or (
            (name in before) != (name in after)
        )
        assert not any(other.startswith(name + ".") for other in named)
    swapped = [line.split(": ", 1)[0] for line in differing_keys(new, old)]
    assert swapped == named


@given(RECORDS, st.data())
def test_one_change_is_one_line(tree: dict[str, Any], data: st.DataObject) -> None:
    leaves = {path: value for path, value in paths(tree).items() if path and not isinstance(value, dict | list)}
    if not leaves:
        return
    path = data.draw(st.sampled_from(sorted(leaves)))
    assert differing_keys(tree, put(tree, path, "changed")) == [f'{path}: {json.dumps(leaves[path])} -> "changed"']


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({"training": {"epochs": 10}}, {"training": {"epochs": 20}}, ["training.epochs: 10 -> 20"]),
        ({"a": 1}, {"a": 1.0}, ["a: 1 -> 1.0"]),
        ({"a": True}, {"a": 1}, ["a: true -> 1"]),
        ({"a": (1, 2)}, {"a": [1, 2]}, []),
        ({"a": [{"units": 5}, 3]}, {"a": [{"units": 6}]}, ["a.0.units: 5 -> 6", "a.1: 3 -> not given"]),
        ({"a": {"kind": "adam"}}, {"a": None}, ['a: {"kind":"adam"} -> null']),
        ({"a": [1]}, {"a": {"0": 1}}, ['a: [1] -> {"0":1}']),
        ({}, {"ü": "größer"}, ['ü: not given -> "größer"']),
        ({}, {"a": {}}, ["a: not given -> {}"]),
        ({"a": None}, {}, ["a: null -> not given"]),
        (1, 2, ["config: 1 -> 2"]),
    ],
)
def test_by_hand(old: Any, new: Any, lines: list[str]) -> None:
    assert differing_keys(old, new) == lines


def test_long_values_stay_on_their_line() -> None:
    (line,) = differing_keys({"a": "x\n" * 500}, {"a": "y" * 500})
    assert "\n" not in line and len(line) < 140


def test_the_request_is_recorded_and_known_again(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("x\n1\n")
    given_ = describe_request([b"seed: 1", b"--"], ["a=1", "b=2"], {"seed": 1, "layers": (3, 4)}, "ab", [data])
    create(tmp_path / "runs", "one", "x", {}, given=given_).close()
    record = peek(tmp_path / "runs", "one")
    assert record is not None and record["given"] == given_
    assert record["given"]["config"] == {"seed": 1, "layers": [3, 4]}
    assert record["given"]["data"] == {
        "sha256": "ab",
        "files": [{"name": str(data), "bytes": 4, "mtime_ns": data.stat().st_mtime_ns}],
    }
    assert same(record, [b"seed: 1", b"--"], ["a=1", "b=2"])
    assert not same(record, [b"seed: 1"], ["a=1", "b=2"])
    assert not same(record, [b"--", b"seed: 1"], ["a=1", "b=2"])
    assert not same(record, [b"seed: 2", b"--"], ["a=1", "b=2"])
    assert not same(record, [b"seed: 1", b"--"], ["b=2", "a=1"])
    assert not same(record, [b"seed: 1", b"--"], [])
    create(tmp_path / "runs", "two", "x", {}).close()
    for older in (peek(tmp_path / "runs", "two"), {}, {"given": 3}):
        assert older is not None and not same(older, [], [])


def test_data_by_size_and_time_and_only_then_by_content(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("x\n1\n")
    recorded = describe_request([], [], {}, "ab", [file])
    asked: list[str] = []

    def sha256(value: str) -> str:
        asked.append(value)
        return value

    assert not data_changed(recorded, [file], lambda: sha256("unasked"))
    assert not data_changed(recorded, [os.path.relpath(file)], lambda: sha256("unasked"))
    os.utime(file, ns=(1, 1))
    assert not data_changed(recorded, [file], lambda: sha256("ab"))
    assert data_changed(recorded, [file], lambda: sha256("cd"))
    file.write_text("x\n12\n")
    assert data_changed(recorded, [file], lambda: sha256("cd"))
    assert data_changed(recorded, [file, file], lambda: sha256("cd"))
    assert asked == ["ab", "cd", "cd", "cd"]
    for damaged in (None, {}, {"data": None}, {"data": {"files": [], "sha256": None}}):
        assert data_changed(damaged, [file], lambda: "ab")


def test_a_file_that_is_gone_is_asked_for(tmp_path: Path) -> None:
    recorded = describe_request([], [], {}, "ab", [tmp_path / "gone"])
    assert data_changed(recorded, [tmp_path / "gone"], lambda: "cd")


def test_built_in_data_has_no_files() -> None:
    assert not data_changed(describe_request([], [], {}, "ab", []), [], lambda: "unasked")


FACTS: dict[str, Any] = {
    "versions": {"dltrain": "0.1.0", "python": "3.11.2", "numpy": "2.3.0"},
    "blas": [{"internal_api": "openblas", "version": "0.3.30", "architecture": "SkylakeX", "threading_layer": "x"}],
    "cpu": {"model": "a", "machine": "x86_64", "cores": 2, "features": ["AVX2", "AVX512F"], "system": "Linux"},
}


@pytest.mark.parametrize(
    ("where", "value", "lines"),
    [
        ("versions.numpy", "2.4.0", ["numpy: 2.3.0 -> 2.4.0"]),
        ("versions.dltrain", "0.2.0", ["dltrain: 0.1.0 -> 0.2.0"]),
        ("versions.python", "3.13.0", []),
        ("blas.0.architecture", "Haswell", ["BLAS: openblas 0.3.30 SkylakeX -> openblas 0.3.30 Haswell"]),
        ("blas.0.version", "0.3.31", ["BLAS: openblas 0.3.30 SkylakeX -> openblas 0.3.31 SkylakeX"]),
        ("blas.0.threading_layer", "y", []),
        ("blas", [], ["BLAS: openblas 0.3.30 SkylakeX -> not known"]),
        ("cpu.features", ["AVX2"], ["CPU features: AVX512F -> none"]),
        ("cpu.features", ["AVX512F", "AVX2", "AMX"], ["CPU features: none -> AMX"]),
        ("cpu.features", ["AVX512F", "AVX2"], []),
        ("cpu.machine", "arm64", ["machine: x86_64 -> arm64"]),
        ("cpu.model", "b", []),
        ("cpu.cores", 64, []),
    ],
)
def test_what_changes_bits_is_drift(where: str, value: Any, lines: list[str]) -> None:
    assert facts_drift(FACTS, put(FACTS, where, value)) == lines
    assert len(facts_drift(put(FACTS, where, value), FACTS)) == len(lines)


def test_this_process_has_not_drifted_from_its_own_run(tmp_path: Path) -> None:
    with create(tmp_path, "one", "x", {}) as run:
        assert facts_drift(run.record) == []
        assert facts_drift(json.loads(json.dumps(run.record))) == []
        other = put(run.record, "versions.numpy", "1.0")
        assert facts_drift(other) == [f"numpy: 1.0 -> {machine_facts()['versions']['numpy']}"]
    assert len(facts_drift({})) >= 3
    assert len(facts_drift({"versions": 3, "blas": "x", "cpu": []})) >= 3
