"""`dltrain compare`: config differences and paired tests of runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call, regression, table, trees, two_kinds

from dltrain import runs
from dltrain.diagnosis.paired import agresti_min, mcnemar


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of a network that sees both inputs and three of one that sees the height alone; 500 dev rows."""
    folder = tmp_path_factory.mktemp("trials")
    trees(folder)
    (folder / "trees.csv").write_text(table(two_kinds(1000)))
    split = "split={train: 0.4, dev: 0.5, test: 0.1}"
    for seed in (1, 2, 3):
        for name, features in (("good", "[width, height]"), ("bad", "[height]")):
            more = [f"data.features={features}", "optimizer.learning_rate=0.05", "training.epochs=4"]
            options = [f"seed={seed}", split, *more]
            where = ["--run-id", f"{name}-{seed}", "--runs-dir", folder / "runs"]
            assert call("train", folder / "trees.yaml", *options, "-q", *where).code == 0
    return folder / "runs"


def test_two_runs_by_hand(trials: Path) -> None:
    found = call("compare", "bad-1", "good-1", "--json", "--runs-dir", trials).json
    good, bad = (runs.decode_predictions(trials / name) for name in ("good-1", "bad-1"))
    b = int(((bad["errors"] == 1) & (good["errors"] == 0)).sum())
    c = int(((bad["errors"] == 0) & (good["errors"] == 1)).sum())
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["only_a"], pair["only_b"]) == ("bad-1", "good-1", b, c)
    assert pair["p"] == mcnemar(b, c) and pair["verdict"] == "worse"
    difference = pair["difference"]
    assert (difference["low"], difference["high"]) == agresti_min(b, c, 500, 0.95)
    assert difference["value"] == pytest.approx(bad["errors"].mean() - good["errors"].mean())
    assert [run["run"] for run in found["runs"]] == ["good-1", "bad-1"]
    assert (found["n"], found["part"], found["task"], found["confidence"]) == (500, "dev", "binary", 0.95)
    assert found["rows_sha256"] == hashlib.sha256(good["rows"].astype(np.int64).tobytes()).hexdigest()
    assert found["differences"] == {"data.features": {"good-1": ["width", "height"], "bad-1": ["height"]}}


def test_for_people(trials: Path) -> None:
    called = call("compare", "bad-1", "good-1", "bad-2", "--runs-dir", trials)
    assert (called.code, called.err) == (0, "")
    lines = called.out.splitlines()
    assert lines[0] == "dev, the same 500 examples"
    assert lines[3].startswith("good-1 ") and " best " in lines[3] and 'data.features=["width", "height"]' in lines[3]
    assert all("worse" in line and "< 0.001" in line for line in lines[4:6])
    assert "these trained models, not their configs" in called.out
    assert "Holm's correction for 3 pairs" in called.out


def test_by_config(trials: Path) -> None:
    names = [f"{name}-{seed}" for name in ("bad", "good") for seed in (1, 2, 3)]
    found = call("compare", *names, "--by-config", "--json", "--runs-dir", trials).json
    assert [config["runs"] for config in found["configs"]] == [
        ["good-1", "good-2", "good-3"],
        ["bad-1", "bad-2", "bad-3"],
    ]
    (pair,) = found["pairs"]
    assert pair["test"] == "crossed bootstrap" and pair["verdict"] == "worse"
    assert pair["difference"]["low"] > 0
    assert found["differences"] == {"data.features": {"good-1": ["width", "height"], "bad-1": ["height"]}}
    shown = call("compare", *names, "--by-config", "--runs-dir", trials).out
    assert "the configs: over new seeds" in shown and "crossed bootstrap" in shown


def test_a_claim_takes_three_seeds(trials: Path) -> None:
    called = call("compare", "good-1", "good-2", "good-3", "bad-1", "bad-2", "--by-config", "--runs-dir", trials)
    assert (called.code, called.out, len(called.errors)) == (2, "", 1)
    assert "bad-1, bad-2: 2 seeds of this config, expected 3 or more" in called.err


def test_a_study_is_its_runs(trials: Path) -> None:
    study = trials.parent / "studies" / "seeds"
    for number in range(3):
        shutil.copytree(trials / f"good-{number + 1}", study / "trials" / str(number))
    (study / "study.json").write_text(
        json.dumps({"schema_version": 1, "id": "seeds", "state": "finished", "created": "2026-01-01T00:00:00.000000Z"})
    )
    names = [study, *(trials / f"bad-{seed}" for seed in (1, 2, 3))]
    found = call("compare", *names, "--by-config", "--json").json
    assert found["configs"][0]["runs"] == ["seeds/0", "seeds/1", "seeds/2"]
    one = call("compare", "seeds/1", trials / "bad-2", "--json", "--runs-dir", study.parent).json
    assert [run["run"] for run in one["runs"]] == ["seeds/1", "bad-2"]


