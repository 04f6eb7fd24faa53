"""The repository itself: what belongs in the package is in it, and what belongs nowhere is not."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import dltrain

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dltrain"


def files() -> list[Path]:
    """Every file of the repository, as git lists them."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            found[str(path.relative_to(ROOT))] = data.decode("utf-8")
    return found


def test_the_version_is_a_version_and_has_a_place_in_the_changelog() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", dltrain.__version__)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## (.+)$", changelog, re.M)
    assert sections[0] == "Unreleased" or sections[0].startswith(dltrain.__version__)


def test_the_documents_are_there() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run", "runs/.gitkeep"):
        assert (ROOT / name).is_file(), name
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_the_readme_names_what_exists() -> None:
    text = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link
    for config in re.findall(r"configs/[\w*]+\.yaml", text):
        assert list(ROOT.glob(config)), config


def test_what_the_package_needs_lies_in_it() -> None:
    """Everything that is read at run time is inside the folder that the wheel takes whole."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["dltrain"]}
    for name in ("digits", "breast_cancer"):
        assert (PACKAGE / f"data/sets/builtin/{name}.npz").stat().st_size > 10_000
        source = (PACKAGE / f"data/sets/builtin/{name}.txt").read_text()
        assert "CC BY 4.0" in source and "UCI" in source, "source and licence beside the data"
    assert list((PACKAGE / "report/templates").glob("*.j2"))
    assert (PACKAGE / "report/vendor/LICENSE-uPlot").is_file()
    assert (PACKAGE / "py.typed").is_file()


def test_no_module_of_the_package_reads_the_checkout() -> None:
    """A path that climbs out of the package would be missing from an installed one."""
    for path in PACKAGE.rglob("*.py"):
        climbs = path.read_text().count(".parent.parent")
        assert climbs == 0, path


def test_declared_dependencies_are_those_imported() -> None:
    """By each name that the package imports from outside; SciPy and the other oracles are the tests' own."""
    extras = pyproject()["optional-dependencies"]
    users = ("cluster", "hdf5", "images", "optuna", "plot")
    wanted = [*pyproject()["dependencies"], *(one for extra in users for one in extras[extra])]
    declared = {re.split(r"[><=\[]", one)[0] for one in wanted} - {"dask-jobqueue"}  # starts the scheduler, beside us
    modules = {
        "annotated-types": "annotated_types",
        "backports-zstd": "backports",  # before Python 3.14, which has `compression`
        "pillow": "PIL",
        "pyyaml": "yaml",
    }
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).split(".")[0])
    outside = imported - set(sys.stdlib_module_names) - {"dltrain", "compression"}
    assert outside == {modules.get(name, name) for name in declared}


def pyproject() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


MACHINE = re.compile(r"(?<![\w.$~}])/(work|root|home|Users|mnt)/[\w.-]+|[A-Z]:\\\\Users|(?<![\w/])/tmp/[\w.-]+")
LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3 + r"(?!\w)")) + r")\b")


def test_nothing_names_a_machine() -> None:
    found = {name: match[0] for name, text in texts().items() if (match := MACHINE.search(text))}
    assert not {name: path for name, path in found.items() if "vendor" not in name and name != "tests/test_house.py"}


def test_nothing_is_put_off() -> None:
    assert not {
        name: match[0] for name, text in texts().items() if (match := LATER.search(text)) and "vendor" not in name
    }


def test_text_files_end_in_a_newline_and_have_no_tabs_or_trailing_blanks() -> None:
    for name, text in texts().items():
        if "vendor" in name or not text:
            continue
        assert text.endswith("\n"), name
        if name.endswith((".py", ".yaml", ".toml")):
            assert not re.search(r"[ \t]+$", text, re.M), name


def test_runs_are_not_committed() -> None:
    assert [path.name for path in files() if path.parent == ROOT / "runs"] == [".gitkeep"]


def test_imports_point_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
