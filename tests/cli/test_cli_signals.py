"""Signals at awkward moments: before the command line is parsed, and where foreign code changes what a handler raises."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_calling import call, trees

from dltrain import experiment, runs
from dltrain.cli import training
from dltrain.signals import Stopped, current, requeue_code_of


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("train a.yaml", 75),
        ("train a.yaml --requeue-code 85", 85),
        ("train --requeue-code=99 a.yaml", 99),
        ("train --requeue-code 85 --requeue-code 99", 99),
        ("train -- --requeue-code 85", 75),
        ("train --requeue-code", 75),
        ("train --requeue-code 0", 75),
        ("train --requeue-code 256", 75),
        ("train --requeue-code many", 75),
    ],
)
def test_the_requeue_code_before_the_command_line_is_parsed(arguments: str, code: int) -> None:
    assert requeue_code_of(arguments.split()) == code


def changed(*_: Any, **__: Any) -> Any:
    """As a handler's Stopped comes out of a library that turns every exception into its own."""
    current.asked = signal.SIGTERM
    raise RuntimeError("Stopped: SIGTERM")


def test_a_signal_that_became_another_error_is_no_bug(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltrain.config.load", changed)
    called = call("train", trees(empty_folder))
    assert (called.code, called.out, called.err) == (143, "", "")
    assert current.asked is None


@pytest.mark.parametrize("where", ["_begin", "diagnose"])
def test_a_run_that_it_ended_goes_on(where: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trees(empty_folder)
    with monkeypatch.context() as patch:
        patch.setattr(experiment, where, changed)
        assert call("train", config, "-q", "--run-id", "a").code == 143
    assert runs.read_run("runs/a")["state"] == "interrupted"
    assert not Path("runs/a/traceback.txt").exists()
    assert call("train", config, "-q", "--run-id", "a").code == 0


SWALLOWED = """
import signal, sys, weakref
from dltrain import __main__
from dltrain.signals import current, requeue_code_of

class Thing: pass
thing = Thing()
ref = weakref.ref(thing, lambda _: signal.raise_signal(signal.{name}))
honest = current.install

def install():
    global thing
    honest()
    del thing  # what the callback raises, Python can only print

current.install = install
__main__.main()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGUSR1", 99)])
def test_a_signal_that_is_swallowed_is_answered_later(name: str, code: int, empty_folder: Path) -> None:
    trees(empty_folder)
    program = SWALLOWED.replace("{name}", name)
    arguments = ["train", "trees.yaml", "--run-id", "a", "--requeue-code", "99"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    assert not Path("runs").exists()


def test_what_else_is_raised_there_is_still_printed() -> None:
    program = "import weakref\nfrom dltrain.signals import hush\nhush()\nclass T: pass\nt = T()\n"
    program += "r = weakref.ref(t, lambda _: 1 / 0)\ndel t\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "ZeroDivisionError" in done.stderr


def test_the_exit_code_of_one_that_is_answered() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):  # whoever started the tests may ignore them, which dltrain heeds
        signal.signal(number, signal.SIG_DFL)
    signals = training.watch_signals(85)
    for number, code in ((signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGUSR1, 85)):
        with pytest.raises(Stopped) as stopped:
            signal.raise_signal(number)
        assert stopped.value.code == signals.answered() == code
        assert signals.asked is None


def test_no_command_has_no_requeue_code() -> None:
    assert requeue_code_of([]) == requeue_code_of(["train"]) == 75
    assert requeue_code_of(["train", "--requeue-code", "85"]) == 85
