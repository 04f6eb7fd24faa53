"""Augmentation: the ways in which a training example is changed each time it is visited (section 1.6 of the notes).

Each record draws anew for every example; what it draws is a matter of the stream alone. Moves say where the pixels
of the result come from, see Warp. Angles are in degrees, lengths in shares of the picture's sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from dltrain.engine.arrays import RECORD, Bools, Floats, Ints
from dltrain.engine.warping import Warp, smooth_fields

Probability = Annotated[float, Gt(0), Le(1)]


def _chosen(b: int, probability: float, stream: np.random.Generator) -> Bools:
    """(b,): the examples that are changed."""
    return stream.random(b) < probability


def _either_way(b: int, stream: np.random.Generator) -> Floats:
    """(b,): uniform from −1 to 1."""
    return stream.uniform(-1.0, 1.0, b)


def _scaling(factor: Floats) -> Floats:
    """(b, 2, 2) of factors (b,)."""
    return factor[:, None, None] * np.eye(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """Mirror pictures. Not for letters and digits: a flipped 2 is no 2."""

    __pydantic_config__ = RECORD
    kind: Literal["flip"] = "flip"
    """flip: mirrored left to right, or top to bottom."""
    axis: Literal["horizontal", "vertical"] = "horizontal"
    """horizontal changes left and right, vertical top and bottom."""
    probability: Probability = 0.5
    """Share of the examples that are changed."""

    def move(self, warp: Warp, stream: np.random.Generator) -> None:
        signs = np.ones((warp.b, 2))
        signs[_chosen(warp.b, self.probability, stream), 1 if self.axis == "horizontal" else 0] = -1.0
        warp.move(signs[:, :, None] * np.eye(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate:
    """Turn pictures about their centre, by an angle drawn evenly from −degrees to degrees."""

    __pydantic_config__ = RECORD
    kind: Literal["rotate"] = "rotate"
    """rotate: turned about the centre."""
    degrees: Annotated[float, Gt(0), Le(180)] = 15.0
    """The largest angle, either way."""
    probability: Probability = 1.0
    """Share of the examples that are changed."""

    def move(self, warp: Warp, stream: np.random.Generator) -> None:
        angle = np.deg2rad(self.degrees) * _either_way(warp.b, stream) * _chosen(warp.b, self.probability, stream)
        cos, sin = np.cos(angle), np.sin(angle)
        warp.move(np.stack([np.stack([cos, sin], axis=-1), np.stack([-sin, cos], axis=-1)], axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Move pictures, up or down and left or right, each by a length drawn evenly."""

    __pydantic_config__ = RECORD
    kind: Literal["shift"] = "shift"
    """shift: moved sideways, up and down."""
    share: Annotated[float, Gt(0), Lt(1)] = 0.1
    """The farthest, as a share of the height and of the width."""
    probability: Probability = 1.0
    """Share of the examples that are changed."""

    def move(self, warp: Warp, stream: np.random.Generator) -> None:
        up, left = _either_way(warp.b, stream), _either_way(warp.b, stream)
        lengths = np.stack([warp.height * up, warp.width * left], axis=1)
        warp.move(t=self.share * lengths * _chosen(warp.b, self.probability, stream)[:, None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Cut out a window of the picture's proportions, anywhere in it, and enlarge it to the whole (the notes' clip)."""

    __pydantic_config__ = RECORD
    kind: Literal["crop"] = "crop"
    """crop: a part of it, enlarged."""
    share: Annotated[float, Gt(0), Lt(1)] = 0.2
    """The most that is cut off each side's length."""
    probability: Probability = 1.0
    """Share of the examples that are changed."""

    def move(self, warp: Warp, stream: np.random.Generator) -> None:
        cut = self.share * stream.random(warp.b)
        up, left = _either_way(warp.b, stream), _either_way(warp.b, stream)
        cut *= _chosen(warp.b, self.probability, stream)
        room = cut[:, None] * np.array([warp.height - 1, warp.width - 1]) / 2  # the window never leaves the picture
        warp.move(_scaling(1 - cut), room * np.stack([up, left], axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoom:
    """Enlarge or shrink pictures about their centre, by a factor drawn evenly on a logarithmic scale."""

    __pydantic_config__ = RECORD
    kind: Literal["zoom"] = "zoom"
    """zoom: enlarged or shrunk about the centre."""
    factor: Annotated[float, Gt(1), Le(10)] = 1.2
    """The largest factor; the smallest is its inverse."""
    probability: Probability = 1.0
    """Share of the examples that are changed."""

    def move(self, warp: Warp, stream: np.random.Generator) -> None:
        power = _either_way(warp.b, stream) * _chosen(warp.b, self.probability, stream)
        warp.move(_scaling(self.factor**-power))


@dataclass(frozen=True, slots=True, kw_only=True)
class Distort:
    """Bend pictures like rubber: every pixel is displaced at random, neighbours alike (elastic distortion: Simard,
    Steinkraus and Platt 2003)."""

    __pydantic_config__ = RECORD
    kind: Literal["distort"] = "distort"
    """distort: bent like rubber, neighbouring pixels alike."""
    strength: Annotated[float, Gt(0), Le(0.5)] = 0.04
    """Standard deviation of the displacements, as a share of the shorter side."""
    smoothness: Annotated[float, Ge(0.02), Le(1)] = 0.15
    """The length over which they change, as a share of the shorter side: small is crumpled, large is a shift."""
    probability: Probability = 1.0
    """Share of the examples that are changed."""

    def move(self, warp: Warp, stream: np.random.Generator) -> None:
        chosen = _chosen(warp.b, self.probability, stream)
        spread = max(0.5, self.smoothness * warp.side)
        fields = smooth_fields(warp.b, warp.height, warp.width, spread, stream, warp.dtype)
        fields *= (self.strength * warp.side * chosen).astype(warp.dtype)[:, None, None, None]
        warp.bend(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Add normal noise to the inputs, to rows that are no pictures too: to numbers, not to categories."""

    __pydantic_config__ = RECORD
    kind: Literal["noise"] = "noise"
    """noise: normal noise added to the inputs, of any rows."""
    sd: Annotated[float, Gt(0), Le(10)] = 0.1
    """Standard deviation, in units of the inputs as data.normalize scales them: with standard, of their own."""
    probability: Probability = 1.0
    """Share of the examples that are changed."""

    def add(self, X: Floats, places: slice | Ints, stream: np.random.Generator) -> None:
        """X: (b, n_x) scaled inputs; `places` are those that are numbers."""
        chosen = _chosen(len(X), self.probability, stream)
        numbers = X[:, places]
        noise = stream.standard_normal(numbers.shape, dtype=X.dtype.type)
        noise *= (self.sd * chosen).astype(X.dtype)[:, None]
        X[:, places] = numbers + noise


Move: TypeAlias = Flip | Rotate | Shift | Crop | Zoom | Distort
Augmentation: TypeAlias = Move | Noise


def moved(images: Floats, moves: tuple[Move, ...], stream: np.random.Generator) -> Floats:
    """Pictures (b, height, width, channels) after the moves, in their order."""
    b, height, width, _ = images.shape
    warp = Warp(b, height, width, images.dtype)
    for move in moves:
        move.move(warp, stream)
    return warp.of(images)
