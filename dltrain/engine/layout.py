"""The table of contents of theta, the one flat vector that holds every parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dltrain.engine.arrays import Floats

Role = Literal["weight", "bias", "gamma", "beta", "mu", "var", "count"]


@dataclass(frozen=True, slots=True)
class Block:
    """One named array inside the flat vector. Layers count from 1, as in the notes; the last is the output."""

    name: str
    slice: slice
    shape: tuple[int, ...]
    layer: int
    role: Role

    def view(self, theta: Floats) -> Floats:
        """The block as an array that shares memory with theta."""
        return theta[self.slice].reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """The blocks of a flat vector, in order and without gaps. W and b of a layer are adjacent, so that
    they are also one array of shape (n_in + 1, n_out) whose last row is b."""

    blocks: tuple[Block, ...]

    @property
    def size(self) -> int:
        return self.blocks[-1].slice.stop if self.blocks else 0

    def block(self, name: str) -> Block:
        for block in self.blocks:
            if block.name == name:
                return block
        raise KeyError(name)

    def role(self, role: Role, layer: int) -> Block | None:
        """The block of that role in that layer, or None."""
        return next((b for b in self.blocks if b.role == role and b.layer == layer), None)

    def views(self, theta: Floats) -> dict[str, Floats]:
        return {block.name: block.view(theta) for block in self.blocks}

    def weights(self) -> list[slice]:
        """Where the weights (W, not b, gamma or beta) lie."""
        return [block.slice for block in self.blocks if block.role == "weight"]

    def describe(self) -> list[dict[str, Any]]:
        """The layout as plain data, for a file."""
        return [
            {"name": b.name, "start": b.slice.start, "shape": list(b.shape), "layer": b.layer, "role": b.role}
            for b in self.blocks
        ]


def lay_out(entries: Iterable[tuple[str, Sequence[int], int, Role]]) -> Layout:
    """A layout of the entries (name, shape, layer, role), one after the other."""
    blocks, start = [], 0
    for name, shape, layer, role in entries:
        size = 1
        for extent in shape:
            size *= extent
        blocks.append(Block(name, slice(start, start + size), tuple(shape), layer, role))
        start += size
    return Layout(tuple(blocks))
