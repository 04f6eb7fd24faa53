"""What the README and the pages of docs/ show is true: commands run, files exist, output has the shown form."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from docs_config_page import PAGE, page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_TEXT = re.compile(r"^# (\S+\.(?:yaml|py))\n")
SET_UP = (". .venv/bin/activate", "pip install .")
FOUND = 4
REAL = os.environ.get("DLTRAIN_TEST_DATA", "")
FETCHED = re.compile(r"^dltrain (data fetch|.*titanic)")
"""Commands that need a real set."""


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it, with the output it shows, if any."""

    command: str
    output: str = ""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str


def blocks(text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in FENCE.finditer(text)]


def commands(text: str) -> Iterator[Shown]:
    """Of sh blocks every line, of console blocks what follows `$ `, with its output."""
    for kind, block in blocks(text):
        if kind == "sh":
            yield from (Shown(line.partition("    #")[0].strip()) for line in block.splitlines() if line.strip())
        if kind == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield Shown(line, output)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def passengers(rng: np.random.Generator) -> str:
    """Gaps, words and whole numbers."""
    lines = ["survived,class,sex,age,port"]
    for k in range(120):
        age = "" if k % 7 == 0 else f"{rng.integers(1, 80)}"
        sex, port = ("male", "female")[k % 2], ("S", "C", "Q", "?")[rng.integers(0, 4)]
        lines.append(f"{int(rng.random() < 0.2 + 0.5 * (k % 2))},{rng.integers(1, 4)},{sex},{age},{port}")
    return "\n".join(lines) + "\n"


