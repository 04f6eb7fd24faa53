"""What an expression may call, in terms that autograd differentiates.

Where a function has no derivative (a kink), the gradient is that of the engine: 0 for abs and relu at 0; equal
arguments of max and min share it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import autograd.numpy as np

Value = Any
"""A NumPy float, or autograd's box around one."""


@dataclass(frozen=True, slots=True)
class Function:
    """A name, what it computes, and how many arguments it takes (`most` None: any number)."""

    name: str
    apply: Callable[..., Value]
    least: int = 1
    most: int | None = 1
    says: str = ""


def _sigmoid(z: Value) -> Value:
    return 0.5 * (1 + np.tanh(0.5 * z))


def _relu(z: Value) -> Value:
    return np.where(z > 0, z, 0.0)


def _max(*values: Value) -> Value:
    return reduce(np.maximum, values)


def _min(*values: Value) -> Value:
    return reduce(np.minimum, values)


def _saddle(a: Value, b: Value) -> Value:
    """Falls off its ridge b = 0 into one of two minima, a = 0 and b = ±1, where it is −1/4."""
    return a**2 - b**2 / 2 + b**4 / 4


def _plateau(a: Value, b: Value) -> Value:
    """Almost 1 everywhere but near its minimum of 0, a = b = 3. At (0, 0) the gradient's norm is 5e-4."""
    return 1 - np.exp(-((a - 3) ** 2 + (b - 3) ** 2) / 2)


_ALL = (
    Function("abs", np.abs, says="|z|"),
    Function("cos", np.cos, says="cosine, in radians"),
    Function("exp", np.exp, says="e to the power z"),
    Function("log", np.log, says="natural logarithm"),
    Function("max", _max, 2, None, says="the largest of two or more"),
    Function("min", _min, 2, None, says="the smallest of two or more"),
    Function("plateau", _plateau, 2, 2, says="1 - exp(-((a-3)**2 + (b-3)**2)/2): flat, with one minimum at (3, 3)"),
    Function("relu", _relu, says="max(z, 0)"),
    Function("saddle", _saddle, 2, 2, says="a**2 - b**2/2 + b**4/4: a saddle at (0, 0), minima at (0, -1) and (0, 1)"),
    Function("sigmoid", _sigmoid, says="1/(1 + exp(-z))"),
    Function("sin", np.sin, says="sine, in radians"),
    Function("sqrt", np.sqrt, says="square root"),
    Function("tan", np.tan, says="tangent, in radians"),
    Function("tanh", np.tanh, says="hyperbolic tangent"),
)
FUNCTIONS = {function.name: function for function in _ALL}
CONSTANTS = {"pi": float(np.pi)}

ADD = Function("+", np.add, 2, 2)
SUBTRACT = Function("-", np.subtract, 2, 2)
MULTIPLY = Function("*", np.multiply, 2, 2)
DIVIDE = Function("/", np.true_divide, 2, 2)
POWER = Function("**", np.power, 2, 2)
NEGATE = Function("-", np.negative)
