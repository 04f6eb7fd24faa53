"""Blocks of a file are taken apart in threads while the rows of earlier ones are gathered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
THREADS = 2
"""Blocks that are taken apart at once; as many more wait to be gathered at most."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a file that ends where a row ends."""

    data: bytes
    line: int
    """Of its first row."""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A block, and what a parser makes of it."""

    block: Block
    found: Callable[[], T]


def ahead(
    blocks: Iterator[Block], parse: Callable[[Block], T], stored: Callable[[], int], threads: int
) -> Iterator[Parsed[T]]:
    """The blocks in their order. `stored` says how many of those that were not yielded yet need no parsing. Without
    threads each is parsed when it is asked for."""

    def later(block: Block) -> Parsed[T]:
        return Parsed(block, lambda: parse(block))

    if not threads:
        yield from map(later, blocks)
        return
    waiting: deque[Parsed[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for block in blocks:
            wanted = stored() <= len(waiting)
            waiting.append(_soon(block, pool.submit(parse, block)) if wanted else later(block))
            if len(waiting) > threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()


def _soon(block: Block, job: Future[T]) -> Parsed[T]:
    return Parsed(block, job.result)
