"""`dltrain diagnose`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dltrain.cli.options import RUNS_DIR, Json, Quiet, RunsDir, print_json
from dltrain.errors import InputError, Problem, did_you_mean

FOUND = 4
FINDINGS = ("high-bias", "high-variance", "mismatch", "undetermined")
Rate = Annotated[str | None, typer.Option(metavar="RATE", help="1% or 0.01.")]


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN ...]", help="Runs or studies; all runs, if none is named.")
    ] = None,
    train_error: Rate = None,
    dev_error: Rate = None,
    bayes_error: Rate = None,
    train_dev_error: Rate = None,
    test_error: Rate = None,
    train_size: Annotated[int | None, typer.Option(min=1, help="Training examples.")] = None,
    dev_size: Annotated[int | None, typer.Option(min=1, help="Dev examples: gives intervals.")] = None,
    train_dev_size: Annotated[int | None, typer.Option(min=1, help="Train-dev examples.")] = None,
    test_size: Annotated[int | None, typer.Option(min=1, help="Test examples.")] = None,
    bayes_size: Annotated[
        int | None, typer.Option(min=1, help="Examples that the Bayes error was measured on, by people.")
    ] = None,
    threshold: Annotated[str | None, typer.Option(metavar="RATE", help="A gap above it is high; 2%.")] = None,
    confidence: Annotated[str | None, typer.Option(metavar="RATE", help="Of the intervals; 95%.")] = None,
    fail_on: Annotated[
        str | None, typer.Option(metavar="FINDING,...", help=f"Exit 4 on any of: {', '.join(FINDINGS)}.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Print the bias/variance table of runs, or of errors typed by hand.

    With -q: the headline of each.

    Example: dltrain diagnose --train-error 1% --dev-error 11%

    Example: dltrain diagnose latest --bayes-error 5%
    """
    wanted = _wanted(fail_on)
    typed = {
        "bayes": bayes_error,
        "train": train_error,
        "train_dev": train_dev_error,
        "dev": dev_error,
        "test": test_error,
    }
    sizes = {
        "train": train_size,
        "dev": dev_size,
        "train_dev": train_dev_size,
        "test": test_size,
        "bayes": bayes_size,
    }
    restated = bool(names) and all(value is None for part, value in typed.items() if part != "bayes")
    by_hand = not restated and any(value is not None for value in typed.values())
    if by_hand:
        found = [_typed(names, typed, sizes, threshold or "2%", confidence or "95%")]
    else:
        _refuse_lone(sizes, threshold, confidence)
        found = _of_runs(runs_dir, names or [], bayes_error)
    _show(found, as_json, quiet, many=len(names or []) != 1 and not by_hand)
    from dltrain.diagnosis import findings

    if any(set(findings(diagnosis)) & wanted for diagnosis in found):
        raise typer.Exit(FOUND)


def _wanted(fail_on: str | None) -> set[str]:
    wanted = set() if fail_on is None else {word.strip() for word in fail_on.split(",") if word.strip()}
    if fail_on is not None and not wanted:
        raise InputError(f"--fail-on: names no finding; expected one or more of {', '.join(FINDINGS)}")
    unknown = sorted(wanted - set(FINDINGS))
    if unknown:
        known = ", ".join(FINDINGS)
        raise InputError(
            *(f"--fail-on: {word} is no finding; expected {known}{did_you_mean(word, FINDINGS)}" for word in unknown)
        )
    return wanted


def _refuse_lone(sizes: dict[str, int | None], threshold: str | None, confidence: str | None) -> None:
    """Options that say nothing about a run, which has its own sizes, threshold and confidence."""
    options = {f"--{part.replace('_', '-')}-size": size for part, size in sizes.items()}
    given = {**options, "--threshold": threshold, "--confidence": confidence}
    lone = [option for option, value in given.items() if value is not None]
    if lone:
        raise InputError(*(Problem("goes with errors typed by hand, --train-error and --dev-error", o) for o in lone))


