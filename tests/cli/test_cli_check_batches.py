"""`dltrain check` on mini-batches: what size is usual for so many examples, and whether a batch fits in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.cli.boundary import run
from dltrain.engine.architecture import Architecture, BatchNorm, Layer
from dltrain.engine.initializers import He
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.workspace import Workspace, bytes_of

USUAL = "a power of two from 64 to 1024 is usual"


@pytest.fixture
def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def check(m: int, size: int | str) -> dict[str, Any]:
        rng = np.random.Generator(np.random.Philox(m))
        np.savez(tmp_path / "set.npz", X=rng.normal(size=(m + 100, 3)), y=np.arange(m + 100) % 2)
        words = [f"data.source={tmp_path / 'set.npz'}", "data.arrays={train: [X, y]}", f"training.batch_size={size}"]
        assert run(["check", *words, f"split.train={m}", "split.dev=100", "split.test=0", "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return check


@pytest.mark.parametrize(
    ("m", "size", "said"),
    [
        (1999, 64, "batch gradient descent works well too: training.batch_size=full"),
        (2000, 64, "batch gradient descent works well too: training.batch_size=full"),
        (3000, "full", f"batch gradient descent over m = 3000 examples takes long steps; {USUAL}"),
        (3000, 1, USUAL),
        (3000, 100, f"batch_size 100 is unusual for m = 3000 training examples; {USUAL}"),
        (3000, 32, USUAL),
        (3000, 2048, USUAL),
    ],
)
def test_a_usual_size_is_advised(checked: Any, m: int, size: int | str, said: str) -> None:
    assert [note for note in checked(m, size)["notes"] if said in note]


@pytest.mark.parametrize("size", [64, 128, 1024])
def test_a_usual_size_is_not(checked: Any, size: int) -> None:
    assert not [note for note in checked(3000, size)["notes"] if "batch" in note]


def test_a_batch_fits_in_memory(checked: Any) -> None:
    training = checked(3000, 1000)["training"]
    assert training["batch fits in memory"] == "yes"
    assert 0.5 < training["batch MB"] < 5, "1,000 examples of 3, 64 and 32 units, some arrays of each"


def test_the_memory_of_a_batch_is_that_of_its_buffers() -> None:
    layer = Layer(
        units=7, activation="relu", keep_prob=0.5, batch_norm=BatchNorm(), initializer=He(), regularizer=NoRegularizer()
    )
    architecture = Architecture(
        n_x=5,
        layers=(layer, layer),
        output="softmax",
        n_y=3,
        input_keep_prob=0.5,
        initializer=He(),
        regularizer=NoRegularizer(),
    )
    ws = Workspace(architecture, 32, np.float32, True)
    own = [*ws.A, ws.X, ws.Z, ws._dA, *ws.Z_norm.values(), *ws.mask.values(), *ws.kept.values(), *ws.raw]
    assert bytes_of(architecture, 32, np.float32) == sum(array.nbytes for array in own)
