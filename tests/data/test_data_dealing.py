"""Parts from a table of their own, and splits that read a column, from files to parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment, Split, SplitFiles
from dltrain.data import Prepared, prepare
from dltrain.errors import InputError


def table(path: Path, rows: list[str], header: str = "x,g,when,part,y") -> str:
    path.write_text(header + "\n" + "\n".join(rows) + "\n")
    return str(path)


def rows(n: int, start: int = 0, groups: int = 10) -> list[str]:
    parts = ["train", "train", "dev", "test"]
    return [f"{k},p{k % groups},2024-{1 + k % 12:02}-01,{parts[k % 4]},{k % 2}" for k in range(start, start + n)]


def run(source: str, split: dict[str, Any], **keys: Any) -> Prepared:
    data = Data(source=source, target="y", normalize="none", **keys)
    return prepare(Experiment(data=data, split=Split(**split)))


def test_no_group_is_in_two_parts(tmp_path: Path) -> None:
    got = run(table(tmp_path / "d.csv", rows(200)), {"group": "g"}, exclude=["when", "part"])
    assert got.preparation.inputs == ("x",)
    found = [{int(x) % 10 for x in part.X[:, 0]} for part in got.parts.values()]
    assert len(found) == 3 and sum(map(len, found)) == 10


def test_groups_shared_with_a_given_file_are_refused(tmp_path: Path) -> None:
    source, test = table(tmp_path / "d.csv", rows(200)), table(tmp_path / "t.csv", rows(20, 200, groups=3))
    with pytest.raises(InputError, match=r"3 groups of g are in .* and in test \(p0|split.group"):
        run(source, {"group": "g", "files": SplitFiles(test=test)}, exclude=["when", "part"])


def test_a_group_that_is_not_known(tmp_path: Path) -> None:
    source = table(tmp_path / "d.csv", [*rows(50), "1,,2024-01-01,dev,0"])
    with pytest.raises(InputError, match=r"d.csv:52: no value in g, so its group is not known \(1 such rows\)"):
        run(source, {"group": "g"}, exclude=["when", "part"])


def test_time_in_order(tmp_path: Path) -> None:
    got = run(table(tmp_path / "d.csv", rows(120)), {"by": "time", "column": "when"}, exclude=["g", "part"])
    month = {part: {int(x) % 12 for x in one.X[:, 0]} for part, one in got.parts.items()}
    assert max(month["train"]) < min(month["dev"]) <= max(month["dev"]) < min(month["test"])
    assert any("time: train 2024-01-01 to" in note for note in got.notes)


def test_the_column_names_each_row_s_part(tmp_path: Path) -> None:
    got = run(table(tmp_path / "d.csv", rows(40)), {"by": "column", "column": "part"}, exclude=["g", "when"])
    assert got.facts.parts == {"train": 20, "dev": 10, "test": 10}
    assert {int(x) % 4 for x in got.parts["dev"].X[:, 0]} == {2}


def test_a_part_that_is_none_is_told_at_its_line(tmp_path: Path) -> None:
    source = table(tmp_path / "d.csv", [*rows(40), "1,p1,2024-01-01,tset,0"])
    with pytest.raises(InputError, match=r"d.csv:42: .*'tset'"):
        run(source, {"by": "column", "column": "part"}, exclude=["g", "when"])


def test_hash_keeps_rows_in_their_part_as_the_data_grow(tmp_path: Path) -> None:
    split = {"by": "hash", "column": "x"}
    few = run(table(tmp_path / "a.csv", rows(200)), split, features=["x"])
    many = run(table(tmp_path / "b.csv", rows(400)[::-1]), split, features=["x"])
    for part, one in few.parts.items():
        assert set(one.X[:, 0]) <= set(many.parts[part].X[:, 0])


def test_a_class_that_only_the_other_source_has_is_told_with_its_key(tmp_path: Path) -> None:
    lines = "x,y\n" + "".join(f"{n},{'cat' if n % 2 else 'dog'}\n" for n in range(40))
    (tmp_path / "d.csv").write_text(lines)
    (tmp_path / "o.csv").write_text(lines.replace("dog", "dogs"))
    data = Data(source=str(tmp_path / "d.csv"), target="y", dev_test_source=str(tmp_path / "o.csv"))
    with pytest.raises(InputError) as caught:
        prepare(Experiment(data=data))
    assert str(caught.value) == (
        "data.dev_test_source: class 'dogs' does not occur in train, only in dev and test; add rows of it to "
        "data.source, take these out, or spell it alike with data.label_map; is it dog?"
    )


def test_dev_and_test_from_another_source(tmp_path: Path) -> None:
    source, other = table(tmp_path / "d.csv", rows(100)), table(tmp_path / "o.csv", rows(60, 1000))
    got = run(source, {"train_dev": 0.1}, dev_test_source=other, features=["x"])
    assert got.facts.parts == {"train": 90, "train_dev": 10, "dev": 30, "test": 30}
    assert got.parts["train_dev"].X.max() < 100 and got.parts["dev"].X.min() >= 1000
    again = prepare(
        Experiment(
            data=Data(source=source, target="y", normalize="none", dev_test_source=other, features=["x"]),
            split=got.settled_split,
        )
    )
    assert all(np.array_equal(again.parts[part].rows, one.rows) for part, one in got.parts.items())
