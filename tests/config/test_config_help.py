"""The schema takes what `load` takes; every key and kind is explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from config_experiments import CONFIG, DIGITS_FACTS
from config_json_schema import accepts
from hypothesis import given, settings

from dltrain import config
from dltrain.config.explaining import _entries
from dltrain.errors import InputError

GOOD: list[dict[str, Any]] = [
    {},
    {"optimizer": "adam"},
    {"optimizer": {"beta1": 0.8}},
    {"optimizer": {"kind": "momentum", "beta": 0.8}},
    {"split": "auto"},
    {"split": {"train": 0.8, "dev": "rest", "test": 100}},
    {"architecture": {"layers": [64, {"count": 2, "units": 3}, {"units": 3, "initializer": "he"}]}},
    {"architecture": {"layers": {"count": 2, "units": 3}}},
    {"architecture": {"layers": []}},
    {"architecture": {"initializer": "auto", "batch_norm": {"average": 0.9}}},
    {"regularizer": {"kind": "l2", "lambda": 0.7}},
    {"regularizer": {"kind": "l2", "lambd": 0.7}},
    {"regularizer": {"kind": "l1_l2", "lambda_l1": 0.7, "lambd_l2": 1}},
    {"schedule": {"kind": "manual", "values": {"1": 0.1}}},
    {"schedule": {"warmup": 3}},
]
BAD: list[dict[str, Any]] = [
    {"optimiser": "adam"},
    {"optimizer": "adm"},
    {"optimizer": {"kind": "momentum", "beta1": 0.8}},
    {"optimizer": {"beta": 0.8}},
    {"split": "rest"},
    {"architecture": {"layers": [0]}},
    {"architecture": {"layers": [{"count": 2}]}},
    {"architecture": {"layers": 64}},
    {"architecture": {"keep_prob": 0}},
    {"regularizer": {"kind": "l2"}},
    {"regularizer": {"kind": "l2", "lambd": 1, "lambda": 2}},
    {"regularizer": "l2"},
    {"schedule": {"kind": "manual", "values": {}}},
    {"architecture": {"initializer": {"scale": 2}}},
    {"training": {"epochs": "100"}},
    {"version": 2},
]


def loads(data: dict[str, Any], folder: Path) -> bool:
    (folder / "c.yaml").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8", newline="")
    try:
        config.load([folder / "c.yaml"])
    except InputError:
        return False
    return True


@pytest.mark.parametrize("data", [*GOOD, *BAD], ids=range(len(GOOD) + len(BAD)))
def test_schema_and_load_agree(data: dict[str, Any], tmp_path: Path) -> None:
    whole = {"data": {"source": "digits"}, **data}
    assert accepts(config.schema(), whole) == loads(whole, tmp_path) == (data in GOOD)


@settings(max_examples=60, deadline=None)
@given(CONFIG)
def test_the_schema_takes_every_valid_config(declared: dict[str, Any]) -> None:
    assert accepts(SCHEMA, declared)


SCHEMA = config.schema()


def test_the_schema_takes_settled_configs() -> None:
    experiment = config.load([], ["data.source=digits", "architecture.batch_norm=true"]).experiment
    text = config.dump(config.resolve(experiment, DIGITS_FACTS), None)
    assert accepts(SCHEMA, yaml.safe_load(text))


def test_the_schema_is_json_with_a_description_of_every_key() -> None:
    schema = json.loads(json.dumps(SCHEMA))
    assert schema["additionalProperties"] is False
    for properties in (schema["properties"], *(record.get("properties", {}) for record in schema["$defs"].values())):
        assert all("description" in key or "$ref" in key for key in properties.values()), properties.keys()


def test_everything_that_can_be_said_is_explained() -> None:
    for entry in _entries():
        text = config.explain(entry.name)
        name, meaning, *_ = text.splitlines()
        assert name.split(", ")[0] == entry.name
        assert len(meaning.strip()) > 5


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("architecture.layers.0.units", ["architecture.layers.units", "a whole number of at least 1", "required"]),
        ("architecture.layers.units", ["architecture.layers.units"]),
        ("adam", ["optimizer.adam", "beta1", "(0.9)", "Kingma and Ba 2015"]),
        ("optimizer.adam", ["optimizer.adam"]),
        ("optimizer.adam.beta1", ["default:  0.9", "a number from 0 to below 1"]),
        ("beta1", ["optimizer.adam.beta1", "optimizer.adamw.beta1"]),
        ("optimizer.beta1", ["optimizer.adam.beta1, optimizer.adamw.beta1"]),
        ("optimizer.kind", ["optimizer", "gradient_descent, momentum, nesterov, rmsprop, adam or adamw"]),
        ("lambda", ["regularizer.l2.lambd", "required"]),
        ("batch_size", ["training.batch_size", "default:  auto", "full or auto"]),
        ("patience", ["training.early_stopping.patience", "default:  10"]),
        ("split", ["split", "train_dev", "stratify"]),
        ("layers", ["architecture.layers", "[{units: 64}, {units: 32}]", "keep_prob"]),
        ("he", ["initializer.he", "He et al. 2015"]),
    ],
)
def test_explain(asked: str, told: list[str]) -> None:
    text = config.explain(asked)
    assert all(part in text for part in told), text


def test_an_ambiguous_key_is_explained_in_every_place() -> None:
    text = config.explain("epsilon")
    for place in ("optimizer.adam.epsilon", "optimizer.rmsprop.epsilon", "architecture.batch_norm.epsilon"):
        assert place in text


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("beta_1", "unknown key 'beta_1'; did you mean beta1?"),
        ("training.epoch", "unknown key 'training.epoch'; did you mean training.epochs?"),
        ("lr", "unknown key 'lr'; did you mean learning_rate?"),
        ("", "unknown key ''"),
        ("zzzzzz", "unknown key 'zzzzzz'"),
        ("split.beta1", "unknown key 'split.beta1'"),
    ],
)
def test_an_unknown_key_is_refused(asked: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        config.explain(asked)
    assert str(caught.value).startswith(line)
