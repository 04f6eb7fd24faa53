"""Counter-based random streams: every draw is a pure function of (seed, purpose, place, layer).

Philox (Salmon et al. 2011) is keyed by (seed, purpose) and its counter starts at (place, layer), so a
resumed run needs no generator state and two workers cannot share a stream.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from dltrain.engine.arrays import Bools, Floats, Ints

_WORD = 0xFFFFFFFFFFFFFFFF


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of what makes two runs equal: never reuse or change one."""

    INITIALIZE = 1
    SHUFFLE = 2
    DROPOUT = 3
    SPLIT = 4
    BOOTSTRAP = 5
    GRADCHECK = 6
    LIMIT = 7
    ALIKE = 8
    ARRANGE = 9
    SEARCH = 10
    SEARCH_STRATA = 11
    AUGMENT = 12


def generator(seed: int, purpose: Purpose, place: int = 0, layer: int = 0) -> np.random.Generator:
    """A generator whose draws depend on its arguments alone. `place` is an epoch, a step or a fold."""
    key = [seed & _WORD, int(purpose)]
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, place, layer]))


def permutation(m: int, seed: int, purpose: Purpose, place: int = 0, layer: int = 0) -> Ints:
    """A random order of 0..m-1: random words sorted, the index in their low bits. Returns (m,) int64."""
    bits = max(1, (m - 1).bit_length())
    words = generator(seed, purpose, place, layer).bit_generator.random_raw(m)
    words &= np.uint64(_WORD << bits & _WORD)
    words |= np.arange(m, dtype=np.uint64)
    words.sort()
    words &= np.uint64((1 << bits) - 1)
    return words.view(np.int64)


class Masks:
    """Dropout masks: True with probability k/65536, one for each example, unit, step and layer.

    SFC64 is seeded from the Philox draw at (seed, dropout, step, layer); its raw 16-bit words are compared
    with k. Only the speed depends on this choice: a mask is still a pure function of its place.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._fast = np.random.SFC64(0)

    def draw(self, keep: int, step: int, layer: int, out: Bools) -> None:
        """Fills `out` with the mask of a layer at a step; `keep` is k = round(65536 keep_prob)."""
        seeds = generator(self._seed, Purpose.DROPOUT, step, layer).bit_generator.random_raw(3)
        words = np.append(seeds, np.uint64(1))
        self._fast.state = {"bit_generator": "SFC64", "state": {"state": words}, "has_uint32": 0, "uinteger": 0}
        raw = self._fast.random_raw((out.size + 3) // 4)
        np.less(raw.view(np.uint16)[: out.size].reshape(out.shape), keep, out=out)


def keep_words(keep_prob: float) -> int:
    """k of the share k/65536 that is nearest to `keep_prob` and neither none nor, below 1, all."""
    return 65536 if keep_prob >= 1 else min(65535, max(1, round(keep_prob * 65536)))


def normals(shape: tuple[int, ...], seed: int, layer: int, dtype: npt.DTypeLike) -> Floats:
    """Standard normal draws for the initialization of a layer, the same for every dtype up to rounding."""
    draws = generator(seed, Purpose.INITIALIZE, 0, layer).standard_normal(shape)
    return draws.astype(dtype)
