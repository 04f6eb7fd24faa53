"""The recipe as the notes draw it, and what came of trying its steps."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from dltrain.diagnosis.advice import said_once
from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import clean, count, fixed, percent
from dltrain.studies.recipe import change_text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

ANSWERS = {"yes": "yes", "no": "no", "open": "not known", "not asked": "not asked"}
VERDICTS = {"helped": "bold green", "hurt": "red", "no result": "yellow"}
GAP_WORDS = {"avoidable_bias": "bias", "variance": "variance", "mismatch": "mismatch"}


# ---- the flow chart


def print_recipe(record: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """The questions in their order, the steps under each, and the command that tries them. `record`: what
    `recipe --json` prints."""
    from rich.text import Text

    run = str(record["run"])
    parts: list[RenderableType] = [Text(clean(f"{run}: {record['headline']}"), style="bold")]
    whys = said_once([str(step["why"]) for entry in record["path"] for step in entry["steps"]])
    said = iter(whys)
    for entry in record["path"]:
        answer = ANSWERS.get(entry["answer"], entry["answer"])
        style = "bold red" if _hot(entry) else "bold"
        parts += ["", Text.assemble((f"{entry['question']} {answer}", style), f" · {clean(entry['why'])}")]
        for step in entry["steps"]:
            parts += _step_lines({**step, "why": next(said)})
        if entry["aim"] != "done":
            parts.append("  ↓")
    if record["try"]:
        parts += ["", "try them, each for the same budget:", f"  {clean(record['try'])}"]
    show(*parts, stream=stream)


def _hot(entry: Mapping[str, Any]) -> bool:
    return bool(entry["answer"] == ("no" if entry["aim"] == "training" else "yes") and entry["aim"] != "done")


def _step_lines(step: Mapping[str, Any]) -> list[RenderableType]:
    from rich.text import Text

    words = Text.assemble(f"  {step['rank']}. ", (clean(step["action"]), "bold"), f" · {clean(step['why'])}")
    return [words, f"       {clean(step['command'])}"] if step["command"] else [words]


def print_commands(record: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """The commands alone, best first, one a line."""
    steps = sorted((step for entry in record["path"] for step in entry["steps"]), key=lambda step: int(step["rank"]))
    show(*(clean(step["command"]) for step in steps if step["command"]), stream=stream)


# ---- the steps as tried


def tried_parts(record: Mapping[str, Any]) -> list[RenderableType]:
    """Of study.json: the table of steps with paired changes, the gaps they closed, and how to go on from the best."""
    summary, task = record.get("summary") or {}, str(record.get("task"))
    if not summary.get("reference"):
        return []
    steps = summary["steps"]
    parts: list[RenderableType] = [_budget_line(summary, record), "", _table(summary, task), ""]
    for step in steps:
        parts += [f"{clean(step['action'])}: {line}" for line in step_lines(step, task)]
    parts += ["", *remarks(record)]
    if summary["best"] is not None:
        best = steps[summary["best"]]
        run = f"{record['id']}/{best['trials'][0]}"
        parts += [
            "",
            "it is trained already; back to the start with it:",
            f"  {shlex.join(['dltrain', 'recipe', run])}",
        ]
    return parts


def tried_lines(record: Mapping[str, Any]) -> list[str]:
    """The same as lines for the page; none for a study of another kind."""
    summary, task = record.get("summary") or {}, str(record.get("task"))
    if not summary.get("reference"):
        return []
    steps = [f"{clean(step['action'])}: {line}" for step in summary["steps"] for line in step_lines(step, task)]
    return [_budget_line(summary, record), *steps, *(line.strip() for line in remarks(record))]


def _budget_line(summary: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    return f"steps for {clean(record['study']['run'])}, each for {cost(summary['budget'])}"


def cost(budget: Mapping[str, Any]) -> str:
    """What a trial may spend, as a person understands it: `1.5 times its training (30 epochs of its own network)`."""
    epochs = f"{budget['base_epochs']:g} epochs of its own network"
    times = budget.get("of_training")
    return f"the work of {epochs}" if times is None else f"the work of {times:.2g} times its training ({epochs})"


def _table(summary: Mapping[str, Any], task: str) -> Table:
    from rich.text import Text

    table = plain_table()
    for header in ("step", "against"):
        column(table, header)
    for header in ("train", "dev"):
        column(table, header, right=True)
    column(table, "dev, paired", right=True)
    column(table, "p", right=True)
    column(table, "verdict")
    if summary["as_it_was"] is not None:
        table.add_row("the config as it was", "", *_errors(summary["as_it_was"], task), "", "", "")
    table.add_row("the same at this budget", "", *_errors(summary["reference"], task), "", "", "")
    for step in summary["steps"]:
        verdict = Text(step["verdict"], style=VERDICTS.get(step["verdict"], ""))
        change = "" if step["change"] is None else change_text(step["change"], task)
        aim = "" if step["aim"] == "training" else step["aim"]
        table.add_row(clean(step["action"]), aim, *_errors(step, task), change, _p(step["p_holm"]), verdict)
    return table


def _errors(side: Mapping[str, Any], task: str) -> list[str]:
    return [written(side["errors"][part]["value"], task) if part in side["errors"] else "" for part in ("train", "dev")]


def _p(p: float | None) -> str:
    return "" if p is None else "< 0.001" if p < 0.001 else fixed(p, 3)


def step_lines(step: Mapping[str, Any], task: str) -> list[str]:
    """`helped: dev −1.4 [−2.3, −0.5], paired; variance 9.2% → 1.1%, closed`."""
    if step["change"] is None:
        return [f"no result ({clean(step.get('cause') or 'none to compare')})"]
    gaps = [gap_text(name, gap, task) for name, gap in step["gaps"].items()]
    return ["; ".join([f"{step['verdict']}: dev {change_text(step['change'], task)}, paired", *gaps])]


def gap_text(name: str, gap: Mapping[str, Any], task: str) -> str:
    """`variance 9.2% → 1.1%, closed`."""
    left = "" if gap["verdict_before"] == gap["verdict_after"] == "low" else f", {gap['verdict_after']}"
    end = ", closed" if gap["closed"] else left
    return f"{GAP_WORDS.get(name, name)} {written(gap['before'], task)} → {written(gap['after'], task)}{end}"


def written(value: float, task: str) -> str:
    """An error as text."""
    return fixed(value) if task == "regression" else percent(value)


def remarks(record: Mapping[str, Any]) -> list[str]:
    """What the numbers are of."""
    summary, study = record["summary"], record["study"]
    number = len(summary["steps"])
    lines = ["  changes are of the dev error on the same rows, against the same config at this budget"]
    if summary["as_it_was"] is not None:
        lines.append(f"  {clean(summary['steps'][0]['action'])}: against the config as it was")
    if record.get("task") != "regression":
        lines[0] += ", in points"
    lines.append(f"  p is corrected for {count(number)} {'step' if number == 1 else 'steps'} (Holm)")
    if study["seeds"] > 1:
        lines.append(f"  over {study['seeds']} seeds and new dev rows: the configs, not single models")
    if number > 1:
        lines.append("  dev chose among them: the best one's own dev error is a little too good")
    return lines