def visits(rng: np.random.Generator, patients: int, year: str) -> str:
    """Several rows a patient, each of its day."""
    lines = ["patient,day,pulse,ill"]
    for k in range(5 * patients):
        day = f"{year}-{1 + k * 12 // (5 * patients):02}-{1 + k % 28:02}"
        ill = int(rng.random() < 0.4)
        lines.append(f"p{year}{k % patients},{day},{70 + 15 * ill + rng.normal(0, 8):.1f},{ill}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the configs and small files of the shape that the pages speak of."""
    rng = np.random.Generator(np.random.Philox(7))
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    rows = [(rng.uniform(40, 200), rng.integers(1, 7), rng.integers(0, 90)) for _ in range(80)]
    lines = [f"h{i},{a:.1f},{k},{g},{2000 * a + 8000 * k - 500 * g:.0f}" for i, (a, k, g) in enumerate(rows)]
    (tmp_path / "houses.csv").write_text("\n".join(["id,area,rooms,age,price", *lines]) + "\n")
    (tmp_path / "new.csv").write_text("rooms,id,area,age\n3,n1,90.5,10\n2,n2,55,40\n")
    points = rng.normal(size=(60, 2))
    (tmp_path / "plain.csv").write_text("".join(f"{a:.3f},{b:.3f},{'up' if a > b else 'down'}\n" for a, b in points))
    (tmp_path / "passengers.csv").write_text(passengers(rng))
    (tmp_path / "visits.csv").write_text(visits(rng, 40, "2024"))
    (tmp_path / "clinic.csv").write_text(visits(rng, 20, "2025"))
    if REAL:
        shutil.copy(Path(REAL, "titanic", "train.csv"), tmp_path / "titanic.csv")
    y = np.arange(240) % 10
    X = rng.integers(0, 60, (240, 28, 28))
    X[np.arange(240), y, :] += 150
    arrays = {"x_train": X[:180], "y_train": y[:180], "x_test": X[180:], "y_test": y[180:]}
    np.savez(tmp_path / "mnist.npz", **{name: array.astype(np.uint8) for name, array in arrays.items()})
    return tmp_path


def environment() -> dict[str, str]:
    """Without the network: named sets come from the folder of real data, into a cache of the place's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DLTRAIN_")}
    sets = {"DLTRAIN_DATA_MIRROR": REAL or os.devnull, "DLTRAIN_CACHE_DIR": "cache"}
    return kept | sets | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}


def run(words: list[str], place: Path) -> Done:
    """A new Python process."""
    done = subprocess.run(
        [sys.executable, *words], cwd=place, env=environment(), capture_output=True, text=True, encoding="utf-8"
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Quick:
    """Runs commands one after the other in forks of a process that has imported everything."""

    def __init__(self, place: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("docs_quick_commands.py"))],
            cwd=place,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Quick:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def run(self, words: list[str]) -> Done:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return Done(**json.loads(self.process.stdout.readline()))


def run_shown(shown: Shown, place: Path, quick: Quick) -> Done:
    """What has an output to compare runs whole and by itself; other trainings are cut to two epochs."""
    line, _, target = shown.command.partition(" > ")
    program, *words = shlex.split(line)
    assert program == "dltrain", f"{shown.command}: neither dltrain nor make"
    if shown.output:
        return run(["-m", "dltrain", *words], place)
    trains = words[0] in ("train", "learning-curve", "search") and "--smoke" not in words
    done = quick.run([*words, "training.epochs=2", "-q"] if trains else words)
    if target:
        (place / target).write_text(done.out, encoding="utf-8")
    return done


def form(text: str) -> list[str]:
    """Headings, row names and words, without digits, bars and the widths of columns."""
    bare = re.sub(r"[\d.,]+(?:e[+-]\d+)?%?|-\d\S*|[█▉▊▋▌▍▎▏▶┤├─]+", " ", re.sub(r"runs/\S+", "RUN", text))
    return [" ".join(line.split()) for line in bare.strip().splitlines() if line.strip()]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_of_a_page_run_in_order(path: Path, place: Path) -> None:
    for kind, block in blocks(path.read_text(encoding="utf-8")):
        found = NEW_TEXT.match(block)
        if kind in ("yaml", "python") and found:
            (place / found[1]).write_text(block, encoding="utf-8")
    with Quick(place) as quick:
        for shown in commands(path.read_text(encoding="utf-8")):
            if shown.command.startswith("make ") or shown.command in SET_UP:
                continue
            if FETCHED.match(shown.command) and not REAL:
                continue
            done = run_shown(shown, place, quick)
            expected = FOUND if "not good" in shown.output else 0
            assert done.code == expected, f"{shown.command}\n{done.out}\n{done.err}"
            assert "error:" not in done.err, f"{shown.command}\n{done.err}"
            if shown.output:
                assert form(done.out) == form(shown.output), shown.command


def test_python_of_the_readme_runs(place: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    programs = [block for kind, block in blocks(text) if kind == "python" and "dltrain.load" in block]
    trained = run(
        [
            "-m",
            "dltrain",
            "train",
            "data.source=houses.csv",
            "data.target=price",
            "data.id=id",
            "training.epochs=2",
            "-q",
        ],
        place,
    )
    assert trained.code == 0, trained.err
    assert programs
    for program in programs:
        done = run(["-c", program], place)
        assert done.code == 0, done.err
        assert "('area', 'rooms', 'age')" in done.out


def test_the_readme_names_every_command() -> None:
    import typer.main

    from dltrain.cli.app import app

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    named = [
        f"dltrain {name} {inner}" if (inner := next(iter(getattr(command, "commands", {})), "")) else f"dltrain {name}"
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    ]
    assert len(named) > 5
    assert [name for name in named if name not in text] == []


def test_make_commands_are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = [
        s.command for path in PAGES for s in commands(path.read_text(encoding="utf-8")) if s.command.startswith("make")
    ]
    assert shown
    assert [command for command in shown if command.split()[1] not in targets] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert [link for link in links if link and "://" not in link and not (path.parent / link).exists()] == []


def test_every_key_of_the_config_is_in_its_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "docs/config.md is not up to date: run python tests/docs/docs_config_page.py"


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 200_000] == []
