"""`dltrain average`: the table, the CSV, and what is refused."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call

from dltrain.engine import averages

REAL = os.environ.get("DLTRAIN_TEST_DATA", "")


@pytest.fixture
def series(empty_folder: Path) -> np.ndarray:
    """days.csv: a rise of one degree a day from 40, with noise, 400 days."""
    values = (40 + np.arange(400.0) + np.random.Generator(np.random.Philox(4)).normal(0, 2, 400)).round(2)
    rows = [f"{day},{value}" for day, value in enumerate(values.tolist())]
    (empty_folder / "days.csv").write_text("\n".join(["day,T", *rows]) + "\n")
    return values


def test_the_table(series: np.ndarray) -> None:
    called = call("average", "days.csv", "--column", "T", "--beta", "0.9", "--beta", "0.98")
    assert (called.code, called.err) == (0, "")
    lines = called.out.splitlines()
    assert lines[0] == f"T of days.csv: 400 values, noise {np.std(np.diff(series)):.3g}"
    assert lines[2].split() == [
        "beta",
        "window",
        "lag",
        "measured",
        "noise",
        "left",
        "first",
        "value",
        "corrected",
        "last",
        "corrected",
    ]
    small, large = (line.split() for line in lines[4:6])
    assert small[:4] == ["0.9", "10", "9", "9"]
    assert large[:3] == ["0.98", "50", "49"]
    assert float(large[6]) == pytest.approx(0.02 * series[0], rel=1e-3) and float(large[7]) == series[0].round(2)
    assert len(lines) == 13 and "beta 0.98 corrected" in called.out and "▁" in called.out


def test_the_json(series: np.ndarray) -> None:
    found = call("average", "days.csv", "--column", "T", "--beta", "0.98", "--json").json
    assert (found["schema_version"], found["column"], found["n"]) == (1, "T", 400)
    (only,) = found["averages"]
    assert (only["beta"], only["window"], only["lag"]) == (0.98, pytest.approx(50), pytest.approx(49))
    assert only["first"] == {"plain": pytest.approx(0.02 * series[0]), "corrected": pytest.approx(series[0])}
    assert only["noise"] < 0.1 * found["noise"] * 2


def test_one_beta_is_there_unasked(series: np.ndarray) -> None:
    assert [each["beta"] for each in call("average", "days.csv", "--column", "T", "--json").json["averages"]] == [0.9]


@pytest.mark.parametrize("target", ["-", "out.csv"])
def test_the_csv(target: str, series: np.ndarray) -> None:
    called = call("average", "days.csv", "--column", "-1", "--beta", "0.9", "-o", target)
    assert (called.code, called.err) == (0, "")
    text = called.out if target == "-" else Path(target).read_text()
    assert target == "-" or called.out == ""
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["t", "T", "beta_0.9", "beta_0.9_corrected"]
    assert [int(row["t"]) for row in rows] == list(range(1, 401))
    v = averages.weighted_average(series, 0.9)
    assert [float(row["T"]) for row in rows] == series.tolist()
    assert [float(row["beta_0.9"]) for row in rows] == v.tolist()
    assert [float(row["beta_0.9_corrected"]) for row in rows] == averages.corrected(v, 0.9).tolist()


@pytest.mark.parametrize(
    "words, line",
    [
        (["days.csv", "--column", "T", "--beta", "1"], "--beta: 1 is not allowed; expected at least 0 and below 1"),
        (["days.csv", "--column", "T", "--beta", "nan"], "--beta: nan is not allowed"),
        (["days.csv", "--column", "T", "--beta", "0.9", "--beta", "0.9"], "--beta: 0.9 is given twice; leave one"),
        (["days.csv", "--column", "S"], "--column: days.csv has no column 'S'; its columns are day, T"),
        (["dais.csv", "--column", "T"], "there is no file dais.csv; did you mean days.csv?"),
        (["days.csv"], "Missing option '--column'"),
        (["days.csv", "--column", "T", "--json", "-o", "-"], "--json and -o both want the output; leave one"),
        (["days.csv", "--column", "T", "-o", "no/where.csv"], "no: there is no such folder to write to"),
    ],
)
def test_one_line_and_exit_2(words: list[str], line: str, series: np.ndarray) -> None:
    called = call("average", *words)
    assert (called.code, called.out) == (2, "")
    assert called.err.startswith(f"error: {line}") and len(called.err.splitlines()) == 1


def test_a_series_of_one_value(empty_folder: Path) -> None:
    (empty_folder / "one.csv").write_text("T\n5\n")
    called = call("average", "one.csv", "--column", "T", "--beta", "0.98")
    assert called.code == 0
    assert called.out.splitlines()[4].split() == ["0.98", "50", "49", "—", "0", "—", "0.1", "5", "0.1", "5"]


@pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder with bike_sharing/day.csv")
def test_a_real_series_of_daily_temperatures() -> None:
    """Two years in Washington: β = 0.98 is weeks late and smoother; only the corrected start is near the truth."""
    file = Path(REAL, "bike_sharing", "day.csv")
    found = call("average", file, "--column", "temp", "--beta", "0.9", "--beta", "0.98", "--json").json
    small, large = found["averages"]
    assert found["n"] == 731
    assert 6 <= small["measured_lag"] <= 10 and 35 <= large["measured_lag"] <= 49
    assert large["noise"] < 0.6 * small["noise"] < 0.1 * found["noise"]
    assert large["first"]["plain"] == pytest.approx(0.02 * 0.344167)
    assert large["first"]["corrected"] == pytest.approx(0.344167)
