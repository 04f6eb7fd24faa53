"""A tried recipe: its trials at equal budget, and what their predictions say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from studies_parts import whole_diagnosis

from dltrain import config, experiment, runs
from dltrain.diagnosis.recipe import Advice
from dltrain.engine.fit import steps_of
from dltrain.errors import InputError
from dltrain.studies.kinds import study_of
from dltrain.studies.model import Context, Result
from dltrain.studies.recipe import Recipe, change_text, headline, value_of
from dltrain.studies.recipe_plan import Asked, candidates, parameters, plan_recipe

CONTEXT = Context(task="binary", confidence=0.95, threshold=0.02)
N = 200


def recipe(steps: int = 2, seeds: int = 1, as_it_was: bool = True) -> Recipe:
    entries = [{"action": "the same config", "aim": "", "overrides": [], "steps": 40}]
    entries += [
        {"action": f"step {i}", "aim": "variance", "overrides": [f"optimizer.learning_rate={i}e-5"], "steps": 20}
        for i in range(1, steps + 1)
    ]
    budget = {"passes_times_parameters": 1000, "base_epochs": 2.0}
    return Recipe(
        run="a",
        seconds=60.0,
        most=6,
        seeds=seeds,
        first=1,
        budget=budget,
        as_it_was=as_it_was,
        steps=tuple(entries),
    )


def finished(folder: Path, trial: int, wrong: set[int], train: float = 0.0, rows: int = 0) -> Result:
    """A trial that is wrong on these dev rows, with the files that summaries read."""
    errors = np.zeros(N)
    errors[sorted(wrong)] = 1
    folder.mkdir(parents=True)
    labels = np.zeros(N, np.int64)
    (folder / "predictions.npz").write_bytes(runs.encode_predictions(np.arange(N) + rows, labels, labels, errors))
    dev = {"value": errors.mean(), "low": 0.0, "high": 1.0, "n": N}
    known = {"train": {**dev, "value": train}, "dev": dev, "train_dev": None}
    high = {True: "high", False: "low"}
    gaps: dict[str, Any] = {
        "avoidable_bias": {"value": train, "verdict": high[train > 0.02]},
        "variance": {"value": errors.mean() - train, "verdict": high[bool(errors.mean() - train > 0.02)]},
        "mismatch": None,
    }
    (folder / "diagnosis.json").write_text(json.dumps(whole_diagnosis(known, gaps)))
    measured = {"train": {**dev, "value": train}, "dev": dev}
    return Result(trial=trial, round=1, overrides={}, outcome="finished", path=folder, errors=measured)


# ---- trials


def test_every_config_trains_with_every_seed_and_the_budget_s_steps() -> None:
    study = recipe(steps=1, seeds=3)
    proposed = study.propose([])
    assert [overrides["seed"] for overrides in proposed] == [1, 2, 3] * 3
    assert proposed[0] == {"seed": 1}, "as it was"
    assert proposed[3] == {"seed": 1, "training.epochs": None, "training.steps": 40}
    length = {"training.epochs": None, "training.steps": 20}
    assert proposed[6] == {"seed": 1, "optimizer.learning_rate": 1e-5, **length}
    assert study.propose([finished_nowhere()]) == [], "one round"
    assert [o["seed"] for o in recipe(steps=1, as_it_was=False).propose([])] == [1, 1]


def finished_nowhere() -> Result:
    return Result(trial=0, round=1, overrides={}, outcome="diverged", path=Path("none"))


def test_study_json_makes_the_same_study_again() -> None:
    study = recipe()
    again = study_of(json.loads(json.dumps(study.to_json())))
    assert isinstance(again, Recipe)
    assert again.to_json() == study.to_json() and again.propose([]) == study.propose([])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("regularizer.lambd=1e-05", ("regularizer.lambd", 1e-5)),
        ("architecture.layers=[64,32]", ("architecture.layers", [64, 32])),
        ("data.train_limit=null", ("data.train_limit", None)),
        ("regularizer=none", ("regularizer", "none")),
    ],
)
def test_advised_overrides_become_plain_values(override: str, expected: tuple[str, Any]) -> None:
    assert value_of(override) == expected


# ---- what they say


def test_changes_are_paired_and_corrected_for_their_number(tmp_path: Path) -> None:
    base = set(range(20))
    helps, same = set(range(4)), {*range(1, 20), 50}
    results = [
        finished(tmp_path / "0", 0, set(range(26)), train=0.1),
        finished(tmp_path / "1", 1, base),
        finished(tmp_path / "2", 2, helps),
        finished(tmp_path / "3", 3, same),
    ]
    found = recipe().summarize(results, CONTEXT)
    longer, first, second = found["steps"]
    assert (longer["action"], first["verdict"], second["verdict"]) == ("train longer", "helped", "not told apart")
    p = [stats.binomtest(0, 6).pvalue, stats.binomtest(0, 16).pvalue, stats.binomtest(1, 2).pvalue]
    assert [step["p"] for step in found["steps"]] == pytest.approx(p)
    assert [step["p_holm"] for step in found["steps"]] == pytest.approx([2 * p[0], 3 * p[1], p[2]])
    assert longer["verdict"] == "not told apart", f"{p[0]:.3f} alone would be told apart, {2 * p[0]:.3f} is not"
    d = first["change"]
    assert d["value"] == pytest.approx(-16 / N) and d["low"] < d["value"] < d["high"] < 0
    assert found["best"] == 1 and found["reference"]["trials"] == [1] and found["as_it_was"]["trials"] == [0]
    assert first["from_start"]["value"] == pytest.approx(-22 / N) and longer["from_start"] is None
    assert "3 steps tried, 1 helped: step 1, dev −8.0 [" in found["headline"]


def test_gaps_before_and_after_say_which_was_closed(tmp_path: Path) -> None:
    results = [
        finished(tmp_path / "0", 0, set(range(30)), train=0.1),
        finished(tmp_path / "1", 1, set(range(24)), 0.01),
    ]
    (step,) = recipe(steps=1, as_it_was=False).summarize(results, CONTEXT)["steps"]
    bias, variance = step["gaps"]["avoidable_bias"], step["gaps"]["variance"]
    assert (bias["before"], bias["after"], bias["closed"]) == (0.1, 0.01, True)
    assert (variance["before"], variance["after"]) == (pytest.approx(0.05), pytest.approx(0.11))
    assert variance["closed"] is False and "mismatch" not in step["gaps"]


def test_a_worse_step_hurt_and_one_without_result_is_said(tmp_path: Path) -> None:
    lost = Result(trial=2, round=1, overrides={}, outcome="diverged", path=tmp_path / "2", cause="at step 3")
    results = [finished(tmp_path / "0", 0, {0}), finished(tmp_path / "1", 1, set(range(20))), lost]
    found = recipe(as_it_was=False).summarize(results, CONTEXT)
    worse, none = found["steps"]
    assert worse["verdict"] == "hurt" and worse["p_holm"] == worse["p"], "one comparison, for one has no result"
    assert (none["verdict"], none["change"], none["cause"]) == ("no result", None, "at step 3")
    assert found["best"] is None and "none helped beyond doubt" in found["headline"]


def test_other_dev_rows_are_not_compared(tmp_path: Path) -> None:
    results = [finished(tmp_path / "0", 0, set(range(20))), finished(tmp_path / "1", 1, set(), rows=1)]
    (step,) = recipe(steps=1, as_it_was=False).summarize(results, CONTEXT)["steps"]
    assert step["verdict"] == "no result"


def test_a_step_with_more_training_rows_is_in_the_reference_s_unit(tmp_path: Path) -> None:
    """The same squares over another variance: nothing changed."""
    trials = [finished(tmp_path / str(i), i, set(range(40 + i % 2)), train=0.05) for i in range(2)]
    trials.insert(0, finished(tmp_path / "start", 0, set(range(40)), train=0.05))
    for path, variance in (("start", 1.0), ("0", 1.0), ("1", 4.0)):
        found = {"task": "regression", "target_sd": variance**0.5, "weight_mean": variance}
        (tmp_path / path / "preparation.json").write_text(json.dumps(found))
    summary = recipe(steps=1).summarize(trials, replace(CONTEXT, task="regression"))
    step = summary["steps"][-1]
    assert step["change"]["value"] == pytest.approx((4 * 41 - 40) / N)
    assert step["errors"]["dev"]["value"] == pytest.approx(4 * 41 / N)
    assert step["gaps"]["avoidable_bias"]["after"] == pytest.approx(0.2)


def test_several_seeds_compare_configs(tmp_path: Path) -> None:
    wrong = [set(range(40)), set(range(41)), set(range(39)), set(range(5)), set(range(6)), set(range(4))]
    results = [finished(tmp_path / str(i), i, rows) for i, rows in enumerate(wrong)]
    found = recipe(steps=1, seeds=3, as_it_was=False).summarize(results, CONTEXT)
    (step,) = found["steps"]
    assert step["test"] == "crossed bootstrap" and step["verdict"] == "helped"
    assert step["change"]["value"] == pytest.approx(-35 / N)
    assert step["trials"] == [3, 4, 5] and step["errors"]["dev"]["of"] == "training randomness only"
    whole = [*results[:5], replace(results[5], outcome="crashed")]
    (step,) = recipe(steps=1, seeds=3, as_it_was=False).summarize(whole, CONTEXT)["steps"]
    assert step["verdict"] == "no result", "a seed is missing"


def test_a_study_without_any_result_has_a_summary() -> None:
    lost = [replace(finished_nowhere(), trial=i) for i in range(4)]
    found = recipe().summarize(lost, CONTEXT)
    assert [step["verdict"] for step in found["steps"]] == ["no result"] * 3 and found["errors"] == {}
    assert "none helped" in headline(found["steps"], found["best"], CONTEXT)


@pytest.mark.parametrize(
    ("value", "task", "text"),
    [
        (-0.0142, "binary", "−1.4 [−2.4, −0.4]"),
        (0.0001, "binary", "0.0 [−1.0, +1.0]"),
        (-0.5, "regression", "−0.500 [−0.510, −0.490]"),
    ],
)
def test_changes_are_points(value: float, task: str, text: str) -> None:
    assert change_text({"value": value, "low": value - 0.01, "high": value + 0.01}, task) == text
    assert change_text({"value": value, "low": None, "high": None}, task) == text.partition(" ")[0]


# ---- the budget


@pytest.fixture(scope="module")
def run_and_ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A run's folder as far as planning needs it, and its config made ready."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    folder.mkdir()
    text = "data: {source: digits, limit: 300}\narchitecture: {layers: [8]}\ntraining: {epochs: 4, batch_size: 32}\n"
    (folder / "config.resolved.yaml").write_text(text)
    return folder, experiment.prepare(config.load([folder / "config.resolved.yaml"]))


BIGGER = Advice("bigger", "", ("architecture.layers.0.units=64",), aim="bias")
DECAY = Advice("L2", "", ("regularizer.kind=l2", "regularizer.lambd=0.03"), aim="variance")
LONG = Advice("longer", "", ("training.epochs=40",), aim="bias")


def planned(run_and_ready: tuple[Path, Any], *pieces: Advice, seconds: float = 600, **more: Any) -> Recipe:
    asked = Asked(seconds=seconds, **{"most": 6, "seeds": 1, "workers": 2, "reading": 0.1, **more})
    return plan_recipe(*run_and_ready, pieces, asked)[0]


def test_every_trial_spends_the_same_passes_times_parameters(run_and_ready: tuple[Path, Any]) -> None:
    ready = run_and_ready[1]
    study = planned(run_and_ready, BIGGER, DECAY)
    each = study.budget["passes_times_parameters"]
    own = ready.plan.experiment.training.epochs * ready.plan.facts.m * parameters(ready.plan)
    assert study.budget["of_training"] == pytest.approx(each / own, abs=1e-3)
    m, (base, bigger, decay) = ready.plan.facts.m, study.steps
    assert parameters(ready.plan) == 64 * 8 + 8 + 8 * 10 + 10
    an_epoch = steps_of(ready.plan.program(), m, epochs=1)
    for step, size in ((base, 610), (bigger, 64 * 64 + 64 + 64 * 10 + 10), (decay, 610)):
        assert step["steps"] / an_epoch * m * size == pytest.approx(each, rel=0.5 / step["steps"] + 1e-9)
    assert bigger["steps"] == 4 * an_epoch, "the dearest step trains for as long as its config says"
    assert study.as_it_was and study.budget["base_epochs"] == pytest.approx(4 * 4810 / 610, abs=0.01)


def test_longer_training_sets_the_budget_and_is_no_step(run_and_ready: tuple[Path, Any]) -> None:
    study = planned(run_and_ready, LONG)
    assert len(study.steps) == 1 and study.as_it_was and study.budget["base_epochs"] == pytest.approx(40)


def test_what_costs_nothing_more_needs_no_trial_of_the_config_as_it_was(run_and_ready: tuple[Path, Any]) -> None:
    study = planned(run_and_ready, DECAY)
    assert not study.as_it_was and study.budget["base_epochs"] == pytest.approx(4)


def test_the_seconds_bound_the_budget(run_and_ready: tuple[Path, Any]) -> None:
    huge = Advice("huge", "", ("architecture.layers.0.units=4096", "training.epochs=1000000"), aim="bias")
    longest = replace(huge, overrides=("architecture.layers.0.units=4096",))
    study = planned(run_and_ready, longest, LONG, huge, seconds=20)
    pace = study.budget["per_second"]
    assert study.budget["passes_times_parameters"] <= 0.7 * 20 * pace
    assert study.budget["timed_steps"] >= 1 and study.budget["start_seconds"] == 2.1
    with pytest.raises(InputError, match="--budget is too small for 2 trials of one epoch; expected"):
        planned(run_and_ready, DECAY, seconds=1)


def test_steps_that_change_dev_rows_are_no_candidates() -> None:
    rows = Advice("more rows", "", ("data.limit=null", "split.dev=30"))
    settle = Advice("larger dev", "", ("split.train=100", "split.dev=80"))
    curve = Advice("curve", "", command="dltrain learning-curve RUN/config.resolved.yaml")
    mixed = Advice("both", "", (*DECAY.overrides, "training.epochs=9"))
    assert candidates([rows, settle, curve, LONG, DECAY, mixed, BIGGER], 6) == [DECAY, BIGGER]
    assert candidates([DECAY, BIGGER], 1) == [DECAY]


def test_nothing_to_try_is_refused(run_and_ready: tuple[Path, Any]) -> None:
    with pytest.raises(InputError, match="nothing to try"):
        planned(run_and_ready)
    same = Advice("same", "", ("training.batch_size=32",))
    with pytest.raises(InputError, match="nothing to try"):
        planned(run_and_ready, same)
