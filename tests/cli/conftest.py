"""Each test in an empty folder, without the variables that change what dltrain does; a few runs to look at."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_calling import call, regression, trees

from dltrain.signals import STOPPING, current

SETTINGS = ("DLTRAIN_RUNS_DIR", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Commands take over this process's signals, and its end makes it deaf to them."""
    before = {number: signal.getsignal(number) for number in (*STOPPING.values(), signal.SIGUSR2)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    current.asked = current.until = None
    current.save = False


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs`, in which are `trees` (binary), `digits` (multiclass), `costs` (regression) and, last,
    `lost` (diverged). Tests only read it."""
    folder = tmp_path_factory.mktemp("shelf")
    for config, name, code in ((trees(folder), "trees", 0), (regression(folder), "costs", 0)):
        assert call("train", config, "-q", "--run-id", name, "--runs-dir", folder / "runs").code == code
    digits = ["data={source: digits, target: label}", "training={epochs: 1, batch_size: 64}", "architecture.layers=[8]"]
    assert call("train", *digits, "-q", "--run-id", "digits", "--runs-dir", folder / "runs").code == 0
    huge = ["optimizer={kind: gradient_descent, learning_rate: 1e12}"]
    assert (
        call("train", folder / "trees.yaml", *huge, "-q", "--run-id", "lost", "--runs-dir", folder / "runs").code == 3
    )
    return folder
