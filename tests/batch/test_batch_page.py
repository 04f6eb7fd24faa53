"""docs/batch.md shows the recipes as they are tested."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from batch_projects import RECIPES, ROOT

PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
FILES = sorted(RECIPES.iterdir())


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_the_page_links_and_shows_each_recipe(name: str) -> None:
    assert f"](batch/{name})" in PAGE
    assert f"\n{(RECIPES / name).read_text()}```\n" in PAGE


@pytest.mark.parametrize("name", [path.name for path in FILES if path.suffix == ".sh"])
def test_recipes_can_be_run_and_parsed(name: str) -> None:
    path = RECIPES / name
    shell = path.read_text().partition("\n")[0].removeprefix("#!/bin/")
    assert path.stat().st_mode & 0o111
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    subprocess.run([shell, "-n", path], check=True)
