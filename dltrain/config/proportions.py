"""How large a network, and how long and in what steps it trains, for data of a size: what a new config begins with.

One rule for all data. It goes by the number of training rows and the task, never by what the rows hold.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportions:
    """Numbers of a config."""

    layers: tuple[int, ...]
    keep_prob: float = 1.0
    batch_size: int | None = None
    """None leaves it at its default."""
    learning_rate: float = 0.002
    epochs: int
    patience: int


def proportions(m: int, n_x: int) -> Proportions:
    """For about m training rows of n_x inputs."""
    layers = (32, 16) if m < 500 else (64, 32) if m < 2_000 else (128, 64)
    if n_x >= 256 and m >= 10_000:
        layers = (512, 256)
    batch_size = None if m < 10_000 else 128 if m < 200_000 else 256
    epochs = 60 if m < 20_000 else 30 if m < 100_000 else 10
    return Proportions(layers=layers, batch_size=batch_size, epochs=epochs, patience=max(3, epochs // 4))
