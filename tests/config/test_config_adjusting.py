"""Adjustments in a config: checked where they stand, settled by epoch, loaded again as they were."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dltrain import config
from dltrain.config.adjusting import adjusted
from dltrain.config.records import DataFacts, Experiment
from dltrain.errors import InputError

FACTS = DataFacts(m=100, n_x=64, classes=tuple("0123456789"), task="multiclass", parts={"train": 100, "dev": 20})
BASE = """\
data: {source: digits, target: label}
architecture: {layers: [{units: 8, keep_prob: 0.9}, 6], keep_prob: 0.8}
regularizer: {kind: l2, lambd: 0.5}
training: {epochs: 20, batch_size: 32}
"""


def loaded(text: str, folder: Path, *overrides: str) -> config.Loaded:
    (folder / "a.yaml").write_text(BASE + text)
    return config.load([folder / "a.yaml"], overrides)


def plan(text: str, folder: Path, *overrides: str) -> config.Plan:
    return config.resolve(loaded(text, folder, *overrides).experiment, FACTS)


def refused(text: str, folder: Path, *overrides: str) -> list[str]:
    with pytest.raises(InputError) as error:
        loaded(text, folder, *overrides)
    return [re.sub(r"^\S*/a\.yaml", "a.yaml", problem.line()) for problem in error.value.problems]


MIXED = """\
adjustments:
  - {epoch: 12, set: {optimizer.learning_rate: 3e-4, architecture.keep_prob: 0.7, regularizer.lambda: 0.1}}
  - epoch: 5
    set:
      schedule: cosine
      training: {batch_size: full, epochs: 30}
  - {epoch: 12, set: {optimizer.learning_rate: 2e-4, architecture.layers.1.regularizer: none}}
