"""One or two columns of which the target is a sum, a difference or any other affine map, gaps or not.

For each pair the R² of least squares follows in closed form from the covariances, all of them from a few matrix
products on a sample; the few pairs that stand out are fitted on all training rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltrain.data.fitting.scaling import Vector
from dltrain.data.suspicion.determines import known_in_time
from dltrain.data.suspicion.suspect import Suspect, leave_out
from dltrain.data.suspicion.training_rows import TrainingRows
from dltrain.engine.arrays import Bools

R2 = 0.99999
"""From here on two columns are said to determine the target."""
WIDEST = 2_000
"""With more columns than this pairs are not tried."""
TOLD = 3
_ROWS, _WORK = 5_000, 1_000_000_000
"""Rows of the sample, and k² times them, at most: a matrix product of a fraction of a second."""
_LEAST = 20
_TRIED = 12
"""So many pairs, the best first, are fitted on all rows."""


def find_affine(table: TrainingRows) -> Iterator[Suspect]:
    """Single columns, then pairs of others, of which the target is an affine map, R² > 0.99999."""
    usable = [j for j in range(table.k) if table.kinds[j] != "category"]
    if not usable or len(usable) > WIDEST:
        return
    most = min(_ROWS, max(500, _WORK // len(usable) ** 2))
    y = table.numeric(most)
    if y is None:
        return
    r2 = pair_r2(table.sample(most)[:, usable], y)
    told = 0
    alone: set[int] = set()
    for a, b in _candidates(r2):
        columns = (usable[a],) if a == b else (usable[a], usable[b])
        if told >= TOLD or alone & set(columns):
            continue
        found = _fitted(table, columns)
        if found:
            alone |= set(columns) if len(columns) == 1 else set()
            told += 1
            yield found


def _candidates(r2: Vector) -> list[tuple[int, int]]:
    """Columns (a, a), then pairs a < b of columns that are not enough alone; the best first."""
    single = np.flatnonzero(np.diag(r2) > R2 - 1e-4)
    pairs = np.argwhere(np.triu(r2, 1) > R2 - 1e-4)
    pairs = pairs[~np.isin(pairs, single).any(axis=1)]
    best = np.argsort(-r2[tuple(pairs.T)], kind="stable")[:_TRIED]
    singles = single[np.argsort(-np.diag(r2)[single], kind="stable")][:_TRIED]
    return [(int(j), int(j)) for j in singles] + [(int(a), int(b)) for a, b in pairs[best]]


def pair_r2(X: Vector, y: Vector) -> Vector:
    """R² of y on columns i and j (on i alone in the diagonal), over the rows where both have a value: (k, k).

    R² = (c_iy² v_j + c_jy² v_i − 2 c_iy c_jy c_ij) / ((v_i v_j − c_ij²) v_y) with variances v and covariances c.
    0 where fewer than 20 rows have both, or one column says what the other does.
    """
    M = ~np.isnan(X)
    full = bool(M.all())
    Z, t = _scaled(X, M), (y - y.mean()) / (y.std() or 1.0)
    mask = M.astype(np.float64)

    def over(A: Vector) -> Vector:
        """Σ over the rows of A_i where column j has a value."""
        return np.repeat(A.sum(axis=0)[:, None], A.shape[1], axis=1) if full else A.T @ mask

    n = np.maximum(over(mask), 1.0)
    mean, mean_y = over(Z) / n, over(mask * t[:, None]) / n
    v = np.maximum(over(Z * Z) / n - mean**2, 0.0)
    v_y = np.maximum(over(mask * (t * t)[:, None]) / n - mean_y**2, 0.0)
    c_y = over(Z * t[:, None]) / n - mean * mean_y
    c = (Z.T @ Z) / n - mean * mean.T
    rest = v * v.T - c * c
    explained = c_y**2 * v.T + c_y.T**2 * v - 2 * c_y * c_y.T * c
    usable = (n >= _LEAST) & (v_y > 1e-12) & (rest > 1e-11 * v * v.T) & (rest > 0)
    r2 = np.divide(explained, rest * v_y, out=np.zeros_like(c), where=usable)
    np.fill_diagonal(r2, 0.0)
    alone = np.diag((n >= _LEAST) & (v * v_y > 1e-12))
    diagonal = np.divide(np.diag(c_y) ** 2, np.diag(v * v_y), out=np.zeros(len(r2)), where=alone)
    return np.asarray(r2 + np.diag(diagonal))


def _scaled(X: Vector, M: Bools) -> Vector:
    """Columns with mean 0 and standard deviation 1 over their values, 0 in gaps and where they are constant."""
    n = np.maximum(M.sum(axis=0), 1)
    largest = np.max(np.abs(X), axis=0, where=M, initial=0.0)
    Z = np.where(M, X, 0.0) / np.where(largest > 0, largest, 1.0)
    Z = np.where(M, Z - Z.sum(axis=0) / n, 0.0)
    spread = np.sqrt((Z * Z).sum(axis=0) / n)
    return np.asarray(np.divide(Z, spread, out=np.zeros_like(Z), where=spread > 1e-15))


def _fitted(table: TrainingRows, columns: tuple[int, ...]) -> Suspect | None:
    """Least squares on all training rows."""
    y = table.numeric()
    assert y is not None
    X = np.column_stack([table.column(j) for j in columns])
    there = ~np.isnan(X).any(axis=1)
    if there.sum() < max(_LEAST, 0.1 * table.m):
        return None
    X, y = X[there], y[there]
    w, b, r2 = least_squares(X, y)
    if not r2 > R2:
        return None
    names = tuple(table.features[j] for j in columns)
    together = f"{names[0]} alone gives" if len(names) == 1 else f"{names[0]} and {names[1]} together give"
    formula = written(names, w, b if abs(b) > 1e-6 * float(y.std()) else 0.0)
    pronoun = known_in_time(table) if len(names) == 1 else known_in_time(table).replace("it is", "they are", 1)
    text = f"determines: {together} {table.target} ({table.target} = {formula}); {pronoun} {leave_out(names)}"
    return Suspect(kind="determines", columns=names, text=text)


def least_squares(X: Vector, y: Vector) -> tuple[Vector, float, float]:
    """w, b and R² of y ≈ X w + b. X: (n, 1 or 2) with no gaps; y: (n,)."""
    mean, mean_y = X.mean(axis=0), float(y.mean())
    scale = np.abs(X - mean).max(axis=0)
    scale[scale == 0] = 1.0
    Q, R = np.linalg.qr((X - mean) / scale)
    t = y - mean_y
    total = float(t @ t)
    if total == 0 or (np.abs(np.diag(R)) < 1e-9 * np.abs(R).max()).any():
        return np.zeros(X.shape[1]), mean_y, 0.0
    g = Q.T @ t
    off = t - Q @ g
    w = np.linalg.solve(R, g) / scale
    return w, mean_y - float(mean @ w), 1.0 - float(off @ off) / total


def written(names: tuple[str, ...], w: Vector, b: float) -> str:
    """`casual + registered`, `2 a - 0.5 b + 3`."""
    terms = [(f"{abs(c):.6g}", name, c < 0) for name, c in zip(names, w.tolist(), strict=True)]
    words = [("- " if down else "+ ") + (name if size == "1" else f"{size} {name}") for size, name, down in terms]
    words += [f"{'-' if b < 0 else '+'} {abs(b):.6g}"] if b else []
    text = " ".join(words)
    return text[2:] if text.startswith("+ ") else "-" + text[2:]
