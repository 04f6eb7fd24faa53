"""What a search proposes: a pure function of its seed, the trial's number and complete earlier rounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from studies_parts import Pretender, Silent, finish, folder_in

from dltrain.signals import Signals
from dltrain.studies.coordinator import Coordinator
from dltrain.studies.drawing import WIDE_EVERY, box_round, grid
from dltrain.studies.executor import Ended, Task
from dltrain.studies.folder import StudyFolder
from dltrain.studies.kinds import study_of
from dltrain.studies.model import Planned, Result
from dltrain.studies.points import best, points_of
from dltrain.studies.search import Search
from dltrain.studies.space import Space
from dltrain.studies.stages import closed, following, pruned

RATE = "optimizer.learning_rate"
SPACE = {
    RATE: {"kind": "log_uniform", "low": 1e-4, "high": 1.0},
    "optimizer.beta1": {"kind": "one_minus_log_uniform", "low": 0.9, "high": 0.999},
    "architecture.activation": {"kind": "choice", "values": ["relu", "tanh", "sigmoid"]},
}


def search(**more: Any) -> Search:
    fields: dict[str, Any] = {
        "method": "coarse_to_fine",
        "trials": 12,
        "rounds": 3,
        "points": 3,
        "seeds": 1,
        "seed": 7,
        "winner_seeds": 2,
        "space": SPACE,
    }
    return Search(**{**fields, **more})


def bowl(overrides: Any) -> float:
    """Least at a learning rate of 0.01; relu is best."""
    place = math.log10(overrides.get(RATE, 0.01)) + 2
    return 0.05 + 0.1 * place**2 + 0.02 * (overrides.get("architecture.activation", "relu") != "relu")


Judge = Callable[[Planned], dict[str, Any]]


def judged(planned: Planned) -> dict[str, Any]:
    value = bowl(planned.overrides)
    if planned.until is not None:
        return {"outcome": "paused", "epochs": planned.until, "errors": {"dev": {"value": value + 1 / planned.until}}}
    return {"outcome": "finished", "errors": {"dev": {"value": value}}}


def conducted(study: Search, judge: Judge = judged) -> list[Result]:
    done: list[Result] = []
    while stage := following(study, done):
        done = pruned(done, stage)
        found = [
            Result(
                **{
                    "trial": trial,
                    "round": stage.round,
                    "overrides": planned.overrides,
                    "path": Path("none"),
                    "role": planned.role,
                    **judge(planned),
                }
            )
            for trial, planned in stage.trials.items()
        ]
        done = closed(done, found)
    return pruned(done, None)


def test_settings_come_back() -> None:
    import json

    for study in (search(), search(prune={"factor": 3, "min_epochs": 5, "rungs": [5, 15]}, objective="dev.loss")):
        again = study_of(json.loads(json.dumps(study.to_json())))
        assert again == study
        assert again.propose([]) == study.propose([])


@pytest.mark.parametrize("method", ["random", "coarse_to_fine", "grid"])
def test_all_trials_are_tried_once(method: str) -> None:
    trials = 27 if method == "grid" else 12
    study = search(method=method, trials=trials, rounds=3 if method == "coarse_to_fine" else 1)
    results = conducted(study)
    own = [result for result in results if result.role == "trial"]
    assert [result.trial for result in results] == list(range(trials + 2))
    assert len({tuple(result.overrides.items()) for result in own}) == trials
    assert [result.overrides["seed"] for result in results[trials:]] == [8, 9]


@pytest.mark.parametrize(("trials", "rounds", "sizes"), [(60, 3, [20, 20, 20]), (11, 3, [4, 4, 3]), (4, 3, [2, 1, 1])])
def test_rounds_share_the_trials(trials: int, rounds: int, sizes: list[int]) -> None:
    study = search(trials=trials, rounds=rounds)
    assert study.sizes == sizes
    results = conducted(study)
    assert [
        sum(one.round == number + 1 and one.role == "trial" for one in results) for number in range(rounds)
    ] == sizes


@limits(max_examples=20)
@given(st.integers(0, 2**63 - 1), st.randoms(use_true_random=False))
def test_proposals_do_not_depend_on_the_order_or_time_of_results(seed: int, random: Any) -> None:
    """Each stage is asked for again from the results of the complete stages before it, as after a crash."""
    study = search(seed=seed)
    results = conducted(study)
    for first in (0, 4, 8, 12):
        done = results[:first]
        stage = following(study_of(study.to_json()), done)
        assert stage is not None
        for trial, planned in stage.trials.items():
            assert planned.overrides == results[trial].overrides


def test_another_dimension_leaves_the_others_draws() -> None:
    fewer = search(method="random", rounds=1, space={RATE: SPACE[RATE]})
    more = search(method="random", rounds=1)
    drawn = [[one.overrides[RATE] for one in study.propose([])] for study in (fewer, more)]
    assert drawn[0] == drawn[1]


def test_random_trials_are_a_prefix_of_more() -> None:
    few, many = (search(method="random", rounds=1, trials=trials).propose([]) for trials in (5, 50))
    assert list(many)[:5] == list(few)


def test_random_tries_as_many_values_as_trials_and_a_grid_few() -> None:
    """Notes, 3.1: 64 trials try 64 values of a key at random, and 8 on an 8 x 8 grid."""
    two = {path: SPACE[path] for path in (RATE, "optimizer.beta1")}
    random = search(method="random", rounds=1, trials=64, space=two).propose([])
    combined = grid(Space.of(two), 8)
    assert len({one.overrides[RATE] for one in random}) == 64
    assert len(combined) == 64 and len({one[RATE] for one in combined}) == 8


def test_a_grid_takes_both_ends_and_all_values_of_a_choice() -> None:
    combined = grid(Space.of(SPACE), 3)
    assert len(combined) == 27
    assert {one[RATE] for one in combined} == {1e-4, 1e-2, 1.0}
    assert {one["architecture.activation"] for one in combined} == {"relu", "tanh", "sigmoid"}


def test_a_grid_has_no_point_twice() -> None:
    layers = {
        "architecture.layers.count": {"kind": "int", "low": 1, "high": 2},
        "architecture.layers.1.units": {"kind": "int", "low": 4, "high": 5},
    }
    assert grid(Space.of(layers), 8) == [
        {"architecture.layers.count": 1},
        {"architecture.layers.count": 2, "architecture.layers.1.units": 4},
        {"architecture.layers.count": 2, "architecture.layers.1.units": 5},
    ]


def test_the_first_round_is_spread_over_all_shares() -> None:
    us = [Space.of(SPACE).places(one.overrides)[RATE] for one in search(trials=30).propose([])]
    assert sorted(math.floor(10 * u - 1e-9) for u in us) == list(range(10))


def test_boxes_shrink_round_the_best() -> None:
    study = search(trials=60)
    points = study.points_of(conducted(study))
    first, second = (study.box([point for point in points if point.round <= number]) for number in (1, 2))
    for box in (first, second):
        assert box[RATE][0] < 0.01 < box[RATE][1]
    spans = [math.log(box[RATE][1] / box[RATE][0]) for box in (study.dimensions.box, first, second)]
    assert spans[0] > spans[1] > spans[2]
    last = [point for point in points if point.round == 3]
    inside = [second[RATE][0] <= point.overrides[RATE] <= second[RATE][1] for point in last]
    assert sum(inside) >= len(last) * (1 - 1 / WIDE_EVERY)


def test_boxes_leave_out_what_diverged_or_crashed() -> None:
    def judge(planned: Planned) -> dict[str, Any]:
        rate = planned.overrides[RATE]
        return {"outcome": "diverged"} if rate > 0.05 else {"outcome": "crashed"} if rate < 1e-3 else judged(planned)

    study = search(trials=60, winner_seeds=0)
    points = study.points_of(conducted(study, judge))
    low, high = box_round(study.dimensions, [point for point in points if point.round == 1])[RATE]
    assert 5e-4 < low < 0.01 < high < 0.1
    found = best(points)
    assert found is not None and found.overrides[RATE] == pytest.approx(0.01, rel=0.5)


def test_without_any_result_the_box_stays_and_there_is_no_winner() -> None:
    study = search()
    results = conducted(study, lambda planned: {"outcome": "diverged"})
    assert len(results) == 12 and {result.objective for result in results} == {math.inf}
    assert study.box(study.points_of(results)) == study.dimensions.box


def test_ties_go_to_the_lower_index() -> None:
    study = search(winner_seeds=1)
    flat = {"outcome": "finished", "errors": {"dev": {"value": 0.1}}}
    results = conducted(study, lambda planned: flat)
    again = {key: value for key, value in results[-1].overrides.items() if key != "seed"}
    assert again == {key: value for key, value in results[0].overrides.items() if key != "seed"}


def test_with_several_seeds_the_mean_counts() -> None:
    study = search(seeds=3, winner_seeds=1)

    def judge(planned: Planned) -> dict[str, Any]:
        lucky = planned.overrides["seed"] == 8 and planned.overrides[RATE] > 0.1
        return {"outcome": "finished", "errors": {"dev": {"value": 0.0 if lucky else bowl(planned.overrides)}}}

    results = conducted(study, judge)
    assert [result.overrides["seed"] for result in results[:6]] == [7, 8, 9, 7, 8, 9]
    assert results[-1].overrides["seed"] == 10
    points = study.points_of(results)
    assert [point.index for point in points] == list(range(12))
    assert all(len({str(one.overrides[RATE]) for one in point.results}) == 1 for point in points)
    means = [sum(one.objective or 0.0 for one in point.results) / 3 for point in points]
    assert [point.objective for point in points] == pytest.approx(means)


def test_a_point_whose_seeds_crashed_in_part_has_the_mean_of_the_others() -> None:
    def of(*ends: float | None) -> list[Result]:
        return [
            Result(
                trial=trial,
                round=1,
                overrides={"seed": trial},
                path=Path("none"),
                outcome="crashed" if value is None else "diverged" if math.isinf(value) else "finished",
                errors={"dev": {"value": value}},
            )
            for trial, value in enumerate(ends)
        ]

    assert points_of(of(0.1, None, 0.3), 3)[0].objective == pytest.approx(0.2)
    assert points_of(of(0.1, math.inf, None), 3)[0].objective == math.inf
    assert points_of(of(None, None), 2)[0].objective is None


PRUNED = {"factor": 3, "min_epochs": 5, "rungs": [5, 15]}


@pytest.mark.parametrize("rounds", [1, 2])
def test_halving_lets_one_in_three_go_on(rounds: int) -> None:
    study = search(trials=9 * rounds, rounds=rounds, prune=PRUNED, winner_seeds=1)
    results = conducted(study)
    own = [result for result in results if result.role == "trial"]
    for number in range(1, rounds + 1):
        ends = [(one.outcome, one.epochs) for one in own if one.round == number]
        assert sorted(ends, key=str) == [("finished", None)] + [("pruned", 15)] * 2 + [("pruned", 5)] * 6
    finished = [one for one in own if one.outcome == "finished"]
    for one in finished:
        rivals = [other for other in own if other.round == one.round]
        assert bowl(one.overrides) == min(bowl(other.overrides) for other in rivals)
    assert results[-1].role == "winner" and results[-1].outcome == "finished"


def test_a_pruned_point_never_beats_one_that_ran_on() -> None:
    """Its objective at its last epoch may be lower: it rises for those that go on."""

    def judge(planned: Planned) -> dict[str, Any]:
        found = judged(planned)
        return found if planned.until else {**found, "errors": {"dev": {"value": 9.0}}}

    study = search(trials=9, rounds=1, prune=PRUNED)
    points = study.points_of(conducted(study, judge))
    found = best(points)
    assert found is not None and found.objective == 9.0 and min(point.objective or 0 for point in points) < 9.0


def test_one_that_stopped_early_races_with_the_others() -> None:
    """Those that finished before the rung take part with what they came to, good or bad."""
    study = search(trials=9, rounds=1, prune=PRUNED, method="random")
    early = {"outcome": "finished", "errors": {"dev": {"value": 5.0}}}
    first = study.propose([])[0].overrides[RATE]
    results = conducted(study, lambda planned: early if planned.overrides[RATE] == first else judged(planned))
    own = [one for one in results if one.role == "trial"]
    assert own[0].outcome == "finished" and own[0].objective == 5.0
    assert sum(one.outcome == "finished" for one in own) == 2
    assert results[-1].overrides[RATE] != first


def trained(folder: StudyFolder, judge: Callable[[Task], str]) -> Callable[[Task, int], Ended]:
    """Trials end as the words of their task say."""

    def ending(task: Task, attempt: int) -> Ended:
        words = dict(word.partition("=")[::2] for word in task.words if "=" in word)
        value = bowl({RATE: float(words[RATE]), "architecture.activation": words["architecture.activation"].strip('"')})
        state = judge(task)
        if state == "crashed":
            return Ended(trial=task.trial, code=70, said="error: a bug in dltrain: no")
        finish(folder.path, task.trial, value, state)
        return Ended(trial=task.trial, code=0)

    return ending


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_are_the_same_with_any_number_of_workers(workers: int, tmp_path: Path) -> None:
    study = search()
    states = ["finished", "diverged", "finished", "crashed"]
    tables = []
    for count, name in ((1, "one"), (workers, "many")):
        (tmp_path / name).mkdir()
        with folder_in(tmp_path / name, study) as folder:
            executor = Pretender(trained(folder, lambda task: states[task.trial % 4]), workers=count)
            Coordinator(folder, study, executor, _rules(), Silent(), Signals()).run()
            tables.append([(folder.path / name).read_bytes() for name in ("results.csv", "winner.csv")])
    assert tables[0] == tables[1]
    rows = tables[0][0].decode().splitlines()
    assert len(rows) == 13 and rows[0].startswith("trial,round,state,objective,low,high,seed,")
    assert [row.split(",")[2] for row in rows[1:5]] == ["finished", "diverged", "finished", "crashed"]
    assert [row.split(",")[3] for row in rows[2:5:2]] == ["inf", ""]
    assert len(tables[0][1].decode().splitlines()) == 3


def _rules() -> Any:
    from dltrain.studies.model import Rules

    return Rules()


def test_what_is_over_is_not_trained_again(tmp_path: Path) -> None:
    study = search()
    with folder_in(tmp_path, study) as folder:
        first = Pretender(trained(folder, lambda task: "finished"))
        Coordinator(folder, study, first, _rules(), Silent(), Signals()).run()
        table = (folder.path / "results.csv").read_bytes()
        second = Pretender(trained(folder, lambda task: "finished"))
        Coordinator(folder, study, second, _rules(), Silent(), Signals()).run()
        assert second.started == [] and (folder.path / "results.csv").read_bytes() == table
