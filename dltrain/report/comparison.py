"""Runs beside each other in the terminal: the best first, how much worse the others are, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.differing import differing_words
from dltrain.report.formats import clean, count, fixed, percent, rate_decimals
from dltrain.report.view import Writer, interval

TESTS = {
    "mcnemar": "p: McNemar's exact test; interval: Agresti and Min",
    "bootstrap": "p and interval: bootstrap of the paired differences",
    "t": "p and interval: Student's t of the paired differences",
    "bootstrap over groups": "p and interval: bootstrap that draws whole groups",
    "t over groups": "p and interval: Student's t over groups",
    "crossed bootstrap": "p and interval: crossed bootstrap over seeds and examples",
}


def print_comparison(found: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """What `compare` found, the plain data of `compare --json`."""
    write = _writer(found)
    by_config = "configs" in found
    entries = found["configs"] if by_config else found["runs"]
    table = plain_table()
    column(table, "config" if by_config else "run", whole=True)
    column(table, "dev error", right=True)
    column(table, "interval" if not by_config else "seeds", right=True)
    column(table, "worse by", right=True)
    column(table, f"{100 * found['confidence']:g}% interval", right=True)
    column(table, "p", right=True)
    column(table, "")
    column(table, "what differs")
    best = entries[0]["config" if by_config else "run"]
    against = {pair["a"]: pair for pair in found["pairs"] if pair["b"] == best}
    for entry in entries:
        name, error = entry["config" if by_config else "run"], entry["error"]
        ends = str(len(entry["runs"])) if by_config else interval(error.get("low"), error.get("high"), write)
        cells = [clean(name), write(error["value"]), ends, *_pair_cells(against.get(name), write)]
        own = {key: values[name] for key, values in found["differences"].items()}
        table.add_row(*cells, *differing_words([own], None))
    show(_title(found), table, "", *(f"  {line}" for line in _remarks(found)), stream=stream)


def _title(found: Mapping[str, Any]) -> str:
    return f"dev, the same {count(found['n'])} examples"


def _writer(found: Mapping[str, Any]) -> Writer:
    if found["task"] == "regression":
        return lambda value: fixed(value, 4)
    entries = found.get("runs") or found["configs"]
    decimals = rate_decimals([found["n"]], [entry["error"]["value"] for entry in entries])
    return lambda value: percent(value, decimals)


def _pair_cells(pair: Mapping[str, Any] | None, write: Writer) -> list[str]:
    """worse by, its interval, p corrected for all pairs, the verdict."""
    if pair is None:
        return ["", "", "", "best"]
    difference = pair["difference"]
    p = pair["p_holm"]
    words = "< 0.001" if p < 0.001 else fixed(p, 3)
    return [write(difference["value"]), interval(difference["low"], difference["high"], write), words, pair["verdict"]]


def _remarks(found: Mapping[str, Any]) -> list[str]:
    pairs = found["pairs"]
    lines = [f"this compares {found['about']}."]
    tests = {pair["test"] for pair in pairs}
    holm = f"; Holm's correction for {len(pairs)} pairs" if len(pairs) > 1 else ""
    lines += [f"{TESTS.get(test, test)}{holm}." for test in sorted(tests)]
    if len(pairs) > 1:
        alike = sum(pair["verdict"] != "worse" for pair in pairs)
        which = f"{alike} of {len(pairs)} pairs are not" if alike else f"all {len(pairs)} pairs are"
        lines.append(f"{which} told apart; --json has every pair.")
    if any(entry.get("selected") for entry in found.get("runs", ())):
        lines.append("dev chose the epoch of some of these (early stopping): their errors are a little optimistic.")
    if not found["differences"]:
        lines.append("their configs and data are the same.")
    return lines
