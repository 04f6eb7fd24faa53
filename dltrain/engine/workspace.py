"""Buffers of one pass through a network, allocated once and cut to the size of each batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dltrain.engine.architecture import Architecture
from dltrain.engine.arrays import Bools, Floats


class Workspace:
    """Arrays for a batch of m examples.

    `A[l]`: (m, n_l + 1), the input and the hidden layers' activations, whose last column is 1, so that b can be
    the last row of W. `raw[l]`: (m, n_l), the activation before dropout (A[l] without its last column where
    there is none). `mask[l]`: (m, n_l), dropout's 0 or 1/keep_prob. `Z_norm[l]`: (m, n_l), batch norm.
    `Z`: (C, m), the output. `dA`: two by turns.
    """

    def __init__(self, architecture: Architecture, m: int, dtype: npt.DTypeLike, backward: bool) -> None:
        sizes = architecture.sizes
        keep = (architecture.input_keep_prob, *(layer.keep_prob for layer in architecture.layers))
        hidden = range(len(architecture.layers) + 1)
        self.m = m
        self.A: list[Floats] = [np.ones((m, sizes[l] + 1), dtype) for l in hidden]
        self.X: Floats = np.empty((m, sizes[0]), dtype)
        self.Z: Floats = np.empty((sizes[-1], m), dtype)
        self.Z_norm: dict[int, Floats] = {}
        self.raw: list[Floats] = [A[:, :-1] for A in self.A]
        self.mask: dict[int, Floats] = {}
        self.kept: dict[int, Bools] = {}
        for l in hidden:
            shape = (m, sizes[l])
            if backward and keep[l] < 1:
                self.raw[l] = np.empty(shape, dtype)
                self.mask[l] = np.empty(shape, dtype)
                self.kept[l] = np.empty(shape, np.bool_)
            if backward and l and architecture.layers[l - 1].batch_norm:
                self.Z_norm[l] = np.empty(shape, dtype)
        widest = max(sizes[1:-1], default=0) if backward else 0
        self._dA = np.empty((2, m * widest), dtype)

    def dA(self, l: int, n: int) -> Floats:
        """The buffer of layer l's gradient, (m, n); that of layer l + 1 stays as it is."""
        return self._dA[l % 2, : self.m * n].reshape(self.m, n)


def bytes_of(architecture: Architecture, m: int, dtype: npt.DTypeLike) -> int:
    """Memory of the buffers that a training step on m examples takes, measured on a batch of one."""
    one = Workspace(architecture, 1, dtype, True)
    arrays = [*one.A, one.X, one.Z, one._dA, *one.Z_norm.values(), *one.mask.values(), *one.kept.values()]
    arrays += [one.raw[l] for l in one.mask]
    return m * sum(array.nbytes for array in arrays)


def workspaces(architecture: Architecture, dtype: npt.DTypeLike, backward: bool) -> Callable[[int], Workspace]:
    """A function m -> Workspace that keeps those of the last two sizes: the batches' and the last batch's."""

    @lru_cache(maxsize=2)
    def workspace(m: int) -> Workspace:
        return Workspace(architecture, m, dtype, backward)

    return workspace
