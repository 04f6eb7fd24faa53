"""Runs on globs, lists and folders of pictures: the same files are the same run, one more file is another."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call
from PIL import Image


def logs(number: int) -> None:
    Path("logs").mkdir(exist_ok=True)
    rows = ({"a": n % 17, "word": "uv"[n % 2], "y": int(n % 17 > 8)} for n in range(number, 90))
    Path(f"logs/{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def pictures(name: str, level: int) -> None:
    for number in range(12):
        path = Path("pics", name, f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 3), level + number, np.uint8)).save(path)


def config(source: str) -> None:
    Path("c.yaml").write_text(f"data: {{source: {source}}}\narchitecture: {{layers: []}}\ntraining: {{epochs: 1}}\n")


def train(code: int = 0) -> str:
    done = call("train", "c.yaml", "--run-id", "a")
    assert done.code == code, done.err
    return done.err


@pytest.mark.parametrize("source", ["'logs/*.jsonl', target: y", "[logs/1.jsonl, 'logs/*[02-9].jsonl'], target: y"])
def test_a_glob_that_stands_for_more_is_other_data(source: str) -> None:
    for number in (0, 1):
        logs(number)
    config(source)
    train()
    assert "nothing to do" in train()
    os.utime("logs/0.jsonl", ns=(1, 1))
    assert "nothing to do" in train()  # the bytes are the same, so a closer look finds
    logs(2)
    assert "data.source: the data are not those it was started on" in train(73)
    os.remove("logs/2.jsonl")
    assert "nothing to do" in train()
    lines = call("predict", "a", "logs/1.jsonl").out.splitlines()
    assert lines[0] == "prediction" and len(lines) == 90 and set(lines[1:]) <= {"0", "1"}


def test_a_folder_of_pictures_is_compared_as_a_whole() -> None:
    pictures("dark", 20)
    pictures("light", 200)
    config("pics")
    train()
    assert "nothing to do" in train()
    given = json.loads(Path("runs/a/run.json").read_text())["given"]["data"]
    assert given["files"] == [] and list(given["groups"]) == [os.path.abspath("pics")]
    pictures("grey", 100)
    assert "data.source: the data are not those it was started on" in train(73)
