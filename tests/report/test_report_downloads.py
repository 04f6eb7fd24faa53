"""The line of a download: on a terminal only, not too often, and what it says."""

from __future__ import annotations

import io
import re

import pytest

from dltrain.report import downloads as module
from dltrain.report.downloads import Downloads, size


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (61_904, "61.9 kB"),
        (11_594_722, "11.6 MB"),
        (999_499, "999 kB"),
        (999_501, "1 MB"),
        (123_456_789, "123 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_nothing_without_a_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with Downloads(stream) as shown:
        shown.watch("a.csv", 10, 10)
    assert stream.getvalue() == ""
    monkeypatch.setenv("NO_COLOR", "1")
    with Downloads(terminal) as shown:
        shown.watch("a.csv", 10, 10)
    assert terminal.getvalue() == ""


def test_the_line(terminal: Terminal) -> None:
    with Downloads(terminal) as shown:
        line = shown.picture("a\x1b[31m.csv", 250_000, 1_000_000, 0.5).plain
        assert line == "a\\x1b[31m.csv  ━━━━━━──────────────────   25%  250 kB of 1 MB  500 kB/s"
        shown.watch("a.csv", 1_000_000, 1_000_000)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "a.csv  ━━━━━━━━━━━━━━━━━━━━━━━━  100%  1 MB of 1 MB" in text


def test_drawing_is_rate_limited(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    drawn: list[float] = []
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    monkeypatch.setattr(Downloads, "_draw", lambda self, picture: drawn.append(now[0]))
    with Downloads(terminal) as shown:
        for done in range(1, 1001):
            now[0] += 0.001
            shown.watch("a.csv", done, 1000)
    assert 10 <= len(drawn) <= 11 and drawn[-1] == now[0], "and the end is shown"
