"""`train DATAFILE` and `init`: no config needed, and one line for whatever is wrong."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import Called, call, table, two_kinds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltrain import config

REAL = os.environ.get("DLTRAIN_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder of real data sets")
QUICK = ("training.epochs=1", "-q")


def trees() -> None:
    Path("trees.csv").write_text(table(two_kinds()))


def written(called: Called) -> str:
    assert called.code == 0, called.err
    return (Path(called.last) / "config.yaml").read_text()


# A run without a config


def test_a_file_and_a_target_are_enough() -> None:
    trees()
    called = call("train", "trees.csv", "--target", "kind")
    assert called.code == 0, called.err
    assert "verdict:" in called.out and "linear model" in called.out and "majority class" in called.out
    assert f"note: the config is {called.last}/config.yaml" in called.err
    assert "id: names the rows (60 different values in 60)" in called.err
    commands = [line.strip() for line in called.out.splitlines() if line.startswith("  dltrain train trees.csv ")]
    assert commands and all(" --target kind " in f"{line} " for line in commands)


def test_its_config_trains_to_the_same_bytes_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees()
    first = Path(call("train", "trees.csv", "--target", "kind", *QUICK).last).absolute()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    called = call("train", first / "config.yaml", *QUICK)
    assert called.code == 0, called.err
    for name in ("model.safetensors", "metrics.jsonl", "diagnosis.json"):
        assert (first / name).read_bytes() == Path(called.last, name).read_bytes()


def test_overrides_count_and_the_next_commands_hold_them() -> None:
    trees()
    called = call("train", "trees.csv", "seed=3", "--target", "kind", "architecture.layers=[3]", "training.epochs=1")
    assert called.code == 0, called.err
    resolved = (Path(called.last) / "config.resolved.yaml").read_text()
    assert "seed: 3" in resolved and "units: 3" in resolved
    assert "dltrain train trees.csv --target kind seed=3 'architecture.layers=[3]'" in called.out


def test_names_for_a_file_that_has_a_header_are_doubted() -> None:
    trees()
    header = Path("trees.csv").read_text().splitlines()[0]
    names = ",".join(f"c{n}" for n in range(header.count(",") + 1))
    looks = f"the first row of trees.csv ({header.replace(',', ', ')}) looks like names"
    typo = call("train", "trees.csv", "--columns", names, "--target", "kind")
    assert typo.code == 2 and typo.errors[0].endswith(f"but {looks}: leave --columns out if so")
    bad = call("train", "trees.csv", "--columns", names, "--target", names.split(",")[-1])
    assert bad.code == 2 and bad.errors[-1] == f"error: {looks}: leave --columns out if so"
    Path("words.csv").write_text("a,b,y\n" + "".join(f"u{n % 3},{'v' if n % 4 else n},{n % 2}\n" for n in range(60)))
    read = call("train", "words.csv", "--columns", "p,q,r", "--target", "r", "data.task=multiclass", *QUICK)
    started = call("init", "words.csv", "--columns", "p,q,r", "--target", "r", "-o", "-")
    assert "# the first row of words.csv (a, b, y) looks like names: leave this out if so" in started.out, started.err
    assert read.code == 2 or "looks like names" in read.err
    without = call("init", "words.csv", "--columns", "a,b,y", "--target", "y", "-o", "-")
    assert "looks like names" not in without.out + without.err


def test_a_name_that_no_header_has_asks_for_columns() -> None:
    Path("bare.csv").write_text("1,2,x\n2,3,y\n" * 5)
    called = call("train", "bare.csv", "--target", "kind")
    assert called.errors[0].endswith("give a number (-1 is the last column), or names with --columns A,B,...")


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes there")
def test_names_of_files_that_are_no_text_are_refused_in_a_line() -> None:
    trees()
    try:
        os.rename(b"trees.csv", b"tr\xff.csv")
    except OSError:
        pytest.skip("this file system takes text alone")
    name = os.fsdecode(b"tr\xff.csv")
    for line in (
        ("train", name, "--target", "kind"),
        ("init", name, "--target", "kind"),
        ("check", f"data.source={name}"),
    ):
        called = call(*line)
        assert called.code == 2 and "tr\\xff.csv: not UTF-8; rename the file or its folder" in called.err
    trees()
    os.rename(b"tr\xff.csv", b"more\xff.csv")
    called = call("train", "trees.csv", "--target", "kind", "data.source=[trees.csv, 'more*.csv']", *QUICK)
    assert called.code == 2 and "more\\xff.csv: the name is not UTF-8" in called.err
    assert call("train", "trees.csv", "--target", "kind", "--run-id", "one", *QUICK).code == 0
    for words in (("evaluate", "one", "--data"), ("predict", "one")):
        refused = call(*words, os.fsdecode(b"more\xff.csv"))
        assert refused.code == 2 and "the name is not UTF-8" in refused.err
    assert sorted(os.listdir("runs")) == ["one"]


def test_check_takes_a_data_file_as_train_does() -> None:
    trees()
    checked = call("check", "trees.csv", "--target", "kind", "seed=3", "--json")
    assert checked.code == 0, checked.err
    assert checked.json["data"]["task"] == "binary" and "seed: 3" in checked.json["resolved"]
    proved = call("check", "trees.csv", "--target", "kind", "--leakage")
    assert proved.code == 0 and proved.out.startswith("nothing leaks: "), proved.err
    wrong = call("check", "trees.csv", "--target", "kidn")
    assert wrong.errors == ["error: --target: trees.csv has no column 'kidn'; did you mean kind?"]
    assert not Path("runs").exists()


def test_a_learning_curve_takes_a_data_file_and_goes_on() -> None:
    trees()
    line = ("learning-curve", "trees.csv", "--target", "kind", "--sizes", "10,20,36", "--seeds", 1, "training.epochs=1")
    called = call(*line, "--run-id", "curve", "-q", "--workers", 1)
    assert (called.code, called.out) == (0, "runs/curve\n"), called.err
    assert "target: kind" in Path("runs/curve/config.yaml").read_text()
    again = call(*line, "--run-id", "curve", "-q")
    assert (again.code, again.out) == (0, called.out)
    lone = call("learning-curve", "--target", "kind", "config.yaml")
    assert lone.code == 2 and "--target goes with a data file" in lone.err


def test_the_same_line_again_is_a_no_op_and_another_is_refused() -> None:
    trees()
    line = ("train", "trees.csv", "--target", "kind", "--run-id", "one", *QUICK)
    assert call(*line).code == 0
    before = {path: path.stat().st_mtime_ns for path in Path("runs/one").iterdir()}
    again = call(*line)
    assert (again.code, again.out, again.err) == (0, "runs/one\n", "")
    assert {path: path.stat().st_mtime_ns for path in Path("runs/one").iterdir()} == before
    other = call("train", "trees.csv", "--target", "width", "--run-id", "one", *QUICK)
    assert other.code == 73
    assert any("data.target" in line for line in other.errors)
    Path("trees.csv").write_text(table(two_kinds(seed=6)))
    assert call(*line).code == 73


def stop_at_step(last: int) -> Any:
    """A Ctrl-C after so many steps."""
    from dltrain.saving import Saver

    saved = Saver.after_step

    def after_step(self: Saver, state: Any) -> None:
        saved(self, state)
        if state.position.step == last:
            raise KeyboardInterrupt

    return after_step


def test_an_interrupted_run_goes_on_with_the_config_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees()
    line = ("train", "trees.csv", "--target", "kind", "-q", "training={epochs: 12, checkpoints: {every_steps: 1}}")
    assert call(*line, "--run-id", "whole").code == 0
    monkeypatch.setattr("dltrain.saving.Saver.after_step", stop_at_step(7))
    stopped = call(*line, "--run-id", "part")
    assert stopped.code == 130
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dltrain.data.looking.look.look", None)  # not looked at again
    assert call(*line, "--run-id", "part").code == 0
    whole, part = (Path("runs", name, "model.safetensors").read_bytes() for name in ("whole", "part"))
    assert whole == part


def test_json_is_that_of_a_config() -> None:
    trees()
    called = call("train", "trees.csv", "--target", "kind", "--json", "training.epochs=1")
    assert called.json["run"].startswith("runs/trees-") and called.json["headline"]
    assert called.err == ""


def test_smoke_keeps_nothing() -> None:
    trees()
    called = call("train", "trees.csv", "--target", "kind", "--smoke")
    assert called.code == 0, called.err
    assert sorted(os.listdir()) == ["trees.csv"]


def test_predictions_take_the_rows_as_they_came() -> None:
    trees()
    assert call("train", "trees.csv", "--target", "kind", *QUICK).code == 0
    rows = list(csv.reader(io.StringIO(call("predict", "latest", "trees.csv").out)))
    assert rows[0] == ["id", "prediction"] and len(rows) == 61
    assert {row[1] for row in rows[1:]} <= {"oak", "fir"}


def test_a_file_of_test_rows_and_its_spellings() -> None:
    train, test = two_kinds(60), two_kinds(20, seed=9)
    Path("train.csv").write_text(table(train))
    Path("test.csv").write_text(table([(*row[:3], f"{row[3].upper()}.") for row in test]))
    text = written(call("train", "train.csv", "--target", "kind", "--test", "test.csv", *QUICK))
    assert "label_map: {FIR.: fir, OAK.: oak}" in text
    assert call("evaluate", "latest", "--json").json["error"]["n"] == 20


def test_several_files_are_one_table() -> None:
    rows = two_kinds(80)
    Path("a.csv").write_text(table(rows[:40]))
    Path("b.csv").write_text(table(rows[40:]))
    called = call("train", "a.csv", "b.csv", "--target", "kind", *QUICK)
    assert "80 rows" in written(called)


def test_a_file_without_a_header() -> None:
    Path("plain.csv").write_text(table(two_kinds()).partition("\n")[2])
    assert "target: -1" in written(call("train", "plain.csv", "--target", "-1", *QUICK))
    text = written(call("train", "plain.csv", "--target", "kind", "--columns", "id,width,height,kind", *QUICK))
    assert "columns: [id, width, height, kind]" in text and "id: id" in text


def test_an_npz_file_with_its_test_twins() -> None:
    rng = np.random.Generator(np.random.Philox(2))
    X, y = rng.integers(0, 255, (120, 4, 4)).astype(np.uint8), np.arange(120) % 3
    np.savez("pictures.npz", x_train=X[:90], y_train=y[:90], x_test=X[90:], y_test=y[90:])
    text = written(call("train", "pictures.npz", "--target", "y_train", *QUICK))
    assert "arrays: {train: [x_train, y_train], test: [x_test, y_test]}" in text
    assert call("evaluate", "latest", "--json").json["error"]["n"] == 30


def test_a_folder_of_pictures_needs_no_target() -> None:
    image = pytest.importorskip("PIL.Image")
    rng = np.random.Generator(np.random.Philox(3))
    for number in range(40):
        folder = Path("photos", "dark" if number % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 100, (5, 5)) + (0 if number % 2 else 150)
        image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    assert "40 rows" in written(call("train", "photos", *QUICK))


# What is wrong


BAD: dict[str, tuple[str, tuple[str, ...], str]] = {
    "no target": (
        "a,b,y\n1,2,0\n",
        ("d.csv",),
        "error: --target: which column is to be predicted? d.csv has a, b, y; for instance --target y",
    ),
    "no target, no header": (
        "1,2\n3,4\n",
        ("d.csv",),
        "error: --target: which column is to be predicted? d.csv has 2 columns and no header; for instance --target -1",
    ),
    "unknown target": (
        "a,price\n1,2\n",
        ("d.csv", "--target", "prise"),
        "error: --target: d.csv has no column 'prise'; did you mean price?",
    ),
    "a column too far": (
        "a,y\n1,2\n",
        ("d.csv", "--target", "9"),
        "error: --target: d.csv has 2 columns, no column 9 (0 is the first, -1 the last)",
    ),
    "a target that is one value": (
        "a,y\n1,no\n2,no\n3,no\n",
        ("d.csv", "--target", "y"),
        "error: --target: every row of y is 'no': there is nothing to tell apart",
    ),
    "a target of gaps": (
        "a,y\n1,\n2,?\n",
        ("d.csv", "--target", "y"),
        "error: --target: y has no value in any row of d.csv",
    ),
    "an empty file": ("", ("d.csv", "--target", "y"), "error: d.csv is empty"),
    "a header alone": ("a,y\n", ("d.csv", "--target", "y"), "error: d.csv has a header and no rows"),
    "no inputs": (
        "".join(["a,y\n", *(f"7,{n % 2}\n" for n in range(30))]),
        ("d.csv", "--target", "y"),
        "error: data.exclude: d.csv has no column to learn from beside the target (a: is the same in every row)",
    ),
    "no such file": ("a,y\n1,2\n", ("e.csv", "--target", "y"), "error: there is no file e.csv; did you mean d.csv?"),
    "names for other columns": (
        "1,2\n3,4\n",
        ("d.csv", "--target", "y", "--columns", "a,b,y"),
        "error: --columns: 3 names for the 2 columns of d.csv",
    ),
    "an empty name": (
        "1,2\n3,4\n",
        ("d.csv", "--target", "y", "--columns", "a,,y"),
        "error: --columns: an empty name in 'a,,y'; expected A,B,...",
    ),
    "a bad cell": (
        "".join(["a,y\n", *(f"{n}.5,{n % 2}\n" for n in range(30)), "1x5,1\n"]),
        ("d.csv", "--target", "y"),
        "error: d.csv:32:1: a: '1x5' is not a number",
    ),
    "a name that occurs twice": (
        "a,a,y\n1,2,0\n",
        ("d.csv", "--target", "y"),
        "error: the column name 'a' occurs 2 times in d.csv",
    ),
}


@pytest.mark.parametrize("command", ["train", "init"])
@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_line_and_nothing_is_written(case: str, command: str) -> None:
    content, words, line = BAD[case]
    Path("d.csv").write_text(content)
    called = call(command, *words)
    assert (called.code, called.out, called.err.splitlines()) == (2, "", [line])
    assert os.listdir() == ["d.csv"]


def test_a_test_file_with_other_columns() -> None:
    trees()
    Path("new.csv").write_text("width,kind\n1,oak\n")
    called = call("train", "trees.csv", "--target", "kind", "--test", "new.csv")
    assert called.code == 2
    assert called.errors[0] == "error: --test: new.csv has no column 'id'; did you mean kind?"


def test_configs_and_data_files_do_not_mix() -> None:
    trees()
    Path("c.yaml").write_text("data: {source: trees.csv, target: kind}\n")
    assert call("train", "c.yaml", "--target", "kind").errors == [
        "error: --target goes with a data file, and c.yaml is a config; set data.target= behind it"
    ]
    assert call("train", "c.yaml", "trees.csv").errors[0].startswith("error: trees.csv is a data file and c.yaml a ")
    assert call("init", "c.yaml").errors == [
        "error: c.yaml is a config already; expected a data file (dltrain train c.yaml trains it)"
    ]


# init


def test_init_writes_a_config_beside_and_never_over() -> None:
    trees()
    called = call("init", "trees.csv", "--target", "kind")
    assert (called.code, called.out) == (0, "trees.yaml\n")
    text = Path("trees.yaml").read_text()
    assert "source: trees.csv" in text
    assert call("init", "trees.csv", "--target", "kind").errors == [
        "error: trees.yaml: exists already; --force writes over it, -o names another"
    ]
    Path("trees.yaml").write_text("mine")
    assert call("init", "trees.csv", "--target", "kind", "--force", "-q").code == 0
    assert Path("trees.yaml").read_text() == text
    assert call("init", "trees.csv", "--target", "kind", "-o", "-", "-q").out == text
    assert call("train", "trees.yaml", *QUICK).code == 0


def test_init_writes_paths_from_where_the_config_lies() -> None:
    trees()
    Path("configs").mkdir()
    assert call("init", "trees.csv", "--target", "kind", "-o", "configs/t.yaml").code == 0
    assert "source: ../trees.csv" in Path("configs/t.yaml").read_text()
    assert call("train", "configs/t.yaml", *QUICK).code == 0
    assert call("init", "trees.csv", "--target", "kind", "-o", "none/t.yaml").errors == [
        "error: none: there is no such folder to write to"
    ]


def test_init_json_says_what_was_seen() -> None:
    trees()
    record: Any = call("init", "trees.csv", "--target", "kind", "--json").json
    assert record["config"] == "trees.yaml" and record["rows"] == 60 and record["task"] == "binary"
    assert {one["name"]: one["role"] for one in record["columns"]} == {
        "id": "id",
        "width": "input",
        "height": "input",
        "kind": "target",
    }


# Any table

CELLS = {
    "whole": st.integers(-5, 50).map(str),
    "number": st.floats(-1e6, 1e6, width=32).map(lambda value: f"{value:.4g}"),
    "word": st.sampled_from(["red", "blue", 'say "hi"', "a, b", " green ", "né", "x" * 30, "no", "0x1"]),
    "gappy": st.sampled_from(["", "NA", "?", "1", "2.5", "3"]),
    "date": st.dates().map(str),
}
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)


@st.composite
def tables(draw: Any) -> tuple[str, str]:
    """A CSV file of a few columns of any kinds, and the name of one."""
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=5))
    names = draw(
        st.lists(NAMES, min_size=len(kinds), max_size=len(kinds), unique_by=lambda name: " ".join(name.split()))
    )
    n = draw(st.integers(0, 40))
    columns = [draw(st.lists(CELLS[kind], min_size=n, max_size=n)) for kind in kinds]
    out = io.StringIO()
    csv.writer(out, quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))).writerows(
        [names, *zip(*columns, strict=True)]
    )
    return out.getvalue(), draw(st.sampled_from(names))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_any_table_gets_a_config_that_trains_or_a_line_that_says_why_not(case: tuple[str, str]) -> None:
    content, target = case
    Path("any.csv").write_text(content, encoding="utf-8", newline="")
    called = call("init", "any.csv", f"--target={target}", "-o", "any.yaml", "--force", "-q")
    again = call("init", "any.csv", f"--target={target}", "-o", "-", "-q")
    assert called.code in (0, 2) and again.code == called.code, called.err
    if called.code == 2:
        assert called.errors and all(line.startswith("error: ") for line in called.err.splitlines())
        return
    assert config.load(["any.yaml"]).notices == ()
    assert Path("any.yaml").read_text(encoding="utf-8") == again.out
    trained = call("train", "any.yaml", *QUICK, "--runs-dir", "r")
    assert trained.code in (0, 2), trained.err
    assert trained.code == 0 or all(line.startswith("error: ") for line in trained.err.splitlines())
