"""The short form of every sweep: every few k. `make faults` runs the whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faults_promises import PROMISES
from faults_world import close_server


@pytest.fixture(scope="module", autouse=True)
def warm_process() -> Iterator[None]:
    yield
    close_server()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", PROMISES)
def test_a_promise(number: str) -> None:
    result = PROMISES[number](False)
    if result.skipped:
        pytest.skip(f"{result.promise}: {result.skipped}")
    assert result.passed == result.total > 0, "\n".join(result.notes)
