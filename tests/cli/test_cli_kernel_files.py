"""Files that the kernel makes up call themselves regular, but may have no end: they are refused before they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calling import Called, call, trees

FILES = ("/proc/kmsg", "/proc/self/mem", "/proc/self/status", "/proc/kcore", "/sys/kernel/profiling")
THERE = [name for name in FILES if Path(name).exists()]

pytestmark = pytest.mark.skipif(not THERE, reason="this system has no such files")


def refused(called: Called) -> bool:
    told = "is made up by the kernel; copy the data into a regular file\n"
    return called.code == 2 and called.out == "" and len(called.errors) == 1 and told in called.err


@pytest.mark.parametrize("file", THERE)
def test_as_data(file: str, shelf: Path) -> None:
    assert refused(call("train", f"data={{source: {file}, target: x}}"))
    assert refused(call("predict", "trees", file, "--runs-dir", shelf / "runs"))
    assert refused(call("evaluate", "trees", "--data", file, "--runs-dir", shelf / "runs"))
    assert not Path("runs").exists()


def test_as_a_part_and_by_another_name(empty_folder: Path) -> None:
    config = trees(empty_folder)
    (empty_folder / "link.csv").symlink_to(THERE[0])
    assert refused(call("train", config, "data.source=link.csv"))
    split = "split={by: files, files: {train: trees.csv, dev: link.csv}}"
    assert refused(call("train", "data={source: trees.csv, target: kind, id: id}", split))
    assert not Path("runs").exists()
