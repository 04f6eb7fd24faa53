"""Equal runs are equal bytes: trained again, from what was settled, in another place, with other settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_calling import call

BYTES = ("metrics.jsonl", "diagnosis.json", "predictions.npz", "model.safetensors", "preparation.json")

# Products so large that a BLAS left alone would share them among the cores; every kind of randomness.
CONFIG = """\
data: {source: digits, target: label}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture: {layers: [256, 64], keep_prob: 0.8, input_keep_prob: 0.9, batch_norm: true}
regularizer: {kind: l2, lambd: 0.1}
training: {epochs: 2, batch_size: 256, parameter_average: 0.9, early_stopping: {patience: 5}}
"""


def content(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in BYTES}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "c.yaml").write_text(CONFIG)
    assert call("train", folder / "c.yaml", "-q", "--runs-dir", folder / "runs", "--run-id", "first").code == 0
    return folder / "runs/first"


def test_the_same_command_again(first: Path, empty_folder: Path) -> None:
    assert call("train", first.parent.parent / "c.yaml", "-q", "--run-id", "again").code == 0
    assert content(Path("runs/again")) == content(first)


def test_what_was_settled(first: Path, empty_folder: Path) -> None:
    assert call("train", first / "config.resolved.yaml", "-q", "--run-id", "settled").code == 0
    assert content(Path("runs/settled")) == content(first)
    again = Path("runs/settled/config.resolved.yaml").read_text()

    def values(text: str) -> list[str]:
        return [line.partition(" #")[0].rstrip() for line in text.splitlines()]

    assert values(again) == values((first / "config.resolved.yaml").read_text())


def test_what_was_given(first: Path, empty_folder: Path) -> None:
    assert call("train", first / "config.yaml", "-q", "--run-id", "given").code == 0
    assert content(Path("runs/given")) == content(first)


@pytest.mark.parametrize(
    "settings",
    [
        {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
        {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
        {"OMP_NUM_THREADS": "8", "OPENBLAS_NUM_THREADS": "8", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"},
    ],
    ids=lambda settings: f"{settings['OMP_NUM_THREADS']} threads",
)
def test_another_environment(first: Path, settings: dict[str, str], empty_folder: Path) -> None:
    """Another process, folder, number of threads, hash seed, language and time zone."""
    arguments = ["train", str(first.parent.parent / "c.yaml"), "-q", "--run-id", "elsewhere"]
    done = subprocess.run(
        [sys.executable, "-m", "dltrain", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs/elsewhere\n", "")
    assert content(Path("runs/elsewhere")) == content(first)


def test_the_parts_do_not_depend_on_the_seed(first: Path, empty_folder: Path) -> None:
    call("train", first.parent.parent / "c.yaml", "-q", "--run-id", "other", "seed=2", "training.epochs=1")
    other = content(Path("runs/other"))
    assert other["preparation.json"] == content(first)["preparation.json"]
    assert other["model.safetensors"] != content(first)["model.safetensors"]


def test_nothing_tells_when_where_or_who(first: Path) -> None:
    told = [str(first.parent).encode(), b"first", os.uname().nodename.encode() + b'"', b"T0", b"2026-", b"2027-"]
    for name, data in content(first).items():
        if name.endswith((".json", ".jsonl")):
            assert not [word for word in told if word in data], name
