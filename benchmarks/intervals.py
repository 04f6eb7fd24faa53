"""Which interval of a mean of few skewed errors holds the true mean: `python -m benchmarks.intervals`.

Student's t, the BCa bootstrap, the bootstrap-t and Hall's transformed t against the one that is used (t, its long end
by Hall), on squares and other skewed draws whose mean is known. Every draw is a function of fixed seeds.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import numpy.typing as npt

from dltrain.diagnosis import means
from dltrain.diagnosis.means import Values

DRAWS = {
    "chi-square, 1": (lambda random, n: random.chisquare(1, n), 1.0),
    "exponential": (lambda random, n: random.exponential(1, n), 1.0),
    "Laplace, squared": (lambda random, n: random.laplace(0, 1, n) ** 2, 2.0),
    "lognormal, 1": (lambda random, n: np.exp(random.normal(0, 1, n)), math.exp(0.5)),
    "t of 5, squared": (lambda random, n: random.standard_t(5, n) ** 2, 5 / 3),
    "uneven noise, squared": (
        lambda random, n: (random.normal(0, 1, n) * (0.3 + random.uniform(0, 2, n))) ** 2,
        0.09 + 0.6 + 4 / 3,
    ),
    "uniform, squared": (lambda random, n: random.uniform(-1, 1, n) ** 2, 1 / 3),
}
SIZES = (5, 10, 20, 30, 50, 100, 200, 300, 1000)
KINDS = ("t", "BCa", "bootstrap-t", "Hall's t", "t, long end by Hall")


def intervals(x: Values) -> list[tuple[float, float]]:
    """Of each kind, x: (n,)."""
    error, d = float(x.std(ddof=1)) / math.sqrt(x.size), x - x.mean()
    skew = float((d**3).sum()) / float(np.square(d).sum()) ** 1.5
    t = means.t_value(0.95, x.size - 1)
    hall = [x.mean() - means._untransformed(side * t, skew) * error for side in (1, -1)]
    plain, bootstrap = means.student(x, 0.95), means.bca(x, 0.95, draws=1000)
    return [plain, bootstrap, bootstrap_t(x), (hall[0], hall[1]), means.skewed_student(x, 0.95)]


def bootstrap_t(x: Values, draws: int = 1000) -> tuple[float, float]:
    """The mean studentized in each resample; one without any spread is infinitely far."""
    picks = np.random.Generator(np.random.Philox(1)).integers(0, x.size, (draws, x.size))
    drawn: npt.NDArray[np.float64] = x[picks]
    moved, error = drawn.mean(axis=1) - x.mean(), drawn.std(axis=1, ddof=1) / math.sqrt(x.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(error > 0, moved / error, np.sign(moved) * math.inf)
    low, high = np.quantile(found, [0.025, 0.975], method="inverted_cdf")
    own = float(x.std(ddof=1)) / math.sqrt(x.size)
    return float(x.mean() - high * own), float(x.mean() - low * own)


def covered(n: int, samples: int) -> npt.NDArray[np.float64]:
    """(kinds, draws): the share of intervals that hold the true mean."""
    shares = []
    for place, (draw, mean) in enumerate(DRAWS.values()):
        random = np.random.Generator(np.random.Philox(key=[n, place]))
        hits = np.zeros(len(KINDS))
        for _ in range(samples):
            hits += [low <= mean <= high for low, high in intervals(draw(random, n))]
        shares.append(hits / samples)
    return np.array(shares).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    asked = parser.parse_args()
    print(f"| n | {' | '.join(KINDS)} |\n|{' --- |' * (len(KINDS) + 1)}")
    for n in asked.sizes:
        shares = covered(n, asked.samples)
        cells = [f"{100 * row.mean():.1f} % ({100 * row.min():.0f} to {100 * row.max():.0f})" for row in shares]
        print(f"| {n:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
