"""Names of the array types that the engine's signatures use, and how its records are read from a config."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Ints: TypeAlias = npt.NDArray[np.integer[Any]]
Bools: TypeAlias = npt.NDArray[np.bool_]
Targets: TypeAlias = npt.NDArray[Any]
"""(m,): class numbers (int64) for softmax, else floats: 0 or 1 for sigmoid, standardized values for linear."""


class Table(Protocol):
    """(m, n_x) numbers that lie in a file: what is asked for is read, nothing is kept."""

    block: int
    """Rows that lie together and are read together."""
    window: int
    """Blocks whose rows are held in memory at once while an epoch visits them."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Floats: ...


RECORD: dict[str, Any] = {"extra": "forbid", "allow_inf_nan": False}
"""`__pydantic_config__` of every record that a config file may hold. The engine itself does not read it."""
