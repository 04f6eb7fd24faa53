"""Help, start-up, and what happens before any command runs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from cli_calling import call

from dltrain import __version__
from dltrain.cli.app import app

PANELS = {
    "Train": ["train", "resume", "evaluate", "predict", "minimize"],
    "Diagnose": ["diagnose", "recipe", "learning-curve", "gradcheck"],
    "Search": ["search", "adjust", "watch"],
    "Runs": ["runs", "compare", "report"],
    "Data": ["average", "data"],
    "Config": ["init", "check", "schema", "explain"],
}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that runs something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_helps_with_a_sentence_and_an_example(path: tuple[str, ...]) -> None:
    called = call(*path, "--help")
    assert (called.code, called.err) == (0, "")
    text = " ".join(called.out.split())
    first = COMMANDS[path].help.split("\n\n")[0]
    sentence = " ".join(first.split())
    assert re.fullmatch(r"[A-Z][^.]+(\.|; [^.]+\.)", sentence), "one sentence"
    assert len(sentence) < 120
    assert sentence in text
    assert f"Example: dltrain {' '.join(path)}" in text
    assert call(*path, "-h").out == called.out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_option_is_explained(path: tuple[str, ...]) -> None:
    for parameter in COMMANDS[path].params:
        if parameter.name != "help" and not parameter.name.endswith("_error"):  # their RATE says it
            assert parameter.help, f"{path}: {parameter.name}"


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in {("schema",), ("predict",)}], ids=" ".join)
def test_what_shows_something_has_json(path: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in COMMANDS[path].params)


def test_help_lists_every_command_in_its_panel() -> None:
    called = call("--help")
    assert (called.code, called.err) == (0, "")
    for panel, commands in PANELS.items():
        box = called.out.partition(f"─ {panel} ─")[2].partition("╰")[0]
        assert re.findall(r"^│ ([\w-]+)", box, re.M) == commands
    assert "Example: dltrain train configs/digits.yaml" in called.out
    assert {path[0] for path in COMMANDS} == {name for names in PANELS.values() for name in names}


def test_no_arguments_show_the_help() -> None:
    called = call()
    assert called.code == 2
    assert called.out.strip() == call("--help").out.strip()


def test_version() -> None:
    assert call("--version").out == f"dltrain {__version__}\n"


HEAVY = ("numpy", "scipy", "polars", "safetensors", "threadpoolctl", "jinja2", "yaml", "optuna", "matplotlib", "torch")
OWN = ("dltrain.config", "dltrain.data", "dltrain.engine", "dltrain.experiment", "dltrain.report", "dltrain.runs")


@pytest.mark.parametrize("arguments", (["--help"], ["train", "--help"], ["--version"], ["trian"]), ids=" ".join)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom dltrain.cli.boundary import run\n"
        f"run({arguments!r})\nprint('\\n'.join(['MODULES', *sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.partition("MODULES\n")[2].split())
    assert "typer" in loaded
    assert loaded.isdisjoint((*HEAVY, *OWN))


def test_misspelt_words_are_guessed() -> None:
    assert call("evalute").errors == ["error: No such command 'evalute'. Did you mean 'evaluate'? (dltrain --help)"]
    assert call("data", "lst").errors == ["error: No such command 'lst'. Did you mean 'list'? (dltrain data --help)"]
    assert "Possible options: --runs-dir" in call("runs", "--run-dir", "x").err


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "dltrain", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"dltrain {__version__}\n", "")
