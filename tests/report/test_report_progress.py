"""The progress display: where it draws, how often, and what it says."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dltrain.report import progress as module
from dltrain.report.progress import Display, Lines, Progress, progress

MakeMetrics = Callable[..., list[dict[str, Any]]]
EXTENT: dict[str, Any] = {"total_steps": 170, "steps_per_epoch": 17, "task": "multiclass"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")


def test_the_kind_fits_the_stream(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(progress(**EXTENT, stream=terminal)) is Display
    assert type(progress(**EXTENT, stream=io.StringIO())) is Lines
    assert type(progress(**EXTENT, stream=terminal, quiet=True)) is Progress
    monkeypatch.setenv("NO_COLOR", "1")
    assert type(progress(**EXTENT, stream=terminal)) is Lines


def test_one_line_an_epoch(make_metrics: MakeMetrics) -> None:
    stream = io.StringIO()
    with progress(**EXTENT, stream=stream) as shown:
        for record in make_metrics(10):
            shown.step(record["step"])
            shown.epoch(record)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert re.match(r"epoch  1/10  cost +1\.737  train  40\.94%  dev  42\.94%  learning rate 0\.001  0:00$", lines[0])
    assert len({line.index("cost") for line in lines}) == len({line.index("dev") for line in lines}) == 1


def test_lines_go_to_stderr(make_metrics: MakeMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    with progress(**EXTENT) as shown:
        shown.epoch(make_metrics(1)[0])
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("epoch  1/10")


def test_without_dev_and_with_what_is_not_a_number(make_metrics: MakeMetrics) -> None:
    stream = io.StringIO()
    record = make_metrics(1, dev=False)[0] | {"cost": float("nan")}
    progress(**EXTENT, stream=stream).epoch(record)
    assert "dev" not in stream.getvalue() and re.search(r"cost +—  train", stream.getvalue())


def test_regression_is_no_percentage(make_metrics: MakeMetrics) -> None:
    stream = io.StringIO()
    progress(**EXTENT | {"task": "regression"}, stream=stream).epoch(make_metrics(1)[0])
    assert "train   0.409" in stream.getvalue() and "%" not in stream.getvalue()


def test_quiet_says_nothing(make_metrics: MakeMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    with progress(**EXTENT, quiet=True) as shown:
        shown.step(1)
        shown.epoch(make_metrics(1)[0])
    assert capsys.readouterr() == ("", "")


class Clock:
    """A clock that goes when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "perf_counter", found)
    return found


def test_drawing_is_rate_limited(terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    monkeypatch.setattr(
        Display, "draw", lambda self: (drawn.append(clock.now), setattr(self, "next_draw", clock.now + 0.1))
    )
    with progress(**EXTENT, stream=terminal) as shown:
        for step in range(1, 1001):
            clock.now += 0.001
            shown.step(step)
    assert 9 <= len(drawn) <= 10


def test_the_display(terminal: Terminal, clock: Clock, make_metrics: MakeMetrics) -> None:
    records = make_metrics(5)
    records[4]["dev"]["error"] = 0.3
    with progress(**EXTENT, stream=terminal, label="digits") as shown:
        for record in records:
            clock.now += 2.0
            shown.epoch(record)
        shown.step(90)
        clock.now += 2.0
        shown.step(102)
    text = plain(terminal.getvalue())
    assert re.search(r"digits  epoch  7/10  ━{14}─{10}   60%  8\.5 steps/s  0:08 left", text)
    assert "best 24.47% (epoch 4)" in text and "dev 30.00%" in text
    assert text.rstrip().splitlines()[-2].endswith("8.5 steps/s  0:12")  # closed: the time it took
    assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is shown again


def test_a_very_short_run_draws_nothing(terminal: Terminal, clock: Clock, make_metrics: MakeMetrics) -> None:
    with progress(**EXTENT, stream=terminal) as shown:
        shown.step(1)
        shown.epoch(make_metrics(1)[0])
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("columns", ["20", "50", "79"])
def test_a_narrow_terminal_keeps_two_lines(
    columns: str, terminal: Terminal, clock: Clock, make_metrics: MakeMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = progress(**EXTENT, stream=terminal, label="x" * 60)
    clock.now += 1
    shown.epoch(make_metrics(3)[-1])
    shown.close()
    assert all(len(line) <= int(columns) for line in plain(terminal.getvalue()).splitlines())
    assert "xxx" not in terminal.getvalue()


def test_an_error_takes_the_display_down(terminal: Terminal, clock: Clock, make_metrics: MakeMetrics) -> None:
    stderr = sys.stderr
    with pytest.raises(KeyboardInterrupt), progress(**EXTENT, stream=terminal) as shown:
        clock.now += 1
        shown.epoch(make_metrics(1)[0])
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\x1b[?25h") and sys.stderr is stderr
