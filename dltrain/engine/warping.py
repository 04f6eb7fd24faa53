"""Pictures moved and bent, a whole batch at once: every move is composed into one map, which is sampled once.

Sampling once keeps what four moves after one another would blur, and costs as much as a single one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats, Ints

_REACH = 2.0
"""Control points lie this many of their spreads beyond the edges: those further out hardly count."""
_TILE = 2**13
"""Values that are worked on at once: what they need stays in a cache, and out of the hands of the system."""


class Warp:
    """Where each pixel of b results comes from: source = M p + t + displacement, in pixels from the centre.

    Axis 0 of a place is y (down), axis 1 is x (right). It begins as the identity.
    """

    def __init__(self, b: int, height: int, width: int, dtype: np.dtype[Any]) -> None:
        self.b, self.height, self.width, self.dtype = b, height, width, dtype
        self.M = np.tile(np.eye(2), (b, 1, 1))
        self.t = np.zeros((b, 2))
        self.displacement: Floats | None = None

    @property
    def side(self) -> int:
        """The shorter side in pixels."""
        return min(self.height, self.width)

    def move(self, M: Floats | None = None, t: Floats | None = None) -> None:
        """Adds a move behind those so far: M: (b, 2, 2) and t: (b, 2) say where it takes its pixels from."""
        if t is not None:
            self.t += np.einsum("bij,bj->bi", self.M, t)
        if M is not None:
            self.M = np.einsum("bij,bjk->bik", self.M, M)

    def bend(self, field: Floats) -> None:
        """Adds displacements in pixels, (b, 2, height, width), which lie over the result."""
        bent: Floats = np.einsum("bij,bjhw->bihw", self.M.astype(self.dtype), field)
        self.displacement = bent if self.displacement is None else self.displacement + bent

    def of(self, images: Floats) -> Floats:
        """The pictures (b, height, width, channels) seen through the map. Beyond the edge lies the edge's own value."""
        mirrored = self._mirrored()
        if mirrored is not None:
            return _mirror(images, mirrored)
        out = np.empty_like(images)
        some = max(1, _TILE // max(1, images[0].size))
        for start in range(0, self.b, some):
            rows = slice(start, start + some)
            out[rows] = _between(images[rows], *self.places(rows))
        return out

    def _mirrored(self) -> Floats | None:
        """(b, 2): −1 where an axis is mirrored, 1 where it is not; None for any other map."""
        diagonal: Floats = np.einsum("bii->bi", self.M)
        only = (np.abs(diagonal) == 1).all() and not (self.M[:, 0, 1].any() or self.M[:, 1, 0].any() or self.t.any())
        return diagonal if only and self.displacement is None else None

    def places(self, rows: slice = slice(None)) -> tuple[Floats, Floats]:
        """(y, x), each (b, height, width): the source of each pixel of these pictures, inside the picture."""
        ends = (self.height - 1, self.width - 1)
        down = np.arange(self.height, dtype=self.dtype)[:, None] - ends[0] / 2
        right = np.arange(self.width, dtype=self.dtype) - ends[1] / 2
        M, t = self.M[rows].astype(self.dtype), self.t[rows]
        found = []
        for axis, end in enumerate(ends):
            start = (t[:, axis] + end / 2).astype(self.dtype)[:, None, None]
            place = (M[:, axis, 0, None, None] * down + start) + M[:, axis, 1, None, None] * right
            if self.displacement is not None:
                place += self.displacement[rows, axis]
            found.append(np.clip(place, 0, end, out=place))
        return found[0], found[1]


def _between(images: Floats, y: Floats, x: Floats) -> Floats:
    """Bilinear interpolation between the four pixels around each place. Changes y and x."""
    b, height, width, channels = images.shape
    top, left = y.astype(np.intp), x.astype(np.intp)  # places are not negative: this rounds down
    y -= top
    x -= left
    step_right = (left < width - 1).astype(np.intp)
    step_down = np.where(top < height - 1, width, 0)
    first = top * width
    first += left
    first += (np.arange(b) * (height * width))[:, None, None]
    pixels = images.reshape(b * height * width, channels)

    def along(at: Ints) -> Floats:
        here: Floats = pixels.take(at, axis=0)
        there: Floats = pixels.take(at + step_right, axis=0)
        there -= here
        there *= x[..., None]
        there += here
        return there

    upper, lower = along(first), along(first + step_down)
    lower -= upper
    lower *= y[..., None]
    lower += upper
    return lower


def _mirror(images: Floats, signs: Floats) -> Floats:
    out = images.copy()
    for axis in (0, 1):
        chosen = np.flatnonzero(signs[:, axis] < 0)
        out[chosen] = np.flip(out[chosen], axis + 1)
    return out


def smooth_fields(
    b: int, height: int, width: int, spread: float, stream: np.random.Generator, dtype: np.dtype[Any]
) -> Floats:
    """Random displacements (b, 2, height, width) that change over about `spread` pixels: normal, standard deviation 1
    at every pixel.

    White noise blurred by a Gaussian (Simard, Steinkraus and Platt 2003), drawn at control points one spread apart,
    which is as close as such a field can tell.
    """
    down, right = _basis(height, spread, dtype), _basis(width, spread, dtype)
    points = stream.standard_normal((b, 2, down.shape[1], right.shape[1]), dtype=dtype.type)
    fields: Floats = np.matmul(np.matmul(down, points), right.T)
    return fields


@lru_cache(maxsize=8)
def _basis(size: int, spread: float, dtype: np.dtype[Any]) -> Floats:
    """(size, points): Gaussian weights of the control points along one side, of norm 1 at each pixel."""
    points = np.arange(-_REACH * spread, size - 1 + (_REACH + 1) * spread, spread)
    weights = np.exp(-0.5 * ((np.arange(size)[:, None] - points) / spread) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    weights = weights.astype(dtype)
    weights.flags.writeable = False
    return weights
