"""`dltrain search --plan --budget TIME`"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli.durations import seconds
from dltrain.cli.options import print_json
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from dltrain.cli.study import How
    from dltrain.ready import Ready
    from dltrain.studies.search import Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """The options of a plan."""

    plan: Annotated[
        bool, typer.Option("--plan", help="Only time a few steps, and say how many trials --budget pays for.")
    ] = False
    budget: Annotated[str | None, typer.Option("--budget", metavar="TIME", help="Of --plan: 30m, 2h, ...")] = None

    def seconds(self) -> float | None:
        """The budget; None where no plan is asked for. Raises InputError for the one option without the other."""
        if self.plan and self.budget is not None:
            found = seconds(self.budget, "--budget")
            if found <= 0:
                raise InputError(Problem("expected more than no time at all", "--budget"))
            return found
        if self.plan or self.budget is not None:
            missing = "--plan needs --budget" if self.plan else "--budget goes with --plan"
            raise InputError(f"{missing}: dltrain search CONFIG --plan --budget 2h")
        return None


def say(ready: Ready, search: Search, how: How, budget: float, arguments: Sequence[str]) -> None:
    """Times, and prints what the budget pays for and what to run. Writes nothing."""
    from dltrain.report.affordable import print_affordable
    from dltrain.studies.affording import afford
    from dltrain.studies.executor_local import cores

    found = afford(ready, search, how.workers or cores(), budget)
    record: dict[str, Any] = {
        "plan": found.to_json(),
        "commands": _commands(found.way, found.trials, arguments, f"{budget:g}s"),
    }
    if how.as_json:
        print_json(record)
    elif how.quiet:
        typer.echo(found.trials)
    else:
        print_affordable(record)


def _commands(way: str, trials: int, arguments: Sequence[str], time: str) -> list[str]:
    words = list(arguments)
    if way == "panda":
        config = [word for word in words if not word.startswith("search.")]
        name = "panda" if not config else f"{Path(config[0]).stem}-panda"
        return [
            shlex.join(["dltrain", "train", *config, "--run-id", name, "--max-time", time]),
            f"dltrain watch {name}",
            f"dltrain adjust {name} optimizer.learning_rate=0.0003",
        ]
    kept = [word for word in words if not word.startswith(("search.trials=", "search.prune="))]
    prune = ["search.prune={kind: successive_halving}"] if way == "halving" else []
    return [shlex.join(["dltrain", "search", *kept, *prune, f"search.trials={max(trials, 1)}", "--max-time", time])]
