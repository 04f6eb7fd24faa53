"""The option that gave a time is the one that is named when it is over."""

from __future__ import annotations

import pytest

from dltrain.saving import Interrupts
from dltrain.signals import Signals


@pytest.mark.parametrize("limit", ["--max-time", "--budget"])
def test_the_option_that_was_given_is_named(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signals = Signals()
    monkeypatch.setattr(signals, "install", lambda: None)
    signals.watch(75, 0.0, limit)
    stopped = Interrupts(signals).stop()
    assert stopped is not None and (str(stopped), stopped.code) == (f"{limit} is over", 75)
    signals.watch(75, 0.0)
    assert str(Interrupts(signals).stop()) == "--max-time is over"
