"""How large a network, and how long and in what steps it trains, for data of a size: what a new config begins with.

One rule for all data. It goes by the number of training rows and the task, never by what the rows hold.
"""

from __future__ import annotations

from dataclasses import dataclass

SHRINK, PICTURES = 0.0016, 0.00016
"""λ/m: a little L2, which costs no bias worth mentioning and helps where new rows are unlike the old ones. Ten times
less for pictures and the like, whose inputs are many and small alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportions:
    """Numbers of a config."""

    layers: tuple[int, ...]
    lambd: float
    learning_rate: float
    epochs: int
    patience: int
    batch_size: int | None
    """None for so few rows that the default, min(64, m), does."""


def proportions(m: int, n_x: int) -> Proportions:
    """For about m training rows of n_x inputs: minutes at most, where there are up to a million rows."""
    pictures = n_x >= 256 and m >= 10_000
    layers = (512, 256) if pictures else (128, 64) if m >= 2_000 else (64, 32) if m >= 500 else (32, 16)
    batch_size = 256 if m >= 200_000 else 128 if m >= 10_000 else 64
    epochs = 60 if m < 20_000 else 30 if m < 50_000 else 15 if m < 200_000 else 10
    return Proportions(
        layers=layers,
        lambd=round((PICTURES if pictures else SHRINK) * batch_size, 2 if pictures else 1),
        learning_rate=0.002,
        epochs=epochs,
        patience=max(3, epochs // 4),
        batch_size=batch_size if m >= 200 else None,
    )
