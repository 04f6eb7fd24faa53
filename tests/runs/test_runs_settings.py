"""In which keys the configs of runs differ."""

from __future__ import annotations

from dltrain.runs.settings import differing, settings_of, told_apart, without_seed


def test_only_what_differs_by_dotted_path() -> None:
    a = {"seed": 1, "optimizer": {"kind": "adam", "learning_rate": 0.1}, "data": {"x": [1, 2]}}
    b = {"seed": 1, "optimizer": {"kind": "adam", "learning_rate": 0.2}, "data": {"x": [1, 3]}}
    assert differing([a, b]) == {"optimizer.learning_rate": [0.1, 0.2], "data.x.1": [2, 3]}
    assert differing([a, a, b])["data.x.1"] == [2, 2, 3]
    assert differing([a, a]) == differing([a]) == differing([]) == {}


def test_another_kind_hides_what_only_one_has() -> None:
    a = {"optimizer": {"kind": "adam", "learning_rate": 0.1, "beta1": 0.9}}
    b = {"optimizer": {"kind": "momentum", "learning_rate": 0.2, "beta": 0.9}}
    assert differing([a, b]) == {"optimizer.kind": ["adam", "momentum"], "optimizer.learning_rate": [0.1, 0.2]}


def test_layers_of_other_numbers_are_shown_by_their_units() -> None:
    a = {"layers": [{"units": 64, "activation": "relu"}, {"units": 32, "activation": "relu"}]}
    b = {"layers": [{"units": 8, "activation": "relu"}]}
    assert differing([a, b]) == {"layers": [[64, 32], [8]]}
    assert differing([a, {"layers": []}]) == {"layers": [[64, 32], []]}
    c = {"layers": [{"units": 64, "activation": "relu"}, {"units": 16, "activation": "relu"}]}
    assert differing([a, c]) == {"layers.1.units": [32, 16]}


def test_a_key_that_one_lacks_and_types() -> None:
    assert differing([{"a": 1}, {}]) == {"a": [1, None]}
    assert differing([{"a": {"b": 1}}, {"a": None}]) == {"a": [{"b": 1}, None]}
    assert differing([{"a": 1}, {"a": 1.0}]) == {}


def test_the_settings_of_a_run() -> None:
    one, two = ({"given": {"resolved": {"seed": seed, "a": 1}}} for seed in (1, 2))
    assert settings_of(one) == {"seed": 1, "a": 1} and settings_of({}) is None and settings_of({"given": None}) is None
    assert without_seed(settings_of(one)) == without_seed(settings_of(two))  # type: ignore[arg-type]


def test_each_run_s_own_values() -> None:
    assert told_apart([{"a": 1, "b": 2}, {"a": 3, "b": 2}]) == [{"a": 1}, {"a": 3}]
    assert told_apart([{"a": 1}, None]) == [{}, {}] and told_apart([]) == []
