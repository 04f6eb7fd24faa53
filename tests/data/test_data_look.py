"""What is seen in a data file: roles with their reasons, gaps, order of time, spellings of classes; on real files too."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from dltrain import config
from dltrain.config.starter import Look, write
from dltrain.data.looking import look as looking
from dltrain.data.looking.look import Request, look
from dltrain.errors import InputError

REAL = os.environ.get("DLTRAIN_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder of real data sets")
ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,capital_gain,"
    "capital_loss,hours_per_week,native_country,income"
)


def seen(folder: Path, lines: list[str], target: str, **more: str) -> Look:
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return look(Request(files=(str(folder / "table.csv"),), target=target, **more))


def roles(found: Look) -> dict[str, str]:
    return {column.name: column.role for column in found.columns}


def why(found: Look, name: str) -> str:
    return next(column.why for column in found.columns if column.name == name)


def loads(found: Look, folder: Path) -> config.Loaded:
    """The config, loaded without a notice, and twice the same."""
    text = write(found)
    assert text == write(found)
    (folder / "starter.yaml").write_text(text)
    loaded = config.load([folder / "starter.yaml"])
    assert loaded.notices == ()
    return loaded


def test_a_column_that_is_the_same_everywhere_or_empty_is_left_out(tmp_path: Path) -> None:
    found = seen(tmp_path, ["a,b,c,y", *(f"{n % 7},5,,{n % 2}" for n in range(40))], "y")
    assert roles(found) == {"a": "input", "b": "excluded", "c": "excluded", "y": "target"}
    assert (why(found, "b"), why(found, "c")) == ("is the same in every row", "has no value in any row")


def test_a_flag_that_is_set_or_empty_stays(tmp_path: Path) -> None:
    found = seen(tmp_path, ["a,flag,y", *(f"{n % 7},{'yes' if n % 3 else ''},{n % 2}" for n in range(40))], "y")
    assert roles(found)["flag"] == "input" and found.missing == "median"


def test_columns_that_sum_to_the_target_are_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    numbers = rng.integers(0, 1000, (80, 3)).tolist()
    found = seen(tmp_path, ["a,b,c,total", *(f"{a},{b},{c},{a + b}" for a, b, c in numbers)], "total")
    assert roles(found) == {"a": "excluded", "b": "excluded", "c": "input", "total": "target"}
    assert why(found, "a") == "gives the target away: total = a + b"


def test_what_determines_the_target_stays_where_nothing_else_is_there(tmp_path: Path) -> None:
    assert roles(seen(tmp_path, ["x,y", *(f"{n},{2 * n + 1}" for n in range(40))], "y"))["x"] == "input"
    bits = [(a, b) for a in (0, 1) for b in (0, 1)] * 10
    found = seen(tmp_path, ["a,b,xor", *(f"{a},{b},{a ^ b}" for a, b in bits)], "xor")
    assert roles(found) == {"a": "input", "b": "input", "xor": "target"}


def test_rows_in_the_order_of_a_date_are_split_by_it(tmp_path: Path) -> None:
    dates = [f"2020-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(80)]
    found = seen(tmp_path, ["day,a,y", *(f"{day},{n * 7 % 11},{n % 5}.5" for n, day in enumerate(dates))], "y")
    assert found.time == "day" and roles(found)["day"] == "time"
    split = loads(found, tmp_path).experiment.split
    assert (split.by, split.column) == ("time", "day")
    mixed = seen(tmp_path, ["day,a,y", *(f"{day},{n * 7 % 11},{n % 5}.5" for n, day in enumerate(dates[::-1]))], "y")
    assert mixed.time is None and mixed.dates == ("day",)
    assert loads(mixed, tmp_path).experiment.split.by == "random"
    assert "# For a model of days to come, split: {by: time, column: day}" in write(mixed)


def test_time_does_not_split_where_a_class_comes_late(tmp_path: Path) -> None:
    dates = [f"2020-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(80)]
    lines = ["day,a,y", *(f"{day},{n * 7 % 11},{'new' if n > 60 else 'old'}" for n, day in enumerate(dates))]
    assert seen(tmp_path, lines, "y").time is None


def test_rows_without_a_target_are_left_out_and_inputs_filled(tmp_path: Path) -> None:
    cells = [(n % 7, "" if n % 3 else n % 5, "" if n % 9 == 0 else n % 2) for n in range(60)]
    found = seen(tmp_path, ["a,b,y", *(f"{a},{b},{y}" for a, b, y in cells)], "y")
    assert found.missing == "median" and found.rows == 53
    assert roles(found)["b"] == "input" and loads(found, tmp_path).experiment.data.missing == "median"
    assert "; 7 rows without a target are left out" in write(found)
    whole = [f"{n % 7},{'' if n == 5 else n % 2}" for n in range(60)]
    alone = seen(tmp_path, ["a,y", *whole], "y")
    assert alone.missing == "median" and "gaps in new rows are filled in" in write(alone)


def test_gaps_of_the_test_file_are_counted_apart(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("a,b,y\n" + "".join(f",{n % 3},{'' if n == 2 else n % 2}\n" for n in range(9)))
    lines = ["a,b,y", *(f"{n * 7 % 11},{'' if n < 4 else n % 5},{n % 2}" for n in range(60))]
    found = seen(tmp_path, lines, "y", test=str(tmp_path / "test.csv"))
    gaps = {column.name: (column.gaps, column.test_gaps) for column in found.columns}
    assert gaps == {"a": (0, 8), "b": (4, 0), "y": (0, 1)}, "a test row without a target counts nowhere else"
    assert "gaps: b 4; in the test file a 8; filled in" in write(found)


def test_row_numbers_without_a_name_are_left_out(tmp_path: Path) -> None:
    found = seen(tmp_path, [",a,y", *(f"{n},{n * 7 % 11},{n % 2}" for n in range(40))], "y")
    assert roles(found) == {"column_1": "excluded", "a": "input", "y": "target"}
    assert loads(found, tmp_path).experiment.data.exclude == ["column_1"]


def test_names_from_a_file_cannot_leave_their_line(tmp_path: Path) -> None:
    lines = ['"a\n  - b: #",c,"y\ttarget"', *(f"x{n},{n % 3},{n % 2}" for n in range(30))]
    found = seen(tmp_path, lines, "y target")
    assert loads(found, tmp_path).experiment.data.id == "a - b: #"


def test_of_a_large_file_the_beginning_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["a,word,y", *(f"{n},{'rst'[n % 3]},{n % 2}" for n in range(3000))]
    whole = seen(tmp_path, lines, "y")
    monkeypatch.setattr(looking, "SMALL", 1000)
    part = seen(tmp_path, lines, "y")
    assert whole.whole and not part.whole
    assert part.task == "auto" and part.missing == "median" and 2500 < part.rows < 3500
    split = loads(part, tmp_path).experiment.split
    assert (split.train, split.dev, split.test) == (None, None, None)


def test_files_that_are_packed_are_the_same(tmp_path: Path) -> None:
    lines = ["a,y", *(f"{n * 7 % 11},{n % 2}" for n in range(40))]
    plain = seen(tmp_path, lines, "y")
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "table.csv").read_bytes()))
    assert look(Request(files=(str(packed),), target="y")).columns == plain.columns


def test_arrays_find_their_twins(tmp_path: Path) -> None:
    X, y = np.zeros((30, 2, 2), np.uint8), np.arange(30) % 3
    np.savez(tmp_path / "a.npz", X_train=X, y_train=y, X_val=X, y_val=y, X_test=X, y_test=y, other=y)
    found = look(Request(files=(str(tmp_path / "a.npz"),), target="y_train"))
    assert found.arrays == {"train": ("X_train", "y_train"), "dev": ("X_val", "y_val"), "test": ("X_test", "y_test")}
    assert loads(found, tmp_path).experiment.split.train is None
    with pytest.raises(InputError, match="for instance --target y_train"):
        look(Request(files=(str(tmp_path / "a.npz"),)))
    with pytest.raises(InputError, match="did you mean y_train"):
        look(Request(files=(str(tmp_path / "a.npz"),), target="y_trian"))


def real(name: str) -> str:
    return str(Path(str(REAL), name))


@needs_real
def test_titanic() -> None:
    found = look(Request(files=(real("titanic/train.csv"),), target="Survived"))
    out = {"Name", "Ticket", "Cabin"}
    assert {name for name, role in roles(found).items() if role == "excluded"} == out
    assert roles(found)["PassengerId"] == "id" and found.missing == "median" and found.task == "binary"


@needs_real
def test_bike_sharing_is_in_the_order_of_time() -> None:
    found = look(Request(files=(real("bike_sharing/hour.csv"),), target="cnt"))
    assert {name for name, role in roles(found).items() if role == "excluded"} == {"casual", "registered"}
    assert why(found, "casual") == "gives the target away: cnt = casual + registered"
    assert (roles(found)["instant"], found.time, found.task) == ("id", "dteday", "regression")


@needs_real
def test_adult_has_a_test_file_with_points() -> None:
    files, test = (real("adult/adult-train.csv"),), real("adult/adult-test.csv")
    found = look(Request(files=files, target="income", test=test, columns=tuple(ADULT.split(","))))
    assert found.label_map == {"<=50K.": "<=50K", ">50K.": ">50K"}
    assert {role for name, role in roles(found).items() if name != "income"} == {"input"}
    assert (found.rows, found.missing, found.tested) == (32_561, "median", True)


@needs_real
@pytest.mark.parametrize(
    ("name", "target", "gaps"),
    [
        ("california_housing/housing.csv", "median_house_value", 207),
        ("california_housing/california_8features.csv", "MedHouseVal", 0),
        ("pendigits/pendigits_train.csv", "digit", 0),
    ],
)
def test_nothing_is_left_out_of_sound_files(name: str, target: str, gaps: int, tmp_path: Path) -> None:
    found = look(Request(files=(real(name),), target=target))
    assert {role for column, role in roles(found).items() if column != target} == {"input"}
    assert sum(column.gaps for column in found.columns) == gaps
    loads(found, tmp_path)
