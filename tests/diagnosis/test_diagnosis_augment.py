"""Augmentation among the remedies: for pictures with a high variance, and off again where the network does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltrain.config import dump, load, resolve
from dltrain.config.records import DataFacts
from dltrain.diagnosis import Measurement, advise, diagnose

DIGITS = tuple("0123456789")


def advice(
    tmp_path: Path, train: float, dev: float, *overrides: str, classes: tuple[str, ...] = DIGITS
) -> tuple[list[dict[str, Any]], Any]:
    path = tmp_path / "c.yaml"
    path.write_text("data: {source: pictures.npz, image_shape: [8, 8]}\n")
    facts = DataFacts(m=1000, n_x=64, classes=classes, task="multiclass", parts={"train": 1000, "dev": 10**6})
    loaded = load([path], overrides)
    plan = resolve(loaded.experiment, facts)
    (tmp_path / "config.resolved.yaml").write_text(dump(plan, loaded))
    measurements = {
        "bayes": Measurement(0.0, source="stated"),
        "train": Measurement(train),
        "dev": Measurement(dev, n=10**6),
    }
    return advise(diagnose(measurements, task="multiclass", threshold=0.02, confidence=0.95), plan), plan


@pytest.mark.parametrize(
    ("classes", "kinds"), [(DIGITS, "rotate, distort"), (("cat", "dog", "owl"), "flip, rotate, crop")]
)
def test_pictures_with_a_high_variance_are_to_be_augmented(
    tmp_path: Path, classes: tuple[str, ...], kinds: str
) -> None:
    found, _ = advice(tmp_path, 0.0, 0.1, classes=classes)
    assert "training data" in found[0]["action"]
    assert found[1]["action"] == "augment the training pictures"
    assert found[1]["overrides"] == [f"data.augment=[{kinds}]"]
    assert "stand in for more of them" in found[1]["why"]


def test_the_override_can_be_run(tmp_path: Path) -> None:
    found, plan = advice(tmp_path, 0.0, 0.1)
    for base in ("c.yaml", "config.resolved.yaml"):
        changed = resolve(load([tmp_path / base], found[1]["overrides"]).experiment, plan.facts)
        assert [one.kind for one in changed.experiment.data.augment] == ["rotate", "distort"]


@pytest.mark.parametrize("override", ["data.image_shape=null", "data.augment=[shift]"])
def test_no_pictures_or_augmented_already(tmp_path: Path, override: str) -> None:
    found, _ = advice(tmp_path, 0.0, 0.1, override)
    assert not any("augment" in piece["action"] for piece in found)


def test_low_variance_needs_none(tmp_path: Path) -> None:
    found, _ = advice(tmp_path, 0.0, 0.0)
    assert not any("data.augment" in override for piece in found for override in piece["overrides"])


def test_a_bias_alone_has_it_switched_off(tmp_path: Path) -> None:
    found, _ = advice(tmp_path, 0.15, 0.15, "data.augment=[rotate]")
    assert found[0]["overrides"] == ["data.augment=[]"]
    both, _ = advice(tmp_path, 0.15, 0.30, "data.augment=[rotate]")
    assert "data.augment=[]" not in [override for piece in both for override in piece["overrides"]]
