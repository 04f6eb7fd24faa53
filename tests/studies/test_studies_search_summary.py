"""What a search says in the end, from trials made by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain import runs
from dltrain.studies.model import Context, Result
from dltrain.studies.search import Search
from dltrain.studies.search_summary import summarize

CONTEXT = Context(task="binary", confidence=0.95, threshold=0.02)
RATE, UNITS = "optimizer.learning_rate", "architecture.layers.0.units"
SPACE = {RATE: {"kind": "log_uniform", "low": 1e-4, "high": 1.0}, UNITS: {"kind": "int", "low": 4, "high": 64}}
ROWS = 200


def search(**more: Any) -> Search:
    settings = {"method": "random", "trials": 12, "rounds": 1, "points": 8, "seeds": 1, "seed": 1, "winner_seeds": 2}
    return Search(**{**settings, "space": SPACE, **more})


def entry(value: float) -> dict[str, Any]:
    return {"value": value, "low": max(0.0, value - 0.02), "high": value + 0.03, "n": ROWS}


def trial(folder: Path, number: int, wrong: Any, rate: float, units: int, **more: Any) -> Result:
    """A finished trial that leaves its predictions; `wrong`: (n,) of 0 and 1."""
    path = folder / str(number)
    path.mkdir(parents=True)
    arrays = {"rows": np.arange(len(wrong)), "y": np.zeros(len(wrong), np.int64), "predicted": wrong}
    (path / "predictions.npz").write_bytes(runs.encode_predictions(**arrays, errors=wrong))
    errors = {"train": {**entry(0.01), "low": 0.01, "high": 0.01}, "dev": entry(float(np.mean(wrong)))}
    fields = {"round": 1, "overrides": {RATE: rate, UNITS: units, "seed": 1}, "outcome": "finished", "errors": errors}
    return Result(**{"trial": number, "path": path, **fields, **more})


@pytest.fixture
def twelve(tmp_path: Path) -> list[Result]:
    """The dev error rises with the distance of the learning rate from the top of the range."""
    random = np.random.default_rng(0)
    rates = np.geomspace(2e-3, 0.95, 12)
    return [
        trial(
            tmp_path, i, (random.random(ROWS) < 0.05 + 0.05 * (11 - i)).astype(np.int64), float(rate), 4 + 25 * i % 60
        )
        for i, rate in enumerate(rates)
    ]


def again(folder: Path, first: int, values: tuple[float, ...]) -> list[Result]:
    random = np.random.default_rng(1)
    found = []
    for i, value in enumerate(values):
        wrong = (random.random(ROWS) < value).astype(np.int64)
        seeded = {RATE: 0.95, UNITS: 39, "seed": 2 + i}
        found.append(trial(folder, first + i, wrong, 0.95, 39, overrides=seeded, role="winner", round=2))
    return found


def test_it_is_plain_data_with_all_that_is_promised(twelve: list[Result], tmp_path: Path) -> None:
    found = summarize(search(), [*twelve, *again(tmp_path, 12, (0.06, 0.08))], CONTEXT)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    promised = {
        "errors",
        "headline",
        "best",
        "winner",
        "luck",
        "importance",
        "edges",
        "boxes",
        "rounds",
        "trials",
        "notes",
    }
    assert promised <= found.keys()
    assert len(found["trials"]) == 12 and found["best"]["point"] == 11
    assert {"trial", "point", "overrides", "objective", "low", "high"} <= found["best"].keys()


def test_the_winners_fresh_seeds_are_the_studys_errors(twelve: list[Result], tmp_path: Path) -> None:
    fresh = again(tmp_path, 12, (0.06, 0.08))
    found = summarize(search(), [*twelve, *fresh], CONTEXT)
    dev = [result.errors["dev"]["value"] for result in fresh]
    assert found["errors"]["dev"]["value"] == pytest.approx(sum(dev) / 2)
    assert found["errors"]["dev"]["n"] == 2 and found["errors"]["dev"]["selected"]
    assert found["winner"]["seeds"] == [2, 3] and found["winner"]["verdict"]["variance"] in ("high", "undetermined")
    assert found["best"]["objective"] == twelve[11].objective and found["best"]["overrides"] == {RATE: 0.95, UNITS: 39}
    assert found["headline"].startswith("best of 12 points: dev ") and "over 2 fresh seeds" in found["headline"]
    assert "the search itself saw" in found["headline"]


def test_luck_is_that_of_the_trials_dev_rows(twelve: list[Result]) -> None:
    from dltrain.studies.luck import luck_of

    errors = np.stack([runs.decode_predictions(result.path)["errors"] for result in twelve]).astype(float)
    expected = luck_of(errors)
    luck = summarize(search(winner_seeds=0), twelve, CONTEXT)["luck"]
    assert expected is not None and luck["value"] == expected.value and luck["trials"] == 12 and luck["n"] == ROWS
    assert luck["low"] <= luck["value"] <= luck["high"] and "luck of the search" in luck["note"]


def test_without_fresh_seeds_the_best_point_is_all_there_is(twelve: list[Result]) -> None:
    found = summarize(search(winner_seeds=0), twelve, CONTEXT)
    assert found["winner"] is None and " in the search, " in found["headline"]
    assert found["errors"]["dev"]["selected"] and found["errors"]["dev"]["value"] == twelve[11].objective


def test_importance_and_the_edge(twelve: list[Result]) -> None:
    found = summarize(search(), twelve, CONTEXT)
    assert [one["path"] for one in found["importance"]] == [RATE, UNITS]
    shares = [one["share"] for one in found["importance"]] + [
        found["importance_rest"][k]["share"] for k in ("together", "unexplained")
    ]
    assert sum(shares) == pytest.approx(1) and shares[0] > 0.5
    assert [edge["suggestion"] for edge in found["edges"]] == [f"search.space.{RATE}.high=3.0"]
    assert any("at the high end" in note for note in found["notes"])


def test_few_trials_have_no_importance(twelve: list[Result]) -> None:
    found = summarize(search(trials=7), twelve[:7], CONTEXT)
    assert found["importance"] == [] and "importance takes 8 trials or more, here are 7" in found["notes"]


def test_diverged_pruned_and_crashed_trials_are_told(twelve: list[Result]) -> None:
    ends = {0: {"outcome": "diverged", "errors": {}}, 1: {"outcome": "crashed", "errors": {}, "cause": "killed"}}
    ends[2] = {"outcome": "pruned", "epochs": 5}
    from dataclasses import replace

    results = [replace(result, **ends.get(result.trial, {})) for result in twelve]
    found = summarize(search(), results, CONTEXT)
    assert found["luck"]["trials"] == 9
    assert [note.split(" ", 2)[2] for note in found["notes"][:3]] == [
        "diverged: the worst there is",
        "ended early, by successive halving",
        "crashed or ran out of time, without a result",
    ]
    assert [row["objective"] for row in found["trials"][:3]] == [None, None, twelve[2].objective]
    assert found["trials"][2]["epochs"] == 5
    json.dumps(found, allow_nan=False)


def test_no_result_at_all() -> None:
    lost = [
        Result(trial=i, round=1, overrides={RATE: 0.1, UNITS: 4, "seed": 1}, outcome=outcome, path=Path("none"))
        for i, outcome in enumerate(("diverged", "crashed"))
    ]
    found = summarize(search(trials=2), lost, CONTEXT)
    assert found["best"] is found["winner"] is found["headline"] is None and found["errors"] == {}
    assert found["notes"][-1].startswith("no point has a result")


def test_points_of_several_seeds(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    results = [
        trial(tmp_path, i, (random.random(ROWS) < 0.1 + 0.1 * (i // 2)).astype(np.int64), 0.01 * (1 + i // 2), 8)
        for i in range(20)
    ]
    found = summarize(search(trials=10, seeds=2), results, CONTEXT)
    assert [row["point"] for row in found["trials"]] == [i // 2 for i in range(20)]
    assert found["best"]["trial"] == 2 * found["best"]["point"] and found["luck"]["trials"] == 10
    assert found["best"]["objective"] == pytest.approx((results[0].objective + results[1].objective) / 2)  # type: ignore[operator]
    assert found["best"]["errors"]["dev"]["n"] == 2


def test_an_objective_that_is_not_of_dev_has_no_luck(twelve: list[Result]) -> None:
    found = summarize(search(objective="train.error"), twelve, CONTEXT)
    assert found["luck"]["value"] is None and "is not a mean over dev rows" in found["luck"]["note"]
    assert "train.error" in found["headline"] and "luck" not in found["headline"]


def test_importance_knows_where_a_condition_holds(tmp_path: Path) -> None:
    """A dimension that counts in a third of the space is given a third of its variance there."""
    from dltrain.studies.search_summary import _counted
    from dltrain.studies.space import Space

    kind = {"kind": "choice", "values": ["momentum", "adam", "rmsprop"]}
    beta = {"kind": "one_minus_log_uniform", "low": 0.5, "high": 0.99, "when": {"optimizer.kind": "momentum"}}
    counted = _counted(Space.of({"optimizer.kind": kind, "optimizer.beta": beta}))
    assert counted["optimizer.kind"] == 1 and counted["optimizer.beta"] == pytest.approx(1 / 3, abs=0.07)


def test_pruned_points_rank_behind_all_that_trained_longer(twelve: list[Result]) -> None:
    from dataclasses import replace

    from dltrain.studies.points import points_of
    from dltrain.studies.search_summary import _scores

    results = [replace(result, trial=i) for i, result in enumerate(twelve[:3])]
    results[2] = replace(results[2], outcome="pruned", epochs=3)
    results[0] = replace(results[0], outcome="diverged")
    assert _scores(points_of(results, 1)) == [math.inf, 0, 1]
