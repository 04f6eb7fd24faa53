"""The lessons that are commands, not configs: each runs, and shows what its first comment says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dltrain.cli.boundary import run

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "configs").glob("*.sh"))
SHOWS = {
    "lesson_averages": "beta 0.98 corrected",
    "lesson_bowl": "nesterov",
    "lesson_framework": "w = 4.9999999916",
    "lesson_local_optima": "a saddle, no minimum",
    "lesson_sizes": "train rows  980,000",
}
"""What each prints, among other things."""


def found(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run([*words, "--json"]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, str]:
    """An environment in which `dltrain` is this checkout."""
    (tmp_path / "dltrain").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dltrain "$@"\n')
    (tmp_path / "dltrain").chmod(0o755)
    paths = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **paths, "PYTHONIOENCODING": "utf-8"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_first_lines_say_what_it_shows_and_how_to_run_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert re.fullmatch(r"# Lesson: .*sections? [\d. to]+ of the notes.*\)\.", lines[0])
    assert lines[1] == f"#   sh configs/{path.name}"


def test_there_are_scripts() -> None:
    assert set(SHOWS) == {path.stem for path in SCRIPTS}


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_each_runs_from_anywhere(path: Path, commands: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(["sh", path], cwd=tmp_path, env=commands, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert SHOWS[path.stem] in done.stdout


def test_the_temperatures_are_those_of_the_formula() -> None:
    spec = importlib.util.spec_from_file_location("temperature", ROOT / "tools/temperature.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "configs/temperature.csv").read_text() == module.table()


def test_the_points_of_the_plane_are_those_of_the_formulas() -> None:
    spec = importlib.util.spec_from_file_location("planes", ROOT / "tools/planes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.ROWS:
        assert (ROOT / f"configs/{name}.csv").read_text() == module.table(name)
    assert round(module.wave_error(cells=400), 3) == 0.086, "the Bayes error that the configs state"
    assert round(module.ring_error(cells=600), 3) == 0.133


def test_averages_trade_noise_for_lag(capsys: pytest.CaptureFixture[str]) -> None:
    """Section 2.2: windows of 10 and 50 days; the larger β is smoother and later; correction mends the start."""
    file = str(ROOT / "configs/temperature.csv")
    record = found(capsys, "average", file, "--column", "T", "--beta", "0.9", "--beta", "0.98")
    small, large = record["averages"]
    assert (small["window"], large["window"]) == (pytest.approx(10), pytest.approx(50))
    assert small["measured_lag"] == pytest.approx(9, abs=2) and 35 <= large["measured_lag"] <= 49
    assert large["noise"] < small["noise"] / 2 < record["noise"] / 10
    first = large["first"]
    assert first["plain"] == pytest.approx(0.02 * first["corrected"]) and 20 < first["corrected"] < 45
    assert large["last"]["plain"] == pytest.approx(large["last"]["corrected"], rel=1e-5), "no difference in the end"


def test_off_its_axis_a_saddle_holds_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Section 2.7."""
    saddle = ["minimize", "saddle(a, b)", "--start", "a=1"]
    on = found(capsys, *saddle, "--learning-rate", "0.1", "--steps", "200")
    assert on["ended"]["kind"] == "saddle" and on["ended"]["unmoved"]
    for optimizer in ("gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamw"):
        off = found(capsys, *saddle, "--start", "b=0.01", "--optimizer", optimizer, "--learning-rate", "0.05")
        assert off["after"]["cost"] == pytest.approx(-0.25, abs=1e-4), optimizer


def test_a_plateau_slows_what_goes_by_the_gradients_size(capsys: pytest.CaptureFixture[str]) -> None:
    """Section 2.7."""
    costs = {}
    for optimizer in ("gradient_descent", "momentum", "nesterov", "rmsprop", "adam"):
        words = ["plateau(a, b)", "--optimizer", optimizer, "--learning-rate", "0.05", "--steps", "500"]
        costs[optimizer] = found(capsys, "minimize", *words)["after"]["cost"]
    assert min(costs[name] for name in ("gradient_descent", "momentum", "nesterov")) > 0.999
    assert max(costs[name] for name in ("rmsprop", "adam")) < 0.01


@pytest.mark.parametrize(
    "words",
    [
        ["w**2 - 10*w + 25"],
        ["x[0][0]*w**2 + x[1][0]*w + x[2][0]", "--data", f"x={ROOT / 'configs/coefficients.csv'}"],
    ],
)
def test_the_framework_program(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Section 3.6."""
    record = found(capsys, "minimize", *words, "--learning-rate", "0.01", "--steps", "1000")
    assert record["before"]["values"] == {"w": 0.0}
    assert record["after"]["values"]["w"] == pytest.approx(5 - 5 * 0.98**1000, abs=1e-12)
