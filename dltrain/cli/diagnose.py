"""`dltrain diagnose`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dltrain.cli.options import RUNS_DIR, Json, RunsDir, print_json

FOUND = 4
FINDINGS = ("high-bias", "high-variance", "mismatch", "undetermined")
Rate = Annotated[str | None, typer.Option(metavar="RATE", help="1% or 0.01.")]


def command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN ...]", help="Runs; all, if none is named.")] = None,
    train_error: Rate = None,
    dev_error: Rate = None,
    bayes_error: Rate = None,
    train_dev_error: Rate = None,
    test_error: Rate = None,
    train_size: Annotated[int | None, typer.Option(min=1, help="Training examples.")] = None,
    dev_size: Annotated[int | None, typer.Option(min=1, help="Dev examples: gives intervals.")] = None,
    threshold: Annotated[str, typer.Option(metavar="RATE", help="A gap above it is high.")] = "2%",
    confidence: Annotated[str, typer.Option(metavar="RATE", help="Of the intervals.")] = "95%",
    fail_on: Annotated[
        str | None, typer.Option(metavar="FINDING,...", help=f"Exit 4 on any of: {', '.join(FINDINGS)}.")
    ] = None,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Print the bias/variance table of runs, or of errors typed by hand.

    Example: dltrain diagnose --train-error 1% --dev-error 11%
    """
    wanted = _wanted(fail_on)
    typed = {
        "bayes": bayes_error,
        "train": train_error,
        "train_dev": train_dev_error,
        "dev": dev_error,
        "test": test_error,
    }
    if any(value is not None for value in typed.values()):
        found = [_typed(names, typed, {"train": train_size, "dev": dev_size}, threshold, confidence)]
    else:
        found = _of_runs(runs_dir, names or [])
    _show(found, as_json, many=len(names or []) != 1 and not any(typed.values()))
    from dltrain.diagnosis import findings

    if any(set(findings(diagnosis)) & wanted for diagnosis in found):
        raise typer.Exit(FOUND)


def _wanted(fail_on: str | None) -> set[str]:
    from dltrain.errors import InputError, did_you_mean

    wanted = {word.strip() for word in fail_on.split(",") if word.strip()} if fail_on else set()
    unknown = sorted(wanted - set(FINDINGS))
    if unknown:
        known = ", ".join(FINDINGS)
        raise InputError(
            *(f"--fail-on: {word} is no finding; expected {known}{did_you_mean(word, FINDINGS)}" for word in unknown)
        )
    return wanted


def _typed(
    names: list[str] | None,
    typed: dict[str, str | None],
    sizes: dict[str, int | None],
    threshold: str,
    confidence: str,
) -> dict[str, Any]:
    """The diagnosis of errors typed by hand. With a size there are intervals; without, the values decide."""
    from dltrain.diagnosis import Measurement, diagnose, parse_rate
    from dltrain.errors import InputError

    if names:
        raise InputError("name runs or type errors, not both")
    measurements = {
        part: Measurement(parse_rate(text, f"--{part.replace('_', '-')}-error"), sizes.get(part), "typed")
        for part, text in typed.items()
        if text is not None
    }
    return diagnose(
        measurements,
        task="binary",
        threshold=parse_rate(threshold, "--threshold"),
        confidence=parse_rate(confidence, "--confidence"),
    )


def _of_runs(runs_dir: Path, names: list[str]) -> list[dict[str, Any]]:
    from dltrain import runs, trained
    from dltrain.errors import InputError

    if names:
        return [trained.read_diagnosis(runs.find(runs_dir, name)) for name in names]
    finished = [summary.path for summary in runs.list_runs(runs_dir) if summary.headline is not None]
    if not finished:
        raise InputError(f"no diagnosed run in {runs_dir}; dltrain train CONFIG makes one")
    return [trained.read_diagnosis(path) for path in finished]


def _show(found: list[dict[str, Any]], as_json: bool, many: bool) -> None:
    if as_json:
        print_json({"runs": found} if many else found[0])
        return
    from dltrain.report.verdicts import print_diagnoses

    print_diagnoses(found)
