"""What a search came to, as tables on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltrain.report.bars import bar
from dltrain.report.console import column, plain_table
from dltrain.report.formats import clean, count, fixed, number, percent
from dltrain.report.search_commands import next_commands, train_winner, winners_table
from dltrain.report.verdicts import diagnosis_parts

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

SHOWN = 8
"""Best points in the table."""
BAR = 24
ERRORS = (".error",)


def search_parts(record: Mapping[str, Any], path: Path) -> list[RenderableType]:
    """The best points, the winner's table, luck, importance, boxes, notes and what to run next. record: study.json, of
    the study in `path`."""
    summary = record.get("summary") or {}
    trials = summary.get("trials") or ()
    if not summary.get("best"):
        return [_states(trials), *_lines(summary.get("notes") or ())]
    values = Values(record)
    parts: list[RenderableType] = [_title("best points"), best_points(record, values), _states(trials), ""]
    parts += _winner(record, path)
    parts += _luck(summary)
    parts += _importance(summary)
    parts += _boxes(summary, values)
    parts += _lines(summary.get("notes") or ())
    for words, command in next_commands(record, path):
        parts += ["", _title(words), f"  {command}"]
    return parts


class Values:
    """How values and objectives of a search are written."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.study: Mapping[str, Any] = record.get("study") or {}
        self.regression = record.get("task") == "regression"
        self.objective = str(self.study.get("objective") or "dev.error")
        self.paths = list(self.study.get("space") or {})
        self.is_rate = self.objective.endswith(ERRORS) and not self.regression

    def names(self) -> list[str]:
        """The last part of each path; all of it where two end alike."""
        short = [path.rpartition(".")[2] for path in self.paths]
        return [
            path if short.count(name) > 1 or name == "kind" else name
            for path, name in zip(self.paths, short, strict=True)
        ]

    def score(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.is_rate:
            return percent(value, 2)
        return fixed(value) if self.objective.endswith(ERRORS) else number(value)

    def ends(self, low: float | None, high: float | None) -> str:
        if low is None or high is None:
            return ""
        return f"{self.score(low).removesuffix('%')} to {self.score(high)}"

    def setting(self, value: Any) -> str:
        return number(value) if isinstance(value, float) else clean("" if value is None else value)


def points(record: Mapping[str, Any], values: Values) -> list[dict[str, Any]]:
    """The points, best first: {point, trials, round, state, objective, low, high, overrides}; the mean over seeds. What
    was pruned is behind all that trained longer, what diverged at the end."""
    seeds = int(values.study.get("seeds") or 1)
    rows = (record.get("summary") or {}).get("trials") or ()
    found = []
    for index in range(len(rows) // seeds):
        own = rows[index * seeds : (index + 1) * seeds]
        scores = [row["objective"] for row in own if row.get("objective") is not None]
        states = [row["state"] for row in own]
        state = next((one for one in ("diverged", "pruned", "paused", "finished") if one in states), states[0])
        whole = bool(scores) and "diverged" not in states
        entry = (own[0].get("errors") or {}).get("dev") or {} if seeds == 1 and values.objective == "dev.error" else {}
        ended = state == "finished"
        found.append(
            {
                "point": index,
                "round": own[0].get("round"),
                "state": state,
                "objective": sum(scores) / len(scores) if whole else None,
                "epochs": min((row["epochs"] for row in own if row.get("epochs")), default=None),
                "low": entry.get("low") if ended else None,
                "high": entry.get("high") if ended else None,
                "overrides": {key: value for key, value in own[0]["overrides"].items() if key != "seed"},
            }
        )
    return sorted(found, key=_order)


def _order(point: Mapping[str, Any]) -> tuple[Any, ...]:
    ends = {"finished": 0, "pruned": 1, "paused": 1, "diverged": 2}.get(point["state"], 3)
    return (ends if point["objective"] is not None or ends > 1 else 3, -(point["epochs"] or 0), point["objective"] or 0)


def best_points(record: Mapping[str, Any], values: Values) -> Table:
    table = plain_table()
    column(table, "point", right=True)
    column(table, "round", right=True)
    column(table, values.objective, right=True)
    column(table, "interval", right=True)
    for name in values.names():
        column(table, name, right=True)
    for point in points(record, values)[:SHOWN]:
        if point["objective"] is None or point["state"] != "finished":
            continue
        settings = [values.setting(point["overrides"].get(path)) for path in values.paths]
        score, interval = values.score(point["objective"]), values.ends(point["low"], point["high"])
        table.add_row(str(point["point"]), str(point["round"]), score, interval, *settings)
    return table


def _states(trials: Sequence[Mapping[str, Any]]) -> str:
    states = [str(row["state"]) for row in trials]
    tally = [f"{count(states.count(state))} {state.replace('_', ' ')}" for state in dict.fromkeys(states)]
    number = f"{count(len(trials))} trial{'' if len(trials) == 1 else 's'}"
    return f"{number}: {', '.join(tally)}" if trials else "no trial"


def _winner(record: Mapping[str, Any], path: Path) -> list[RenderableType]:
    """The winner's diagnosis over its fresh seeds."""
    summary = record["summary"]
    winner = summary.get("winner")
    if not winner or not winner.get("gaps"):
        return [_title(clean(summary.get("headline") or "")), ""]
    seeds = ("seed " if len(winner["seeds"]) == 1 else "seeds ") + ", ".join(str(seed) for seed in winner["seeds"])
    title = _title(f"the winner, point {summary['best']['point']}, trained again with {seeds}")
    table = diagnosis_parts(winners_table(record, str(path)), title="", command=train_winner(record, path))
    return [title, *table, "", _title(clean(summary.get("headline") or ""))]


def _luck(summary: Mapping[str, Any]) -> list[RenderableType]:
    return [f"  {clean(summary['luck']['note'])}", ""] if (summary.get("luck") or {}).get("note") else [""]


def _importance(summary: Mapping[str, Any]) -> list[RenderableType]:
    shares, rest = summary.get("importance") or (), summary.get("importance_rest") or {}
    if not shares:
        return []
    table = plain_table()
    column(table, "importance")
    column(table, "share", right=True)
    column(table, "interval", right=True)
    table.add_column("", min_width=BAR, no_wrap=True)
    rows = [(one["path"], one) for one in shares]
    rows += [(words, rest[key]) for key, words in REST.items() if rest.get(key)]
    for name, one in rows:
        interval = f"{percent(one['low'], 0).removesuffix('%')} to {percent(one['high'], 0)}"
        table.add_row(clean(name), percent(one["share"], 0), interval, bar(one["share"], one["high"], BAR))
    return [table, ""]


REST = {"together": "pairs of them together", "unexplained": "not explained"}


def _boxes(summary: Mapping[str, Any], values: Values) -> list[RenderableType]:
    """The box of each round, where there are several."""
    rounds = summary.get("rounds") or ()
    if len(rounds) < 2:
        return []
    table = plain_table()
    column(table, "round", right=True)
    column(table, "points", right=True)
    column(table, f"best {values.objective}", right=True)
    for name in values.names():
        column(table, name)
    for one in rounds:
        boxes = [_box(one["box"].get(path), values) for path in values.paths]
        table.add_row(str(one["round"]), count(one["points"]), values.score(one.get("objective")), *boxes)
    return [_title("boxes, round by round"), table, ""]


def _box(box: Sequence[Any] | None, values: Values) -> str:
    if box is None:
        return ""
    numbers = len(box) == 2 and all(isinstance(end, int | float) and not isinstance(end, bool) for end in box)
    return (" to " if numbers else ", ").join(values.setting(value) for value in box)


def _lines(notes: Sequence[str]) -> list[RenderableType]:
    return [f"note: {clean(note)}" for note in notes]


def _title(words: str) -> Text:
    from rich.text import Text

    return Text(words, style="bold")
