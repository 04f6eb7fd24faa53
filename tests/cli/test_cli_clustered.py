"""Rows that come in groups or in time: intervals of errors count groups, not rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import call

from dltrain import runs
from dltrain.diagnosis.clusters import effective_examples
from dltrain.diagnosis.intervals import wilson

TRAINING = ["architecture.layers=[]", "training={epochs: 3, batch_size: 16}", "-q"]


@pytest.fixture
def people(empty_folder: Path) -> Path:
    """40 people with 6 equal rows each; every fourth has a wrong label. A day for each row."""
    draws = np.random.Generator(np.random.Philox(3))
    lines = ["person,day,a,b,y"]
    for person in range(40):
        a, b = draws.normal(size=2).round(3)
        y = int(a + b > 0) ^ (person % 4 == 0)
        lines += [f"p{person},{6 * person + i},{a},{b},{['no', 'yes'][y]}" for i in range(6)]
    path = empty_folder / "people.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def trained(people: Path, split: str, *more: str) -> dict[str, Any]:
    source = "data={source: people.csv, target: y, exclude: [day, person]}" if not more else more[0]
    called = call("train", source, f"split={split}", *TRAINING[:2], "--json", "--run-id", "one")
    assert called.code == 0, called.err
    return called.json


def test_rows_of_one_person_count_together(people: Path) -> None:
    found = trained(people, "{group: person, train: 0.5, dev: 0.5, test: 0}")["errors"]
    arrays = runs.decode_predictions("runs/one")
    assert len(set(arrays["groups"].tolist())) == 20
    dev = found["dev"]
    assert dev["interval"] == "clustered" and dev["n"] == 120 and dev["n_eff"] < 25
    assert dev["n_eff"] == effective_examples(arrays["errors"], arrays["groups"], 0.95)
    assert (dev["low"], dev["high"]) == pytest.approx(wilson(dev["value"], dev["n_eff"], 0.95))
    assert found["train"]["interval"] == "exact"
    again = call("evaluate", "one", "--part", "dev", "--json").json["error"]
    assert {key: dev[key] for key in ("value", "low", "high", "n", "n_eff", "interval")} == again
    shown = call("diagnose", "one").out
    assert "clustered" in shown and "n_eff" in shown and "weighted" not in shown


def test_a_new_file_s_rows_of_one_person_count_together(people: Path) -> None:
    """The dev rows as a file of their own give what the dev part gave, whatever their order."""
    dev = trained(people, "{group: person, train: 0.5, dev: 0.5, test: 0}")["errors"]["dev"]
    header, *lines = people.read_text().splitlines()
    kept = [lines[row] for row in runs.decode_predictions("runs/one")["rows"]]
    Path("new.csv").write_text("\n".join([header, *kept]) + "\n")
    called = call("evaluate", "one", "--data", "new.csv", "--json")
    assert called.err == ""
    assert called.json["error"] == {key: dev[key] for key in ("value", "low", "high", "n", "n_eff", "interval")}
    assert "clustered: n_eff" in call("evaluate", "one", "--data", "new.csv").out
    without = [",".join(line.split(",")[1:]) for line in [header, *kept]]
    Path("new.csv").write_text("\n".join(without) + "\n")
    called = call("evaluate", "one", "--data", "new.csv", "--json")
    assert called.err == (
        "note: new.csv has no column person (split.group): its rows count as independent of each other\n"
    )
    assert called.json["error"]["low"] > dev["low"] and "interval" not in called.json["error"]


def test_rows_in_time_count_in_blocks(people: Path) -> None:
    """The six rows of a person follow each other, so blocks are longer than one row."""
    found = trained(people, "{by: time, column: day, train: 0.5, dev: 0.5, test: 0}")["errors"]["dev"]
    assert found["interval"] == "clustered" and found["n"] == 120 and found["n_eff"] < 60
    arrays = runs.decode_predictions("runs/one")
    assert arrays["times"].tolist() == list(range(120)) and "groups" not in arrays


def test_a_group_s_run_is_compared_by_groups(people: Path) -> None:
    trained(people, "{group: person, train: 0.5, dev: 0.5, test: 0}")
    source = "data={source: people.csv, target: y, exclude: [day, person, b]}"
    split = "split={group: person, train: 0.5, dev: 0.5, test: 0}"
    assert call("train", source, split, *TRAINING, "--run-id", "two").code == 0
    (pair,) = call("compare", "one", "two", "--json").json["pairs"]
    assert pair["difference"]["interval"] == "clustered" and pair["test"] == "t over groups"
