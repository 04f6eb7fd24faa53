"""`dltrain search --recheck STUDY`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import study
from dltrain.cli.options import split_arguments
from dltrain.errors import InputError

if TYPE_CHECKING:
    from dltrain.signals import Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecking:
    """The option of a recheck."""

    recheck: Annotated[
        str | None,
        typer.Option(
            "--recheck",
            metavar="STUDY",
            help="Train the winner of a search and its neighbours again, on the data and CONFIG as they are now.",
        ),
    ] = None


def run(name: str, arguments: Sequence[str], how: study.How, signals: Signals) -> None:
    """A study of the winner and its neighbours. Without a CONFIG that of the search itself."""
    from dltrain import config, runs
    from dltrain.cli.preparing import prepare
    from dltrain.studies.folder import TRIAL_CONFIG
    from dltrain.studies.recheck_plan import recheck_of, study_of_search

    record = how.record()
    path = runs.find_either(how.runs_dir, name)
    if not runs.is_study(path):
        raise InputError(f"{path.name} is a single run; --recheck takes a search")
    searched = runs.read_study(path)
    study_of_search(searched)
    configs, overrides = split_arguments(arguments)
    if record is not None and _is_over(record, searched):
        study.say_done(how.runs_dir / record["id"], record, how)
        return
    ready = prepare(config.load(configs or [str(path / TRIAL_CONFIG)], overrides), how.silent)
    found = recheck_of(searched, ready)
    signals.answer()
    study.start_or_go_on(ready, found, record, how, signals)


def _is_over(record: Mapping[str, Any], searched: Mapping[str, Any]) -> bool:
    """Whether the same search was looked at again under this id, and that is done."""
    asked = record.get("study") or {}
    return bool(record["state"] == "finished" and asked.get("kind") == "recheck" and asked["study"] == searched["id"])
