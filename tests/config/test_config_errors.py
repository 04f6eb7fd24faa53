"""Each kind of bad config gives its one line: place, key, what came, what was expected, what to try."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltrain import config
from dltrain.errors import InputError, Problem

DIGITS = "data: {source: digits}\n"

BAD = [
    # Syntax and form
    ("data: {source: digits\n", "2:1: not valid YAML: a mapping is opened with { and not closed, or a comma is missing"),
    ("data:\n\tsource: digits\n", "2:1: not valid YAML: a tab; YAML is indented with spaces"),
    ("- data\n", "1:1: a config is a mapping of keys, like data: {source: digits}"),
    ("digits\n", "1:1: a config is a mapping of keys, like data: {source: digits}"),
    (f"{DIGITS}---\n{DIGITS}", "3:1: a second document begins here; one file is one config"),
    (f"{DIGITS}seed: 1\nseed: 2\n", "3:1: seed: given twice, first in line 2; leave one"),
    (f"{DIGITS}optimizer: {{kind: adam, beta1: 0.9, beta1: 0.8}}\n", "2:37: optimizer.beta1: given twice, first in line 2; leave one"),
    (f"{DIGITS}seed: &one 1\n", "2:7: seed: anchors (&one) are not read; write the value out, or quote it"),
    (f"{DIGITS}name: *base\n", "2:7: name: aliases (*base) are not read; write the value out, or quote it"),
    (f"{DIGITS}seed: !!python/object/apply:os.system [ls]\n",
     "2:7: seed: tags (tag:yaml.org,2002:python/object/apply:os.system) are not read; leave it out, or quote the value"),
    (f"{DIGITS}optimizer:\n  <<: {{kind: adam}}\n",
     "3:3: optimizer: merge keys (<<) are not read; give several configs, they merge from left to right"),
    (f"{DIGITS}? [a, b]\n: 1\n", "2:3: a list or mapping stands where a key was expected"),
    (f"{DIGITS}seed: {'[' * 40}{']' * 40}\n", "2:38: nested more than 32 deep"),
    (f"{DIGITS}name: \"a\\0b\"\n", "2:7: name: character U+0000 cannot stand in a value"),
    ("data: {source: 'digits'}\nname: a\x01b\n", "2:8: character U+0001 cannot stand in a config; is this a text file in UTF-8?"),
    (f"{DIGITS}diagnosis: {{threshold: .inf}}\n", "2:24: diagnosis.threshold: .inf is not a finite number; quote it if it is text"),
    (f"{DIGITS}seed: 99999999999999999999\n", "2:7: seed: 99999999999999999999 is too large a number; quote it if it is text"),
    (f"{DIGITS}seed: 1e999\n", "2:7: seed: 1e999 is too large a number"),
    # Keys
    ("seed: 1\n", "1:1: data.source: is required; expected the name of a set, a file, a glob, a folder or a list of files"),
    ("data: {target: x}\n", "1:1: data.source: is required; expected the name of a set, a file, a glob, a folder or a list of files"),
    (f"{DIGITS}optimiser: adam\n", "2:1: optimiser: unknown key; did you mean optimizer?"),
    (f"{DIGITS}optimizer: {{kind: adam, beta_1: 0.9}}\n", "2:25: optimizer.beta_1: unknown key of adam; did you mean beta1?"),
    (f"{DIGITS}optimizer: {{beta: 0.9}}\n", "2:13: optimizer.beta: unknown key of adam; did you mean beta2?"),
    (f"{DIGITS}optimizer: {{kind: momentum, weight_decay: 0.1}}\n",
     "2:29: optimizer.weight_decay: unknown key of momentum; it belongs to kind: adamw"),
    (f"{DIGITS}regularizer: {{lambd: 0.7}}\n", "2:15: regularizer.lambd: unknown key of none; it belongs to kind: l2 or kind: l1"),
    (f"{DIGITS}learning_rate: 0.1\n", "2:1: learning_rate: unknown key; did you mean optimizer.learning_rate?"),
    (f"{DIGITS}batch_size: 64\n", "2:1: batch_size: unknown key; did you mean training.batch_size?"),
    (f"{DIGITS}split: {{train: 0.8, validation: 0.2}}\n", "2:21: split.validation: unknown key; did you mean dev?"),
    (f"{DIGITS}split: {{train: 0.8, val: 0.2}}\n", "2:21: split.val: unknown key; did you mean dev?"),
    (f"{DIGITS}architecture: {{dropout: 0.2}}\n",
     "2:25: architecture.dropout: unknown key; dltrain takes the share kept, not the share dropped: write keep_prob: 0.8"),
    (f"{DIGITS}architecture: {{layers: [{{units: 3, dropout: 0.5}}]}}\n",
     "2:45: architecture.layers.0.dropout: unknown key; dltrain takes the share kept, not the share dropped: write keep_prob: 0.5"),
    (f"{DIGITS}regularizer: {{kind: l2, lambd: 1, lambda: 2}}\n",
     "2:43: regularizer.lambd: given twice, as lambda too; leave one"),
    (f"{DIGITS}regularizer: l2\n", "2:1: regularizer.lambd: is required; expected a number of at least 0"),
    # Kinds and choices
    (f"{DIGITS}optimizer: adm\n",
     "2:12: optimizer: 'adm' is not a kind of optimizer; expected gradient_descent, momentum, nesterov, rmsprop, adam or adamw; did you mean adam?"),
    (f"{DIGITS}optimizer: sgd\n",
     "2:12: optimizer: 'sgd' is not a kind of optimizer; expected gradient_descent, momentum, nesterov, rmsprop, adam or adamw; did you mean gradient_descent?"),
    (f"{DIGITS}optimizer: 3\n",
     "2:12: optimizer: 3 is not allowed; expected gradient_descent, momentum, nesterov, rmsprop, adam or adamw"),
    (f"{DIGITS}architecture: {{initializer: {{scale: 2.0}}}}\n",
     "2:29: architecture.initializer: its kind is missing; expected kind: random, he, xavier or glorot"),
    (f"{DIGITS}architecture: {{initializer: kaiming}}\n",
     "2:29: architecture.initializer: 'kaiming' is not a kind of initializer; expected zeros, random, he, xavier, glorot or auto; did you mean he?"),
    (f"{DIGITS}architecture: {{activation: rellu}}\n",
     "2:28: architecture.activation: 'rellu' is not allowed; expected relu, leaky_relu, tanh, sigmoid or linear; did you mean relu?"),
    (f"{DIGITS}schedule: {{kind: manual}}\n",
     "2:1: schedule.values: is required and not empty; expected {epoch: learning rate}, like {1: 0.1, 20: 0.01}"),
    (f"{DIGITS}schedule: {{kind: manual, values: {{0: 0.1}}}}\n",
     "2:35: schedule.values.0: unknown key; expected a whole number of at least 1"),
    (f"{DIGITS}schedule: {{kind: manual, values: {{5: 0}}}}\n",
     "2:38: schedule.values.5: 0 is not allowed; expected a number above 0"),
    # Values
    (f"{DIGITS}architecture: {{keep_prob: 0}}\n",
     "2:27: architecture.keep_prob: 0 is not allowed; expected a number above 0 and at most 1"),
    (f"{DIGITS}architecture: {{keep_prob: 80}}\n",
     "2:27: architecture.keep_prob: 80 is not allowed; expected a number above 0 and at most 1; did you mean 0.8?"),
    (f"{DIGITS}architecture: {{keep_prob: 80%}}\n",
     "2:27: architecture.keep_prob: '80%' is not allowed; expected a number above 0 and at most 1; did you mean 0.8?"),
    (f"{DIGITS}optimizer: {{learning_rate: '0.1'}}\n",
     "2:28: optimizer.learning_rate: '0.1' is not allowed; expected a number above 0; did you mean 0.1?"),
    (f"{DIGITS}optimizer: {{learning_rate: true}}\n",
     "2:28: optimizer.learning_rate: true is not allowed; expected a number above 0"),
    (f"{DIGITS}training: {{epochs: 1e2}}\n",
     "2:20: training.epochs: 100.0 is not allowed; expected a whole number of at least 1 or null; write 100"),
    (f"{DIGITS}training: {{batch_size: ful}}\n",
     "2:24: training.batch_size: 'ful' is not allowed; expected a whole number of at least 1, full or auto; did you mean full?"),
    (f"{DIGITS}training: {{batch_size: 1_000}}\n",
     "2:24: training.batch_size: '1_000' is not allowed; expected a whole number of at least 1, full or auto; did you mean 1000?"),
    (f"{DIGITS}architecture: {{layers: 64}}\n",
     "2:24: architecture.layers: 64 is not allowed; expected a list (a mapping with keys of units, activation, keep_prob, "
     "batch_norm, initializer and regularizer each); did you mean [64]?"),
    (f"{DIGITS}architecture: {{layers: [64, 0]}}\n",
     "2:29: architecture.layers.1.units: 0 is not allowed; expected a whole number of at least 1"),
    (f"{DIGITS}architecture: {{layers: {{count: 0, units: 4}}}}\n",
     "2:32: architecture.layers.count: 0 is not allowed; expected a whole number from 1 to 1000"),
    (f"{DIGITS}architecture: {{layers: [3, {{count: 10000000000, units: 4}}]}}\n",
     "2:36: architecture.layers.1.count: 10000000000 is not allowed; expected a whole number from 1 to 1000"),
    ("data: {source: a.csv, columns: [a, 1]}\n", '1:36: data.columns.1: 1 is not allowed; expected text; quote it: "1"'),
    (f"{DIGITS}name: a/b\n",
     "2:7: name: 'a/b' is not allowed; expected a name of at most 41 letters, digits and . _ - that starts with a letter or digit or null"),
    (f"{DIGITS}version: 2\n", "2:10: version: 2 is not allowed; expected 1"),
    (f"{DIGITS}diagnosis: {{confidence: 95}}\n",
     "2:25: diagnosis.confidence: 95 is not allowed; expected a number above 0 and below 1; did you mean 0.95?"),
    # Contradictions
    (f"{DIGITS}split: {{train: 0.7, dev: 0.2, test: 0.2}}\n",
     "2:16: split.train: train 0.7 + dev 0.2 + test 0.2 is 1.1; expected ratios that sum to 1 (or rest for one)"),
    (f"{DIGITS}split: {{train: rest, dev: rest}}\n",
     "2:27: split.dev: train and dev would each take the rest; expected one rest at most"),
    (f"{DIGITS}split: {{train: rest, dev: 0.5, test: 0.5}}\n",
     "2:16: split.train: dev 0.5 + test 0.5 leaves nothing for the rest; expected ratios of less than 1 together"),
    (f"{DIGITS}split: {{train: 0.8, dev: 100, test: 0}}\n",
     "2:16: split.train: ratios and counts are mixed, so the parts can't add up; write rest for one of them"),
    (f"{DIGITS}split: {{train: 1, dev: 0, test: 0}}\n",
     "2:16: split.train: 1 is a count, of one example; expected 1.0 for all, a larger count or rest"),
    (f"{DIGITS}split: {{train: 0, dev: rest}}\n",
     "2:16: split.train: 0 leaves nothing to train on; expected a ratio, a count or rest"),
    (f"{DIGITS}split: {{by: files, files: {{dev: d.csv}}}}\n",
     "2:20: split.files.train: by: files needs a file of training rows, files: {train: a.csv, dev: b.csv}"),
    (f"{DIGITS}split: {{files: {{train: a.csv}}}}\n",
     "2:24: split.files.train: is read with by: files alone; set split.by to files"),
    (f"{DIGITS}split: {{by: files, files: {{train: a.csv}}, dev: 0.2}}\n",
     "2:48: split.dev: by: files takes whole files; name it as files.dev, or set by: random"),
    (f"{DIGITS}split: {{files: {{test: t.csv}}, train: 0.8, dev: 0.1, test: 0.1}}\n",
     "2:59: split.test: the test rows come from split.files.test, so it takes no share; leave it out"),
    (f"{DIGITS}training: {{epochs: 3, steps: 9}}\n",
     "2:30: training.steps: epochs (3) is given too; leave one (training.epochs=null takes it back)"),
    (f"{DIGITS}optimizer: adamw\nregularizer: {{kind: l2, lambd: 0.1}}\n",
     "3:14: regularizer: adamw decays the weights itself and does not go with l2; expected none or l1, or optimizer.kind: adam"),
    (f"{DIGITS}architecture: {{batch_norm: true}}\ntraining: {{batch_size: 1}}\n",
     "3:24: training.batch_size: 1 does not go with batch norm, since one example has no variance; expected 2 or more"),
    (f"{DIGITS}split: {{train: 1.0, dev: 0, test: 0}}\ntraining: {{early_stopping: {{}}}}\n",
     "3:28: training.early_stopping: early stopping watches the dev set, and split.dev is 0; give it rows"),
    ("data: {source: a.csv, task: regression}\narchitecture: {output: softmax}\n",
     "2:24: architecture.output: softmax does not fit a regression task; expected linear"),
    ("data: {source: a.csv, task: binary}\ndiagnosis: {bayes_error: 15}\n",
     "2:26: diagnosis.bayes_error: 15 is above any error rate; expected a number below 1; 15 % is 0.15"),
    ("data: {source: a.csv, target: y, features: [x, y]}\n",
     "1:44: data.features: y is the target (data.target) and can't be an input; leave it out"),
    ("data: {source: a.csv, weight: w, features: [w]}\n",
     "1:44: data.features: w is the weight (data.weight) and can't be an input; leave it out"),
    ("data: {source: a.csv, target: y, id: y}\n", "1:38: data.id: y is the target too (data.target); expected another column"),
    ("data: {source: a.csv, target: y, weight: y}\n",
     "1:42: data.weight: y is the target too (data.target); expected another column"),
    ("data: {source: a.csv, id: w, weight: w}\n", "1:38: data.weight: w is the id too (data.id); expected another column"),
    ("data: {source: a.csv, target: y, exclude: [y]}\n",
     "1:43: data.exclude: y is the target (data.target), never an input; leave it out"),
    ("data: {source: a.csv, task: regression, label_map: {a: b}}\n",
     "1:52: data.label_map: belongs to classes, and data.task is regression; leave it out"),
    ("data: {source: a.csv, task: regression, class_weights: balanced}\n",
     "1:56: data.class_weights: belongs to classes, and data.task is regression; leave it out"),
    ("data: {source: a.csv, label_map: {a: b, b: c}}\n",
     "1:38: data.label_map.a: 'b' is replaced itself, by 'c'; write 'c' here too"),
    ("data: {source: a.csv, label_map: {a: b}, class_weights: {a: 2}}\n",
     "1:61: data.class_weights.a: data.label_map makes 'a' 'b'; weigh that"),
    ("data: {source: a.csv, class_weights: {a: 0, b: 0}}\n",
     "1:38: data.class_weights: every weight is 0, which leaves nothing to learn"),
    ("data: {source: [/a.csv, /b.csv, /a.csv]}\n", "1:16: data.source: /a.csv is named twice; its rows would count twice"),
    ("data: {source: [digits, /b.csv]}\n",
     "1:16: data.source: digits is a set of its own and can't be one of a list; expected files"),
    ("data: {source: []}\n",
     "1:16: data.source: an empty list is not allowed; expected the name of a set, a file, a glob, a folder or a list of files"),
    ("data: {source: /a.csv, dev_test_source: [/b.csv, /a.csv]}\n",
     "1:41: data.dev_test_source: /a.csv stands in data.source too: dev and test rows would be trained on; expected other files"),
    ("data: {source: [/a.npz, /b.npz], arrays: {train: [x, y]}}\n",
     "1:42: data.arrays: names arrays of one file or folder, and data.source lists several; name one"),
    ("data: {source: /a.npz, dev_test_source: /b.npz, arrays: {train: [x, y]}}\n",
     "1:41: data.dev_test_source: goes with data.source alone: arrays.dev and arrays.test say where those rows are; leave one out"),
    ("data: {source: a.csv, columns: [x, y, x]}\n", "1:32: data.columns: x given twice; each column has one name"),
    ("data: {source: a.npz, arrays: {test: [a, b]}}\n",
     "1:31: data.arrays: train is missing; expected {train: [x_train, y_train], ...}"),
    ("data: {source: a.npz, arrays: {val: [a, b], train: [a, b]}}\n",
     "1:32: data.arrays.val: unknown key; expected train, train_dev, dev or test; did you mean dev?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), BAD, ids=range(len(BAD)))
def test_one_line_for_one_thing_wrong(text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        config.load(["bad.yaml"])
    assert [problem.line() for problem in caught.value.problems] == [f"bad.yaml:{line}"]


def test_everything_is_told_at_once_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(
        "optimizer: {kind: adam, beta_1: 0.9, beta2: 2}\ndata: {source: digits}\nsplit: {train: 0.9, dev: 0.2}\nsede: 3\n"
    )
    with pytest.raises(InputError) as caught:
        config.load(["bad.yaml"], ["training.epochs=0"])
    assert [problem.line().partition(": ")[0] for problem in caught.value.problems] == [
        "bad.yaml:1:25",
        "bad.yaml:1:45",
        "bad.yaml:3:16",
        "bad.yaml:4:1",
        "command line",
    ]


OVERRIDES = [
    ("epochs", "command line: 'epochs' is no override; expected KEY=VALUE, like training.epochs=20"),
    ("=3", "command line: '=3' is no override; expected KEY=VALUE, like training.epochs=20"),
    ("a..b=3", "command line: 'a..b=3' is no override; expected KEY=VALUE, like training.epochs=20"),
    ("training.epoch=3", "command line: training.epoch: unknown key; did you mean epochs?"),
    ("lr=3", "command line: lr: unknown key; did you mean optimizer.learning_rate?"),
    ("architecture.layers.2.units=3",
     "command line: architecture.layers.2.units: there is no item 2; there is architecture.layers.0 to architecture.layers.1"),
    ("architecture.layers.one.units=3",
     "command line: architecture.layers.one.units: there is no item one; there is architecture.layers.0 to architecture.layers.1"),
    ("seed.x=3", "command line: seed.x: there is no key 'x' below seed, which holds a single value"),
    ("data.source=*.csv",
     "command line: data.source: not valid YAML: a name is missing behind * or &; if it is text, quote it "
     "(in '*.csv'; quotes inside quotes make it text: data.source='\"...\"')"),
    ("architecture.keep_prob=2", "command line: architecture.keep_prob: 2 is not allowed; expected a number above 0 and at most 1"),
    ("optimizer.kind=adamm",
     "command line: optimizer: 'adamm' is not a kind of optimizer; expected gradient_descent, momentum, nesterov, rmsprop, adam "
     "or adamw; did you mean adam?"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "line"), OVERRIDES, ids=range(len(OVERRIDES)))
def test_a_bad_override_is_told_the_same_way(override: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(DIGITS + "seed: 2\n")
    with pytest.raises(InputError) as caught:
        config.load([file], [override])
    assert [problem.line() for problem in caught.value.problems] == [line]


def test_files_that_are_no_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.yaml").write_text(DIGITS)
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"name: x\ndata: {source: caf\xe9.csv}\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (2**20 + 1))
    (tmp_path / "nested.yaml").write_bytes(b"[" * 2**20)
    with pytest.raises(InputError) as caught:
        config.load(["digts.yaml", "folder", "latin.yaml", "large.yaml", "nested.yaml"])
    assert [problem.line() for problem in caught.value.problems] == [
        "digts.yaml: no such file; expected a config; did you mean digits.yaml?",
        "folder: a folder; expected a YAML file",
        "latin.yaml:2:1: not a text file in UTF-8",
        "large.yaml: larger than 1 MiB: this is no config",
        "nested.yaml:1:33: nested more than 32 deep",
    ]


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        config.load([tmp_path / "pipe"])


def test_a_problem_found_later_gets_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("data:\n  source: digits\ntraining: {batch_size: 64}\n")
    loaded = config.load(["a.yaml"], ["optimizer.beta1=0.8"])
    keys = (
        "training.batch_size",
        "training.epochs",
        "data.source",
        "optimizer.beta1",
        "optimizer.beta2",
        "split.train",
        None,
    )
    placed = loaded.locate(InputError(*(Problem("x", key) for key in keys)))
    assert [problem.where for problem in placed.problems] == [
        "a.yaml:3:24",
        "a.yaml:3:1",
        "a.yaml:2:11",
        "command line",
        "command line",
        "a.yaml:1:1",
        None,
    ]
