"""The classes that training rows have: which there are, that every part has them, what each weighs."""

from __future__ import annotations

import numpy as np

from dltrain.config.records import Data, Split
from dltrain.data.fitting.cleaning import labels_of
from dltrain.data.labels import SettledTask, merged, numbered
from dltrain.data.roles import listed
from dltrain.data.splitting.dealing import Drawn
from dltrain.errors import InputError, Problem, did_you_mean


def classes_of(train: Drawn, task: SettledTask) -> tuple[str, ...]:
    """Class names of the training rows; () for regression."""
    return () if task == "regression" else merged([sorted(_present(train))])


def class_weights(data: Data, train: Drawn, classes: tuple[str, ...]) -> tuple[float, ...] | None:
    """w_c with Σ v_i w_(y_i) = Σ v_i over the training set, v the example weights: Σ v_i/(C Σ_(y_i = c) v_i) if
    balanced, else as given, and 1 for a class that is not."""
    if data.class_weights is None:
        return None
    if not classes:
        raise InputError(Problem("a regression has no classes; leave it out", "data.class_weights"))
    codes = numbered(labels_of(train.raw)[train.rows])[1]
    weights = train.raw.extras.get("weight")
    shares = np.bincount(codes, None if weights is None else weights[train.rows], minlength=len(classes))
    if data.class_weights == "balanced":
        if not shares.all():
            name = classes[int(np.argmin(shares))]
            raise InputError(
                Problem(f"all rows of class {name!r} have weight 0: nothing balances it", "data.class_weights")
            )
        return tuple((shares.sum() / (len(classes) * shares)).tolist())
    unknown = [name for name in data.class_weights if name not in classes]
    if unknown:
        hint = did_you_mean(unknown[0], classes) or f"; the classes are {listed(classes)}"
        raise InputError(Problem(f"there is no class {unknown[0]!r}{hint}", "data.class_weights"))
    given = np.array([data.class_weights.get(name, 1.0) for name in classes])
    mean = float((given * shares).sum() / shares.sum())
    if not mean:
        raise InputError(Problem("every training row has weight 0", "data.class_weights"))
    return tuple((given / mean).tolist())


def check_coverage(drawn: dict[str, Drawn], classes: tuple[str, ...], split: Split, keys: dict[str, str]) -> list[str]:
    """InputError if a class is missing from a part. Where classes are not kept in proportion a note is enough, but
    for train, which must have every class."""
    if not classes:
        return []
    present = {part: _present(one) for part, one in drawn.items()}
    unlearned = merged([sorted(set().union(*present.values()) - set(classes))])
    if unlearned:
        raise InputError(_unlearned(list(unlearned), present, drawn, keys))
    problems, notes = [], []
    for part, names in present.items():
        missing = [name for name in classes if name not in names]
        what = f"{_these(missing)} not occur in {part}"
        if missing and (split.stratify is False or split.by in ("time", "hash", "column")):
            notes.append(f"{what}: its error says nothing of them")
        elif missing:
            hint = f"take a larger {part}, merge rare classes, or accept it with split.stratify: false"
            problems.append(Problem(f"{what}; {hint}", keys.get(part, f"split.{part}")))
    if problems:
        raise InputError(*problems)
    return notes


def _these(classes: list[str]) -> str:
    return f"class {classes[0]!r} does" if len(classes) == 1 else f"classes {listed(classes)} do"


def _unlearned(
    classes: list[str], present: dict[str, set[str]], drawn: dict[str, Drawn], keys: dict[str, str]
) -> Problem:
    """A class that only other parts have: by an unlucky split, or since their files hold more."""
    elsewhere = [part for part, names in present.items() if names & set(classes)]
    if all(part not in keys and drawn[part].raw.place != drawn["train"].raw.place for part in elsewhere):
        near = did_you_mean(classes[0], sorted(present["train"])).replace("did you mean", "is it")
        hint = f"add rows of it to data.source, take these out, or spell it alike with data.label_map{near}"
        key = "data.dev_test_source"
    elif all(part in keys for part in elsewhere):
        hint, key = "add training rows of it, or take these rows out", keys[elsewhere[0]]
    else:
        hint, key = "a larger train or split.stratify: true brings every class into it", "split.train"
    return Problem(f"{_these(classes)} not occur in train, only in {' and '.join(elsewhere)}; {hint}", key)


def _present(one: Drawn) -> set[str]:
    names, codes = numbered(labels_of(one.raw))
    return {names[code] for code in np.unique(codes[one.rows])}