def test_regression(tmp_path: Path) -> None:
    regression(tmp_path)
    for name, epochs in (("long", 60), ("short", 2)):
        assert call("train", "costs.yaml", f"training.epochs={epochs}", "-q", "--run-id", name).code == 0
    found = call("compare", "short", "long", "--json").json
    long, short = (runs.decode_predictions(Path("runs") / name)["errors"] for name in ("long", "short"))
    (pair,) = found["pairs"]
    assert (pair["a"], pair["test"]) == ("short", "t")  # 12 rows are few for a bootstrap
    assert pair["difference"]["value"] == pytest.approx(short.mean() - long.mean())
    assert found["runs"][0]["error"]["low"] < found["runs"][0]["error"]["value"]
    assert "%" not in call("compare", "short", "long").out.replace("95% interval", "")


def heavy_tailed(folder: Path) -> None:
    """A target whose variance differs from subset to subset, and weights whose mean does."""
    rng = np.random.default_rng(4)
    x, target = rng.normal(size=300), 100 * np.exp(1.5 * rng.normal(size=300))
    lines = [f"{a:.4f},{b:.4f},{w:.4f}" for a, b, w in zip(x, target, rng.lognormal(0, 2, 300), strict=True)]
    (folder / "heavy.csv").write_text("x,cost,w\n" + "\n".join(lines) + "\n")
    (folder / "heavy.yaml").write_text(
        "data: {source: heavy.csv, target: cost, task: regression, features: [x]}\ntraining: {epochs: 20}\n"
    )


def test_regressions_with_other_training_sets_are_compared_in_one_unit(empty_folder: Path) -> None:
    heavy_tailed(empty_folder)
    for name, limit in (("whole", "null"), ("part", 40)):
        assert call("train", "heavy.yaml", f"data.train_limit={limit}", "-q", "--run-id", name).code == 0
    arrays = [runs.decode_predictions(Path("runs") / name) for name in ("whole", "part")]
    variances = [runs.unit_of(Path("runs") / name).variance for name in ("whole", "part")]
    assert not 0.8 < variances[1] / variances[0] < 1.25
    squares = {
        name: float(np.mean((found["y"] - found["predicted"]) ** 2)) / variances[0]
        for name, found in zip(("whole", "part"), arrays, strict=True)
    }
    found = call("compare", "whole", "part", "--json").json
    assert {run["run"]: run["error"]["value"] for run in found["runs"]} == pytest.approx(squares, rel=1e-4)
    (pair,) = found["pairs"]
    assert pair["difference"]["value"] == pytest.approx(abs(squares["part"] - squares["whole"]), rel=1e-3)


def test_weights_scaled_by_another_training_set_are_the_same_weights(empty_folder: Path) -> None:
    heavy_tailed(empty_folder)
    more = ["data.weight=w", "training.epochs=1", "-q"]
    for name, limit in (("whole", "null"), ("part", 40)):
        assert call("train", "heavy.yaml", f"data.train_limit={limit}", *more, "--run-id", name).code == 0
    scales = [runs.unit_of(Path("runs") / name).weight for name in ("whole", "part")]
    assert scales[0] != pytest.approx(scales[1], rel=0.01)
    assert call("compare", "whole", "part", "--json").code == 0


# ---- what cannot be compared


def test_other_dev_rows_are_refused(trials: Path) -> None:
    where = ["--run-id", "other", "--runs-dir", trials.parent / "more"]
    folder = trials.parent
    split = "split={train: 0.4, dev: 0.5, test: 0.1, seed: 7}"
    assert call("train", folder / "trees.yaml", split, "training.epochs=1", "-q", *where).code == 0
    called = call("compare", trials / "good-1", folder / "more/other")
    assert (called.code, called.out, len(called.err.splitlines())) == (2, "", 1)
    assert "other and good-1: their dev rows are not the same (500 others); they differ in split.seed" in called.err


def test_the_same_row_numbers_of_other_data_are_refused(trials: Path, empty_folder: Path) -> None:
    trees(empty_folder)
    Path("trees.csv").write_text(table(two_kinds(400, seed=9)).replace("oak", "o").replace("fir", "f"))
    split = "split={train: 0.4, dev: 0.5, test: 0.1, stratify: false}"
    assert call("train", "trees.yaml", split, "training.epochs=1", "-q", "--run-id", "o").code == 0
    assert "their classes differ" in call("compare", trials / "good-1", "o").err


def test_what_is_no_pair_is_refused(shelf: Path) -> None:
    where = ["--runs-dir", shelf / "runs"]
    assert "name two runs or more" in call("compare", "trees", *where).err
    assert "named twice" in call("compare", "trees", "trees", *where).err
    assert "lost has no dev predictions to compare: the run is diverged" in call("compare", "trees", "lost", *where).err
    called = call("compare", "trees", "costs", "digits", *where)
    assert called.code == 2 and len(called.errors) == 2
    assert "costs and trees: a binary and a regression have no error in common" in called.err
    assert "did you mean trees" in call("compare", "tres", "digits", *where).err
    assert call("compare", "trees", "digits", "--confidence", "0", *where).code == 2
