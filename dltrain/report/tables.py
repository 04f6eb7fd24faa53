"""The other tables of the command line: runs, a checked config, data sets, a gradient check, an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.differing import differing_words
from dltrain.report.formats import NOTHING, clean, count, fixed, number, percent, rate_decimals
from dltrain.report.metrics import metric_facts
from dltrain.report.space_table import print_space
from dltrain.report.view import interval, weighted

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

STATES = {"finished": "green", "diverged": "red", "failed": "red", "interrupted": "yellow", "running": "cyan"}
MEASURES = {"rmse": "RMSE", "mae": "MAE", "r2": "R²"}
GRADES = {"great": "green", "okay, double check": "yellow", "not good": "bold red"}


def print_runs(runs: Sequence[Mapping[str, Any]], *, stream: TextIO | None = None) -> None:
    """One row a run, in the order given.

    Read of each: `id`, `state`, `task`, `epoch`, `errors` ({part: {value, low, high, n}} or {part: value}),
    `headline`, `differs` ({dotted key: value}), `created` (an ISO time, shown to the minute). What is missing stays
    empty.
    """
    parts = [part for part in ("train", "dev", "test") if any(_error(run, part) is not None for run in runs)]
    table = plain_table()
    column(table, "run", whole=True)
    column(table, "state")
    column(table, "epoch", right=True)
    for part in parts:
        column(table, part, right=True)
    column(table, "verdict")
    column(table, "differs")
    column(table, "created")
    apart = differing_words([run.get("differs") or {} for run in runs])
    for run, differs in zip(runs, apart, strict=True):
        errors = [_error_cell(run, part) for part in parts]
        state = _styled(str(run.get("state") or NOTHING), STATES)
        epoch = "" if run.get("epoch") is None else count(run["epoch"])
        words = clean(run.get("headline") or "")
        created = clean(run.get("created") or "").replace("T", " ")[: len("2026-11-22 13:46")]
        table.add_row(clean(run.get("id") or ""), state, epoch, *errors, words, differs, created)
    show(_without_empty_columns(table), stream=stream)


def _error(run: Mapping[str, Any], part: str) -> float | None:
    entry = (run.get("errors") or {}).get(part)
    return entry.get("value") if isinstance(entry, Mapping) else entry


def _error_cell(run: Mapping[str, Any], part: str) -> str:
    value = _error(run, part)
    if value is None:
        return ""
    if run.get("task") == "regression":
        return fixed(value)
    return percent(value, 2)


def _without_empty_columns(table: Table) -> Table:
    """The same table without the columns that no row fills (all of them, when there is no row)."""
    kept = [col for col in table.columns if any(str(cell) for cell in col.cells)] or table.columns
    lean = plain_table()
    for col in kept:
        lean.add_column(col.header, justify=col.justify, overflow=col.overflow)
    for cells in zip(*(col.cells for col in kept), strict=True):
        lean.add_row(*cells)
    return lean


def _styled(words: str, styles: Mapping[str, str]) -> Text:
    from rich.text import Text

    return Text(clean(words), style=styles.get(words, ""))


def print_facts(
    facts: Mapping[str, object] | Iterable[tuple[str, object]],
    *,
    title: str | None = None,
    stream: TextIO | None = None,
) -> None:
    """Names and values beside each other: `batch size  64`."""
    from rich.table import Table

    pairs = facts.items() if isinstance(facts, Mapping) else facts
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(clean(name), _fact(value))
    show(*([_bold(title)] if title else []), table, stream=stream)


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return number(value) if isinstance(value, float) else clean(NOTHING if value is None else value)


def _bold(words: str) -> Text:
    from rich.text import Text

    return Text(clean(words), style="bold")


def print_network(layers: Sequence[Mapping[str, Any]], *, stream: TextIO | None = None) -> None:
    """The network, one row a layer, and the number of parameters in all.

    Read of each: `name`, `shape` ([n_in, n_out]), `activation`, `initializer`, `regularizer`, `keep_prob`,
    `batch_norm` (bool), `parameters`.
    """
    table = plain_table()
    column(table, "layer")
    column(table, "shape", right=True)
    for header in ("activation", "initializer", "regularizer"):
        column(table, header)
    column(table, "keep_prob", right=True)
    column(table, "batch norm")
    column(table, "parameters", right=True)
    for layer in layers:
        shape = " × ".join(str(size) for size in layer.get("shape") or ())
        words = [clean(layer.get(key) or "") for key in ("activation", "initializer", "regularizer")]
        keep = layer.get("keep_prob")
        kept = "" if keep is None or keep == 1 else number(keep)
        norm = "yes" if layer.get("batch_norm") else ""
        parameters = count(layer.get("parameters"))
        table.add_row(clean(layer.get("name") or ""), shape, *words, kept, norm, parameters)
    total = sum(layer.get("parameters") or 0 for layer in layers)
    show(_without_empty_columns(table), "", f"{count(total)} parameters in all", stream=stream)


def print_check(check: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """What `check` found: `title`, `data` and `training` ({name: value}), `network` (see print_network),
    `search` (see print_space), `notes` (sentences), `resolved` (the text of the resolved config, which stands first:
    it is long)."""
    if check.get("resolved"):
        show(str(check["resolved"]).rstrip("\n"), "", stream=stream)
    if check.get("title"):
        show(_bold(str(check["title"])), stream=stream)
    for key in ("data", "training"):
        if check.get(key):
            print_facts(check[key], title=key, stream=stream)
            show("", stream=stream)
    if check.get("network"):
        show(_bold("network"), stream=stream)
        print_network(check["network"], stream=stream)
    if check.get("search"):
        print_space(check["search"], stream=stream)
    if check.get("notes"):
        show("", *(f"- {clean(note)}" for note in check["notes"]), stream=stream)


def print_data_sets(sets: Iterable[Mapping[str, Any]], *, stream: TextIO | None = None) -> None:
    """One row a data set: `name`, `where` (on this machine or not), `rows`, `inputs`, `task`, `classes` (number or
    names), `licence`, `source`."""
    table = plain_table()
    column(table, "name", whole=True)
    column(table, "where")
    column(table, "rows", right=True)
    column(table, "inputs", right=True)
    column(table, "task")
    column(table, "classes", right=True)
    column(table, "licence")
    column(table, "source")
    for entry in sets:
        classes = entry.get("classes")
        number_of = classes if isinstance(classes, int) else len(classes) if classes else None
        numbers = [count(entry.get("rows")), count(entry.get("inputs"))]
        words = [clean(entry.get(key) or "") for key in ("licence", "source")]
        size = "" if number_of is None else count(number_of)
        names = [clean(entry.get(key) or "") for key in ("name", "where")]
        table.add_row(*names, *numbers, clean(entry.get("task") or ""), size, *words)
    show(_without_empty_columns(table), stream=stream)


def print_gradcheck(check: Mapping[str, Any], *, title: str | None = None, stream: TextIO | None = None) -> None:
    """A gradient check, one row a parameter block, then the verdict of the worst.

    Read of it: `verdict`, `ratio` (over theta), `epsilon`, `blocks`, `culprit` {explanation}; of each block: `name`,
    `size`, `compared`, `kinks`, `ratio_at_epsilon`, `ratio` and `epsilon` (the best), `band`.
    """
    table = plain_table()
    column(table, "block")
    for header in ("size", "compared", "kinks"):
        column(table, header, right=True)
    column(table, f"at {_tiny(check.get('epsilon'))}", right=True)
    column(table, "best", right=True)
    column(table, "at epsilon", right=True)
    column(table, "verdict")
    for block in check["blocks"]:
        sizes = [count(block.get(key)) for key in ("size", "compared")]
        kinks = count(block["kinks"]) if block.get("kinks") else ""
        ratios = [_tiny(block.get(key)) for key in ("ratio_at_epsilon", "ratio", "epsilon")]
        table.add_row(clean(block["name"]), *sizes, kinks, *ratios, _styled(str(block["band"]), GRADES))
    words = f", {_tiny(check.get('ratio'))} over all parameters" if check.get("ratio") is not None else ""
    end = _bold("gradient check: ").append_text(_styled(check["verdict"], GRADES)).append(words, style="not bold")
    parts: list[RenderableType] = [_bold(title)] if title else []
    culprit = (check.get("culprit") or {}).get("explanation")
    show(*parts, _without_empty_columns(table), "", end, *([f"  {clean(culprit)}"] if culprit else []), stream=stream)


def print_gradchecks(checks: Mapping[str, Mapping[str, Any]], *, stream: TextIO | None = None) -> None:
    """Many gradient checks, one row a case (`relu, softmax, l2`), then how many came out how."""
    table = plain_table()
    column(table, "case")
    column(table, "parameters", right=True)
    column(table, "kinks", right=True)
    column(table, "worst block")
    column(table, "relative difference", right=True)
    column(table, "verdict")
    for name, check in checks.items():
        kinks = count(check["kinks"]) if check.get("kinks") else ""
        words = [clean(check.get("worst") or ""), _tiny(check.get("ratio"))]
        table.add_row(clean(name), count(check.get("size")), kinks, *words, _styled(check["verdict"], GRADES))
    verdicts = [check["verdict"] for check in checks.values()]
    tally = " · ".join(f"{verdicts.count(grade)} {grade}" for grade in GRADES if grade in verdicts)
    show(_without_empty_columns(table), "", _bold(f"{count(len(verdicts))} gradient checks: {tally}"), stream=stream)


def _tiny(value: float | None) -> str:
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:.1e}"


def print_evaluation(
    result: Mapping[str, Any], *, task: str | None = None, confidence: float = 0.95, stream: TextIO | None = None
) -> None:
    """What `evaluate` measured: `part`, `error` {value, low, high, n}, `loss`, `metrics` {name: number}."""
    error = result["error"]
    regression = task == "regression"
    decimals = rate_decimals([error.get("n")], [error.get("value")])

    def write(value: float | None) -> str:
        return fixed(value) if regression else percent(value, decimals)

    ends = interval(error.get("low"), error.get("high"), write)
    known = ends if ends in ("", "exact") else f"{100 * confidence:g}% interval {ends}"
    words = f"{write(error.get('value'))}" + (f"  ({known})" if known else "")
    facts: list[tuple[str, object]] = [("error", words)]
    weights = weighted(error)
    examples = error.get("n") if not weights else f"{error.get('n')}, {weights}"
    facts += [("examples", examples), ("loss", result.get("loss"))]
    metrics = result.get("metrics") or {}
    plain = {name: value for name, value in metrics.items() if value is None or isinstance(value, int | float)}
    facts += [(MEASURES.get(name, name), value) for name, value in plain.items()]
    facts += metric_facts(metrics)
    facts += [("looks", _looks(result["looks"]))] if result.get("looks") else []
    print_facts(facts, title=clean(result.get("part") or "data"), stream=stream)


def _looks(looks: Mapping[str, Any]) -> str:
    """How often these test rows were looked at, this look included."""
    times = "once" if looks["looks"] == 1 else f"{count(looks['looks'])} times"
    by = "" if looks["runs"] == 1 else f", by {count(looks['runs'])} runs"
    return f"these rows were looked at {times}{by}"


__all__ = [
    "print_check",
    "print_data_sets",
    "print_evaluation",
    "print_facts",
    "print_gradcheck",
    "print_network",
    "print_runs",
]
