"""The same command on a run that is over: nothing changes, and little is loaded."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from cli_calling import call, regression, trees

HEAVY = ("numpy", "yaml", "dltrain.config", "dltrain.data", "dltrain.engine", "dltrain.diagnosis", "dltrain.experiment")
LOADED = """
import sys
from dltrain.cli.boundary import run
code = run(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""
DIVERGING = ("optimizer={kind: gradient_descent, learning_rate: 1e12}",)


def loaded(*arguments: str) -> tuple[int, str, set[str]]:
    """Exit code, stdout and the modules of a process of its own that runs the command."""
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, set(done.stderr.split())


def content(folder: Path) -> dict[str, tuple[int, str]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files}


@pytest.mark.parametrize(("more", "code"), [((), 0), (("seed=3", "training.epochs=2"), 0), (DIVERGING, 3)])
@pytest.mark.parametrize("json", [False, True])
def test_it_loads_neither_arrays_nor_configs(json: bool, more: tuple[str, ...], code: int, empty_folder: Path) -> None:
    trees(empty_folder)
    arguments = ["train", "trees.yaml", *more, "--run-id", "a", *(["--json"] if json else [])]
    first = call(*arguments)
    before = content(Path("runs"))
    for again in (arguments, ["resume", "a", *(["--json"] if json else [])]):
        left, out, modules = loaded(*again)
        assert left == first.code == code
        assert out == (first.out if json else "runs/a\n")
        assert "dltrain.runs" in modules  # they were listed
        assert not [name for name in HEAVY if name in modules]
        assert content(Path("runs")) == before


@pytest.mark.parametrize("change", ["touch", "comment", "cwd"])
def test_what_only_looks_other_is_looked_at_closely(
    change: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = trees(empty_folder)
    place = empty_folder / "runs"
    arguments = ["train", str(config), "--runs-dir", str(place), "--run-id", "a", "seed=3"]
    assert call(*arguments).code == 0
    before = content(place)
    if change == "touch":
        (empty_folder / "trees.csv").touch()
    elif change == "comment":
        config.write_text("# a remark\n" + config.read_text())
    else:
        (empty_folder / "below").mkdir()
        monkeypatch.chdir(empty_folder / "below")
    again = call(*arguments)
    assert (again.code, again.last) == (0, str(place / "a"))
    assert content(place) == before


def test_a_change_of_the_data_or_the_config_is_not_overlooked(empty_folder: Path) -> None:
    config = regression(empty_folder)
    arguments = ["train", config, "--run-id", "a", "training.epochs=2"]
    assert call(*arguments).code == 0
    assert call(*arguments[:-1], "training.epochs=3").code == 73
    data = empty_folder / "costs.csv"
    head, row, *rest = data.read_text().splitlines(keepends=True)
    data.write_text("".join([head, row.replace(",", "1,", 1), *rest]))
    assert call(*arguments).code == 73


def test_a_glob_and_a_data_file_are_looked_up_without_arrays(empty_folder: Path) -> None:
    trees(empty_folder)
    for arguments in (
        ["train", "trees.yaml", "data.source=tree*.csv", "--run-id", "glob", "training.epochs=1"],
        ["train", "trees.csv", "--target", "kind", "--run-id", "file", "training.epochs=1"],
    ):
        assert call(*arguments).code == 0
        code, out, modules = loaded(*arguments)
        assert code == 0 and out == f"runs/{arguments[arguments.index('--run-id') + 1]}\n"
        assert not [name for name in modules if name.split(".")[0] in ("numpy", "polars", "yaml")]
