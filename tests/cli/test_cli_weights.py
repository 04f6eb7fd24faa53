"""Weights from the column of a file to the errors, their intervals, the baselines and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_calling import call

from dltrain import runs
from dltrain.diagnosis.intervals import wilson
from dltrain.engine.streams import Purpose, generator

PARTS = {"train": 80, "dev": 50, "test": 40}


def tables(task: str, weighted: bool) -> None:
    """train.csv, dev.csv and test.csv in this folder: each row with its weight 0 to 3, or so often without one."""
    for place, (part, n) in enumerate(PARTS.items()):
        draws = generator(7, Purpose.SPLIT, place)
        X, weights = draws.standard_normal((n, 2)), np.append(1, draws.integers(0, 4, n - 1))
        z = X[:, 0] - 0.5 * X[:, 1] + draws.standard_normal(n)
        y = z.tolist() if task == "regression" else np.array(["fir", "oak", "yew"])[np.digitize(z, [0.2, 1.2])].tolist()
        lines = [
            (f"{a!r},{b!r}", target, weight) for (a, b), target, weight in zip(X.tolist(), y, weights, strict=True)
        ]
        if weighted:
            text = "a,b,y,w\n" + "".join(f"{x},{target},{weight}\n" for x, target, weight in lines)
        else:
            text = "a,b,y\n" + "".join(f"{x},{target}\n" * weight for x, target, weight in lines)
        Path(f"{part}.csv").write_text(text)


def settings(weighted: bool, *more: str) -> list[str]:
    """Full batches of unscaled inputs: then only a row's weight, or how often it is there, matters."""
    weight = ", weight: w" if weighted else ""
    return [
        f"data={{source: train.csv, target: y, normalize: none{weight}}}",
        "split={by: files, files: {train: train.csv, dev: dev.csv, test: test.csv}}",
        "architecture={layers: [5], activation: tanh}",
        "training={epochs: 30, batch_size: full, dtype: float64}",
        "optimizer={kind: momentum, learning_rate: 0.5}",
        *more,
    ]


def trained(name: str, task: str, weighted: bool, *more: str) -> None:
    tables(task, weighted)
    called = call("train", *settings(weighted, *more), "-q", "--run-id", name, "--runs-dir", "runs")
    assert called.code == 0, called.err


def test_a_weight_is_worth_so_many_rows() -> None:
    """The same losses, errors, baselines and evaluations as the file in which each row stands so often."""
    found = {}
    for weighted in (False, True):
        name = "weighted" if weighted else "repeated"
        trained(name, "multiclass", weighted)
        measured = [call("evaluate", name, "--part", part, "--json").json for part in PARTS]
        majority = call("diagnose", name, "--json").json["baselines"]["majority"]
        found[weighted] = runs.read_metrics(f"runs/{name}"), measured, majority
    for epoch, again in zip(found[True][0], found[False][0], strict=True):
        assert epoch["cost"] == pytest.approx(again["cost"], rel=1e-7)
        for part in ("train", "dev"):
            assert epoch[part] == pytest.approx(again[part], rel=1e-7)
    for ours, plain in zip(found[True][1], found[False][1], strict=True):
        assert ours["loss"] == pytest.approx(plain["loss"], rel=1e-7)
        assert ours["error"]["value"] == pytest.approx(plain["error"]["value"], rel=1e-9)
        assert ours["error"]["n"] == PARTS[ours["part"]] < plain["error"]["n"]
    assert found[True][2]["value"] == pytest.approx(found[False][2]["value"], rel=1e-9)


def test_the_interval_is_that_of_the_effective_size() -> None:
    trained("one", "multiclass", True)
    w = np.loadtxt("dev.csv", delimiter=",", skiprows=1, usecols=3)
    n_eff = w.sum() ** 2 / (w**2).sum()
    arrays = runs.decode_predictions("runs/one")
    assert arrays["weights"] == pytest.approx(w / np.loadtxt("train.csv", delimiter=",", skiprows=1, usecols=3).mean())
    found = call("diagnose", "one", "--json").json
    for entry in (found["errors"]["dev"], found["baselines"]["majority"], found["baselines"]["linear"]):
        assert entry["n"] == 50
        assert entry["n_eff"] == pytest.approx(n_eff)
        assert (entry["low"], entry["high"]) == pytest.approx(wilson(entry["value"], n_eff, 0.95))
    assert found["errors"]["dev"]["value"] == pytest.approx(np.average(arrays["errors"], weights=w))
    assert f"weighted: n_eff {n_eff:.0f}" in call("diagnose", "one").out
    assert f"50, weighted: n_eff {n_eff:.0f}" in call("evaluate", "one", "--part", "dev").out


