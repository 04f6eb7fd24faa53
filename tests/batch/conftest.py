"""A project folder for each test, and the schedulers that are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_projects import REAL, Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="session")
def may_unpack() -> None:
    """Skips where packages cannot be fetched, or nobody asked for it."""
    if not os.environ.get(REAL):
        pytest.skip("a real scheduler is slow to wait for: make slurm")
    missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, and {', '.join(missing) or 'apt'}")


@pytest.fixture(scope="session")
def may_take_long() -> None:
    """Skips what starts dozens of processes, unless somebody asked for it."""
    if not os.environ.get(REAL):
        pytest.skip("starts many processes: make cluster")
