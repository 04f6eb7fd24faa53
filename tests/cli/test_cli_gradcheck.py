"""`dltrain gradcheck`: a config's network, everything, and one's own code."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from cli_calling import call, trees

OWN = """\
import numpy as np


class Line:
    '''J = mean((wx + c - y)^2) / 2.'''

    def __init__(self, factor):
        self.theta = np.array([0.3, -0.2])
        self.blocks = [("w", slice(0, 1)), ("c", slice(1, 2))]
        self.x, self.y, self.factor = np.arange(5.0), np.arange(5.0) ** 2, factor

    def cost(self, theta):
        return float(np.mean((theta[0] * self.x + theta[1] - self.y) ** 2) / 2)

    def gradient(self, theta):
        off = theta[0] * self.x + theta[1] - self.y
        return np.array([np.mean(off * self.x), self.factor * np.mean(off)])


def right():
    return Line(1.0)


def wrong():
    return Line(2.0)


def broken():
    raise RuntimeError("oh no")
"""


def test_a_small_config_is_great(empty_folder: Path) -> None:
    called = call("gradcheck", trees(empty_folder))
    assert (called.code, called.err) == (0, "")
    assert "trees, initialization" in called.out and "trees, after 10 steps" in called.out
    assert called.out.count("gradient check: great") == 2
    assert not Path("runs").exists()


def test_as_json(empty_folder: Path) -> None:
    found = call("gradcheck", trees(empty_folder), "--json", "--after-steps", "3").json
    assert found["schema_version"] == 1 and len(found["checks"]) == 2
    for check in found["checks"]:
        assert check["verdict"] == "great" and check["culprit"] is None
        assert [block["name"] for block in check["blocks"]] == ["W1", "b1", "W2", "b2"]
        assert [block["size"] for block in check["blocks"]] == [8, 4, 4, 1]
        assert all(block["ratio"] < 1e-7 for block in check["blocks"])


@pytest.mark.parametrize(
    "overrides",
    [
        ["architecture={layers: [3, 3], batch_norm: true, activation: tanh}", "regularizer={kind: l2, lambd: 0.7}"],
        ["architecture={layers: [5], keep_prob: 0.6, input_keep_prob: 0.8}", "--with-dropout"],
        ["architecture={layers: [], output: softmax}", "regularizer={kind: l1, lambd: 0.3}"],
    ],
)
def test_what_a_config_can_hold(overrides: list[str], empty_folder: Path) -> None:
    called = call("gradcheck", *overrides, trees(empty_folder))
    assert called.code == 0, called.out


def test_options_are_passed_on(empty_folder: Path) -> None:
    config = trees(empty_folder)
    found = call("gradcheck", config, "--json", "--samples", "3", "--after-steps", "0").json
    assert len(found["checks"]) == 1
    assert all(block["compared"] <= 3 for block in found["checks"][0]["blocks"])
    one_sided = call("gradcheck", config, "--json", "--one-sided", "--after-steps", "0").json["checks"][0]
    two_sided = call("gradcheck", config, "--json", "--after-steps", "0").json["checks"][0]
    assert one_sided["ratio"] > two_sided["ratio"]


def test_own_code_that_is_right(empty_folder: Path) -> None:
    (empty_folder / "mine.py").write_text(OWN)
    called = call("gradcheck", "--module", "mine.py:right")
    assert (called.code, called.err) == (0, "")
    assert "gradient check: great" in called.out


def test_own_code_with_a_mistake(empty_folder: Path) -> None:
    (empty_folder / "mine.py").write_text(OWN)
    called = call("gradcheck", "--module", "mine.py:wrong")
    assert called.code == 4
    assert "not good" in called.out
    found = call("gradcheck", "--module", "mine.py:wrong", "--json")
    assert found.code == 4
    (check,) = found.json["checks"]
    assert check["verdict"] == "not good"
    bands = {block["name"]: block["band"] for block in check["blocks"]}
    assert bands == {"w": "great", "c": "not good"}
    assert "c" in str(check["culprit"])


@pytest.mark.parametrize(
    "name, line", [("wrng", "there is no wrng"), ("broken", "oh no"), ("1", "expected FILE.py:NAME")]
)
def test_own_code_that_cannot_be_checked(name: str, line: str, empty_folder: Path) -> None:
    (empty_folder / "mine.py").write_text(OWN)
    called = call("gradcheck", "--module", f"mine.py:{name}")
    assert (called.code, called.out, len(called.err.splitlines())) == (2, "", 1)
    assert line in called.err


def test_a_config_or_a_module(empty_folder: Path) -> None:
    called = call("gradcheck", trees(empty_folder), "--module", "mine.py:right")
    assert (called.code, called.err) == (2, "error: give a config or --module, not both\n")


def test_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a config: every kind of network. A sample of the grid here; the gradcheck room tests all of it."""
    from dltrain import gradcheck

    some = list(islice(gradcheck.check_all(after_steps=0, samples=5), 12))
    monkeypatch.setattr(gradcheck, "check_all", lambda **_: iter(some))
    called = call("gradcheck")
    assert (called.code, called.err) == (0, "")
    assert len(call("gradcheck", "--json").json["checks"]) == 12
