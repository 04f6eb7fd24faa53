"""Hints and values in plain English, for errors and `explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from annotated_types import Ge, Gt, Le, Lt, MinLen

from dltrain.config.hints import Hint, get_origin, keys, kinds, members, records
from dltrain.config.scalars import write_scalar
from dltrain.errors import did_you_mean

SYNONYMS = {
    "alpha": "learning_rate",
    "asgd": "gradient_descent",
    "batch": "batch_size",
    "bgd": "gradient_descent",
    "bn": "batch_norm",
    "cross_entropy": "softmax",
    "early_stop": "early_stopping",
    "glorot_normal": "glorot",
    "hidden": "layers",
    "hidden_layers": "layers",
    "identity": "linear",
    "kaiming": "he",
    "l2_regularization": "l2",
    "label": "target",
    "lasso": "l1",
    "lecun": "xavier",
    "logistic": "sigmoid",
    "lr": "learning_rate",
    "max_epochs": "epochs",
    "model": "architecture",
    "nadam": "nesterov",
    "network": "architecture",
    "neurons": "units",
    "normal": "random",
    "normalization": "normalize",
    "path": "source",
    "regularization": "regularizer",
    "ridge": "l2",
    "scheduler": "schedule",
    "sgd": "gradient_descent",
    "size": "units",
    "step": "staircase",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "zero": "zeros",
}
"""What others call it. Used where the right-hand word is known and the left-hand is not."""


def suggestion(word: str, known: Sequence[str]) -> str:
    """`; did you mean X?`, by what others call it or by spelling."""
    other = SYNONYMS.get(word.lower())
    return f"; did you mean {other}?" if other in known else did_you_mean(word, known)


def join(words: Sequence[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def show(value: Any) -> str:
    """A value as it was written, cut short."""
    if value == {}:
        return "an empty mapping"
    if isinstance(value, dict):
        return f"a mapping ({', '.join(value)})" if value and len(value) < 8 else "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    text = f"'{value}'" if isinstance(value, str) else write_scalar(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"


def describe(hint: Hint) -> str:
    """What may stand there: `a whole number of at least 1, full or auto`."""
    words: list[str] = []
    words += kinds(hint)
    for base, constraints in members(hint):
        if base is type(None) or base in kinds(hint).values():
            continue
        words += _describe(base, constraints)
    if type(None) in [base for base, _ in members(hint)]:
        words.append("null")
    return join(list(dict.fromkeys(words)))


def _describe(base: Hint, constraints: tuple[Any, ...]) -> list[str]:
    said = next((constraint for constraint in constraints if isinstance(constraint, str)), None)
    if said:
        return [said]
    if get_origin(base) is Literal:
        return [str(word) for word in get_args(base)]
    if base is bool:
        return ["true", "false"]
    return [_one(base, constraints)]


def _one(base: Hint, constraints: tuple[Any, ...]) -> str:
    least = next((constraint.min_length for constraint in constraints if isinstance(constraint, MinLen)), 0)
    if base in (int, float):
        return f"{'a whole number' if base is int else 'a number'}{_range(constraints)}"
    if base is str:
        return "text that is not empty" if least else "text"
    if get_origin(base) is list:
        return f"a list{f' of at least {least}' if least else ''} ({describe(get_args(base)[0])} each)"
    if get_origin(base) is dict:
        key, value = get_args(base)
        return f"a mapping of {describe(key)} to {describe(value)}"
    return f"a mapping with keys of {join(list(keys(base)), 'and')}" if records(base) else "a value"


def _range(constraints: tuple[Any, ...]) -> str:
    ge, gt, le, lt = (_bound(constraints, kind) for kind in (Ge, Gt, Le, Lt))
    if ge and le:
        return f" from {ge} to {le}"
    if ge and lt:
        return f" from {ge} to below {lt}"
    low = f"of at least {ge}" if ge else f"above {gt}" if gt else ""
    high = f"at most {le}" if le else f"below {lt}" if lt else ""
    return f" {' and '.join(part for part in (low, high) if part)}" if low or high else ""


def _bound(constraints: tuple[Any, ...], kind: type) -> str:
    found = next((constraint for constraint in constraints if isinstance(constraint, kind)), None)
    bound = getattr(found, kind.__name__.lower(), None)
    return "" if bound is None else "2**63" if bound == 2**63 else str(bound)
