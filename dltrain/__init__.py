"""dltrain trains neural networks declared in YAML and says what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltrain.trained import Run

__version__ = "0.1.0"
__all__ = ["load"]


def load(run: str | Path, runs_dir: str | Path = "runs") -> Run:
    """A trained run: a path, an id, a unique prefix of one, or `latest`.

    `load("latest").predict(X)` predicts raw rows X: (n, n_x). Raises dltrain.errors.InputError.
    """
    from dltrain import runs
    from dltrain.trained import open_run

    return open_run(runs.find(Path(runs_dir), str(run)))
