"""The configs that come with dltrain: each says what it shows and how to run it, and does what it says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from dltrain import config, experiment
from dltrain.cli.boundary import run

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
BUILT_IN = [path for path in CONFIGS if path.stem != "mnist"]
REGIMES = {
    "regime_high_bias": "high bias",
    "regime_high_variance": "high variance",
    "regime_high_bias_high_variance": "high bias and high variance",
    "regime_low_bias_low_variance": "low bias and low variance",
}
LESSONS = {path.stem for path in CONFIGS if path.stem.startswith("lesson_")}  # asserted in tests/lessons


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def settled(path: Path, *overrides: str) -> tuple[experiment.Ready, str]:
    ready = experiment.prepare(config.load([path], overrides))
    return ready, config.dump(ready.plan, ready.loaded)


@pytest.fixture
def mnist(tmp_path: Path) -> str:
    """An override that gives mnist.yaml its data: a file like MNIST with fewer and smaller images."""
    rng = np.random.Generator(np.random.Philox(1))
    y = np.arange(400) % 10
    x = (rng.random((400, 4, 4)) * 100 + y[:, None, None] * 15).astype(np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])
    return f"data.source={tmp_path / 'mnist.npz'}"


def test_there_are_configs() -> None:
    assert {"digits", "breast_cancer", "mnist", "search", *REGIMES, *LESSONS} == {path.stem for path in CONFIGS}


@named(CONFIGS)
def test_the_first_lines_say_what_it_shows_and_how_to_run_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert re.fullmatch(r"# .*[.]", lines[0])
    assert re.match(rf"#   dltrain (train|search) configs/{path.name}( |$)", lines[1])
    assert yaml.safe_load(path.read_text())["version"] == 1
    assert yaml.safe_load(path.read_text())["name"] == path.stem.removeprefix("regime_")


@named(CONFIGS)
def test_each_settles_and_loads_again_to_the_same(path: Path, tmp_path: Path, mnist: str) -> None:
    ready, text = settled(path, *([mnist] if path.stem == "mnist" else []))
    (tmp_path / "settled.yaml").write_text(text)
    again, same = settled(tmp_path / "settled.yaml")
    assert again.plan.experiment == ready.plan.experiment
    assert again.plan.facts == ready.plan.facts

    def values(dumped: str) -> list[str]:
        return [line.partition(" #")[0].rstrip() for line in dumped.splitlines()]

    assert values(same) == values(text)


@named(CONFIGS)
def test_each_trains(path: Path, tmp_path: Path, mnist: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = [mnist] if path.stem == "mnist" else []
    code = run(["train", str(path), *given, "training.epochs=1", "--json", "--runs-dir", str(tmp_path)])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert 0 <= found["errors"]["train"]["value"] <= 1
    assert len((Path(found["run"]) / "metrics.jsonl").read_text().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name, headline", REGIMES.items())
def test_each_regime_lands_in_its_regime(
    name: str, headline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next(path for path in CONFIGS if path.stem == name)
    assert run(["train", str(path), "--json", "--runs-dir", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["headline"] == headline
    assert found["errors"]["bayes"]["source"] == "stated"


@pytest.mark.slow
def test_digits_ends_below_3_percent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in CONFIGS if path.stem == "digits")
    assert run(["train", str(path), "--json", "--runs-dir", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["errors"]["dev"]["value"] < 0.03
    assert found["errors"]["dev"]["value"] < found["baselines"]["linear"]["value"]


@pytest.mark.slow
def test_breast_cancer_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in CONFIGS if path.stem == "breast_cancer")
    assert run(["train", str(path), "--json", "--runs-dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["errors"]["dev"]["value"] < 0.06


@pytest.mark.slow
def test_mnist_trains_as_it_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """60 steps on the real file, in the folder that DLTRAIN_TEST_DATA names, learn most of it."""
    folder = Path(os.environ.get("DLTRAIN_TEST_DATA", ""))
    file = next(iter(sorted(folder.rglob("mnist.npz"))), None) if os.environ.get("DLTRAIN_TEST_DATA") else None
    if file is None:
        pytest.skip("DLTRAIN_TEST_DATA names no folder with mnist.npz")
    path = next(path for path in CONFIGS if path.stem == "mnist")
    short = ["training.epochs=null", "training.steps=60", "architecture.layers=[64]", "data.limit=20000"]
    assert run(["train", str(path), f"data.source={file}", *short, "--json", "--runs-dir", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["errors"]["dev"]["value"] < 0.2
    assert run(["evaluate", found["run"], "--json"]) == 0
    test = json.loads(capsys.readouterr().out)["error"]
    assert (test["n"], test["value"] < 0.2) == (10000, True)
