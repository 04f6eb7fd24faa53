"""`resolve` settles every auto by the documented rule, and refuses what does not fit the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from config_experiments import CANCER_FACTS, DIGITS_FACTS, HOUSES_FACTS
from scipy.stats import binomtest

from dltrain import config
from dltrain.config import DataFacts, Plan
from dltrain.config.advice import needed_for
from dltrain.config.resolving import automatic_threads, name_of
from dltrain.engine.architecture import BatchNorm
from dltrain.engine.initializers import Glorot, He, Xavier
from dltrain.engine.regularizers import L1, L2, NoRegularizer
from dltrain.errors import InputError


def plan(*overrides: str, facts: DataFacts = DIGITS_FACTS) -> Plan:
    return config.resolve(config.load([], ["data.source=digits", *overrides]).experiment, facts)


def refusal(*overrides: str, facts: DataFacts = DIGITS_FACTS) -> list[str]:
    with pytest.raises(InputError) as caught:
        plan(*overrides, facts=facts)
    return [problem.line() for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("facts", "output", "n_y"),
    [(CANCER_FACTS, "sigmoid", 1), (DIGITS_FACTS, "softmax", 10), (HOUSES_FACTS, "linear", 1)],
)
def test_output_goes_by_the_task(facts: DataFacts, output: str, n_y: int) -> None:
    program = plan(facts=facts).program()
    assert (program.architecture.output, program.architecture.n_y) == (output, n_y)
    assert plan(facts=facts).experiment.data.task == facts.task
    assert program.architecture.sizes == (facts.n_x, 64, 32, n_y)


def test_softmax_may_tell_two_classes_apart() -> None:
    assert plan("architecture.output=softmax", facts=CANCER_FACTS).program().architecture.n_y == 2


@pytest.mark.parametrize(
    ("facts", "output", "expected"),
    [
        (CANCER_FACTS, "linear", "sigmoid or softmax"),
        (DIGITS_FACTS, "sigmoid", "softmax"),
        (DIGITS_FACTS, "linear", "softmax"),
        (HOUSES_FACTS, "sigmoid", "linear"),
        (HOUSES_FACTS, "softmax", "linear"),
    ],
)
def test_other_outputs_are_refused(facts: DataFacts, output: str, expected: str) -> None:
    line = f"architecture.output: {output} does not fit a {facts.task} task; expected {expected}"
    assert refusal(f"architecture.output={output}", facts=facts) == [line]


def test_a_task_that_is_not_the_targets_is_refused() -> None:
    line = "data.task: regression does not fit the target, whose task is multiclass"
    assert refusal("data.task=regression") == [line]


@pytest.mark.parametrize(
    ("asked", "m", "settled"),
    [("auto", 1078, 64), ("auto", 40, 40), ("full", 1078, 1078), ("100", 1078, 100), ("1078", 1078, 1078), ("1", 9, 1)],
)
def test_batch_size(asked: str, m: int, settled: int) -> None:
    assert plan(f"training.batch_size={asked}", facts=replace(DIGITS_FACTS, m=m)).program().batch_size == settled


def test_a_batch_larger_than_the_training_set_is_refused() -> None:
    line = "training.batch_size: batch_size 2000 is larger than the m = 1078 training examples; use full"
    assert refusal("training.batch_size=2000") == [line]


@pytest.mark.parametrize("asked", ["auto", "full"])
def test_batch_norm_needs_two_examples(asked: str) -> None:
    overrides = ("architecture.batch_norm=true", f"training.batch_size={asked}")
    assert plan(*overrides, facts=replace(DIGITS_FACTS, m=2)).program().batch_size == 2
    (line,) = refusal(*overrides, facts=replace(DIGITS_FACTS, m=1))
    assert line.startswith("training.batch_size: batch norm needs two examples")


def test_early_stopping_needs_a_dev_set() -> None:
    facts = replace(DIGITS_FACTS, parts={"train": 1078})
    assert refusal("training.early_stopping={}", facts=facts) == [
        "training.early_stopping: early stopping watches the dev set, and there is none"
    ]
    assert any("no dev set" in note for note in plan(facts=facts).notes)


def test_length_of_training() -> None:
    assert (plan().program().epochs, plan().program().steps) == (100, None)
    assert (plan("training.steps=7").program().epochs, plan("training.steps=7").program().steps) == (None, 7)


def test_layers_take_what_they_do_not_say_from_the_architecture() -> None:
    architecture = (
        plan(
            "architecture.layers=[4, {units: 3, activation: tanh, keep_prob: 0.5, batch_norm: false, regularizer: none}, 2]",
            "architecture.layers.2.initializer=glorot",
            "architecture.keep_prob=0.9",
            "architecture.input_keep_prob=0.8",
            "architecture.batch_norm={average: 0.5}",
            "regularizer={kind: l1, lambd: 2}",
        )
        .program()
        .architecture
    )
    first, second, third = architecture.layers
    assert (first.activation, second.activation, third.activation) == ("relu", "tanh", "relu")
    assert (first.keep_prob, second.keep_prob, third.keep_prob) == (0.9, 0.5, 0.9)
    assert (first.batch_norm, second.batch_norm) == (BatchNorm(average=0.5), None)
    assert (first.initializer, second.initializer, third.initializer) == (He(), Xavier(), Glorot())
    assert (first.regularizer, second.regularizer) == (L1(lambd=2), NoRegularizer())
    assert (architecture.initializer, architecture.regularizer) == (Xavier(), L1(lambd=2))
    assert architecture.input_keep_prob == 0.8


def test_an_initializer_that_is_named_is_everyones() -> None:
    architecture = plan("architecture.initializer={kind: he, scale: 3}").program().architecture
    assert {architecture.initializer, *(layer.initializer for layer in architecture.layers)} == {He(scale=3.0)}


@pytest.mark.parametrize(
    ("batch_size", "sizes", "threads"),
    [
        (64, (20, 64, 64, 1), 1),
        (64, (784, 256, 128, 10), 2),
        (100, (200, 200), 2),
        (100, (200, 199), 1),
        (1, (2000, 2000), 2),
    ],
)
def test_threads_go_by_the_largest_product(batch_size: int, sizes: tuple[int, ...], threads: int) -> None:
    assert automatic_threads(batch_size, sizes) == threads


def test_parts_are_settled_as_counts() -> None:
    split = plan("split={train: rest, dev: 0.2, test: 0.2}").experiment.split
    assert (split.train, split.dev, split.test, split.train_dev, split.stratify) == (1078, 359, 360, 0, True)
    split = plan(facts=HOUSES_FACTS).experiment.split
    assert (split.train, split.dev, split.test, split.train_dev, split.stratify) == (700, 250, 0, 50, False)


def test_parts_with_rows_of_their_own_take_no_count() -> None:
    split = plan("split.files.test=t.csv").experiment.split
    assert (split.train, split.dev, split.test) == (1078, 359, None)
    split = plan("split={by: files, files: {train: a.csv, dev: b.csv, test: c.csv}}").experiment.split
    assert (split.train, split.dev, split.test) == (None, None, None)
    arrays = "data.arrays={train: [x, y], dev: [x, y], test: [x, y]}"
    split = plan(arrays).experiment.split
    assert (split.train, split.dev, split.test) == (None, None, None)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("digits", "digits"),
        ("/a/b/my file.csv.gz", "my-file"),
        ("/a/ünï.csv", "n"),
        ("/???", "run"),
        ("/a/.hidden", "hidden"),
        ("/a/logs/*.csv", "logs"),
        ("/a/logs/**/*.csv.gz", "logs"),
        ("/a/train-[0-9]*.csv", "train"),
        (["/a/north.csv", "/a/south.csv"], "north"),
        (["/a/*.csv", "/b.csv"], "a"),
    ],
)
def test_the_name_is_the_sources_stem(source: str | list[str], name: str) -> None:
    assert name_of(source) == name


def test_the_name_given_stays() -> None:
    assert plan("name=first").experiment.name == "first"
    assert plan().experiment.name == "digits"


@pytest.mark.parametrize(("threshold", "confidence"), [(0.02, 0.95), (0.02, 0.99), (0.5, 0.9), (0.1, 0.95)])
def test_size_of_a_dev_set_that_can_show_a_gap(threshold: float, confidence: float) -> None:
    needed = needed_for(threshold, confidence)
    upper = [binomtest(0, n).proportion_ci(confidence, "wilson").high for n in (needed - 1, needed) if n]
    assert upper[-1] < threshold
    assert len(upper) == 1 or upper[0] >= threshold


def test_the_notes_say_what_the_dev_set_cannot_show() -> None:
    note = "dev has 114 examples: a gap below 2 % cannot be shown; 189 or more are needed"
    assert note in plan(facts=CANCER_FACTS).notes
    assert not any("cannot be shown" in each for each in plan().notes)


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        (("regularizer={kind: l2, lambd: 0.64}",), "λ/m = 0.64/64 = 0.01"),
        (("training.batch_size=1",), "batch_size 1 is noisy"),
        (("training.epochs=10", "schedule.warmup=20"), "the warm-up takes 20 epochs and training only 10"),
        (
            ("training.epochs=10", "schedule={kind: manual, values: {1: 0.1, 11: 0.01}}"),
            "schedule.values from epoch 11 on are never",
        ),
        (("architecture.layers=[]", "architecture.keep_prob=0.5"), "keep_prob has no effect"),
        (("architecture.layers=[]", "architecture.batch_norm=true"), "batch_norm has no effect"),
        (("architecture.initializer=zeros",), "a hidden layer starts at zeros"),
    ],
)
def test_advice(overrides: tuple[str, ...], part: str) -> None:
    assert any(part in note for note in plan(*overrides).notes)


def test_a_settled_config_says_where_each_value_came_from(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "data: {source: digits}\n"
        "split: {train: 0.6, dev: 0.2, test: 0.2}\n"
        "architecture:\n  layers: [8]\n  batch_norm: true\n  keep_prob: 0.9\n"
        "regularizer: {kind: l2, lambd: 0.5}\n"
        "training: {batch_size: full}\n"
    )
    loaded = config.load([tmp_path / "c.yaml"], ["optimizer=momentum"])
    text = config.dump(config.resolve(loaded.experiment, DIGITS_FACTS), loaded)
    found = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "version: 1 # default",
        "source: digits # c.yaml:1",
        "task: multiclass # auto",
        "train: 1078 # c.yaml:2: 0.6",
        "- units: 8 # c.yaml:4",
        "activation: relu # default",
        "keep_prob: 0.9 # c.yaml:6",
        "kind: he # auto",
        "average: 0.99 # default",
        "lambd: 0.5 # c.yaml:7",
        "kind: momentum # command line",
        "beta: 0.9 # default",
        "batch_size: 1078 # c.yaml:8: full",
        "epochs: 100 # auto",
        "threads: 1 # auto",
    ):
        assert line in found, line


def test_regularizers_of_layers_reach_the_program() -> None:
    program = plan("architecture.layers=[{units: 2, regularizer: {kind: l2, lambd: 3}}]").program()
    assert program.architecture.layers[0].regularizer == L2(lambd=3.0)
    assert program.architecture.regularizer == NoRegularizer()
