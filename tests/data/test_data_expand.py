"""Globs and lists to files: their order, and each way in which they name none, or one twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dltrain.data.expand import expand, fingerprint, group_of
from dltrain.errors import InputError


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "logs/part-10.csv",
        "logs/part-2.csv",
        "logs/deep/er/part-1.csv",
        "logs/notes.txt",
        "a[1].csv",
        "a1.csv",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    return tmp_path


def names(source: str | list[str]) -> list[str]:
    return [os.path.relpath(path) for path in expand(source, "data.source")]


def test_a_globs_files_stand_by_name_numbers_by_value(logs: Path) -> None:
    assert names("logs/*.csv") == ["logs/part-2.csv", "logs/part-10.csv"]
    assert names(f"{logs}/logs/*.csv") == ["logs/part-2.csv", "logs/part-10.csv"]
    assert names("logs/**/*.csv") == ["logs/deep/er/part-1.csv", "logs/part-2.csv", "logs/part-10.csv"]
    assert names("logs/part-[0-9].csv") == ["logs/part-2.csv"]
    assert names("*/*-2?csv") == ["logs/part-2.csv"]


def test_a_list_keeps_its_order(logs: Path) -> None:
    assert names(["logs/part-10.csv", "a1.csv", "logs/**/*-1.csv"]) == [
        "logs/part-10.csv",
        "a1.csv",
        "logs/deep/er/part-1.csv",
    ]


def test_a_name_that_exists_is_no_pattern(logs: Path) -> None:
    assert names("a[1].csv") == ["a[1].csv"]
    Path("a[1].csv").unlink()
    assert names("a[1].csv") == ["a1.csv"]


def test_a_folder_that_looks_like_a_pattern(logs: Path) -> None:
    (logs / "[2024]").mkdir()
    (logs / "[2024]" / "x.csv").write_text("")
    assert names("[2024]/*.csv") == ["[2024]/x.csv"]


def test_links_and_folders_of_a_glob(logs: Path) -> None:
    os.symlink(logs / "logs", logs / "logs" / "deep" / "loop")
    os.symlink("part-2.csv", logs / "logs" / "same.csv")
    os.symlink("nowhere", logs / "logs" / "dangling.csv")
    (logs / "logs" / "folder.csv").mkdir()
    assert names("logs/**/*.csv") == ["logs/deep/er/part-1.csv", "logs/part-2.csv", "logs/part-10.csv"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("logs/*.cvs", "data.source: no file matches logs/*.cvs; did you mean *.csv?"),
        ("log/*.csv", "data.source: no file matches log/*.csv: there is no folder log; did you mean logs?"),
        ("logs/2024-*", "data.source: no file matches logs/2024-*; logs holds deep, notes.txt, part-2.csv, part-10.csv"),
        ("none/*", "data.source: no file matches none/*: there is no folder none"),
        ("a2.csv", "data.source: there is no file a2.csv; did you mean a1.csv?"),
        (["a1.csv", "logs"], "data.source.1: logs is a folder; name a file in it, or say in data.arrays which of its files hold inputs and targets"),
        (["a1.csv", "a1.csv"], "data.source: a1.csv is named twice; its rows would count twice"),
        (["logs/part-2.csv", "logs/*.csv"], "data.source: logs/part-2.csv is named twice, by logs/part-2.csv and logs/*.csv; its rows would count twice"),
        (["x.csv", "logs/*.tsv"], "data.source.0: there is no file x.csv\ndata.source.1: no file matches logs/*.tsv; did you mean *.csv?"),
    ],
)  # fmt: skip
def test_bad_sources(source: str | list[str], line: str, logs: Path) -> None:
    with pytest.raises(InputError) as error:
        expand(source, "data.source")
    said = str(error.value)
    assert said.replace("x.csv; did you mean a1.csv?", "x.csv") == line


def test_two_names_of_one_file(logs: Path) -> None:
    os.link("a1.csv", "b.csv")
    with pytest.raises(InputError, match=r"b.csv \(the same file as a1.csv\) is named twice"):
        expand(["a1.csv", "b.csv"], "data.source")


def test_a_group_changes_with_its_files(logs: Path) -> None:
    assert group_of("a1.csv") is None and group_of("digits") is None and group_of("a[1].csv") is None
    seen = set()
    for change in (
        lambda: None,
        lambda: (logs / "logs" / "new.csv").write_text("1"),
        lambda: (logs / "logs" / "new.csv").write_text("12"),
        lambda: os.utime(logs / "logs" / "new.csv", ns=(1, 1)),
        lambda: (logs / "logs" / "new.csv").rename(logs / "logs" / "newer.csv"),
    ):
        change()
        for item in ("logs/*.csv", "logs"):
            files = group_of(item)
            assert files is not None
            seen.add(fingerprint(files))
    assert len(seen) == 10
    assert fingerprint([Path("gone")]) == fingerprint([Path("gone")]) != fingerprint([Path("a1.csv")])
