"""A small search in a project folder, and what has to come of it wherever it is run."""

from __future__ import annotations

from pathlib import Path

from batch_projects import TOOLS, Project

SEARCH = """\
data: {source: digits, target: label}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture: {layers: [16]}
training: {epochs: EPOCHS, checkpoints: {every_steps: 20}}
search:
  trials: 2
  rounds: 2
  space:
    optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 0.1}
    architecture.layers.0.units: {kind: int, low: 8, high: 32}
  winner_seeds: 1
"""
PRUNED = SEARCH.replace("trials: 2", "trials: 3").replace(
    "rounds: 2", "kind: random\n  prune: {kind: successive_halving, factor: 2, min_epochs: 2}"
)
TABLES = ("results.csv", "winner.csv")
_known: dict[str, dict[str, str]] = {}


def write(project: Project, text: str = SEARCH, epochs: int = 4) -> None:
    (project.folder / "search.yaml").write_text(text.replace("EPOCHS", str(epochs)))


def tables(study: Path) -> dict[str, str]:
    return {name: (study / name).read_text() for name in TABLES}


def whole(project: Project) -> dict[str, str]:
    """What one process with one worker comes to."""
    text = (project.folder / "search.yaml").read_text()
    if text not in _known:
        words = ("search", "search.yaml", "--runs-dir", "whole", "--run-id", "whole", "--workers", "1", "-q")
        done = project.call(str(project.program), *words)
        assert done.returncode == 0, done.stderr
        _known[text] = tables(project.folder / "whole" / "whole")
    return _known[text]


def stand_in(project: Project) -> dict[str, str]:
    """An environment in which Slurm's commands run what is submitted at once."""
    record = project.folder.parent / "slurm"
    record.mkdir()
    path = f"{TOOLS / 'stand_in_slurm'}:{project.environment['PATH']}"
    return project.environment | {"STAND_IN": str(record), "PATH": path}
