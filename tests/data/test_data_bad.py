"""Bad inputs: each is refused in one clear line for each thing wrong."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment, Split, SplitFiles
from dltrain.data import prepare
from dltrain.errors import InputError

GOOD = "x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(20))
QUANTITY = "x,y\n" + "".join(f"{n},{n * 1.5}\n" for n in range(20))


def text(content: str | bytes, name: str = "d.csv", **keys: Any) -> Callable[[Path], Experiment]:
    def make(folder: Path) -> Experiment:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return experiment(folder, name, **({"target": "y"} | keys))

    return make


def npz(content: dict[str, Any], **keys: Any) -> Callable[[Path], Experiment]:
    def make(folder: Path) -> Experiment:
        np.savez(folder / "d.npz", **{name: np.asarray(array) for name, array in content.items()})
        return experiment(folder, "d.npz", **({"arrays": {"train": ["x", "y"]}} | keys))

    return make


def files(contents: dict[str, str], **keys: Any) -> Callable[[Path], Experiment]:
    def make(folder: Path) -> Experiment:
        for part, content in contents.items():
            (folder / f"{part}.csv").write_text(content)
        named = SplitFiles(**{part: str(folder / f"{part}.csv") for part in contents})
        return experiment(folder, "train.csv", target=keys.pop("target", "y"), split={"files": named} | keys)

    return make


def experiment(folder: Path, name: str, split: dict[str, Any] | None = None, **keys: Any) -> Experiment:
    source = name if keys.pop("as_is", False) else str(folder / name)
    return Experiment(data=Data(source=source, **keys), split=Split(**(split or {})))


X = np.arange(80.0).reshape(40, 2)
Y = np.arange(40) % 2

DAYS = "day,x,y\n" + "".join(f"2024-01-{n + 1:02d},{n},{n % 2}\n" for n in range(20))
BY_DAY = {"by": "time", "column": "day"}

CASES: dict[str, tuple[Callable[[Path], Experiment], str]] = {
    "missing file": (
        lambda folder: experiment(folder, "nothing.csv", target="y"),
        "data.source: there is no file nothing.csv",
    ),
    "nearly a built-in set": (
        lambda folder: experiment(folder, "digit", as_is=True),
        "data.source: there is no file digit; did you mean digits?",
    ),
    "a folder": (
        lambda folder: experiment(folder, "", target="y"),
        "data.arrays: . is a folder (it holds no files); say what is what: data.arrays: {train: [x_train.npy, y_train.npy]}",
    ),
    "empty file": (text(""), "data.source: d.csv is empty"),
    "only blank lines": (text("\n\n  \n"), "d.csv is empty"),
    "header only": (text("x,y\n"), "d.csv has a header and no rows"),
    "ragged rows": (text("x,y\n1,2\n1,2,3\n4\n5,6\n"), "d.csv:3: 3 cells, expected 2\nd.csv:4: 1 cell, expected 2"),
    "text in a number column": (text("x,y\n1,0\ntwo,1\n3,0\n"), "d.csv:3:1: x: 'two' is not a number"),
    "missing values": (
        text("x,z,y\n1,,0\n2,3,1\nNA,?,0\n"),
        "d.csv:2:2: 3 cells are missing, the first here (x: 1, z: 2); missing values are refused; data.missing: median (mean, most_frequent) fills them, drop leaves out their rows, data.exclude: [x, z] their columns",
    ),
    "one empty cell": (
        text("x,y\n1,0\n,1\n3,0\n"),
        "d.csv:3:1: 1 cell is missing (x: 1); missing values are refused; data.missing: median (mean, most_frequent) fills them, drop leaves out their rows, data.exclude: [x] their columns",
    ),
    "missing target values": (
        text("x,y\n1,0\n2,\n3,0\n"),
        "d.csv:3:2: 1 cell is missing (y: 1); a target cannot be filled in; data.missing: mean (or any but error) "
        "leaves rows without one out",
    ),
    "NaN is missing, inf is not finite": (
        text("x,y\nnan,0\ninf,1\n1e999,1\n"),
        "d.csv:3:1: x: 'inf' is not finite\nd.csv:4:1: x: '1e999' is too large for a number\nd.csv:2:1: 1 cell is missing (x: 1); missing values are refused; data.missing: median (mean, most_frequent) fills them, drop leaves out their rows, data.exclude: [x] their columns",
    ),
    "infinity in many rows is no word": (
        text("x,y\n" + "inf,0\n1,1\n" * 12),
        "\n".join(f"d.csv:{line}:1: x: 'inf' is not finite" for line in range(2, 22, 2))
        + "\nd.csv: 2 more cells are no numbers",
    ),
    "a quote left open that another closes": (
        text('x,c,y\n1,"red,0\n2,"blue,1\n'),
        "d.csv:2: cannot be read as cells (',' expected after '\"'); is a quote left open?",
    ),
    "a decimal comma": (
        text("x;y\n1,5;0\n2;1\n"),
        "d.csv:2:1: x: '1,5' is not a number (a decimal comma? write a point)",
    ),
    "a name twice": (text("x,x,y\n1,2,0\n"), "the column name 'x' occurs 2 times in d.csv"),
    "a nameless column": (
        text(",x,y\n0,5,1\n1,6,0\n"),
        "d.csv:1:1: the header has no name here; row numbers? leave them out with data.exclude: [column_1], or name it",
    ),
    "no target given": (
        text(GOOD, target=None),
        "data.target: which column is the target? d.csv has x, y; for instance data.target: y",
    ),
    "no target given, no header": (
        text("1,2\n3,4\n", target=None),
        "data.target: which column is the target? d.csv has column_1, column_2; for instance data.target: -1 (the last column)",
    ),
    "target misspelt": (
        text("x,survived\n1,0\n", target="surived"),
        "data.target: d.csv has no column 'surived'; did you mean survived?",
    ),
    "target by name without a header": (
        text("1,2\n3,4\n", target="label"),
        "data.target: d.csv has no column 'label'; it has no header: give a number (-1 is the last column), or names in data.columns",
    ),
    "target out of range": (
        text("1,2\n3,4\n", target=5),
        "data.target: d.csv has 2 columns, no column 5 (0 is the first, -1 the last)",
    ),
    "unknown columns": (
        text(GOOD, features=["z", "xx"], exclude=["nope"], id="key"),
        "data.id: d.csv has no column 'key'; its columns are x, y\ndata.exclude.0: d.csv has no column 'nope'; its columns are x, y\ndata.features.0: d.csv has no column 'z'; its columns are x, y\ndata.features.1: d.csv has no column 'xx'; did you mean x?",
    ),
    "target among the inputs": (
        text(GOOD, features=["x", "y"]),
        "data.features: the target 'y' cannot be an input too",
    ),
    "no input left": (text(GOOD, exclude=["x"]), "data.features: no input column is left in d.csv beside the target"),
    "names that do not fit": (
        text("1,2\n3,4\n", columns=["a", "b", "y"]),
        "data.columns: 3 names for the 2 columns of d.csv",
    ),
    "not UTF-8": (
        text("x,y\n1,0\n2,caf\u00e9\n".encode("latin-1")),
        "d.csv:3: byte 0xe9 is not UTF-8; save the file as UTF-8",
    ),
    "UTF-16": (
        text(GOOD.encode("utf-16")),
        "data.source: d.csv is UTF-16 text; expected csv, tsv, jsonl, parquet, npy, npz, idx or h5 (.gz and .zst too)",
    ),
    "a zero byte": (
        text(b"x,y\n1,0\n" + b"2,1\n" * 2000 + b"\0,1\n"),
        "d.csv:2003: holds a zero byte, so it is no text",
    ),
    "an open quote": (
        text('x,y\n1,0\n"2,1\n' + "3,0\n" * 40000),
        "d.csv:3: cannot be read as cells (field larger than field limit (131072)); is a quote left open?",
    ),
    "an open quote in the header": (
        text('x,"y\n' + "3,0\n" * 40000),
        "d.csv:1: a column name of more than 500 characters; is a quote left open?",
    ),
    "old line ends": (
        text("x,y\r1,0\r2,1\r"),
        "the lines of d.csv end in a carriage return alone; save it with line feeds",
    ),
    "a Parquet file": (
        text(b"PAR1" + bytes(100), name="d.parquet"),
        "d.parquet is no sound Parquet file: parquet: File out of specification: The file must end with PAR1 or PARE; write it again",
    ),
    "a pickle": (
        text(b"\x80\x04\x95", name="d.npy"),
        "data.source: d.npy is a Python pickle; expected csv, tsv, jsonl, parquet, npy, npz, idx or h5 (.gz and .zst too)",
    ),
    "gzip cut short": (
        text(gzip.compress(GOOD.encode() * 50, mtime=0)[:-20], name="d.csv.gz"),
        "data.source: d.csv.gz is damaged or cut short (Compressed file ended before the end-of-stream marker was reached); copy or download it again",
    ),
    "a constant target": (
        text("x,y\n1,2.5\n2,2.5\n3,2.5\n"),
        "data.target: every row of y is 2.5: there is nothing to learn",
    ),
    "one class": (text("x,y\n1,a\n2,a\n3,a\n"), "data.target: every row of y is 'a': there is nothing to tell apart"),
    "a class with a single row": (
        text(GOOD + "9,7\n"),
        "d.csv:22: y: class '7' has a single row, which cannot be both learned and tested; take it out, or is the target a quantity (data.task: regression)?",
    ),
    "many classes with a single row": (
        text("x,y\n" + "".join(f"{n},name{n}\n" for n in range(12))),
        "d.csv:2: y: 12 classes have a single row ('name0', 'name1', 'name10', ...), which cannot be both learned and tested; take it out, or is the target a quantity (data.task: regression)?",
    ),
    "binary with three classes": (
        text("x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(20)), task="binary"),
        "data.task: y has 3 classes (0, 1, 2), binary needs 2; try data.task: multiclass",
    ),
    "regression on text": (
        text("x,y\n1,a\n2,b\n", task="regression"),
        "d.csv:2: y holds text ('a'), regression needs numbers; try data.task: auto",
    ),
    "classes that are not whole": (
        text(QUANTITY, task="multiclass"),
        "d.csv:3: labels must be whole numbers or text, y holds 1.5; try data.task: regression",
    ),
    "a slip in a target of numbers": (
        text("x,y\n" + "".join(f"{n},{n * 1.5}\n" for n in range(40)) + "1,1.5.2\n"),
        "d.csv:42: y: '1.5.2' is not a number, unlike most of the target",
    ),
    "stratified regression": (
        text(QUANTITY, split={"stratify": True}),
        "split.stratify: only classes can be kept in proportion; leave it at auto",
    ),
    "a class missing from a part": (
        text("x,y\n" + "1,0\n" * 97 + "2,1\n" * 2),
        "split.dev: class '1' does not occur in dev; take a larger dev, merge rare classes, or accept it with split.stratify: false",
    ),
    "a class missing from train": (
        text(GOOD + "9,7\n9,7\n", split={"train": 1, "dev": 20, "test": 1, "stratify": False}),
        "split.train: classes 0, 7 do not occur in train, only in dev and test; a larger train or split.stratify: true brings every class into it",
    ),
    "ratios that do not sum": (
        text(GOOD, split={"train": 0.6, "dev": 0.2, "test": 0.1}),
        "split: ratios must sum to 1: train 0.6 + dev 0.2 + test 0.1 = 0.9; write `rest` for one of them",
    ),
    "more rows than there are": (
        text(GOOD, split={"train": "rest", "dev": 15, "test": 15}),
        "split: dev 15 + test 15 = 30 rows, but there are 20",
    ),
    "an empty part": (
        text(GOOD, split={"train": 0.99, "dev": 0.01, "test": 0}),
        "split.dev: 0.01 of 20 rows leaves dev empty",
    ),
    "image_shape that does not fit": (
        lambda folder: Experiment(data=Data(source="digits", image_shape=[28, 28])),
        "data.image_shape: 28 x 28 = 784 values, but rows have 64 inputs",
    ),
    "the wrong target of a built-in set": (
        lambda folder: Experiment(data=Data(source="digits", target="digit")),
        "data.target: the target of digits is 'label'",
    ),
    "files without names": (
        lambda folder: Experiment(data=Data(source="digits"), split=Split(by="files")),
        "split.by: files needs split.files: {train: .., dev: .., test: ..}",
    ),
    "a part's file missing": (
        lambda folder: experiment(
            folder, "d.csv", target="y", split={"files": SplitFiles(train=str(folder / "t.csv"))}
        ),
        "split.files.train: there is no file t.csv",
    ),
    "another part's columns": (
        files({"train": GOOD, "test": "xx,y\n1,0\n2,1\n"}),
        "split.files.test: test.csv has no column 'x'; did you mean xx?",
    ),
    "another part's width": (
        files({"train": "1,0\n2,1\n" * 9, "test": "1,2,0\n2,3,1\n"}, target=-1),
        "split.files.test: test.csv has 3 columns, train.csv has 2",
    ),
    "a class that only test has": (
        files({"train": GOOD, "test": "x,y\n1,0\n2,1\n3,2\n4,2\n"}),
        "split.files.test: class '2' does not occur in train, only in test; add training rows of it, or take these rows out",
    ),
    "a class that test lacks": (
        files({"train": GOOD, "test": "x,y\n1,0\n2,0\n"}),
        "split.files.test: class '1' does not occur in test; take a larger test, merge rare classes, or accept it with split.stratify: false",
    ),
    "a ratio for a given part": (
        files({"train": GOOD, "test": GOOD}, train=0.8, dev=0.1, test=0.1),
        "split.test: is 0.1, but test's rows are given; leave it out",
    ),
    "lengths of x and y": (npz({"x": X, "y": Y[:39]}), "data.arrays.train: d.npz: x has 40 rows, y has 39"),
    "an array that is not there": (
        npz({"x_train": X, "y": Y}, arrays={"train": ["x_trian", "y"], "test": ["x_test", "y"]}),
        "data.arrays.train: d.npz has no array 'x_trian'; did you mean x_train?\ndata.arrays.test: d.npz has no array 'x_test'; it has x_train, y",
    ),
    "arrays not named": (
        npz({"x_train": X, "y_train": Y}, arrays=None),
        "data.arrays: d.npz holds x_train, y_train; say which are inputs and targets, for instance data.arrays: {train: [x_train, y_train]}",
    ),
    "arrays without train": (
        npz({"x": X, "y": Y}, arrays={"dev": ["x", "y"], "test": ["x", "y", "w"]}),
        "data.arrays.test: [inputs, target] are two names, got 3\ndata.arrays: train is missing: {train: [x_train, y_train], ...}",
    ),
    "another width": (
        npz({"x": X, "y": Y, "x_test": X[:, :1]}, arrays={"train": ["x", "y"], "test": ["x_test", "y"]}),
        "data.arrays.test: has rows of 1 values, train has rows of 2",
    ),
    "text inputs": (
        npz({"x": X.astype(str), "y": Y}),
        "data.arrays.train: d.npz: x holds text (dtype <U32); inputs must be numbers",
    ),
    "NaN in an array": (
        npz({"x": np.where(X == 7, np.nan, X), "y": Y}),
        "data.arrays.train: d.npz: x: 1 value is NaN or infinite, the first nan in row 3, column 1; fill them in or take these rows out",
    ),
    "one-hot targets": (
        npz({"x": X, "y": np.eye(2)[Y]}),
        "data.arrays.train: d.npz: y has shape (40, 2), a target needs (n,); one-hot rows? store class numbers: y.argmax(axis=1)",
    ),
    "labels that are not whole": (
        npz({"x": X, "y": Y + 0.5}, task="binary"),
        "data.task: labels must be whole numbers or text, y holds 0.5; try data.task: regression (d.npz, row 0 (from 0))",
    ),
    "no rows": (npz({"x": X[:0], "y": Y[:0]}), "data.arrays.train: d.npz: x holds no rows (shape (0, 2))"),
    "a file of the folder outside": (
        lambda folder: experiment(folder, ".", arrays={"train": ["../x.npy", "y.npy"]}),
        "data.arrays.train: '../x.npy' leads out of the folder .",
    ),
    "arrays of a csv": (
        text(GOOD, arrays={"train": ["x", "y"]}),
        "data.arrays: d.csv is no npz or hdf5 file, so it has no named arrays",
    ),
    "a stray word among times": (
        text(DAYS + "soon,3,0\n", split=BY_DAY),
        "d.csv:22: split.column: 'soon' is not a date (expected YYYY-MM-DD), unlike most of day",
    ),
    "a stray word among numbers to sort by": (
        text("day,x,y\n" + "".join(f"{n},{n},{n % 2}\n" for n in range(20)) + "12a,3,0\n", split=BY_DAY),
        "d.csv:22: split.column: '12a' is not a number, unlike most of day",
    ),
    "days before months before years": (
        text("day,x,y\n" + "".join(f"{n + 1}/12/2024,{n},{n % 2}\n" for n in range(20)), split=BY_DAY),
        "d.csv:2: split.column: '1/12/2024' in day is not a date, and sorted by its letters is not in time; write YYYY-MM-DD",
    ),
    "a row without a time": (
        text(DAYS + ",3,0\n", split=BY_DAY),
        "d.csv:22: split.column: no value in day, so it has no place in time; fill it in, or take the row out",
    ),
    "a row without a group": (
        text("g,x,y\n" + "".join(f"{'?' if n == 5 else n % 7},{n},{n % 2}\n" for n in range(20)), split={"group": "g"}),
        "d.csv:7: no value in g, so its group is not known (1 such rows); fill it in",
    ),
    "a part that is none": (
        text(
            "p,x,y\n" + "".join(f"{'tset' if n == 5 else 'train'},{n},{n % 2}\n" for n in range(20)),
            split={"by": "column", "column": "p"},
        ),
        "d.csv:7: split.column: 'tset' names no part; expected train, train_dev, dev or test; did you mean test?",
    ),
    "a weight that is a word": (
        text("w,x,y\n" + "".join(f"{'a' if n == 5 else n},{n},{n % 2}\n" for n in range(20)), weight="w"),
        "d.csv:7: the weight 'a' is not a number",
    ),
    "a weight below nought": (
        text("w,x,y\n" + "".join(f"{5 - n},{n},{n % 2}\n" for n in range(20)), weight="w"),
        "d.csv:8: the weight -1.0 is no number from 0 on",
    ),
    "true among numbers": (
        text("x,y\n" + "".join(f"{'true' if n == 5 else n},{n % 2}\n" for n in range(20))),
        "d.csv:7:1: x: 'true' is not a number",
    ),
    "a sign for no value that is not listed": (
        text("x,y\n" + "".join(f"{'#N/A' if n == 5 else n},{n % 2}\n" for n in range(20))),
        "d.csv:7:1: x: '#N/A' is not a number",
    ),
    "a class without weight in the config": (
        text(GOOD, class_weights={"2": 3.0}),
        "data.class_weights: there is no class '2'; the classes are 0, 1",
    ),
    "every row has a gap": (
        text("x,y\n" + "".join(f"NA,{n % 2}\n" for n in range(20)), missing="drop"),
        "data.missing: every row of d.csv has a gap; fill them with data.missing: median",
    ),
    "an Excel workbook": (
        text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), name="d.xls"),
        "data.source: d.xls is an old Office file (a workbook? save it as CSV); expected csv, tsv, jsonl, parquet, npy, npz, idx or h5 (.gz and .zst too)",
    ),
    "one JSON array": (
        text('[{"x": 1, "y": 0}, {"x": 2, "y": 1}]', name="d.json"),
        "data.source: d.json is one JSON array; expected JSON lines: one object a line ({...})",
    ),
    "a web page": (
        text("<!DOCTYPE html><html><body>404</body></html>"),
        "data.source: d.csv is a web page or XML; expected csv, tsv, jsonl, parquet, npy, npz, idx or h5 (.gz and .zst too)",
    ),
    "an end mark that is none": (
        text(GOOD + "# end\n"),
        "d.csv:22: 1 cell, expected 2",
    ),
    "code in an array's header": (
        text(
            b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + b"__import__('os').getcwd()".ljust(117) + b"\n",
            name="d.npy",
            target=-1,
        ),
        "data.source: d.npy has a damaged header: malformed node or string",
    ),
    "an array that claims more than the file holds": (
        text(
            b"\x93NUMPY\x01\x00"
            + (118).to_bytes(2, "little")
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10**9, 3)}".replace(b"10**9", b"1000000000").ljust(
                117
            )
            + b"\n",
            name="d.npy",
            target=-1,
        ),
        "data.source: d.npy claims 24000000000 bytes for shape (1000000000, 3), the file can hold 128 at most; it is damaged",
    ),
}


@pytest.mark.parametrize("make, lines", CASES.values(), ids=CASES.keys())
def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, lines: str) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = make(tmp_path)
    with pytest.raises(InputError) as caught:
        prepare(experiment)
    assert caught.value.exit_code == 2
    assert str(caught.value) == lines
