"""How far a conversion is: lines where nobody sees a bar, a bar on a terminal."""

from __future__ import annotations

import io

from dltrain.report.conversions import Conversions


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def watched(stream, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Conversions(stream) as shown:
        for stage, total in (("reading", 2_000_000_000), ("preparing", 3_000_000), ("arranging", 2_940_000)):
            for done in range(0, total + 1, total // 4):
                shown.watch(stage, done, total)
    return stream.getvalue()


def test_a_line_where_a_stage_begins(monkeypatch):
    assert watched(io.StringIO(), monkeypatch) == (
        "reading (larger than memory)\npreparing\nshuffling the training rows\n"
    )


def test_a_bar_on_a_terminal(monkeypatch):
    said = watched(Terminal(), monkeypatch)
    assert "2 GB of 2 GB" in said and "2,940,000 of" in said and "100%" in said


def test_waiting_is_said_once():
    stream = io.StringIO()
    with Conversions(stream) as shown:
        shown.watch("waiting for another process", 0, 0)
        shown.watch("waiting for another process", 0, 0)
    assert stream.getvalue() == "waiting for another process\n"
