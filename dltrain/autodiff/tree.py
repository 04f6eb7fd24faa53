"""What is left of an expression once it is read: numbers, variables and calls, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dltrain.autodiff.functions import Function, Value


@dataclass(frozen=True, slots=True)
class Number:
    """A constant: typed, read from data, or computed from such."""

    value: np.float64


@dataclass(frozen=True, slots=True)
class Variable:
    """The place in theta of what is being minimized over."""

    place: int


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function, and what it is applied to."""

    function: Function
    arguments: tuple[Node, ...]


Node: TypeAlias = Number | Variable | Call


def value_of(node: Node, theta: Sequence[Value]) -> Value:
    """The value for these variables; recursion as deep as the expression is nested."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Variable):
        return theta[node.place]
    return node.function.apply(*[value_of(argument, theta) for argument in node.arguments])


def folded(call: Call) -> Node:
    """The number that a call of numbers alone is; any other call is itself."""
    if all(isinstance(argument, Number) for argument in call.arguments):
        with np.errstate(all="ignore"):
            return Number(np.float64(value_of(call, ())))
    return call