def _typed(
    names: list[str] | None,
    typed: dict[str, str | None],
    sizes: dict[str, int | None],
    threshold: str,
    confidence: str,
) -> dict[str, Any]:
    """The diagnosis of errors typed by hand. With a size there are intervals; without, the values decide."""
    from dltrain.diagnosis import Measurement, diagnose

    options = {f"--{part.replace('_', '-')}-error": text for part, text in typed.items()}
    found, problems = _rates({**options, "--threshold": threshold, "--confidence": confidence})
    if names:
        problems.insert(0, Problem("name runs or type errors, not both"))
    if typed["train"] is None:
        problems.append(Problem("is needed too: bias and variance are measured from it", "--train-error"))
    for part, size in sizes.items():
        if size is not None and typed[part] is None:
            name = part.replace("_", "-")
            problems.append(Problem(f"goes with --{name}-error, which is not given", f"--{name}-size"))
    if problems:
        raise InputError(*problems)
    measurements = {
        part: Measurement(found[option], sizes.get(part), "typed")
        for part, option in zip(typed, options, strict=True)
        if option in found
    }
    return diagnose(measurements, task="binary", threshold=found["--threshold"], confidence=found["--confidence"])


def _rates(options: dict[str, str | None]) -> tuple[dict[str, float], list[Problem]]:
    """The rates of the options that were given, and what is wrong with any of them."""
    from dltrain.diagnosis import parse_rate

    found: dict[str, float] = {}
    problems: list[Problem] = []
    for option, text in options.items():
        try:
            if text is not None:
                found[option] = parse_rate(text, option)
        except InputError as error:
            problems += error.problems
    if found.get("--threshold") == 0:
        problems.append(Problem("expected more than 0, such as 2%", "--threshold"))
    if found.get("--confidence") in (0, 1):
        problems.append(Problem("expected more than 0% and less than 100%, such as 95%", "--confidence"))
    return found, problems


def _of_runs(runs_dir: Path, names: list[str], bayes_error: str | None) -> list[dict[str, Any]]:
    """The diagnoses of runs; with a Bayes error stated, as if it had stood in their configs."""
    from dltrain import runs, trained

    if names:
        stated, problems = _rates({"--bayes-error": bayes_error})
        if problems:
            raise InputError(*problems)
        paths = [runs.find_either(runs_dir, name) for name in names]
        found = [_diagnosis_of(path, stated.get("--bayes-error")) for path in paths]
        return _told_apart(found, [runs.settings_of(runs.read_either(path)) for path in paths])
    listed = runs.list_runs(runs_dir)
    finished = [summary.path for summary in listed if summary.headline is not None and summary.kind == "run"]
    if not finished:
        raise InputError(f"no diagnosed run in {runs_dir}; dltrain train CONFIG makes one")
    settings = {summary.path: summary.settings for summary in listed}
    return _told_apart([trained.read_diagnosis(path) for path in finished], [settings[path] for path in finished])


def _diagnosis_of(path: Path, bayes_error: float | None) -> dict[str, Any]:
    """Of a run, with its metrics, or of a study whose trials have a table together."""
    from dltrain import runs, trained

    if not runs.is_study(path):
        return _with_metrics(path, trained.read_diagnosis(path, bayes_error))
    from dltrain.studies.next_steps import read_table

    return read_table(path, bayes_error)


def _with_metrics(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    """With `metrics`: what the run's predictions tell beside their error."""
    from dltrain import trained

    metrics = trained.read_metrics(path)
    return found if metrics is None else {**found, "metrics": metrics}


def _told_apart(found: list[dict[str, Any]], settings: Sequence[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Of several runs each with `differs`: its own values of the keys in which their configs differ."""
    from dltrain import runs

    if len(found) < 2:
        return found
    return [{**one, "differs": own} for one, own in zip(found, runs.told_apart(settings), strict=True)]


def _show(found: list[dict[str, Any]], as_json: bool, quiet: bool, many: bool) -> None:
    if as_json:
        print_json({"runs": found} if many else found[0])
        return
    if quiet:
        typer.echo("\n".join(str(one["headline"]) for one in found))
        return
    from dltrain.report.verdicts import print_diagnoses, print_diagnosis

    if not many and "study" in found[0]:
        from dltrain.report.study_tables import again

        print_diagnosis(found[0], command=again(found[0], found[0]["run"]))
    elif many or "run" in found[0]:
        print_diagnoses(found, whole=True)
    else:
        print_diagnosis(found[0], title="")
