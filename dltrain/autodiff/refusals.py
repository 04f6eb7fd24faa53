"""What is said of Python that has no place in an expression."""

from __future__ import annotations

import ast
import re

BROKEN = "this is no expression; expected numbers, names and + - * / ** ( )"
_PLAIN = "expected numbers, names, + - * / **, x[0] and functions"

_FORBIDDEN: dict[type[ast.expr], str] = {
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.JoinedStr: "text",
    ast.List: "a list",
    ast.Tuple: "a list",
    ast.Set: "a set",
    ast.Dict: "a mapping",
    ast.Compare: "a comparison",
    ast.BoolOp: "a condition",
    ast.IfExp: "a condition",
    ast.NamedExpr: "an assignment",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.Starred: "a star",
    ast.UnaryOp: "an operator other than a sign",
}
_CONSTANTS: dict[type, str] = {str: "text", bytes: "text", complex: "a complex number", bool: "a truth value"}
_OPERATORS: dict[type[ast.operator], tuple[bytes, str]] = {
    ast.BitXor: (b"^", "^ is no power here; write **"),
    ast.MatMult: (b"@", "@ is not allowed; write the sum of products out"),
    ast.Mod: (b"%", "% is not allowed; expected + - * / **"),
    ast.FloorDiv: (b"//", "// is not allowed; write /"),
    ast.BitAnd: (b"&", "& is not allowed; expected + - * / **"),
    ast.BitOr: (b"|", "| is not allowed; expected + - * / **"),
    ast.LShift: (b"<<", "<< is not allowed; expected + - * / **"),
    ast.RShift: (b">>", ">> is not allowed; expected + - * / **"),
}
_PRODUCT = re.compile(r"(?<![\w.])\d+\.?\d*(?=[^\W\d])(?![eExXoObBjJ_][\d+-])|\)(?=[\w(])")
"""`2w`, `)w`, `)(`."""


def forbidden(node: ast.expr) -> tuple[int, str]:
    """Where a construct stands, in bytes from the line's beginning, and why it is refused."""
    if isinstance(node, ast.Attribute):
        dot = (node.end_col_offset or 0) - len(node.attr.encode()) - 1
        return max(dot, 0), f"attributes such as .{node.attr[:40]} are not allowed; {_PLAIN}"
    if isinstance(node, ast.Constant):
        return node.col_offset, f"{_CONSTANTS.get(type(node.value), 'this')} is not allowed; {_PLAIN}"
    return node.col_offset, f"{_FORBIDDEN.get(type(node), 'this')} is not allowed; {_PLAIN}"


def operator_hint(operator: ast.operator) -> tuple[bytes, str]:
    """An operator as it is written, and what to write in its place."""
    return _OPERATORS[type(operator)]


def slip_at(line: str, column: int) -> tuple[int, str]:
    """Where a broken line most likely went wrong, and what a common slip needs: `2w`, `w = 3`, a bracket left open."""
    product = _PRODUCT.search(line)
    if product:
        return product.end(), "; write * for a product"
    if re.search(r"(?<![=!<>])=(?!=)", line):
        return line.index("="), "; leave the equals sign and what stands before it out"
    if line.count("(") > line.count(")"):
        return len(line), "; a bracket is left open"
    return column, ""
