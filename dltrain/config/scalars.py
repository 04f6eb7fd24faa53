"""Plain scalars by the core schema of YAML 1.2: `1e-3` is a number, `on` and `no` are strings, `010` is ten.

`read_scalar` and `write_scalar` are inverse to each other.
"""

from __future__ import annotations

import math
import re

from dltrain.config.nodes import Scalar

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
WORDS: dict[str, Scalar] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)

LARGEST = 2**63
SAFE = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./+-]*")
"""Strings that need no quotes, if they don't read as something else (also in YAML 1.1)."""
OTHER_IN_YAML_1_1 = re.compile(r"(?i)y|n|yes|no|on|off|[-+.0-9_:eE]+|\.inf|\.nan")


def read_scalar(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar. ValueError for numbers that no config needs: infinite, huge, nan."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return _whole(text)
    if FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"{_cut(text)} is too large a number")
        return value
    if NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; quote it if it is text")
    return text


def _whole(text: str) -> int:
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) <= 20:
        value = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if abs(value) < LARGEST:
            return value
    raise ValueError(f"{_cut(text)} is too large a number; quote it if it is text")


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def write_scalar(value: Scalar) -> str:
    """YAML that any reader takes as this value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        # YAML 1.1 readers want a point before the exponent.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return value if _plain(value) else _quoted(value)


def _plain(text: str) -> bool:
    if not SAFE.fullmatch(text) or OTHER_IN_YAML_1_1.fullmatch(text):
        return False
    try:
        return isinstance(read_scalar(text), str)
    except ValueError:
        return False


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == " " or (character.isprintable() and ord(character) < 0xFFFE):
        return character
    return f"\\U{ord(character):08x}"
