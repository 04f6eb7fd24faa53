"""data.augment: short forms, ranges, help, and what is said of moves that make another character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltrain import config
from dltrain.config import explain
from dltrain.config.characters import characters
from dltrain.config.records import Data, DataFacts, Experiment
from dltrain.engine.augmentations import Distort, Flip, Noise, Rotate, Shift
from dltrain.errors import InputError

DIGITS = tuple("0123456789")
SHAPES = ("circle", "square", "star")


def loaded(tmp_path: Path, augment: str, *overrides: str) -> Any:
    path = tmp_path / "c.yaml"
    path.write_text(f"data: {{source: digits, augment: {augment}}}\n")
    return config.load([path], overrides)


def plan(tmp_path: Path, augment: str, *overrides: str, classes: tuple[str, ...] = DIGITS) -> Any:
    facts = DataFacts(m=100, n_x=64, classes=classes, task="multiclass", parts={"train": 100, "dev": 300})
    return config.resolve(loaded(tmp_path, augment, *overrides).experiment, facts)


def said(found: Any) -> list[str]:
    return [note for note in found.notes if "data.augment" in note]


def test_a_bare_word_is_a_kind_with_its_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, "[rotate, {kind: shift, share: 0.2}, flip]", "data.augment.0.degrees=30")
    assert found.experiment.data.augment == [Rotate(degrees=30.0), Shift(share=0.2), Flip()]
    assert loaded(tmp_path, "[]", "data.augment=[distort, noise]").experiment.data.augment == [Distort(), Noise()]


@pytest.mark.parametrize(
    ("augment", "wanted"),
    [
        (
            "[flp]",
            "'flp' is not a kind of augment; expected flip, rotate, shift, crop, zoom, distort or noise; did you",
        ),
        ("rotate", "'rotate' is not allowed; expected a list"),
        ("[{degrees: 3}]", "data.augment.0: its kind is missing; expected kind: rotate"),
        ("[{kind: shift, degrees: 3}]", "unknown key of shift; it belongs to kind: rotate"),
        ("[{kind: rotate, degrees: 0}]", "expected a number above 0 and at most 180"),
        ("[{kind: rotate, degrees: 181}]", "expected a number above 0 and at most 180"),
        ("[{kind: shift, share: 1}]", "expected a number above 0 and below 1"),
        ("[{kind: crop, share: -0.1}]", "expected a number above 0 and below 1"),
        ("[{kind: zoom, factor: 1}]", "expected a number above 1 and at most 10"),
        ("[{kind: distort, strength: 0.6}]", "expected a number above 0 and at most 0.5"),
        ("[{kind: noise, sd: .nan}]", "data.augment.0.sd"),
        ("[{kind: flip, probability: 1.5}]", "expected a number above 0 and at most 1"),
        ("[{kind: flip, axis: diagonal}]", "expected horizontal or vertical"),
    ],
)
def test_ranges_and_typing_errors(tmp_path: Path, augment: str, wanted: str) -> None:
    with pytest.raises(InputError) as raised:
        loaded(tmp_path, augment)
    assert wanted in raised.value.problems[0].line()


def test_a_settled_config_keeps_every_strength_and_loads_again(tmp_path: Path) -> None:
    first = plan(tmp_path, "[rotate, noise]")
    settled = tmp_path / "config.resolved.yaml"
    settled.write_text(config.dump(first, None))
    assert "degrees: 15.0" in settled.read_text()
    assert config.load([settled]).experiment.data == first.experiment.data


def test_explain_and_schema_know_it() -> None:
    text = explain("data.augment")
    for kind in ("flip", "rotate", "shift", "crop", "zoom", "distort", "noise"):
        assert f"    {kind} " in text
    assert "default:  0.04" in explain("data.augment.distort.strength")
    schema = config.schema()
    items = schema["$defs"]["Data"]["properties"]["augment"]["items"]
    assert "rotate" in items["anyOf"][0]["enum"]


@pytest.mark.parametrize(
    ("source", "classes", "wanted"),
    [
        ("digits", DIGITS, "yes"),
        ("mnist", DIGITS, "yes"),
        ("fashion_mnist", DIGITS, "no"),
        ("x.npz", DIGITS, "likely"),
        ("x.npz", tuple("ABCD"), "likely"),
        ("x.npz", ("a", "7"), "likely"),
        ("x.npz", ("0", "1"), "no"),
        ("x.npz", SHAPES, "no"),
        ("x.npz", (), "no"),
        (["a.csv", "b.csv"], SHAPES, "no"),
    ],
)
def test_what_looks_like_characters(source: Any, classes: tuple[str, ...], wanted: str) -> None:
    facts = DataFacts(m=10, n_x=4, classes=classes, task="multiclass")
    assert characters(config.Plan(Experiment(data=Data(source=source)), facts)) == wanted


def test_flip_warns_on_characters(tmp_path: Path) -> None:
    (note,) = said(plan(tmp_path, "[rotate, flip]"))
    assert note == "warning: data.augment: flip mirrors pictures, and a flipped 2 is no 2: leave it out"
    (note,) = said(plan(tmp_path, "[flip]", "data.source=x.npz"))
    assert note.endswith("leave it out, if these are characters, as the names of their classes say")
    assert not said(plan(tmp_path, "[flip]", "data.source=x.npz", classes=SHAPES))
    assert not said(plan(tmp_path, "[rotate, distort]"))


def test_a_turned_6_is_a_9(tmp_path: Path) -> None:
    (note,) = said(plan(tmp_path, "[{kind: rotate, degrees: 180}]"))
    assert "rotate by 180° makes a 9 of a 6" in note
