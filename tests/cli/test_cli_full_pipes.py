"""A pipe that is full and that nobody reads: the process saves and leaves all the same, with its code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cli_calling import call, trees

from dltrain import runs

LONG = "training.epochs=100000"


@contextmanager
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that has no room left; the reading end stays open."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * size)
    os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


def ended(stream: str, *more: str, number: int | None = None) -> int:
    """The exit code with a stream that is stuck; a signal is sent once the run's folder stands."""
    other = "stderr" if stream == "stdout" else "stdout"
    command = [sys.executable, "-m", "dltrain", "train", "trees.yaml", "--run-id", "a", *more]
    with full_pipe() as pipe:
        process = subprocess.Popen(command, **{stream: pipe, other: subprocess.DEVNULL})  # type: ignore[call-overload]
        try:
            while number is not None and not Path("runs/a/run.json").exists() and process.poll() is None:
                time.sleep(0.02)
            if number is not None:
                process.send_signal(number)
            return int(process.wait(timeout=60))
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_when_the_time_is_over(stream: str, empty_folder: Path) -> None:
    trees(empty_folder)
    assert ended(stream, LONG, "--max-time", "1s") == 75
    assert runs.read_run("runs/a")["state"] == "interrupted"
    assert runs.list_checkpoints("runs/a")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_when_a_signal_comes(stream: str, empty_folder: Path) -> None:
    trees(empty_folder)
    assert ended(stream, LONG, number=signal.SIGTERM) == 143
    assert runs.read_run("runs/a")["state"] == "interrupted"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_result_that_nobody_takes_is_in_the_folder(more: tuple[str, ...], empty_folder: Path) -> None:
    assert call("train", trees(empty_folder), "-q", "--run-id", "a").code == 0
    assert ended("stdout", "--max-time", "1s", *more) == 0
