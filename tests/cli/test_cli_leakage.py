"""`check --leakage`: what it prints, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import call

from dltrain import leakage
from dltrain.data.preparing import finish


def config(tmp_path: Path, split: str = "") -> Path:
    path = tmp_path / "digits.yaml"
    path.write_text(f"data: {{source: digits}}\n{split}")
    return path


def test_the_tables_and_the_verdict(tmp_path: Path) -> None:
    called = call("check", config(tmp_path), "--leakage")
    assert called.code == 0 and called.err == ""
    assert called.out.splitlines()[0] == (
        "nothing leaks: all 719 rows of dev, test were changed, and nothing that training uses moved"
    )
    assert "architecture:" not in called.out, "the answer alone, without the config"
    assert "MOVED" not in called.out and "preparation.sigma" in called.out
    assert "perturbed" not in call("check", config(tmp_path)).out


def test_json(tmp_path: Path) -> None:
    called = call("check", config(tmp_path), "--leakage", "--json")
    found = called.json["leakage"]
    assert called.code == 0 and found["leaks"] == []
    assert found["perturbed"][0] == {
        "part": "dev", "rows": 360, "cells": 23040, "gaps": 0, "categories": 0, "targets": 360, "moved": 360,
    }  # fmt: skip
    assert {"name": "train.X", "size": "1078 × 64 float32", "same": True} in found["compared"]
    assert "leakage" not in call("check", config(tmp_path), "--json").json


def test_a_leak_ends_with_4_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(given: Any, tables: Any) -> Any:
        right = finish(given, tables)
        moved = replace(right.preparation, mu=np.asarray(tables.drawn["dev"].raw.X.mean(keepdims=True)[0]))
        return replace(right, preparation=moved)

    monkeypatch.setattr(leakage, "finish", leaking)
    called = call("check", config(tmp_path), "--leakage")
    said = called.out.splitlines()[0]
    assert called.code == 4 and said == "leakage: preparation.mu moved as rows of other parts changed"
    called = call("check", config(tmp_path), "--leakage", "--json")
    assert called.code == 4 and called.json["leakage"]["leaks"] == ["preparation.mu"]


def test_no_other_part_is_refused(tmp_path: Path) -> None:
    called = call("check", config(tmp_path, "split: {train: 1.0, dev: 0, test: 0}\n"), "--leakage")
    assert called.code == 2 and called.out == ""
    assert called.errors == ["error: all rows are in train: there is no other part from which something could leak"]
