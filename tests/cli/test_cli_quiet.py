"""`-q`: the result alone, for a script to read."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from cli_calling import call

QUIET = (
    (("evaluate", "trees", "--part", "dev"), r"\d\.\d+"),
    (("diagnose", "trees"), r"[a-z, ]+"),
    (("diagnose", "--train-error", "1%", "--dev-error", "11%"), "high variance"),
    (("compare", "trees", "other"), r"(trees|other)\n(trees|other)"),
    (("runs",), r"runs/(trees|other)\nruns/(trees|other)"),
    (("runs", "trees"), "finished"),
    (("minimize", "w**2 - 10*w + 25"), r"w = [\d.]+"),
    (("gradcheck", "trees.yaml"), r"(great\n?)+"),
)


@pytest.mark.parametrize(("command", "printed"), QUIET, ids=lambda each: each[0] if isinstance(each, tuple) else "")
def test_quiet_prints_the_result_alone(shelf: Path, empty_folder: Path, command: tuple[str, ...], printed: str) -> None:
    for name in ("trees", "other"):
        shutil.copytree(shelf / "runs/trees", empty_folder / "runs" / name)
    for name in ("trees.csv", "trees.yaml"):
        shutil.copy(shelf / name, empty_folder)
    called = call(*command, "-q")
    assert called.code == 0 and not called.err
    assert re.fullmatch(printed, called.out.strip()), called.out
