"""Where the Bayes error comes from: stated, people's, estimated from equal inputs with other targets, or assumed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import call

BASE = ["architecture.layers=[8]", "training={epochs: 2, batch_size: 16}", "--json"]


@pytest.fixture
def noisy(empty_folder: Path) -> Path:
    """Four kinds of rows, 50 of each, every tenth with the other label: nothing does better than 10 %."""
    lines = ["a,b,y"]
    for number in range(200):
        a, b = number % 4 // 2, number % 2
        lines.append(f"{a},{b},{['no', 'yes'][(a ^ b) ^ (number // 4 % 10 == 0)]}")
    (empty_folder / "noisy.csv").write_text("\n".join(lines) + "\n")
    return empty_folder / "noisy.csv"


def bayes(*options: str) -> dict[str, Any]:
    called = call("train", "data={source: noisy.csv, target: y}", *BASE, *options)
    assert called.code == 0, called.err
    found: dict[str, Any] = called.json
    return found


def test_it_is_estimated_from_conflicts(noisy: Path) -> None:
    found = bayes("--run-id", "one")
    entry, train = found["errors"]["bayes"], found["errors"]["train"]
    assert entry["source"] == "estimated" and entry["rows"] == 120
    assert entry["value"] == pytest.approx(0.1, abs=0.04)
    assert found["gaps"]["avoidable_bias"]["value"] == pytest.approx(train["value"] - entry["value"])
    assert "the Bayes error is estimated from equal inputs with other targets (120 training rows)" in (
        call("diagnose", "one").out
    )


def test_of_few_repeated_rows_nothing_is_estimated(noisy: Path) -> None:
    """Ten of 190 rows repeat inputs with the other label: that says nothing of the 180 others."""
    lines = ["a,b,y", *(f"{n},{n * 7 % 11},{'no' if n < 90 else 'yes'}" for n in range(180))]
    lines += [f"{n},{n * 7 % 11},{'yes' if n < 90 else 'no'}" for n in range(0, 180, 18)]
    noisy.write_text("\n".join(lines) + "\n")
    called = call("train", "data={source: noisy.csv, target: y}", *BASE[:2], "split={train: 0.9, dev: 0.1, test: 0}")
    assert called.code == 0 and "conflicts: " in called.err, called.err
    assert re.search(r"^Bayes +0.0% +assumed$", called.out, re.M)


def test_people_and_a_statement_come_before_it(noisy: Path) -> None:
    people = bayes("diagnosis.human_error=0.12", "--run-id", "one")["errors"]["bayes"]
    assert (people["value"], people["source"]) == (0.12, "human")
    assert "that of people (diagnosis.human_error)" in call("diagnose", "one").out
    stated = bayes("diagnosis={human_error: 0.12, bayes_error: 0.1}")["errors"]["bayes"]
    assert (stated["value"], stated["source"]) == (0.1, "stated")


def test_without_conflicts_it_is_assumed(empty_folder: Path) -> None:
    draws = np.random.Generator(np.random.Philox(2)).normal(size=(120, 2)).round(4)
    lines = [f"{a},{b},{'yes' if a > b else 'no'}" for a, b in draws.tolist()]
    Path("noisy.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    assert bayes()["errors"]["bayes"]["source"] == "assumed"


def test_dropout_and_batch_norm_are_told(noisy: Path) -> None:
    found = bayes("architecture={layers: [8], keep_prob: 0.5, batch_norm: true}", "--run-id", "one")["errors"]["train"]
    assert {"with_dropout", "with_batch_statistics"} <= set(found)
    out = call("diagnose", "one").out
    assert "In training mode it is" in out and "with dropout (" in out
    assert "with_dropout" not in bayes()["errors"]["train"]
