"""How much memory there is: limits are believed, whoever sets them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dltrain.data.large import memory
from dltrain.errors import InputError


@pytest.mark.parametrize(("said", "bytes_"), [("500", 500), ("3k", 3072), ("500M", 500 * 2**20), ("8GB", 8 * 2**30)])
def test_the_variable_counts(monkeypatch, said, bytes_):
    monkeypatch.setenv("DLTRAIN_MEMORY", said)
    assert memory.available() == bytes_


@pytest.mark.parametrize("said", ["much", "-1", "1.5G", "8Q"])
def test_a_variable_that_is_no_size(monkeypatch, said):
    monkeypatch.setenv("DLTRAIN_MEMORY", said)
    with pytest.raises(InputError, match="expected a size such as 500M or 8G"):
        memory.available()


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_a_limit_of_the_process_counts(limit):
    code = f"""
import resource
from dltrain.data.large import memory
before = memory.available()
resource.setrlimit(resource.{limit}, (2**30, resource.RLIM_INFINITY))
memory.spare_addresses()
print(before, memory.available())
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, after = map(int, said.split())
    assert 2**28 < after < 2**30 <= before


def test_control_groups(tmp_path, monkeypatch):
    group = tmp_path / "memory.max"
    other = tmp_path / "none"
    group.write_text(f"{3 * 2**30}\n")
    other.write_text("max\n")
    monkeypatch.setattr(memory, "_limit_files", lambda: [group, other, tmp_path / "missing"])
    (left,) = memory._groups()
    assert 2 * 2**30 < left < 3 * 2**30
    monkeypatch.delenv("DLTRAIN_MEMORY", raising=False)
    assert memory.available() <= left
