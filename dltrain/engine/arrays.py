"""Names of the array types that the engine's signatures use, and how its records are read from a config."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Ints: TypeAlias = npt.NDArray[np.integer[Any]]
Bools: TypeAlias = npt.NDArray[np.bool_]
Targets: TypeAlias = npt.NDArray[Any]
"""(m,): class numbers (int64) for softmax, else floats: 0 or 1 for sigmoid, standardized values for linear."""

RECORD: dict[str, Any] = {"extra": "forbid", "use_attribute_docstrings": True, "allow_inf_nan": False}
"""`__pydantic_config__` of every record that a config file may hold. The engine itself does not read it."""
