"""YAML 1.2 rules, places, short forms, merging and overrides: what a config says is what is read."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dltrain import config
from dltrain.config import reader
from dltrain.config.nodes import Scalar, plain
from dltrain.config.scalars import read_scalar, write_scalar
from dltrain.engine.architecture import BatchNorm
from dltrain.engine.initializers import Glorot, He
from dltrain.engine.optimizers import Adam, Momentum
from dltrain.engine.regularizers import L2
from dltrain.engine.schedules import Cosine, Manual
from dltrain.errors import InputError

DIGITS = "data: {source: digits}\n"


def tree(text: str, *overrides: str, folder: Path) -> dict[str, Any]:
    return loaded(text, *overrides, folder=folder).tree


def loaded(text: str, *overrides: str, folder: Path) -> config.Loaded:
    (folder / "c.yaml").write_text(text)
    return config.load([folder / "c.yaml"], overrides)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-0.5", -0.5), ("+3", 3), ("010", 10), ("0o10", 8), ("0x1F", 31),
        ("-1", -1), ("on", "on"), ("off", "off"), ("no", "no"), ("yes", "yes"), ("y", "y"), ("true", True), ("False", False),
        ("TRUE", True), ("tRUE", "tRUE"), ("null", None), ("~", None), ("", None), ("1_000", "1_000"), ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"), ("0b11", "0b11"), ("1e", "1e"), ("e3", "e3"), (".", "."), ("--1", "--1"), ("=", "="), ("0", 0),
        ("-0x1F", "-0x1F"), ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(text: str, value: Scalar) -> None:
    found = read_scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["1e999", ".inf", "-.INF", ".nan", "9223372036854775808", "9" * 5000, "0x" + "f" * 5000]
)
def test_numbers_that_no_config_needs_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        read_scalar(text)


WRITABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.sampled_from(
        [
            "on",
            "1e3",
            "1e-3",
            "null",
            "~",
            "...",
            "---",
            "- a",
            "a: b",
            "#",
            "0o7",
            " a",
            "=",
            "<<",
            "*a",
            "%",
            "@",
            "`",
        ]
    ),
)


@given(WRITABLE)
def test_what_is_written_reads_back(value: Scalar) -> None:
    for place in (f"a: {write_scalar(value)} # comment\n", f"a: [1, {write_scalar(value)}]\n"):
        found = plain(reader.read(place, "f"))["a"]
        found = found[1] if isinstance(found, list) else found
        assert found == value and type(found) is type(value)
        assert isinstance(value, float) is False or math.copysign(1, found) == math.copysign(1, value)


@given(WRITABLE)
def test_any_yaml_1_1_reader_takes_it_the_same_way(value: Scalar) -> None:
    assert yaml.safe_load(f"a: {write_scalar(value)}\n") == {"a": value}


SAMPLE = 'a: [1, "two", {b: ~}]\n"é": |\n  text\n  more\nc:\n- x\n- y: 0.5\n# end\n'


def test_both_parsers_of_yaml_give_the_same_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = []
    for loader in (yaml.SafeLoader, reader.Loader):
        monkeypatch.setattr(reader, "Loader", loader)
        trees.append(reader.read(SAMPLE, "f"))
    assert trees[0] == trees[1]
    assert plain(trees[0]) == {"a": [1, "two", {"b": None}], "é": "text\nmore\n", "c": ["x", {"y": 0.5}]}


def test_every_key_knows_its_place(tmp_path: Path) -> None:
    found = loaded(
        "# first\ndata:\n  source: digits\narchitecture:\n  layers:\n  - 64\n  - {units: 32}\n", folder=tmp_path
    ).places
    places = {key: (place.line, place.column) for key, place in found.values.items()}
    assert places["data.source"] == (3, 11)
    assert places["architecture.layers.0.units"] == (6, 5)
    assert places["architecture.layers.1.units"] == (7, 13)
    assert (found.keys["data.source"].line, found.keys["data.source"].column) == (3, 3)
    assert found.at("architecture.layers.0.activation") is None


def test_short_forms_become_records(tmp_path: Path) -> None:
    found = loaded(
        DIGITS
        + "architecture:\n  layers: [64, {count: 2, units: 8, keep_prob: 0.5}, {units: 3, initializer: glorot, batch_norm: true}]\n"
        "regularizer: {kind: l2, lambda: 0.7}\noptimizer: momentum\nschedule: {kind: manual, values: {1: 0.1, 010: 0.01}}\n"
        "split: auto\ntraining:\n",
        folder=tmp_path,
    ).experiment
    assert [layer.units for layer in found.architecture.layers] == [64, 8, 8, 3]
    assert [layer.keep_prob for layer in found.architecture.layers] == [None, 0.5, 0.5, None]
    assert found.architecture.layers[3].initializer == Glorot()
    assert found.regularizer == L2(lambd=0.7)
    assert found.optimizer == Momentum()
    assert found.schedule == Manual(values={1: 0.1, 10: 0.01})
    assert found.split == config.Split()
    assert found.training.epochs is None


def test_layers_may_be_a_count_alone(tmp_path: Path) -> None:
    found = loaded(DIGITS + "architecture: {layers: {count: 3, units: 64}}\n", folder=tmp_path).experiment
    assert [layer.units for layer in found.architecture.layers] == [64, 64, 64]


def test_no_layers_is_not_the_default_layers(tmp_path: Path) -> None:
    assert loaded(DIGITS + "architecture: {layers: []}\n", folder=tmp_path).experiment.architecture.layers == []
    assert len(loaded(DIGITS, folder=tmp_path).experiment.architecture.layers) == 2


def test_overrides_reach_everywhere(tmp_path: Path) -> None:
    found = loaded(
        DIGITS
        + "architecture: {layers: [64, {count: 2, units: 8}], batch_norm: true}\nsplit: {train: 0.6, dev: 0.2, test: 0.2}\n",
        "architecture.layers.2.units=5",
        "architecture.layers.0={activation: tanh}",
        "architecture.layers.1=9",
        "architecture.batch_norm.average=0.9",
        "architecture.initializer={kind: he, scale: 3}",
        "training.early_stopping.patience=4",
        "optimizer.learning_rate=1e-2",
        "schedule=cosine",
        "schedule.warmup=5",
        "split=auto",
        "name=on",
        "regularizer={kind: l2, lambda: 0}",
        "regularizer.lambda=2",
        folder=tmp_path,
    ).experiment
    layers = found.architecture.layers
    assert [(layer.units, layer.activation) for layer in layers] == [(64, "tanh"), (9, None), (5, None)]
    assert found.architecture.batch_norm == BatchNorm(average=0.9)
    assert found.architecture.initializer == He(scale=3)
    assert found.training.early_stopping is not None and found.training.early_stopping.patience == 4
    assert found.optimizer == Adam(learning_rate=0.01)
    assert found.schedule == Cosine(warmup=5)
    assert (found.split.train, found.split.dev, found.split.test) == (None, None, None)
    assert found.name == "on"
    assert found.regularizer == L2(lambd=2)


def test_overrides_reach_into_default_layers(tmp_path: Path) -> None:
    found = loaded(DIGITS, "architecture.layers.1.units=7", folder=tmp_path)
    assert [layer.units for layer in found.experiment.architecture.layers] == [64, 7]
    assert found.places.at("architecture.layers.0.units") is None
    assert str(found.places.at("architecture.layers.1.units")) == "command line"


def test_the_later_override_wins(tmp_path: Path) -> None:
    assert loaded(DIGITS, "seed=3", "seed=4", folder=tmp_path).experiment.seed == 4


def test_configs_merge_from_left_to_right(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        DIGITS + "seed: 1\noptimizer: {kind: rmsprop, learning_rate: 0.1}\narchitecture: {layers: [1, 2]}\n"
    )
    (tmp_path / "b.yaml").write_text(
        "seed: 2\noptimizer: {beta2: 0.9}\narchitecture: {layers: [3], activation: tanh}\n"
    )
    found = config.load([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert found.tree["optimizer"] == {"kind": "rmsprop", "learning_rate": 0.1, "beta2": 0.9}
    assert [layer.units for layer in found.experiment.architecture.layers] == [3]
    assert found.experiment.seed == 2
    assert list(found.texts) == [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert found.notices == ()


@pytest.mark.parametrize(
    "override", ["optimizer=momentum", "optimizer.kind=momentum", "optimizer={kind: momentum, beta: 0.5}"]
)
def test_another_kind_drops_the_old_ones_keys_and_says_so(override: str, tmp_path: Path) -> None:
    found = loaded(DIGITS + "optimizer: {beta1: 0.8, learning_rate: 0.1}\n", override, folder=tmp_path)
    assert found.experiment.optimizer == Momentum(learning_rate=0.1, beta=0.5 if "beta" in override else 0.9)
    place = f"{tmp_path / 'c.yaml'}:2:20"
    assert found.notices == (f"optimizer.kind: adam became momentum, so beta1 ({place}) dropped; learning_rate kept",)


def test_a_key_of_the_new_kind_may_come_before_it(tmp_path: Path) -> None:
    found = loaded(DIGITS, "optimizer.beta=0.5", "optimizer.kind=momentum", folder=tmp_path)
    assert found.experiment.optimizer == Momentum(beta=0.5)
    assert found.notices == ()


def test_an_override_that_no_layer_listens_to_is_noticed(tmp_path: Path) -> None:
    text = DIGITS + "architecture: {layers: [{units: 3, keep_prob: 0.5}]}\n"
    (notice,) = loaded(text, "architecture.keep_prob=0.9", folder=tmp_path).notices
    assert notice.startswith("architecture.keep_prob changes no hidden layer")
    assert loaded(text, "architecture.activation=tanh", folder=tmp_path).notices == ()


def test_paths_are_relative_to_who_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text(
        "data: {source: x/../a.csv}\nsplit: {by: files, files: {train: t.csv, dev: /d.csv}}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = config.load(["sub/a.yaml"], ["split.files.test=u.csv"])
    files = found.experiment.split.files
    assert found.experiment.data.source == str(tmp_path / "sub" / "a.csv") == found.tree["data"]["source"]
    assert files is not None
    assert (files.train, files.dev, files.test) == (str(tmp_path / "sub" / "t.csv"), "/d.csv", str(tmp_path / "u.csv"))
    assert config.load(["sub/a.yaml"], ["data.source=b.csv"]).experiment.data.source == str(tmp_path / "b.csv")
    assert str(found.places.at("data.source")) == "sub/a.yaml:1:16"


def test_lists_and_globs_are_relative_to_who_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text("data: {source: [a.csv, '../logs/**/*.csv'], dev_test_source: b/*.csv}\n")
    monkeypatch.chdir(tmp_path)
    found = config.load(["sub/a.yaml"]).experiment.data
    assert found.source == [str(tmp_path / "sub" / "a.csv"), str(tmp_path / "logs" / "**" / "*.csv")]
    assert found.dev_test_source == str(tmp_path / "sub" / "b" / "*.csv")
    found = config.load(["sub/a.yaml"], ["data.source=[c.csv, d.csv]"]).experiment.data
    assert found.source == [str(tmp_path / "c.csv"), str(tmp_path / "d.csv")]
    found = config.load(["sub/a.yaml"], ["data.source.1=/d.csv", "data.dev_test_source=digits"]).experiment.data
    assert found.source == [str(tmp_path / "sub" / "a.csv"), "/d.csv"]
    assert found.dev_test_source == "digits"


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON.gz", "a.parquet", "b.h5", "c.hdf5", "a.csv.zst"])
def test_a_data_file_is_no_config(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{name}: a data file, no config; try data.source={name} data.target=COLUMN"):
        config.load([name])


@pytest.mark.parametrize("name", config.BUILT_IN)
def test_built_in_names_are_no_paths(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load([], [f"data.source={name}"]).experiment.data.source == name
    assert config.load([], [f"data.source=./{name}"]).experiment.data.source == str(tmp_path / name)


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"data: {source: a.csv}\n")))
    found = config.load(["-"])
    assert found.experiment.data.source == str(tmp_path / "a.csv")
    assert str(found.places.at("data.source")) == "<stdin>:1:16"
    assert found.texts == {"-": "data: {source: a.csv}\n"}


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbf" + DIGITS.encode())
    assert config.load([tmp_path / "c.yaml"]).experiment.data.source == "digits"


def test_importing_the_room_costs_nothing() -> None:
    code = "import sys, json, dltrain.config; print(json.dumps([m for m in ('numpy', 'pydantic', 'yaml') if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert json.loads(done.stdout) == []
