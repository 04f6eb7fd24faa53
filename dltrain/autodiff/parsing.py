"""Text to a tree of what is allowed. Python's parser reads the text, nothing ever runs it.

Allowed are numbers, names, + - * / ** and signs, parentheses, calls of `FUNCTIONS`, and x[0] and x[0][0] of data.
Everything else is refused where it stands. Size, depth and powers are limited, so that time and memory are, too.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from dltrain.autodiff.functions import (
    ADD,
    CONSTANTS,
    DIVIDE,
    FUNCTIONS,
    MULTIPLY,
    NEGATE,
    POWER,
    SUBTRACT,
    Function,
)
from dltrain.autodiff.refusals import BROKEN, forbidden, operator_hint, slip_at
from dltrain.autodiff.tree import Call, Node, Number, Variable, folded
from dltrain.errors import InputError, Problem, did_you_mean

LONGEST = 10_000
DEEPEST = 200
MOST_VARIABLES = 100
LARGEST_POWER = 1000
TOO_DEEP = f"nested too deeply; expected at most {DEEPEST} operations inside one another"
_LONGEST_NAME = 60

_OPERATORS: dict[type[ast.operator], Function] = {
    ast.Add: ADD,
    ast.Sub: SUBTRACT,
    ast.Mult: MULTIPLY,
    ast.Div: DIVIDE,
    ast.Pow: POWER,
}
Data = Mapping[str, npt.NDArray[np.float64]]
"""Name -> (rows, columns)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A cost in terms of its variables, in the order in which they appear."""

    text: str
    variables: tuple[str, ...]
    root: Node


def parse(text: str, data: Data | None = None) -> Expression:
    """The expression, its data put in. Raises InputError with the place of everything that is not allowed in it."""
    if len(text) > LONGEST:
        raise InputError(_problem(0, f"{len(text):,} characters; expected at most {LONGEST:,}"))
    skipped = len(text) - len(text.lstrip())
    line = "".join(" " if character.isspace() else character for character in text).strip()
    strange = next((place for place, character in enumerate(line) if not character.isprintable()), None)
    if strange is not None:
        message = f"character U+{ord(line[strange]):04X} cannot stand in an expression"
        raise InputError(_problem(skipped + strange, message))
    reader = _Reader(line, skipped, data or {})
    root = reader.read(_syntax_tree(line, skipped))
    unused = [name for name in reader.data if name not in reader.used]
    reader.problems += [Problem(f"{name} is not in the expression", "--data") for name in unused]
    if not reader.problems and not reader.variables:
        reader.complain(0, "nothing to minimize over: no variable in it, such as w")
    if reader.problems:
        raise InputError(*reader.problems)
    return Expression(text=line, variables=tuple(reader.variables), root=root)


def _problem(column: int, message: str) -> Problem:
    return Problem(message, where=f"EXPRESSION:1:{column + 1}")


def _syntax_tree(line: str, skipped: int) -> ast.expr:
    if not line:
        raise InputError(_problem(0, 'empty; expected a cost such as "w**2 - 10*w + 25"'))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        column = min(max(0, (error.offset or 1) - 1), len(line))
        if "digits" in error.msg:
            raise InputError(_problem(skipped, "a number of thousands of digits; expected a finite one")) from None
        slip = slip_at(line, column)
        raise InputError(_problem(skipped + slip[0], f"{BROKEN}{slip[1]}")) from None
    except (RecursionError, MemoryError, ValueError, UnicodeError):
        raise InputError(_problem(skipped, TOO_DEEP)) from None


class _Reader:
    """Walks through Python's tree once, builds ours, and collects what is wrong."""

    def __init__(self, line: str, skipped: int, data: Data) -> None:
        self.bytes, self.skipped, self.data = line.encode(), skipped, data
        self.variables: dict[str, int] = {}
        self.used: set[str] = set()
        self.problems: list[Problem] = []

    def complain(self, column: int, message: str) -> Number:
        """Keeps a problem; 1 stands for what it is about, so that the rest can be read."""
        self.problems.append(self._at_byte(column, message))
        return Number(np.float64(1))

    def _at_byte(self, column: int, message: str) -> Problem:
        """Python's parser counts bytes, the problem counts characters."""
        return _problem(self.skipped + len(self.bytes[:column].decode(errors="ignore")), message)

    def read(self, node: ast.expr, depth: int = 1) -> Node:
        at = node.col_offset
        if depth > DEEPEST:
            raise InputError(self._at_byte(at, TOO_DEEP))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return self._number(node.value, at)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return self._name(node.id, at)
        if isinstance(node, ast.Subscript):
            return self._datum(node)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self.read(node.operand, depth + 1)
            return inner if isinstance(node.op, ast.UAdd) else self._applied(NEGATE, (inner,), at)
        if isinstance(node, ast.BinOp):
            return self._operation(node, depth)
        return self.complain(*forbidden(node))

    def _number(self, value: int | float, at: int) -> Node:
        try:
            number = np.float64(float(value))
        except OverflowError:
            number = np.float64(np.inf)
        if not np.isfinite(number):
            return self.complain(at, "this number is too large; expected less than 1e308")
        return Number(number)

    def _name(self, name: str, at: int) -> Node:
        if name in CONSTANTS:
            return Number(np.float64(CONSTANTS[name]))
        if name in self.data:
            self.used.add(name)
            return self.complain(at, f"{name} is data; expected one of its numbers, such as {name}[0]")
        if name in FUNCTIONS:
            letters = ", ".join("ab"[: FUNCTIONS[name].least])
            return self.complain(at, f"{name} is a function; expected {name}({letters})")
        if name.startswith("_") or len(name) > _LONGEST_NAME:
            return self.complain(at, "no name for a variable; expected a letter and up to 59 letters, digits and _")
        if name not in self.variables and len(self.variables) == MOST_VARIABLES:
            return self.complain(at, f"more than {MOST_VARIABLES} variables")
        return Variable(self.variables.setdefault(name, len(self.variables)))

    def _call(self, node: ast.Call, depth: int) -> Node:
        if not isinstance(node.func, ast.Name):
            if isinstance(node.func, (ast.Constant, ast.Call, ast.BinOp, ast.UnaryOp)):
                return self.complain(node.col_offset, "only functions can be called; write * for a product")
            return self.complain(*forbidden(node.func))
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            near = did_you_mean(name, list(FUNCTIONS)) or f"; expected {', '.join(FUNCTIONS)}, or * for a product"
            return self.complain(node.col_offset, f"unknown function {name[:_LONGEST_NAME]}{near}")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            return self.complain(node.col_offset, f"{name} takes plain arguments alone; expected numbers and variables")
        if len(node.args) < function.least or (function.most is not None and len(node.args) > function.most):
            wanted = f"{function.least}" if function.most else f"{function.least} or more"
            return self.complain(node.col_offset, f"{name} of {len(node.args)} arguments; expected {wanted}")
        arguments = tuple(self.read(argument, depth + 1) for argument in node.args)
        return self._applied(function, arguments, node.col_offset)

    def _operation(self, node: ast.BinOp, depth: int) -> Node:
        left = self.read(node.left, depth + 1)
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            sign, message = operator_hint(node.op)
            return self.complain(self.bytes.find(sign, node.left.end_col_offset), message)
        right = self.read(node.right, depth + 1)
        if operator is POWER and isinstance(right, Number) and abs(right.value) > LARGEST_POWER:
            largest = f"expected at most {LARGEST_POWER:,}"
            return self.complain(node.right.col_offset, f"a power of {right.value:g} is too large; {largest}")
        return self._applied(operator, (left, right), node.col_offset)

    def _applied(self, function: Function, arguments: tuple[Node, ...], at: int) -> Node:
        found = folded(Call(function, arguments))
        if isinstance(found, Number) and not np.isfinite(found.value):
            return self.complain(at, f"this is {found.value:g}, not a finite number")
        return found

    def _datum(self, node: ast.Subscript) -> Node:
        """x[0], x[0][0]."""
        at, inner = node.col_offset, cast(ast.expr, node)
        indices: list[int] = []
        while isinstance(inner, ast.Subscript):
            index = _whole(inner.slice)
            if index is None or len(indices) == 2:
                return self.complain(inner.slice.col_offset, "this is no index; expected x[0] or x[0][0]")
            indices.insert(0, index)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            return self.complain(at, "only data has an index; expected x[0] or x[0][0]")
        name = inner.id
        if name not in self.data:
            near = did_you_mean(name, list(self.data))
            return self.complain(at, f"{name[:_LONGEST_NAME]} is no data{near or f'; give it with --data {name}=FILE'}")
        self.used.add(name)
        return self._at(name, indices, at)

    def _at(self, name: str, indices: list[int], at: int) -> Node:
        rows, columns = self.data[name].shape
        if rows == 1 and len(indices) == 1 and columns > 1:  # a single row is a list
            indices = [0, *indices]
        for what, index, length in zip(("row", "column"), indices, (rows, columns), strict=False):
            if not -length <= index < length:
                return self.complain(at, f"{name} has {length} {what}s, no {what} {index} (0 is the first)")
        if len(indices) == 1 and columns > 1:
            return self.complain(
                at, f"{name}[{indices[0]}] is a row of {columns} numbers; expected {name}[{indices[0]}][0]"
            )
        return Number(np.float64(self.data[name][indices[0], (*indices, 0)[1]]))


def _whole(node: ast.expr) -> int | None:
    """The index that is written there, or None."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    return sign * node.value if isinstance(node, ast.Constant) and type(node.value) is int else None
