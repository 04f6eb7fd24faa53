"""`dltrain report RUN --plot FILE`: curves as a picture, stable to the byte."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dltrain.cli.boundary import run

SMALL = ["data.source=digits", "data.target=label", "training.epochs=4", "split.train=100", "split.dev=100"]
SMALL += ["split.test=rest", "-q"]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    stopped = ["training.early_stopping.patience=3", "diagnosis.bayes_error=0.01"]
    for name, more in (("one", stopped), ("two", [])):
        assert run(["train", *SMALL, *more, "--run-id", name, "--runs-dir", str(tmp_path / "runs")]) == 0
    return tmp_path / "runs"


def draw(runs: Path, file: Path, *names: str) -> bytes:
    assert run(["report", *names, "--plot", str(file), "--runs-dir", str(runs)]) == 0
    return file.read_bytes()


def test_one_run_shows_cost_losses_errors_and_the_epoch_chosen(runs: Path, tmp_path: Path) -> None:
    text = draw(runs, tmp_path / "one.svg", "one").decode()
    for words in ("J, as minimized", "loss, train", "loss, dev", "misclassified, %", "Bayes", "chosen", "epoch"):
        assert f">{words}<" in text, words
    assert not (runs / "one" / "report.html").read_text().startswith("<?xml"), "the page stays what it is"


def test_several_runs_share_a_picture(runs: Path, tmp_path: Path) -> None:
    text = draw(runs, tmp_path / "both.svg", "one", "two").decode()
    assert ">one: dev (train thin)<" in text and ">two: dev (train thin)<" in text


def test_equal_numbers_give_equal_bytes_without_a_date(runs: Path, tmp_path: Path) -> None:
    first, again = (draw(runs, tmp_path / name, "one") for name in ("a.svg", "b.svg"))
    assert first == again
    assert not re.search(rb"<dc:date|20\d\d-\d\d-\d\d", first)
    assert len(first) < 60_000


def test_the_ending_names_the_kind(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw(runs, tmp_path / "one.png", "one").startswith(b"\x89PNG")
    assert draw(runs, tmp_path / "one.pdf", "one").startswith(b"%PDF")
    assert run(["report", "one", "--plot", "one.gif", "--runs-dir", str(runs)]) == 2
    assert capsys.readouterr().err.endswith("error: --plot: one.gif: pictures end in .svg, .png, .pdf\n")
    assert run(["report", "one", "--plot", "one.svg", "-o", "one.html", "--runs-dir", str(runs)]) == 2


def test_without_matplotlib_one_line_names_the_extra(runs: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['matplotlib'] = None; from dltrain.__main__ import main; main()"
    words = ["report", "one", "--plot", str(tmp_path / "x.svg"), "--runs-dir", str(runs)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: drawing pictures needs matplotlib: pip install 'dltrain[plot]'\n"
    assert not (tmp_path / "x.svg").exists()
