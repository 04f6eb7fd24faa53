"""Properties over many drawn configs: settled configs run again the same, and bad ones are refused politely."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from config_experiments import CONFIG, FACTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltrain import config
from dltrain.config import DataFacts
from dltrain.errors import InputError

ONE_FOLDER = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def load(text: str, folder: Path, overrides: tuple[str, ...] = ()) -> config.Loaded:
    (folder / "c.yaml").write_text(text, encoding="utf-8", newline="")
    return config.load([folder / "c.yaml"], overrides)


@ONE_FOLDER
@given(CONFIG, FACTS, st.booleans())
def test_a_settled_config_settles_to_itself(
    tmp_path: Path, declared: dict[str, Any], facts: DataFacts, known: bool
) -> None:
    loaded = load(json.dumps(declared, ensure_ascii=False), tmp_path)
    plan = config.resolve(loaded.experiment, facts)
    text = config.dump(plan, loaded if known else None)
    again = load(text, tmp_path)
    assert again.experiment == plan.experiment
    assert config.resolve(again.experiment, facts) == plan
    assert config.resolve(again.experiment, facts).program() == plan.program()


@ONE_FOLDER
@given(CONFIG, FACTS)
def test_nothing_is_left_open_in_a_plan(tmp_path: Path, declared: dict[str, Any], facts: DataFacts) -> None:
    plan = config.resolve(load(json.dumps(declared, ensure_ascii=False), tmp_path).experiment, facts)
    settled = yaml.safe_load(config.dump(plan, None))
    assert not {"auto", "rest", "full"} & set(_leaves(settled))
    assert all(None not in layer.values() for layer in settled["architecture"]["layers"])
    program = plan.program()
    assert (program.epochs is None) != (program.steps is None)
    assert program.architecture.layout().size > 0
    assert 1 <= program.batch_size <= facts.m


@ONE_FOLDER
@given(CONFIG, FACTS)
def test_every_value_says_where_it_came_from(tmp_path: Path, declared: dict[str, Any], facts: DataFacts) -> None:
    loaded = load(json.dumps(declared, ensure_ascii=False, indent=1), tmp_path, ("seed=7",))
    text = config.dump(config.resolve(loaded.experiment, facts), loaded)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        if not line.rstrip().endswith(":"):
            origin = line.rpartition("  # ")[2]
            assert origin in ("default", "auto", "command line") or origin.startswith("c.yaml:")
    assert any(line.startswith("seed: 7 ") and line.endswith("# command line") for line in lines)
    assert str(tmp_path) not in text


def _leaves(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in _leaves(value)]
    return [leaf for value in data for leaf in _leaves(value)] if isinstance(data, list) else [data]


VALID = """\
# A config with a bit of everything.
version: 1
data: {source: digits, target: label, image_shape: [8, 8]}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture:
  layers:
    - 64
    - {count: 2, units: 32, batch_norm: true}
    - units: 16
      initializer: {kind: he, scale: 2.0}
  activation: relu
regularizer: {kind: l2, lambda: 0.7}
optimizer: {kind: momentum, beta: 0.9}
schedule:
  kind: manual
  values: {1: 0.1, 20: 1e-2}
training:
  batch_size: full
  early_stopping: {patience: 3}
"""
SCRAPS = ["", " ", "\n", "\t", ":", ": ", "- ", "[", "]", "{", "}", ",", "#", "&a ", "*a", "!!x ", "|\n", ">", "'", '"', "\\", "%", "? ",
          "<<: ", "---\n", "...", "0", "-1", "1e999", ".inf", "~", "true", "null", "auto", "kind: ", "kind", "\0", "\x85", "\ufeff", "é",
          "\U0001f600", '"\\ud800"', '"\\UFFFFFFFF"', "9" * 30, "count: 3", "data", "[[[[[[[[", "{{{{", "lambd: 1", "\r"]  # fmt: skip


@settings(ONE_FOLDER, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 12), st.sampled_from(SCRAPS)), min_size=1, max_size=4)
)
def test_no_mutation_of_the_text_ends_in_anything_but_a_refusal(
    tmp_path: Path, edits: list[tuple[int, int, str]]
) -> None:
    text = VALID
    for at, removed, scrap in edits:
        text = text[:at] + scrap + text[at + removed :]
    _load_or_refuse(text, tmp_path)


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(SCRAPS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["kind", "units", "count", "adam", "train", "0", "x", "lambda", "layers", "BatchNorm"]),
            inner,
        ),
    ),
    max_leaves=5,
)


@settings(ONE_FOLDER, max_examples=150)
@given(CONFIG, st.data())
def test_no_value_anywhere_ends_in_anything_but_a_refusal(
    tmp_path: Path, declared: dict[str, Any], data: st.DataObject
) -> None:
    declared = deepcopy(declared)
    for _ in range(data.draw(st.integers(1, 3))):
        _replace(declared, data)
    _load_or_refuse(
        json.dumps(declared, ensure_ascii=False).replace("NaN", ".nan").replace("Infinity", ".inf"), tmp_path
    )


def _replace(node: Any, data: st.DataObject) -> None:
    """Puts junk in the place of one value somewhere below the node."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], (dict, list)) or data.draw(st.booleans()):
            node[key] = data.draw(JUNK)
            return
        node = node[key]


PARTS = ["architecture", "layers", "0", "9", "-1", "units", "optimizer", "kind", "beta1", "split", "train", "files", "data", "source", "", "x",
         "training", "early_stopping", "patience", "schedule", "values", "1", "lambda", "regularizer", "initializer", "seed", "count"]  # fmt: skip


@settings(ONE_FOLDER, max_examples=120)
@given(st.lists(st.tuples(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5), JUNK), min_size=1, max_size=3))
def test_no_override_ends_in_anything_but_a_refusal(tmp_path: Path, drawn: list[tuple[list[str], Any]]) -> None:
    overrides = tuple(f"{'.'.join(parts)}={json.dumps(value)}" for parts, value in drawn)
    _load_or_refuse(VALID, tmp_path, overrides)


@ONE_FOLDER
@given(st.text(st.characters(codec=None), max_size=30), st.booleans())
def test_no_text_as_an_override_ends_in_anything_but_a_refusal(tmp_path: Path, text: str, value: bool) -> None:
    _load_or_refuse(VALID, tmp_path, (f"data.target={text}" if value else text,))


@ONE_FOLDER
@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_refusal(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "c.yaml").write_bytes(raw)
    with pytest.raises(InputError):
        config.load([tmp_path / "c.yaml"])


def _load_or_refuse(text: str, folder: Path, overrides: tuple[str, ...] = ()) -> None:
    """Loads, or is refused with at least one line, each of one line, that names its place."""
    try:
        loaded = load(text, folder, overrides)
    except InputError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.line().isprintable()
            assert problem.where
    else:
        assert json.loads(json.dumps(loaded.tree)) == loaded.tree
