"""Writes configs/temperature.csv: daily temperatures in °F of two years, drawn from a formula.

T_t = 52 − 22 cos(2π(t − 20)/365.25) + n_t: the seasons, coldest on 20 January, and the weather,
n_t = 0.7 n_{t−1} + e_t from n_0 = 0, with e_t normal of standard deviation 4, to one decimal. No measured values.

    python tools/temperature.py > configs/temperature.csv
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np

DAYS = 730
FIRST = date(2023, 1, 1)


def temperatures() -> list[float]:
    """T_1 to T_730."""
    weather, found = 0.0, []
    for t, draw in enumerate(np.random.Generator(np.random.Philox(1)).normal(0, 4, DAYS).tolist(), start=1):
        weather = 0.7 * weather + draw
        found.append(round(52 - 22 * math.cos(2 * math.pi * (t - 20) / 365.25) + weather, 1))
    return found


def table() -> str:
    """The file's text: a row a day."""
    rows = [f"{FIRST + timedelta(days=day)},{value:.1f}" for day, value in enumerate(temperatures())]
    return "\n".join(["day,T", *rows]) + "\n"


if __name__ == "__main__":
    print(table(), end="")