"""


def test_they_hold_from_their_epoch_in_order(tmp_path: Path) -> None:
    found = plan(MIXED, tmp_path)
    first, fifth, last = (found.at(epoch).experiment for epoch in (4, 11, 40))
    assert first == found.at(1).experiment and first.adjustments == []
    assert (fifth.schedule.kind, fifth.training.batch_size, fifth.training.epochs) == ("cosine", 100, 30)
    assert fifth.optimizer.learning_rate == 0.001
    assert last.optimizer.learning_rate == 2e-4, "of two in one epoch the later counts"
    assert last.schedule == fifth.schedule
    assert [layer.keep_prob for layer in last.architecture.layers] == [0.9, 0.7], "one has its own"
    assert [layer.regularizer.kind for layer in last.architecture.layers] == ["l2", "none"]
    assert last.architecture.layers[0].regularizer.lambd == last.regularizer.lambd == 0.1


def test_the_course_has_a_program_for_each_epoch_of_them(tmp_path: Path) -> None:
    course = plan(MIXED, tmp_path).course()
    assert [start for start, _ in course.stretches] == [1, 5, 12]
    assert [course.at(epoch).batch_size for epoch in (4, 5, 99)] == [32, 100, 100]
    assert course.at(12).architecture.layers[1].keep_prob == 0.7
    assert course.total(100) == (30, 4 * 4 + 26)


def test_they_are_settled_and_load_again(tmp_path: Path) -> None:
    one = plan(MIXED, tmp_path)
    assert [adjustment.epoch for adjustment in one.experiment.adjustments] == [5, 12, 12]
    assert one.experiment.adjustments[0].set["training.batch_size"] == 100
    text = config.dump(one, loaded(MIXED, tmp_path))
    assert re.search(r"optimizer.learning_rate: 0.0003 +# a.yaml:6\n", text)
    assert re.search(r"kind: cosine +# a.yaml:9\n", text)
    (tmp_path / "b.yaml").write_text(text)
    two = config.resolve(config.load([tmp_path / "b.yaml"]).experiment, FACTS)
    assert two == one
    assert [two.at(epoch) for epoch in range(1, 20)] == [one.at(epoch) for epoch in range(1, 20)]


def test_a_replay_is_the_resolved_config_with_other_adjustments(tmp_path: Path) -> None:
    one = plan(MIXED, tmp_path)
    more = config.Adjustment(epoch=30, set={"optimizer.learning_rate": 1e-5})
    adjusted_plan = config.readjust(one, [*one.experiment.adjustments, more])
    resolved = config.dump(one, None)
    text = config.replay(resolved, adjusted_plan, "parent")
    assert "dltrain train config.replay.yaml --from parent\n" in text
    (tmp_path / "c.yaml").write_text(text)
    assert config.resolve(config.load([tmp_path / "c.yaml"]).experiment, FACTS) == adjusted_plan
    before, after = yaml.safe_load(resolved), yaml.safe_load(text)
    assert {**before, "adjustments": after["adjustments"]} == after
    again = config.replay(text, one)
    assert yaml.safe_load(again) == before, "and back"
    older = re.sub(r"adjustments:\n(  .*\n)*", "", resolved)
    assert yaml.safe_load(config.replay(older, adjusted_plan)) == after, "of a release without the key"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "adjustments: [{epoch: 3, set: {optimizer.beta1: 0.5}}]",
            r"a.yaml:5:49: adjustments.0.set.optimizer.beta1: cannot be adjusted; expected optimizer.learning_rate, .*",
        ),
        (
            "adjustments: [{epoch: 3, set: {lr: 0.5}}]",
            r"a.yaml:5:36: adjustments.0.set.lr: cannot be .*; did you mean optimizer.learning_rate\?",
        ),
        (
            "adjustments: [{epoch: 3, set: {data.source: x}}]",
            r"a.yaml:5:45: adjustments.0.set.data.source: cannot be adjusted.*",
        ),
        (
            "adjustments: [{epoch: 3, set: {architecture.layers: [4]}}]",
            r"a.yaml:5:53: adjustments.0.set.architecture.layers: cannot be adjusted.*",
        ),
        (
            "adjustments: [{epoch: 3, set: {architecture: {layers: {0: {units: 4}}}}}]",
            r".*adjustments.0.set.architecture.layers.0.units: cannot be adjusted.*",
        ),
        (
            "adjustments: [{epoch: 3, set: {optimizer.learning_rate: -1}}]",
            r"a.yaml:5:57: adjustments.0.set.optimizer.learning_rate: -1 is not allowed; expected a number above 0",
        ),
        (
            "adjustments: [{epoch: 3, set: {optimizer.learning_rate: 1.0e-3, schedule: {kind: cosin}}}]",
            r"a.yaml:5:.*: adjustments.0.set.schedule: 'cosin' is not a kind of schedule; .* did you mean cosine\?",
        ),
        (
            "adjustments: [{epoch: 3, set: {schedule.decay: 0.5}}]",
            r".*adjustments.0.set.schedule.decay: unknown key of constant; it belongs to kind: exponential",
        ),
        (
            "adjustments: [{epoch: 3, set: {training.steps: 5}}]",
            r".*adjustments.0.set.training.steps: this training counts epochs; expected training.epochs",
        ),
        (
            "adjustments: [{epoch: 9, set: {training.epochs: 5}}]",
            r".*adjustments.0.set.training.epochs: 5 is less than the 8 complete by then; expected 8 .*",
        ),
        (
            "adjustments: [{epoch: 1, set: {training.epochs: 5}}]",
            r"a.yaml:5:23: adjustments.0.epoch: 1 is not allowed; expected a whole number of at least 2 .*",
        ),
        ("adjustments: [{epoch: 2, set: {}}]", r".*adjustments.0.set: an empty mapping is not allowed; .*"),
        ("adjustments: [{epoch: 2, st: {a: 1}}]", r".*adjustments.0.st: unknown key; did you mean set\?"),
        (
            "adjustments: [{epoch: 3, set: {architecture.layers.7.keep_prob: 0.5}}]",
            r".*adjustments.0.set.architecture.layers.7.keep_prob: there is no item 7; .*",
        ),
        (
            "optimizer: adamw\nregularizer: none\nadjustments: [{epoch: 3, set: {regularizer: {kind: l2, lambd: 1}}}]",
            r"a.yaml:7:.*: adjustments.0.set.regularizer: adamw decays the weights itself and .*",
        ),
        (
            "architecture: {layers: [{units: 4, keep_prob: 0.5}]}\nadjustments: [{epoch: 3, set: {architecture.keep_prob: 1}}]",
            r".*adjustments.0.set.architecture.keep_prob: changes no hidden layer, since each has its own .*",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(text: str, expected: str, tmp_path: Path) -> None:
    kept = [line for line in BASE.splitlines() if f"\n{line.partition(':')[0]}:" not in f"\n{text}"]
    padded = "\n".join([*kept, *[""] * (4 - len(kept)), text]) + "\n"
    (tmp_path / "a.yaml").write_text(padded)
    with pytest.raises(InputError) as error:
        config.load([tmp_path / "a.yaml"])
    lines = [re.sub(r"^\S*/a\.yaml", "a.yaml", problem.line()) for problem in error.value.problems]
    assert [line for line in lines if re.fullmatch(expected, line)], lines


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    lines = refused(
        "adjustments:\n- {epoch: 3, set: {seed: 2, training.batch_size: 0}}\n- {epoch: 4, set: {name: x}}\n", tmp_path
    )
    assert len(lines) == 2 and [line.split(":")[1] for line in lines] == ["6", "7"]


def test_from_the_command_line(tmp_path: Path) -> None:
    text = "adjustments: [{epoch: 3, set: {optimizer.learning_rate: 0.5}}]\n"
    found = plan(text, tmp_path, "adjustments.0.set.optimizer.learning_rate=0.25", "adjustments.0.epoch=4")
    assert [(one.epoch, one.set) for one in found.experiment.adjustments] == [(4, {"optimizer.learning_rate": 0.25})]
    assert plan(text, tmp_path, "adjustments=[]").experiment.adjustments == []
    (line,) = refused(text, tmp_path, "adjustments.0.set.optimizer.learning_rate=0")
    assert line.startswith("command line: adjustments.0.set.optimizer.learning_rate: 0 is not allowed")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"training.batch_size": 200}, "training.batch_size"),
        ({"schedule": {"kind": "plateau"}}, "schedule.monitor"),
    ],
)
def test_what_does_not_fit_the_data_is_told_when_they_are_known(changes: dict, key: str, tmp_path: Path) -> None:  # type: ignore[type-arg]
    facts = DataFacts(m=100, n_x=64, classes=FACTS.classes, task="multiclass", parts={"train": 100})
    experiment = loaded(f"adjustments: [{{epoch: 3, set: {changes}}}]".replace("'", ""), tmp_path).experiment
    with pytest.raises(InputError) as error:
        config.resolve(experiment, facts)
    assert [problem.key for problem in error.value.problems] == [f"adjustments.0.set.{key}"]


def test_some_are_never_reached(tmp_path: Path) -> None:
    def notes(epoch: int) -> list[str]:
        found = plan(f"adjustments: [{{epoch: {epoch}, set: {{optimizer.learning_rate: 1}}}}]", tmp_path)
        return [note for note in found.notes if note.startswith("adjustments")]

    assert notes(22) == ["adjustments from epoch 22 on are never reached: training takes 20 epochs"]
    assert notes(20) == []


def test_a_plateau_needs_what_it_watches(tmp_path: Path) -> None:
    none = "split: {train: 1.0, dev: 0, test: 0}\nschedule: "
    (line,) = refused(f"{none}plateau\n", tmp_path)
    assert "schedule.monitor: dev.error is of the dev set, and there is none; expected train.error" in line
    assert plan(f"{none}{{kind: plateau, monitor: cost}}\n", tmp_path).experiment.schedule.kind == "plateau"
    (line,) = refused("schedule: {kind: plateau, per: step}\n", tmp_path)
    assert "schedule.per: 'step' is not allowed; expected epoch" in line


def test_explained() -> None:
    assert "factor" in config.explain("schedule.plateau") and "monitor" in config.explain("plateau")
    assert "the one that begins after 11 are complete" in config.explain("adjustments.epoch")


def test_adjusting_changes_only_what_is_asked(tmp_path: Path) -> None:
    before = plan("", tmp_path).experiment
    after = adjusted(before, {"optimizer.learning_rate": 0.5})
    assert after.optimizer.learning_rate == 0.5
    assert adjusted(after, {"optimizer.learning_rate": before.optimizer.learning_rate}) == before
    assert isinstance(after, Experiment)
