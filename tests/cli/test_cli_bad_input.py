"""Bad input through the whole command: exit 2, one clear line on stderr for each thing wrong, and nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call

ROWS = "x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(40))
DATA = "data: {source: d.csv, target: y}\n"
ARRAYS = "data: {source: d.npz, arrays: {train: [x, y]}}\n"
X, Y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
TRAIN = ("train", "c.yaml")

Content = str | bytes | Callable[[Path], None]


@dataclass
class Bad:
    """One kind of bad input: what lies in the folder (c.yaml and d.csv at least), what is typed, and how each
    line that must come back begins, up to what was expected."""

    lines: tuple[str, ...]
    config: Content = DATA
    files: dict[str, Content] = field(default_factory=dict)
    arguments: tuple[str, ...] = TRAIN


def bad(*lines: str, config: Content = DATA, arguments: tuple[str, ...] = TRAIN, **files: Content) -> Bad:
    return Bad(lines, config, {name.replace("_", "."): content for name, content in files.items()}, arguments)


def more(text: str, *lines: str) -> Bad:
    """A config of good data and one more line."""
    return bad(*lines, config=DATA + text + "\n")


def data(text: Content, *lines: str) -> Bad:
    return bad(*lines, d_csv=text)


def npz(lines: str, config: str = ARRAYS, **arrays: np.ndarray) -> Bad:
    return bad(lines, config=config, d_npz=lambda path: np.savez(path, **arrays))


def typed(*arguments: str, lines: tuple[str, ...]) -> Bad:
    return bad(*lines, arguments=arguments)


CASES: dict[str, Bad] = {
    # The config's file
    "missing config": typed("train", "no.yaml", lines=("no.yaml: no such file; expected a config",)),
    "misspelt config": typed("train", "d.yaml", lines=("d.yaml: no such file; expected a config; did you mean c.yaml?",)),
    "a folder as config": typed("train", ".", lines=(". is a folder without subfolders of pictures, one a class; name a file in it",)),
    "data as config": typed("train", "d.csv", lines=("--target: which column is to be predicted? d.csv has",)),
    "empty config": bad("c.yaml:1:1: data.source: is required", config=""),
    "empty standard input": typed("train", "-", lines=("<stdin>:1:1: data.source: is required",)),
    "binary config": bad("c.yaml:1:1: not a text file in UTF-8", config=b"\xff\xfe\x00"),
    "open bracket": bad("c.yaml:2:1: not valid YAML: a mapping is opened with {", config="data: {source: d.csv\n"),
    "tab": bad("c.yaml:2:1: not valid YAML: a tab", config="data:\n\tsource: d.csv\n"),
    "no config": typed("train", lines=("Missing argument 'CONFIG...",)),
    # Keys
    "unknown key": more("optimiser: adam", "c.yaml:2:1: optimiser: unknown key; did you mean optimizer?"),
    "unknown nested key": more("training: {batchsize: 3}", "c.yaml:2:12: training.batchsize: unknown key; did you mean batch_size?"),
    "duplicate key": more("seed: 1\nseed: 2", "c.yaml:3:1: seed: given twice, first in line 2"),
    "override of an unknown key": typed(*TRAIN, "trainig.epochs=3", lines=("command line: trainig: unknown key; did you mean training?",)),
    "override of no layer": typed(*TRAIN, "architecture.layers.7.units=3", lines=("command line: architecture.layers.7.units: there is no item 7",)),
    "override without value": typed(*TRAIN, "training.epochs", lines=("training.epochs: no such file; expected a config",)),
    # Values
    "wrong type": more("training: {epochs: many}", "c.yaml:2:20: training.epochs: 'many' is not allowed; expected a whole number"),
    "wrong type in an override": typed(*TRAIN, "training.epochs=2.5", lines=("command line: training.epochs: 2.5 is not allowed; expected a whole number",)),
    "negative epochs": more("training: {epochs: -1}", "c.yaml:2:20: training.epochs: -1 is not allowed"),
    "unknown version": more("version: 2", "c.yaml:2:10: version: 2 is not allowed; expected 1"),
    "a name that is a path": more("name: a/b", "c.yaml:2:7: name: 'a/b' is not allowed; expected a name"),
    "keep_prob 0": more("architecture: {keep_prob: 0}", "c.yaml:2:27: architecture.keep_prob: 0 is not allowed; expected a number above 0 and at most 1"),
    "keep_prob of a layer": more("architecture: {layers: [{units: 3, keep_prob: 1.5}]}", "c.yaml:2:47: architecture.layers.0.keep_prob: 1.5 is not allowed"),
    "no units": more("architecture: {layers: [0]}", "c.yaml:2:25: architecture.layers.0.units: 0 is not allowed"),
    "unknown activation": more("architecture: {activation: rellu}", "c.yaml:2:28: architecture.activation: 'rellu' is not allowed; expected relu, leaky_relu, tanh, sigmoid or linear; did you mean relu?"),
    "unknown optimizer": more("optimizer: adamm", "c.yaml:2:12: optimizer: 'adamm' is not a kind of optimizer; expected gradient_descent, momentum"),
    "learning rate 0": more("optimizer: {learning_rate: 0}", "c.yaml:2:28: optimizer.learning_rate: 0 is not allowed; expected a number above 0"),
    "learning rate NaN": more("optimizer: {learning_rate: .nan}", "c.yaml:2:28: optimizer.learning_rate: .nan is not a finite number"),
    "beta 1": more("optimizer: {kind: momentum, beta: 1}", "c.yaml:2:35: optimizer.beta: 1 is not allowed; expected a number from 0 to below 1"),
    "negative lambd": more("regularizer: {kind: l2, lambd: -1}", "c.yaml:2:32: regularizer.lambd: -1 is not allowed"),
    "missing lambd": more("regularizer: l2", "c.yaml:2:1: regularizer.lambd: is required"),
    "unknown schedule": more("schedule: cosinus", "c.yaml:2:11: schedule: 'cosinus' is not a kind of schedule; expected constant,"),
    "epochs and steps": more("training: {epochs: 1, steps: 2}", "c.yaml:2:30: training.steps: epochs (1) is given too"),
    "adamw with l2": more("regularizer: {kind: l2, lambd: 1}\noptimizer: adamw", "c.yaml:2:14: regularizer: adamw decays the weights itself"),
    "batch norm with batch 1": more("architecture: {batch_norm: true}\ntraining: {batch_size: 1}", "c.yaml:3:24: training.batch_size: 1 does not go with batch norm"),
    "batch larger than m": more("training: {batch_size: 500}", "c.yaml:2:24: training.batch_size: batch_size 500 is larger than the m = 24 training examples"),
    "output that does not fit": more("architecture: {output: linear}", "c.yaml:2:24: architecture.output: linear does not fit a binary task"),
    "several at once": more(
        "seed: -1\noptimizer: {kind: adam, beta1: 2}\ntrainin: {}",
        "c.yaml:2:7: seed: -1 is not allowed",
        "c.yaml:3:32: optimizer.beta1: 2 is not allowed",
        "c.yaml:4:1: trainin: unknown key; did you mean training?",
    ),
    # Parts
    "ratios that do not sum": more("split: {train: 0.6, dev: 0.2, test: 0.1}", "c.yaml:2:16: split.train: train 0.6 + dev 0.2 + test 0.1 is 0.9; expected ratios that sum to 1"),
    "a ratio above 1": more("split: {train: 1.6}", "c.yaml:2:16: split.train: 1.6 is not allowed"),
    "ratios and counts": more("split: {train: 60, dev: 0.2, test: 0.1}", "c.yaml:2:16: split.train: ratios and counts are mixed"),
    "more rows than there are": more("split: {train: 30, dev: 20, test: 0}", "c.yaml:2:8: split: train 30 + dev 20 = 50 rows, but there are 40"),
    "early stopping without dev": more("split: {train: 1.0, dev: 0, test: 0}\ntraining: {early_stopping: {patience: 3}}", "c.yaml:3:28: training.early_stopping: early stopping watches the dev set"),
    "a part's file missing": more("split: {by: files, files: {train: d.csv, dev: e.csv}}", "c.yaml:2:47: split.files.dev: there is no file e.csv"),
    "a part's file without a column": bad(
        "c.yaml:2:47: split.files.dev: e.csv has no column 'x'; did you mean xx?",
        config=DATA + "split: {by: files, files: {train: d.csv, dev: e.csv}}\n", e_csv="xx,y\n1,0\n2,1\n",
    ),
    "labels that training never saw": bad(
        "c.yaml:2:47: split.files.dev: class '5' does not occur in train, only in dev",
        config=DATA + "split: {by: files, files: {train: d.csv, dev: e.csv}}\n", e_csv="x,y\n1,0\n2,1\n3,5\n4,5\n",
    ),
    "a class missing from a part": data("x,y\n" + "1,0\n" * 97 + "2,1\n" * 2, "c.yaml:1:1: split.dev: class '1' does not occur in dev"),
    # Tables
    "missing file": bad("c.yaml:1:16: data.source: there is no file e.csv", config=DATA.replace("d.csv", "e.csv")),
    "misspelt built-in set": bad("c.yaml:1:16: data.source: there is no file digit; did you mean digits?", config="data: {source: digit}\n"),
    "empty file": data("", "c.yaml:1:16: data.source: d.csv is empty"),
    "header only": data("x,y\n", "d.csv has a header and no rows"),
    "ragged rows": data("x,y\n1,2\n1,2,3\n4\n5,6\n", "d.csv:3: 3 cells, expected 2", "d.csv:4: 1 cell, expected 2"),
    "text in a number column": data(ROWS + "two,1\n", "d.csv:42:1: x: 'two' is not a number"),
    "missing cell": data(ROWS + ",1\n", "d.csv:42:1: 1 cell is missing (x: 1)"),
    "NaN": data(ROWS + "nan,1\n", "d.csv:42:1: 1 cell is missing (x: 1)"),
    "infinity": data(ROWS + "inf,1\n", "d.csv:42:1: x: 'inf' is not finite"),
    "missing target": data(ROWS + "3,\n", "d.csv:42:2: 1 cell is missing (y: 1)"),
    "target misspelt": bad("c.yaml:1:31: data.target: d.csv has no column 'lable'; did you mean label?", config=DATA.replace("y}", "lable}"), d_csv=ROWS.replace("y", "label", 1)),
    "target not given": bad("c.yaml:1:1: data.target: which column is the target? d.csv has x, y", config="data: {source: d.csv}\n"),
    "one class only": data("x,y\n" + "1,0\n2,0\n" * 9, "c.yaml:1:31: data.target: every row of y is '0'"),
    "a class with one row": data(ROWS + "3,7\n", "d.csv:42: y: class '7' has a single row"),
    "three classes for binary": bad("c.yaml:1:14: data.task: y has 3 classes (0, 1, 2), binary needs 2", config="data: {task: binary, source: d.csv, target: y}\n", d_csv="x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(30))),
    "not UTF-8": data(ROWS.encode() + b"\xe9,1\n", "d.csv:42: byte 0xe9 is not UTF-8"),
    "a Parquet file": data(b"PAR1" + bytes(100), "d.csv is no sound Parquet file: "),
    "gzip cut short": bad("c.yaml:1:16: data.source: d.csv.gz is damaged or cut short", config=DATA.replace("d.csv", "d.csv.gz"), d_csv_gz=gzip.compress(ROWS.encode() * 50)[:-20]),
    # Arrays
    "no such array": npz("c.yaml:1:39: data.arrays.train: d.npz has no array 'y'; it has x, labels", x=X, labels=Y),
    "lengths that differ": npz("c.yaml:1:39: data.arrays.train: d.npz: x has 40 rows, y has 9", x=X, y=Y[:9]),
    "NaN in an array": npz("c.yaml:1:39: data.arrays.train: d.npz: x: 1 value is NaN or infinite, the first nan in row 3, column 1", x=np.where(X == 7, np.nan, X), y=Y),
    "text in an array": npz("c.yaml:1:39: data.arrays.train: d.npz: x holds text", x=X.astype(str), y=Y),
    "one-hot labels": npz("c.yaml:1:39: data.arrays.train: d.npz: y has shape (40, 2), a target needs (n,)", x=X, y=np.eye(2)[Y]),
    "Python objects": npz("c.yaml:1:39: data.arrays.train: d.npz: x holds Python objects", x=np.array([{}] * 40), y=Y),
    "a damaged npz": bad("c.yaml:1:39: data.arrays.train: d.npz is no sound npz file", config=ARRAYS, d_npz=b"PK\x03\x04 and no more"),
    "labels out of range": npz("c.yaml:1:53: data.arrays.test: classes 3, 4 do not occur in train", config=ARRAYS.replace("[x, y]", "[x, y], test: [v, w]"), x=X, y=Y, v=X, w=Y + 3),
    "fractions as labels": npz("c.yaml:1:14: data.task: labels must be whole numbers or text, y holds 0.5", config=ARRAYS.replace("{source", "{task: binary, source"), x=X, y=Y + 0.5),
    "an image shape that does not fit": bad("c.yaml:1:52: data.image_shape: 28 x 28 = 784 values, but rows have 64 inputs", config="data: {source: digits, target: label, image_shape: [28, 28]}\n"),
    # Commands and options
    "misspelt command": typed("trian", "c.yaml", lines=("No such command 'trian'. Did you mean 'train'?",)),
    "misspelt option": typed(*TRAIN, "--quite", lines=("No such option: --quite (Possible options: --quiet",)),
    "a run id that is a path": typed(*TRAIN, "--run-id", "a/b", lines=("run id 'a/b': expected 1 to 64 of A-Z a-z 0-9 . _ -",)),
    "a reserved run id": typed(*TRAIN, "--run-id", "latest", lines=("run id 'latest': this name is reserved; try run-latest",)),
    "a runs folder that is a file": typed(*TRAIN, "--runs-dir", "d.csv", lines=("cannot make the folder d.csv",)),
    "no such run": typed("evaluate", "digits-1", lines=("run digits-1: there are no runs in runs yet",)),
    "no such part": typed("evaluate", "digits-1", "--part", "tset", lines=("--part: tset is no part; expected train, train_dev, dev, test; did you mean test?",)),
    "no run to predict with": typed("predict", "latest", "d.csv", lines=("run latest: there are no runs in runs yet",)),
    "no run to report": typed("report", "nothing", lines=("run nothing: there are no runs in runs yet",)),
    "no run to diagnose": typed("diagnose", lines=("no diagnosed run in runs",)),
    "rates that are none": typed(
        "diagnose", "--train-error", "abc", "--dev-error", "2", "--confidence", "1",
        lines=("--train-error: 'abc' is no rate", "--dev-error: '2' is no rate: expected a rate from 0 to 1 or from 0% to 100%", "--confidence: "),
    ),
    "no training error": typed("diagnose", "--dev-error", "2%", lines=("--train-error: is needed too",)),
    "a threshold for runs": typed("diagnose", "--threshold", "3%", lines=("--threshold: goes with errors typed by hand",)),
    "an unknown finding": typed("diagnose", "--train-error", "1%", "--fail-on", "bias", lines=("--fail-on: bias is no finding; expected high-bias, high-variance, mismatch, undetermined",)),
    "an unknown column": typed("runs", "--sort", "devv", lines=("--sort: no column devv; expected id, state,",)),
    "a filter without value": typed("runs", "--filter", "state", lines=("--filter: state is no KEY=VALUE",)),
    "an unknown key to explain": typed("explain", "optimiser.beta1", lines=("unknown key 'optimiser.beta1'; did you mean optimizer.",)),
    "a module that is not there": typed("gradcheck", "--module", "no.py:f", lines=("--module no.py:f: there is no file no.py",)),
    "a module without the name": bad("m.py: there is no g in the file", arguments=("gradcheck", "--module", "m.py:g"), m_py="f = 1\n"),
    "epsilon 0": typed("gradcheck", "c.yaml", "--epsilon", "0", lines=("epsilon is 0, expected a number above 0",)),
    "no samples": typed("gradcheck", "c.yaml", "--samples", "0", lines=("Invalid value for '--samples'",)),
}  # fmt: skip


def test_there_are_forty_kinds_and_more() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input(case: Bad, empty_folder: Path) -> None:
    written = {"d.csv": ROWS, "c.yaml": case.config, **case.files}
    for name, content in written.items():
        if callable(content):
            content(empty_folder / name)
        else:
            (empty_folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    called = call(*case.arguments)

    lines = called.err.splitlines()
    assert called.code == 2
    assert called.out == ""
    assert [line[: len("error: " + begin)] for line, begin in zip(lines, case.lines, strict=False)] == [
        "error: " + begin for begin in case.lines
    ]
    assert len(lines) == len(case.lines)
    assert sorted(path.name for path in empty_folder.iterdir()) == sorted(written)  # no runs folder, nothing half made
