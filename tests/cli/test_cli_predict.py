"""`dltrain predict` and `dltrain.load`: raw new rows, in any order, from files and standard input."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_calling import Called, call, table, two_kinds

from dltrain import load, runs
from dltrain.errors import InputError

ROWS = two_kinds(40, seed=7)


@pytest.fixture
def new(shelf: Path, empty_folder: Path) -> Path:
    """A file of new rows."""
    (empty_folder / "new.csv").write_text(table(ROWS))
    return shelf


def predict(shelf: Path, *arguments: object, run: str = "trees", stdin: str | bytes = b"") -> Called:
    return call("predict", run, *arguments, "--runs-dir", shelf / "runs", stdin=stdin)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_header_of_each_kind(new: Path) -> None:
    assert predict(new, "new.csv").out.splitlines()[0] == "id,prediction"
    assert predict(new, "new.csv", "--proba").out.splitlines()[0] == "id,prediction,p_fir,p_oak"
    assert predict(new, "new.csv", "--hardmax").out.splitlines()[0] == "id,prediction,fir,oak"
    both = predict(new, "--hardmax", "new.csv", "--proba")
    assert both.out.splitlines()[0] == "id,prediction,p_fir,p_oak,fir,oak"
    assert (both.code, both.err) == (0, "")


def test_rows_keep_their_order_and_ids(new: Path) -> None:
    found = read(predict(new, "new.csv").out)
    assert [row["id"] for row in found] == [row[0] for row in ROWS]
    assert {row["prediction"] for row in found} == {"oak", "fir"}


def test_probabilities_and_hardmax_agree_with_the_prediction(new: Path) -> None:
    for row in read(predict(new, "new.csv", "--proba", "--hardmax").out):
        p = {name: float(row[f"p_{name}"]) for name in ("fir", "oak")}
        assert sum(p.values()) == pytest.approx(1, abs=2e-6)
        assert max(p, key=lambda name: p[name]) == row["prediction"]
        assert {name: row[name] for name in p} == {name: "01"[name == row["prediction"]] for name in p}


def test_probabilities_come_from_the_stored_parameters(new: Path) -> None:
    """Computed here from model.safetensors and preparation.json alone: relu, then sigmoid."""
    theta, _, meta = runs.decode_model(new / "runs/trees/model.safetensors")
    kept = load(new / "runs/trees").preparation
    X = (np.array([row[1:3] for row in ROWS]) - np.asarray(kept.mu)) / np.asarray(kept.sigma)
    W1, W2 = theta[:12].reshape(3, 4).astype(float), theta[12:].reshape(5, 1).astype(float)  # biases in the last row
    hidden = np.maximum(0, X @ W1[:-1] + W1[-1])
    p = 1 / (1 + np.exp(-(hidden @ W2[:-1] + W2[-1])[:, 0]))
    found = read(predict(new, "new.csv", "--proba").out)
    assert [float(row["p_oak"]) for row in found] == pytest.approx(p.tolist(), abs=1e-5)


def test_columns_may_stand_in_any_order_with_others_beside_them(new: Path) -> None:
    turned = [(height, "x", name, width) for name, width, height, _ in ROWS]
    Path("turned.csv").write_text(table(turned, "height,other,id,width"))
    assert predict(new, "turned.csv", "--proba").out == predict(new, "new.csv", "--proba").out


def test_without_ids_there_is_no_id_column(new: Path) -> None:
    bare = [(width, height) for _, width, height, _ in ROWS]
    Path("bare.csv").write_text(table(bare, "width,height"))
    found = predict(new, "bare.csv").out.splitlines()
    assert found[0] == "prediction"
    assert found[1:] == [row["prediction"] for row in read(predict(new, "new.csv").out)]


def test_standard_input(new: Path) -> None:
    expected = predict(new, "new.csv", "--proba").out
    assert predict(new, "-", "--proba", stdin=table(ROWS)).out == expected
    command = [sys.executable, "-m", "dltrain", "predict", "trees", "-", "--proba", "--runs-dir", str(new / "runs")]
    done = subprocess.run(command, input=table(ROWS), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_arrays(new: Path) -> None:
    X = np.array([row[1:3] for row in ROWS])
    np.savez("new.npz", x=X)
    np.save("new.npy", X)
    expected = [row["prediction"] for row in read(predict(new, "new.csv").out)]
    for name in ("new.npz", "new.npy"):
        assert predict(new, name).out.splitlines() == ["prediction", *expected]


def test_from_python(new: Path) -> None:
    run = load("trees", new / "runs")
    X = np.array([row[1:3] for row in ROWS])
    expected = read(predict(new, "new.csv", "--proba").out)
    assert run.predict(X).tolist() == [row["prediction"] for row in expected]
    p = run.predict_proba(X)
    assert p.shape == (40, 2)
    assert p[:, 0].tolist() == pytest.approx([float(row["p_fir"]) for row in expected], abs=1e-6)
    with pytest.raises(InputError, match="did you mean trees"):
        load("treees", new / "runs")


def test_predictions_are_those_that_dev_was_measured_with(new: Path) -> None:
    """Predicting the training file itself gives, at the rows of dev, what the run recorded."""
    recorded = runs.decode_predictions(new / "runs/trees")
    found = [row["prediction"] for row in read(predict(new, new / "trees.csv").out)]
    classes = ("fir", "oak")
    assert [found[row] for row in recorded["rows"]] == [classes[k] for k in recorded["predicted"].astype(int)]
    wrong = np.mean(recorded["predicted"] != recorded["y"])
    assert wrong == runs.read_metrics(new / "runs/trees")[-1]["dev"]["error"]


def test_many_classes(shelf: Path, empty_folder: Path) -> None:
    from dltrain.data.sets.builtin_sets import built_in, read_built_in

    known = built_in("digits")
    assert known is not None
    np.save("some.npy", read_built_in(known).X[:200])
    lines = predict(shelf, "some.npy", "--proba", "--hardmax", run="digits").out.splitlines()
    names = [str(digit) for digit in range(10)]
    assert lines[0].split(",") == ["prediction", *(f"p_{name}" for name in names), *names]
    cells = np.array([line.split(",") for line in lines[1:]], dtype=float)
    assert cells.shape == (200, 21)
    assert cells[:, 1:11].sum(axis=1) == pytest.approx(np.ones(200), abs=1e-4)
    assert (cells[:, 1:11].argmax(axis=1) == cells[:, 0]).all()
    assert (cells[:, 11:].argmax(axis=1) == cells[:, 0]).all() and (cells[:, 11:].sum(axis=1) == 1).all()


def test_values_are_in_the_target_s_own_units(shelf: Path, empty_folder: Path) -> None:
    found = predict(shelf, shelf / "costs.csv", run="costs").out.splitlines()
    assert found[0] == "prediction"
    costs = np.array([line.split(",")[1] for line in (shelf / "costs.csv").read_text().splitlines()[1:]], dtype=float)
    predicted = np.array(found[1:], dtype=float)
    assert np.corrcoef(costs, predicted)[0, 1] > 0.9
    assert 30 < predicted.mean() < 300
    for option in ("--proba", "--hardmax"):
        called = predict(shelf, shelf / "costs.csv", option, run="costs")
        assert (called.code, called.out) == (2, "")
        assert called.err == "error: costs is a regression: it predicts values, not classes\n"


def test_names_are_utf_8_whatever_the_locale(empty_folder: Path) -> None:
    Path("d.csv").write_text("größe,art\n" + "".join(f"{n},{'äöü漢'[n % 2 :]}\n" for n in range(40)), encoding="utf-8")
    call("train", "data.source=d.csv", "data.target=art", "training.epochs=1", "-q", "--run-id", "a")
    command = [sys.executable, "-m", "dltrain", "predict", "a", "d.csv", "--proba"]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=ascii_only)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("utf-8") == call("predict", "a", "d.csv", "--proba").out
    assert done.stdout.decode("utf-8").startswith("prediction,p_äöü漢,p_öü漢\n")


@pytest.mark.parametrize(
    "text, line",
    [
        ("id,width\na,1\n", "standard input has no column 'height'"),
        ("width,heigth\n1,2\n", "did you mean heigth?"),
        ("width,height\n1,\n", "standard input:2:2: 1 cell is missing (height: 1)"),
        ("width,height\n1,2\n1,2,3\n", "standard input:3: 3 cells, expected 2"),
        ("width,height\n1,tall\n", "standard input:2:2: height: 'tall' is not a number"),
        ("width,height\n1,1e300\n", "height: 1e+300 is too large for float32"),
        ("1,2,3,4,5\n", "standard input has 5 columns and no header"),
        ("", "standard input is empty"),
    ],
)
def test_a_bad_row_is_one_line(text: str, line: str, new: Path) -> None:
    called = predict(new, "-", stdin=text)
    assert (called.code, called.out, len(called.err.splitlines())) == (2, "", 1)
    assert called.err.startswith("error: ") and line in called.err


def test_the_model_and_the_preparation_are_enough(new: Path) -> None:
    """Away from its folder of runs, its data and everything else that the run wrote."""
    Path("away").mkdir()
    for name in ("run.json", "model.safetensors", "preparation.json"):
        shutil.copy(new / "runs/trees" / name, Path("away") / name)
    assert call("predict", "./away", "new.csv").out == predict(new, "new.csv").out


def test_a_run_without_a_model(new: Path) -> None:
    shutil.copytree(new / "runs/trees", "runs/trees")
    Path("runs/trees/model.safetensors").unlink()
    called = call("predict", "trees", "new.csv")
    assert (called.code, called.err) == (2, "error: trees has no model.safetensors: the run is finished\n")
    Path("runs/trees/model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    assert call("predict", "trees", "new.csv").code == 65
