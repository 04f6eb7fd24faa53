"""The results as Markdown, and where they stand in the documents: between two comments, written by `make trust`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")
BEGIN, END = "<!-- trust: begin -->", "<!-- trust: end -->"
OURS = "dltrain"

Results = Mapping[str, Any]


def percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def points(ends: Sequence[float]) -> str:
    """A difference with its interval, in points."""
    value, low, high = (f"{100 * end:+.1f}" for end in ends)
    return f"{value} ({low} to {high})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def coverage(results: Results) -> list[str]:
    rows = [
        [row["name"].strip(), percent(row["coverage"]), percent(row["standard_error"]), f"{row['intervals']:,}"]
        for row in results["coverage"]
    ]
    return table(["95 % intervals of", "hold the truth", "Monte-Carlo error", "intervals"], rows)


def verdicts(results: Results) -> list[str]:
    """One line a rule and size: wrong by gap, wrong tables, undetermined tables."""
    rows = [
        [
            row["rule"],
            f"{row['n']:,}",
            *(percent(row[f"wrong_{gap}"]) for gap in ("bias", "variance", "mismatch", "table")),
            *(percent(row[f"undetermined_{gap}"], 0) for gap in ("variance", "mismatch", "table")),
        ]
        for row in results["verdicts"]
    ]
    header = ["rule", "dev", "wrong: bias", "variance", "mismatch", "any of the three"]
    return table([*header, "undetermined: variance", "mismatch", "any of the three"], rows)


def advice(results: Results) -> list[str]:
    rows = [
        [
            f"{row['group']}, {row['measured_on']}",
            f"{row['advised']} of {row['asked']}",
            percent(row["first_helps"], 0),
            percent(row["random_helps"], 0),
            points(row["helps_more"]),
            points(row["change_difference"]),
        ]
        for row in results["advice"]["summary"]
    ]
    header = ["problems, measured on", "with a step advised", "first step helps", "random step helps"]
    return table([*header, "more often by, points", "error lower by (negative), points"], rows)


def mismatch(results: Results) -> list[str]:
    found = results["mismatch"]
    shifts, alarms, of = found["found_of_shifted"], found["found_of_unshifted"], len(found["shifts"])
    rows = [
        ["generated shifts", f"{shifts} of {of}", f"{percent(found['power'])} of {found['redraws']} redraws"],
        [
            "the same without shift",
            f"{alarms} of 10",
            f"{percent(found['false_alarms'])} of {found['redraws']} redraws",
        ],
    ]
    for name, gap in (found["pendigits"] or {}).items():
        ends = points((gap["value"], gap["low"], gap["high"]))
        said = "found" if gap["verdict"] == "high" else gap["verdict"]
        rows.append([f"pen digits, {name.replace('_', ' ')}", said, f"{ends} points"])
    return table(["data mismatch", "found", "how surely"], rows)


def pairs(results: Results) -> list[str]:
    rows = [
        [*("not stated" if e is None else f"{100 * e:g} %" for e in (row["train"], row["dev"], row["bayes"])),
         row["headline"]]
        for row in results["pairs"]
    ]  # fmt: skip
    return table(["train", "dev", "Bayes", "verdict"], rows)


def when(results: Results) -> str:
    run = results["run"]
    return f"Measured {run['date']} on {run['machine']}, {run['python']}, in {run['minutes']:.0f} minutes."


def whole(results: Results) -> str:
    """The section of docs/diagnosis.md."""
    parts = (coverage, verdicts, mismatch, advice, pairs)
    return "\n\n".join([when(results), *("\n".join(part(results)) for part in parts)])


def short(results: Results) -> str:
    """The table of the README."""
    pooled = {row["name"]: row for row in results["coverage"]}
    ours = [row for row in results["verdicts"] if row["rule"] == OURS]
    fixed = [row for row in results["verdicts"] if row["rule"] == "gap > 2 points"]
    tried = [row for row in results["advice"]["summary"] if row["group"] == "all" and row["measured_on"] == "dev"]
    rows = [
        [f"95 % intervals of {name} hold the truth", percent(pooled[name]["coverage"])] for name in ("errors", "gaps")
    ]
    rows.append(["tables with a wrong verdict, at most", percent(max(row["wrong_table"] for row in ours))])
    rows.append(["the same with a fixed threshold of 2 points", percent(max(row["wrong_table"] for row in fixed))])
    rows.append(["tables left undetermined, " + " / ".join(f"{row['n']:,}" for row in ours) + " dev examples",
                 " / ".join(percent(row["undetermined_table"], 0) for row in ours)])  # fmt: skip
    rows += [
        ["the first-ranked step helps, a random step of the same budget",
         f"{percent(row['first_helps'], 0)}, {percent(row['random_helps'], 0)}"]
        for row in tried
    ]  # fmt: skip
    return "\n".join(table(["measured", "result"], rows)) + f"\n\n{when(results)}"


def placed(document: str, text: str) -> str:
    """`document` with `text` between the two comments."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    if not pattern.search(document):
        raise ValueError(f"the document has no {BEGIN}")
    return pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document)


def write(results: Results) -> None:
    """The results file, and the tables in the documents."""
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    for name, text in (("docs/diagnosis.md", whole(results)), ("README.md", short(results))):
        path = ROOT / name
        path.write_text(placed(path.read_text(), text))


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text()))
