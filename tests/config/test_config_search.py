"""The `search` section: its defaults, everything that can be wrong with it, and overrides below dotted keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from config_experiments import DIGITS_FACTS
from hypothesis import given
from hypothesis import strategies as st

from dltrain.config import dump, explain, load, resolve, schema
from dltrain.config.records_search import Choice, Int, LogUniform, OneMinusLogUniform, Search, Uniform
from dltrain.config.search_advice import scale_advice, top_share
from dltrain.config.search_checks import hint_of, paths
from dltrain.errors import InputError

CONTRACT = """\
data: {source: digits, target: label}
search:
  trials: 60
  objective: dev.error
  space:
    optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 1.0}
    optimizer.beta1:         {kind: one_minus_log_uniform, low: 0.9, high: 0.999}
    architecture.layers.0.units: {kind: int, low: 16, high: 256}
  kind: coarse_to_fine
  rounds: 3
  seeds: 1
  points: 8
  prune: null
  trial_timeout: null
  attempts: 3
"""
RATE = "search.space.optimizer.learning_rate"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONTRACT)
    return file


def searched(config: Path, *overrides: str) -> Search:
    found = load([config], overrides).experiment.search
    assert found is not None
    return found


def test_the_section_as_documented(config: Path) -> None:
    found = searched(config)
    assert found.space["optimizer.learning_rate"] == LogUniform(low=1e-4, high=1.0)
    assert found.space["optimizer.beta1"] == OneMinusLogUniform(low=0.9, high=0.999)
    assert found.space["architecture.layers.0.units"] == Int(low=16, high=256)
    assert (found.trials, found.kind, found.rounds, found.seeds) == (60, "coarse_to_fine", 3, 1)
    defaults = searched(config, "search.trials=null", "search.rounds=null")
    assert defaults == Search(space=found.space)


def test_a_config_without_it_is_no_search(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("data: {source: digits, target: label}\n")
    assert load([tmp_path / "one.yaml"]).experiment.search is None


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["search.trails=3"], "search.trails: unknown key; did you mean trials?"),
        (["search.trials=0"], "search.trials: 0 is not allowed; expected a whole number from 1 to"),
        (["search.kind=radnom"], "search.kind: 'radnom' is not allowed; expected random, coarse_to_fine, grid or tpe"),
        ([f"{RATE}.low=1"], f"{RATE}.low: 1 is not below high (1); expected low < high"),
        ([f"{RATE}.low=0"], f"{RATE}.low: 0 is not allowed; expected a number above 0"),
        ([f"{RATE}.lwo=0.1"], f"{RATE}.lwo: unknown key of log_uniform; did you mean low?"),
        ([f"{RATE}.kind=unifrm"], f"{RATE}: 'unifrm' is not a kind of optimizer.learning_rate; expected uniform"),
        (["search.space.optimizer.beta1.high=1"], "search.space.optimizer.beta1.high: 1 is not below 1"),
        (
            ["search.space.architecture.layers.0.units.low=1.5"],
            "units.low: 1.5 is not allowed; expected a whole number",
        ),
        (
            ["search.space.architecture.activation={kind: choice, values: []}"],
            "search.space.architecture.activation.values: an empty list is not allowed",
        ),
        (
            ["search.space.architecture.activation={kind: choice, values: [relu, tanh, relu]}"],
            "search.space.architecture.activation.values: 'relu' is given twice",
        ),
        (
            ["search.space.optimizer.learning_rat={kind: uniform, low: 0.1, high: 1}"],
            "there is no such key in a config; did you mean optimizer.learning_rate?",
        ),
        (["search.space.lr={kind: uniform, low: 0.1, high: 1}"], "did you mean optimizer.learning_rate?"),
        (["search.space.optimizer.dropout={kind: uniform, low: 0.1, high: 1}"], "there is no such key in a config"),
        (["search.space.split.train={kind: uniform, low: 0.1, high: 1}"], "trials are compared on the same rows"),
        (["search.space.seed={kind: int, low: 1, high: 9}"], "search.seeds trains every point with several seeds"),
        (["search.space.search.trials={kind: int, low: 1, high: 9}"], "a search can't vary itself"),
        (["search.space.training={kind: choice, values: [{}]}"], "is a section of several keys; expected one of them"),
        (
            ["search.space.architecture.layers={kind: choice, values: [[4], [5, 6]]}"],
            "architecture.layers is varied too, and architecture.layers.0.units is a part of it; leave one",
        ),
        (
            ["search.space.architecture.layers.count={kind: int, low: 1, high: 2}"]
            + ["search.space.architecture.layers.2.units={kind: int, low: 4, high: 8}"],
            "there is never such a layer: architecture.layers.count goes to 2",
        ),
        ([f"{RATE}.when={{optimizer.kid: adam}}"], "there is no such key in a config; did you mean optimizer.kind?"),
        ([f"{RATE}.when={{optimizer.learning_rate: 1}}"], "a key can't be a condition of itself"),
        ([f"{RATE}.when={{optimizer.kind: []}}"], "an empty list is never met"),
        ([f"{RATE}.when={{architecture.layers.0.units: 9}}"], "9 is outside of its range; expected 16 to 256"),
        (
            [
                "search.space.optimizer.kind={kind: choice, values: [adam, adamw]}",
                f"{RATE}.when={{optimizer.kind: sgd}}",
            ],
            "'sgd' is none of its values; expected 'adam' or 'adamw'",
        ),
        (
            [
                f"{RATE}.when={{optimizer.beta1: 0.9}}",
                "search.space.optimizer.beta1.when={optimizer.learning_rate: 0.1}",
            ],
            "the conditions lead back to this key",
        ),
        (
            ["search.objective=dev.accuracy"],
            "better the larger it is, and what is searched is minimized; expected dev.error",
        ),
        (["search.objective=r2"], "expected dev.error"),
        (["search.objective=test.error"], "the test part is not for choosing"),
        (["search.objective=loss"], "'loss' is no number of a run; expected dev.error"),
        (["search.rounds=61"], "search.rounds: 61 rounds of 60 trials leave some without"),
        (["search.prune={}", "training.steps=10"], "counts epochs, and training.steps is given"),
        (["search.prune={}", "search.objective=dev.mae"], "poor trials end by their epochs"),
        (["search.prune={factor: 1}"], "search.prune.factor: 1 is not allowed"),
        (
            ["search.trial_timeout=10x"],
            "search.trial_timeout: '10x' is no time above 0; expected 90s, 55m, 1h30m or 2d",
        ),
        (["search.trial_timeout=0s"], "'0s' is no time above 0"),
    ],
)
def test_what_is_wrong_is_said(overrides: list[str], said: str, config: Path) -> None:
    with pytest.raises(InputError) as error:
        load([config], overrides)
    assert said in str(error.value)


def test_everything_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "data: {source: digits, target: label}\n"
        "search:\n"
        "  objective: accuracy\n"
        "  space:\n"
        "    optimizer.learning_rate: {kind: uniform, low: 1, high: 0.1}\n"
        "    optimizer.gamma: {kind: uniform, low: 0, high: 1}\n"
    )
    with pytest.raises(InputError) as error:
        load([tmp_path / "config.yaml"])
    places = [problem.where.rpartition("config.yaml:")[2] for problem in error.value.problems if problem.where]
    assert places == ["3:14", "5:51", "6:22"]


@pytest.mark.parametrize(("kind", "one", "dropped"), [("random", 1, "rounds"), ("grid", 1, "trials"), ("tpe", 3, "")])
def test_another_kind_drops_what_it_has_no_use_for(kind: str, one: int, dropped: str, config: Path) -> None:
    loaded = load([config], [f"search.kind={kind}"])
    found = loaded.experiment.search
    assert found is not None and found.kind == kind
    assert (found.rounds or 1) == one and found.points == 8
    assert any(f"search.kind: coarse_to_fine became {kind}" in notice for notice in loaded.notices) == bool(dropped)
    if dropped:
        assert dropped in loaded.notices[0]


def test_stated_with_the_kind_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONTRACT.replace("coarse_to_fine", "random"))
    with pytest.raises(InputError, match="search.rounds: random has one round"):
        load([tmp_path / "config.yaml"])


def test_overrides_below_keys_with_dots(config: Path) -> None:
    found = searched(
        config,
        f"{RATE}.low=0.001",
        f"{RATE}.kind=uniform",
        f"{RATE}.when.training.dtype=float32",
        "search.space.optimizer.kind={kind: choice, values: [adam, adamw]}",
        "search.space.architecture.keep_prob.low=0.5",
        "search.space.architecture.keep_prob={kind: uniform, high: 1}",
    )
    assert found.space["optimizer.learning_rate"] == Uniform(low=0.001, high=1.0, when={"training.dtype": "float32"})
    assert list(found.space)[-2:] == ["optimizer.kind", "architecture.keep_prob"]


def test_a_number_of_layers_repeats_the_last_or_leaves_out(config: Path) -> None:
    def units(*overrides: str) -> list[int]:
        return [layer.units for layer in load([config], overrides).experiment.architecture.layers]

    assert units("architecture.layers=[8, 4]", "architecture.layers.count=4") == [8, 4, 4, 4]
    assert units("architecture.layers=[8, 4]", "architecture.layers.count=1") == [8]
    assert units("architecture.layers.count=3", "architecture.layers.2.units=5") == [64, 32, 5]
    assert units("architecture.layers.count=0") == []
    for count, said in (("1.5", "expected a whole number from 0 to 1000"), ("-1", "expected a whole number")):
        with pytest.raises(InputError, match=said):
            units(f"architecture.layers.count={count}")
    with pytest.raises(InputError, match="there is no layer to repeat"):
        units("architecture.layers=[]", "architecture.layers.count=2")


def test_choices_of_any_shape_are_written_so_that_they_read_back(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    values = [[], [64], {"count": 2, "units": 3}, [{"units": 3, "activation": "tanh"}, 8], None, "a, b", {}]
    alone = [{"kind": "manual", "values": {"1": 0.1}}, {"kind": "cosine"}]
    space = {"architecture.layers": values, "schedule": alone, "data.exclude": [["</b>", "[x]"], ["c: d # e"]]}
    dimensions = {path: {"kind": "choice", "values": found} for path, found in space.items()}
    data = {"source": "digits", "target": "label"}
    config.write_text(json.dumps({"data": data, "search": {"space": dimensions}}))
    loaded = load([config])
    for known in (loaded, None):
        text = dump(resolve(loaded.experiment, DIGITS_FACTS), known)
        config.with_name("again.yaml").write_text(text)
        again = load([config.with_name("again.yaml")]).experiment.search
        assert again is not None
        assert {path: one.values for path, one in again.space.items() if isinstance(one, Choice)} == space


def test_a_choice_may_hold_whole_sections(config: Path) -> None:
    values = [True, {"average": 0.9}, False]
    found = searched(config, f"search.space.architecture.batch_norm={{kind: choice, values: {json.dumps(values)}}}")
    assert found.space["architecture.batch_norm"] == Choice(values=values)
    searched(config, "search.space.training.early_stopping={kind: choice, values: [null, {patience: 2}]}")


@pytest.mark.parametrize(
    "given",
    [
        "architecture.batch_norm={kind: int, low: 0, high: 1}",
        "training={kind: choice, values: [{threads: 2}]}",
        "data={kind: choice, values: [{source: digits, target: label}]}",
    ],
)
def test_sections_that_are_no_choice_or_hold_what_cannot_vary_are_refused(given: str, config: Path) -> None:
    with pytest.raises(InputError, match="is a section of several keys"):
        searched(config, f"search.space.{given}")


def test_every_path_that_is_suggested_exists() -> None:
    assert len(paths()) > 50
    assert all(hint_of(path) is not None for path in paths())
    assert hint_of("optimizer.kind") is not None and hint_of("optimizer.nothing") is None


@given(st.floats(1e-12, 1e3), st.floats(1e-12, 1e3))
def test_the_share_of_the_top_decade(low: float, high: float) -> None:
    share = top_share(min(low, high), max(low, high))
    if share is None:
        assert max(low, high) < 100 * min(low, high)
    else:
        assert 0.9 <= share <= 0.91


def advice(path: str, trials: int = 60, **fields: Any) -> list[str]:
    kinds = {"uniform": Uniform, "log_uniform": LogUniform, "int": Int, "one_minus_log_uniform": OneMinusLogUniform}
    return scale_advice({path: kinds[fields.pop("kind")](**fields)}, trials)


def test_a_linear_scale_where_a_logarithmic_one_is_meant_is_told() -> None:
    (line,) = advice("optimizer.learning_rate", kind="uniform", low=1e-4, high=1.0)
    assert "90 % of it, some 54 of 60 trials, lies in the top decade, 0.1 to 1; log_uniform spreads them evenly" in line
    (line,) = advice("optimizer.beta1", kind="uniform", low=0.9, high=0.999)
    assert "91 % of it, some 55 of 60 trials, lies from 0.9 to 0.99, where at most 100 values are averaged" in line
    (line,) = advice("regularizer.lambd", kind="uniform", low=0.0, high=10.0)
    assert "log_uniform from a low above 0" in line
    assert len(advice("optimizer.beta2", kind="log_uniform", low=0.9, high=0.9999)) == 1


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("optimizer.learning_rate", {"kind": "uniform", "low": 0.01, "high": 0.1}),
        ("optimizer.learning_rate", {"kind": "log_uniform", "low": 1e-6, "high": 1.0}),
        ("optimizer.beta1", {"kind": "uniform", "low": 0.9, "high": 0.95}),
        ("optimizer.beta1", {"kind": "one_minus_log_uniform", "low": 0.9, "high": 0.9999}),
        ("architecture.keep_prob", {"kind": "uniform", "low": 0.001, "high": 1.0}),
        ("architecture.layers.0.units", {"kind": "int", "low": 1, "high": 1000}),
    ],
)
def test_a_scale_that_fits_is_left_alone(path: str, fields: dict[str, Any]) -> None:
    assert advice(path, **fields) == []


def test_schema_and_explain_know_it() -> None:
    found = schema()
    assert set(found["$defs"]["Search"]["properties"]) >= {"trials", "space", "kind", "prune", "winner_seeds"}
    assert "coarse_to_fine (boxes that shrink" in explain("search.kind")
    assert "log(1 - v) is uniform" in explain("one_minus_log_uniform")
    assert "so many goes on" in explain("search.prune.factor")
