"""The two sets inside the package."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import dltrain.data
from dltrain.config.records import Data, Experiment
from dltrain.data import built_in_sets, prepare
from dltrain.data.sets.builtin_sets import built_in_file, read_built_in


@pytest.mark.parametrize(
    "name, inputs, labels",
    [
        # sha256 of scikit-learn's own arrays: X as float64 bytes, and the labels joined by line feeds.
        (
            "digits",
            "20def7f70a702f0af9732fbba4375e147a7d54fe70d8c45569b8e7c1c7010c10",
            "ef934c97499c4d19248bd3f019e173c3dbc63cd002019c8909b94f7d82e2b347",
        ),
        (
            "breast_cancer",
            "6b202a2072f9a0385f405a8f8605b1b06f6f36ae6d23d9cd6cbbc0974a416bc7",
            "715d08a7738070e46224cc45e8bbc820005c39c06ddea408f82fa7a33ec5fda3",
        ),
    ],
)
def test_they_are_what_scikit_learn_carries(name: str, inputs: str, labels: str) -> None:
    known = next(known for known in built_in_sets() if known.name == name)
    raw = read_built_in(known)
    assert raw.y is not None
    assert hashlib.sha256(raw.X.astype(np.float64).tobytes()).hexdigest() == inputs
    assert hashlib.sha256("\n".join(map(str, raw.y.tolist())).encode()).hexdigest() == labels


@pytest.mark.parametrize("known", built_in_sets(), ids=lambda known: known.name)
def test_what_data_list_says_is_true(known: dltrain.data.BuiltIn) -> None:
    raw = read_built_in(known)
    prepared = prepare(Experiment(data=Data(source=known.name)))
    assert raw.X.shape == (known.rows, known.inputs)
    assert prepared.facts.task == known.task
    assert prepared.facts.classes == known.classes
    assert sum(prepared.facts.parts.values()) == known.rows
    assert prepared.preparation.target == known.target
    text = built_in_file(known.name).with_suffix(".txt").read_text(encoding="utf-8")
    assert known.licence in text and "doi.org" in text


def test_digits_are_images_and_small() -> None:
    known = next(known for known in built_in_sets() if known.name == "digits")
    raw = read_built_in(known)
    assert raw.X.dtype == np.uint8 and raw.X.max() == 16
    assert raw.features[:2] == ("pixel_0_0", "pixel_0_1") and raw.features[-1] == "pixel_7_7"
    prepared = prepare(Experiment(data=Data(source="digits")))
    assert prepared.preparation.image_shape == (8, 8)
    assert prepared.preparation.mu.shape == (1,)
    assert built_in_file("digits").stat().st_size < 50_000


def test_breast_cancer_has_its_columns() -> None:
    prepared = prepare(Experiment(data=Data(source="breast_cancer", features=["mean_radius", "worst_texture"])))
    assert prepared.preparation.features == ("mean_radius", "worst_texture")
    assert prepared.facts.n_x == 2


def test_digits_with_chosen_columns_are_no_images() -> None:
    prepared = prepare(Experiment(data=Data(source="digits", exclude=["pixel_0_0"])))
    assert prepared.preparation.image_shape is None
    assert prepared.facts.n_x == 63