def test_a_new_file_brings_its_own_weights() -> None:
    trained("one", "multiclass", True)
    part, file = (
        call("evaluate", "one", *words, "--json").json for words in (["--part", "dev"], ["--data", "dev.csv"])
    )
    assert file["error"] == pytest.approx(part["error"])
    assert file["loss"] == pytest.approx(part["loss"])
    assert file["metrics"]["accuracy"] == pytest.approx(part["metrics"]["accuracy"])
    assert file["metrics"]["confusion"] == part["metrics"]["confusion"]
    for key in ("ece", "if_calibrated"):
        assert file["metrics"]["calibration"][key] == pytest.approx(part["metrics"]["calibration"][key], rel=1e-4)
    lines = Path("dev.csv").read_text().splitlines()
    Path("light.csv").write_text("\n".join([lines[0], *(line.rsplit(",", 1)[0] + ",0" for line in lines[1:])]))
    called = call("evaluate", "one", "--data", "light.csv")
    assert (called.code, len(called.errors)) == (2, 1)
    assert "every row of light.csv has weight 0" in called.err


def test_a_file_without_the_weights_says_so() -> None:
    trained("one", "binary", True)
    rows = [line.rpartition(",")[0] for line in Path("dev.csv").read_text().splitlines()]
    Path("plain.csv").write_text("\n".join(rows) + "\n")
    called = call("evaluate", "one", "--data", "plain.csv", "--json")
    assert called.code == 0 and "n_eff" not in called.json["error"]
    assert called.err == "note: plain.csv has no column w (data.weight): all its rows count alike\n"


def test_a_regression_is_measured_by_weights() -> None:
    trained("one", "regression", True)
    arrays = runs.decode_predictions("runs/one")
    off, w = arrays["predicted"] - arrays["y"], arrays["weights"]
    found = call("evaluate", "one", "--part", "dev", "--json").json
    variance = np.var(np.loadtxt("train.csv", delimiter=",", skiprows=1, usecols=2))
    assert found["error"]["value"] == pytest.approx(np.average(off**2, weights=w) / variance)
    assert found["loss"] == pytest.approx(found["error"]["value"] / 2)
    assert found["metrics"]["rmse"] == pytest.approx(np.sqrt(np.average(off**2, weights=w)))
    assert found["metrics"]["mae"] == pytest.approx(np.average(abs(off), weights=w))
    spread = np.cov(arrays["y"], aweights=w, ddof=0)
    assert found["metrics"]["r2"] == pytest.approx(1 - np.average(off**2, weights=w) / spread)
    mean = np.average(np.loadtxt("train.csv", delimiter=",", skiprows=1, usecols=2), weights=train_weights())
    wanted = np.average((arrays["y"] - mean) ** 2, weights=w) / variance
    assert call("diagnose", "one", "--json").json["baselines"]["mean"]["value"] == pytest.approx(wanted)


def train_weights() -> np.ndarray:
    return np.loadtxt("train.csv", delimiter=",", skiprows=1, usecols=3)


def test_class_weights_enter_the_loss_and_not_the_error() -> None:
    """A class of weight 0 is never learned; the dev loss is the weighted mean of −log p of the class."""
    trained("one", "multiclass", False, "data.class_weights={oak: 0.0, yew: 4.0}")
    arrays = runs.decode_predictions("runs/one")
    assert "weights" not in arrays
    assert 1 not in arrays["predicted"]  # fir, oak, yew
    last = runs.read_metrics("runs/one")[-1]["dev"]
    assert last["error"] == arrays["errors"].mean()
    L = -np.log(arrays["yhat"][np.arange(len(arrays["y"])), arrays["y"]])
    assert last["loss"] == pytest.approx(np.average(L, weights=np.array([1.0, 0.0, 4.0])[arrays["y"]]))
    assert "n_eff" not in call("evaluate", "one", "--part", "dev", "--json").json["error"]


def test_a_part_without_weight_is_refused_before_training() -> None:
    tables("multiclass", True)
    lines = Path("dev.csv").read_text().splitlines()
    Path("dev.csv").write_text("\n".join([lines[0], *(line.rsplit(",", 1)[0] + ",0" for line in lines[1:])]))
    called = call("train", *settings(True))
    assert (called.code, called.out) == (2, "")
    assert "every row of dev has weight 0, expected one above 0" in called.err
    assert not Path("runs").exists()


def test_the_page_says_that_the_matrix_counts_examples() -> None:
    trained("one", "multiclass", True)
    assert call("report", "one").code == 0
    page = Path("runs/one/report.html").read_text()
    assert "each example counted once; the error goes by their weights" in page


def test_gradcheck_takes_the_weights_of_a_config() -> None:
    tables("multiclass", True)
    called = call("gradcheck", *settings(True, "data.class_weights=balanced"), "--after-steps", "2")
    assert (called.code, called.out.count("gradient check: great")) == (0, 2)
