"""What `train` says of the data once: constant and suspicious columns, repeated rows, parts that do not look alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from dltrain.data.fitting.cleaning import labels_of
from dltrain.data.fitting.preparation import Preparation
from dltrain.data.labels import SettledTask
from dltrain.data.large.filed import Pieces
from dltrain.data.large.store import stored
from dltrain.data.readers.columns import all_numbers
from dltrain.data.roles import listed
from dltrain.data.splitting.dealing import Drawn
from dltrain.data.suspicion.alike import alike
from dltrain.data.suspicion.duplicates import Duplicates, duplicates
from dltrain.data.suspicion.suspects import Suspect, suspects
from dltrain.engine.arrays import Floats

MANY = 100_000
"""Of tables larger than memory so many training rows are looked at for what is suspicious."""


def remarks(drawn: dict[str, Drawn], preparation: Preparation, task: SettledTask) -> list[str]:
    """Notes on constant columns, identifiers, columns that give the target away, and unknown categories."""
    found = _suspects(drawn["train"], task)
    told = {name for suspect in found if suspect.kind in ("identifier", "spelled") for name in suspect.columns}
    many = {name for suspect in found if suspect.kind == "high cardinality" for name in suspect.columns}
    return [*_constant(preparation, drawn, told), *(suspect.text for suspect in found), *_unknown(drawn, told | many)]


def unlike(inputs: Mapping[str, Floats], preparation: Preparation, given: Collection[str]) -> list[str]:
    """Notes on parts with files of their own whose rows do not look like the training rows.

    inputs: the prepared rows (n, n_x) of each part.
    """
    found = {part: alike(inputs["train"], inputs[part], preparation.inputs) for part in inputs if part in given}
    return [one.note(part) for part, one in found.items() if one is not None]


def _constant(preparation: Preparation, drawn: dict[str, Drawn], told: Collection[str]) -> list[str]:
    """Notes on columns that are constant in the training set, and on those that vary elsewhere; but for the columns
    that are told of already: names of rows, none of which training saw twice, are constant too."""
    names = [name for name in preparation.constant if name not in told]
    if not names:
        return []
    places = {name: column for column, name in enumerate(preparation.features)}
    columns = [places[name] for name in names]
    what, becomes = ("1 column is", "becomes") if len(names) == 1 else (f"{len(names)} columns are", "become")
    then = "" if preparation.normalize == "none" else f" and {becomes} 0"
    notes = [f"constant: {what} constant in the training set{then}: {listed(names)}"]
    train = drawn["train"]
    value = train.raw.X[train.rows[0], columns]
    for part, one in drawn.items():
        if part != "train":
            there = one.raw.X[:, columns][one.rows]
            varies = ((there != value) & ~((there != there) & (value != value))).any(axis=0)  # a gap equals a gap
            changed = [name for name, differs in zip(names, varies, strict=True) if differs]
            if changed:
                ignored = "the model has not learned what they mean" if then else "the model has never seen that"
                notes.append(f"warning: constant in train, but not in {part}: {listed(changed)}; {ignored}")
    return notes


def _unknown(drawn: dict[str, Drawn], told: Collection[str]) -> list[str]:
    """Notes on categories that only other parts have: to the model each is an unknown one."""
    train = drawn["train"]
    notes = []
    for column, name in enumerate(train.raw.features):
        if train.raw.kind(column) != "category" or name in told:
            continue
        known = set(_names(train, column))
        for part, one in drawn.items():
            new = sorted(set(_names(one, column)) - known)
            if new:
                what = ", ".join(map(repr, new[:3])) + (f", ... ({len(new)} in all)" if len(new) > 3 else "")
                notes.append(f"unknown: {name} holds {what} in {part}, but not in train")
    return notes


def _names(one: Drawn, column: int) -> list[str]:
    """Categories that occur in a part's rows."""
    codes = np.unique(np.asarray(one.raw.X[one.rows, column]))
    words = one.raw.vocabularies[one.raw.features[column]]
    return [words[int(code)] for code in codes[~np.isnan(codes)].tolist()]


def _suspects(train: Drawn, task: SettledTask) -> tuple[Suspect, ...]:
    """Identifiers, columns that give the target away, far too many categories."""
    raw = train.raw
    kinds = raw.kinds or all_numbers(len(raw.features))
    X, y, rows = raw.X, labels_of(raw), train.rows
    if isinstance(stored(X), Pieces) and len(rows) > MANY:  # on the disk: whole columns are dear, a sample says it too
        some = rows[np.linspace(0, len(rows) - 1, MANY).astype(np.int64)]
        X, y, rows = X[some], y[some], np.arange(MANY)
    return suspects(X, kinds, raw.features, raw.vocabularies, y, task, rows, raw.target)


def repeated(drawn: dict[str, Drawn], task: SettledTask) -> Duplicates:
    """Rows that occur twice, and those with the inputs of another but not its target."""
    train = drawn["train"]
    inputs = {part: (one.raw.X, one.rows) for part, one in drawn.items()}
    return duplicates(inputs, labels_of(train.raw)[train.rows], task)
