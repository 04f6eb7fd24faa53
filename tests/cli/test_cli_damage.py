"""Damage that is valid JSON: one line that names the file and what is wrong with it, exit code 65; never a bug."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import Called, call

OTHERS: tuple[Any, ...] = (None, True, -1, 10**400, "x", [], [{}], {}, {"a": 1})
"""Values of every JSON type, among them a number that no float holds."""
RUN = (
    ("diagnose", "trees"),
    ("diagnose", "trees", "--bayes-error", "1%"),
    ("recipe", "trees"),
    ("runs", "trees"),
    ("runs",),
    ("watch", "trees", "--json"),
)
STUDY = (("runs", "two"), ("watch", "two"), ("diagnose", "two"), ("report", "two", "-o", "page.html"))
DRAWN = ("report", "trees", "-o", "page.html")
FREE = ("versions", "blas", "cpu")
"""What nobody reads but who resumes."""


@pytest.fixture
def place(shelf: Path, empty_folder: Path) -> Path:
    """A run `trees` that was evaluated, and one like it."""
    for name in ("trees", "other"):
        shutil.copytree(shelf / "runs/trees", empty_folder / "runs" / name)
    shutil.copy(shelf / "trees.csv", empty_folder)
    return empty_folder


def damaged(value: dict[str, Any], each: int = len(OTHERS)) -> Iterator[tuple[str, dict[str, Any]]]:
    """The object without each of its keys, and with so many other values under it, in turns."""
    for place, key in enumerate(key for key in value if key not in FREE):
        yield f"without {key}", {name: kept for name, kept in value.items() if name != key}
        for turn in range(each):
            other = OTHERS[(place * each + turn) % len(OTHERS)]
            yield f"{key}: {str(other)[:20]}", {**value, key: other}


def refuse(called: Called, file: Path, what: str) -> None:
    """It ended well, or with a single line about this file."""
    assert called.code in (0, 2, 65), (what, called.code, called.err)
    if called.code == 65:
        assert len(called.errors) == 1 and file.name in called.err and "is damaged: " in called.err, (what, called.err)


def try_all(file: Path, good: Any, commands: tuple[tuple[str, ...], ...]) -> None:
    """One command for each damage, in turns; each of them meets every key."""
    for number, (what, changed) in enumerate(damaged(good, 4)):
        file.write_text(json.dumps(changed))
        command = commands[number % len(commands)]
        refuse(call(*command), file, f"{what}, {' '.join(command)}")
    file.write_text(json.dumps(good))


def test_a_list_in_place_of_errors_is_named(place: Path) -> None:
    Path("runs/trees/diagnosis.json").write_text('{"errors": [], "state": "finished"}')
    for command in (
        ("diagnose", "trees"),
        ("runs", "trees"),
        DRAWN,
        ("recipe", "trees"),
        ("compare", "trees", "other"),
    ):
        called = call(*command)
        assert called.code == 65
        assert called.errors == ["error: runs/trees/diagnosis.json is damaged: errors is a list, expected an object"]


@pytest.mark.parametrize("name", ["run.json", "diagnosis.json", "preparation.json"])
def test_no_value_of_another_kind_is_a_bug(place: Path, name: str) -> None:
    file = Path("runs/trees", name)
    try_all(file, json.loads(file.read_text()), RUN)


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("run.json", "task", 3, "run.json is damaged: task is 3, expected one of binary, multiclass, regression"),
        ("run.json", "given", [], "run.json is damaged: given is a list, expected an object"),
        ("diagnosis.json", "gaps", {}, "diagnosis.json is damaged: gaps.avoidable_bias is missing"),
        ("diagnosis.json", "threshold", 0, "diagnosis.json is damaged: threshold is 0, expected a number above 0"),
        ("diagnosis.json", "health", ["x"], "diagnosis.json is damaged: health.0 is 'x', expected an object"),
        ("preparation.json", "target_sd", "x", "preparation.json is damaged: target_sd is 'x', expected a number"),
        ("preparation.json", "mu", [1.0], "preparation.json is damaged: ValueError mu and sigma must have"),
    ],
)
def test_what_is_wrong_is_said(place: Path, name: str, key: str, value: Any, said: str) -> None:
    file = Path("runs/trees", name)
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    called = call("recipe", "trees")
    assert called.code == 65 and len(called.errors) == 1 and said in called.err


def test_test_json(place: Path) -> None:
    assert call("evaluate", "trees", "--part", "dev").code == 0
    file = Path("runs/trees/test.json")
    good = {"schema_version": 1, "part": "test", "error": {"value": 0.1, "low": 0.0, "high": 0.3, "n": 12}, "loss": 0.2}
    try_all(file, good, (("diagnose", "trees"), ("runs", "trees"), ("recipe", "trees")))
    for entry in ({}, {"value": "x"}, {"value": 0.1, "n": 0}, {"value": 0.1, "low": []}):
        file.write_text(json.dumps({**good, "error": entry}))
        assert call("diagnose", "trees").code == 65


def test_lines_of_metrics(place: Path) -> None:
    file = Path("runs/trees/metrics.jsonl")
    lines = file.read_text().splitlines()
    for what, changed in damaged(json.loads(lines[1]), 3):
        file.write_text("\n".join([lines[0], json.dumps(changed), *lines[2:]]) + "\n")
        refuse(call("watch", "trees"), file, what)
    for line in ("[]", "3", '{"epoch": "1"}', '{"epoch": 1, "dev": 5}', '{"epoch": 1, "layers": [1]}'):
        file.write_text("\n".join([lines[0], line, *lines[2:]]) + "\n")
        for command in (DRAWN, ("watch", "trees")):
            called = call(*command)
            assert called.code == 65 and len(called.errors) == 1 and "metrics.jsonl" in called.err, (line, called.err)
        assert call("runs").code == 0


def test_predictions_that_lack_something(place: Path) -> None:
    file = Path("runs/trees/predictions.npz")
    with np.load(file) as archive:
        good = {name: archive[name] for name in archive.files}
    n = len(good["rows"])
    changes: list[dict[str, Any]] = [{"errors": None}, {"y": np.full(n, 99)}, {"predicted": np.full(n, -1)}]
    changes += [{"yhat": np.ones((n, 5))}, {"errors": np.array(["x"] * n)}, {"rows": np.arange(n + 1)}]
    for change in changes:
        np.savez(file, **{name: array for name, array in {**good, **change}.items() if array is not None})
        for command in (("diagnose", "trees"), DRAWN):
            called = call(*command)
            assert called.code == 65 and len(called.errors) == 1, (change.keys(), called.err)
            assert "predictions.npz is damaged: " in called.err


def test_a_study_and_its_trials(place: Path) -> None:
    asked = ("runs/other/config.resolved.yaml", "--seeds", 2, "--run-id", "two", "-q", "--workers", 1)
    assert call("train", *asked).code == 0
    file = Path("runs/two/study.json")
    good = json.loads(file.read_text())
    try_all(file, good, STUDY)
    for number, (what, summary) in enumerate(damaged(good["summary"], 2)):
        file.write_text(json.dumps({**good, "summary": summary}))
        refuse(call(*STUDY[number % 3]), file, what)
    file.write_text(json.dumps(good))
    trial = Path("runs/two/trials/0/diagnosis.json")
    trial.write_text(json.dumps({**json.loads(trial.read_text()), "errors": {"dev": []}}))
    called = call("diagnose", "two", "--bayes-error", "1%")
    assert called.code == 65 and "two/trials/0/diagnosis.json is damaged: errors.bayes is missing" in called.err
