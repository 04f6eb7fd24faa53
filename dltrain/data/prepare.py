"""From an experiment's `data` and `split` to the arrays that the engine trains on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dltrain.config.records import Data, DataFacts, Experiment, Split
from dltrain.config.shares import settled_split
from dltrain.data.alike import alike
from dltrain.data.cleaning import cleaned, labels_of, mean_weight
from dltrain.data.columns import all_numbers
from dltrain.data.dealing import Drawn, deal
from dltrain.data.duplicates import duplicates
from dltrain.data.files import content_sha256
from dltrain.data.labels import SettledTask, check_classes, decide_task, merged, numbered
from dltrain.data.named import with_files
from dltrain.data.preparation import Preparation
from dltrain.data.raw import Raw, is_text
from dltrain.data.roles import listed
from dltrain.data.sources import Sources, read_sources, settle_image_shape
from dltrain.data.split import draw_limit
from dltrain.data.suspects import Suspect, suspects
from dltrain.data.transforming import transform_parts
from dltrain.engine.arrays import Floats, Targets
from dltrain.errors import InputError, Problem, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """The rows of one part, as the network sees them."""

    X: Floats
    """(n, n_x) C-contiguous, transformed, in training.dtype."""
    y: Targets
    """(n,) int64 class numbers, for two classes too; for regression standardized values."""
    rows: npt.NDArray[np.int64]
    """(n,) row numbers in the source file, from 0, ascending."""
    ids: list[str] | None = None
    weights: Floats | None = None
    """(n,) float64 example weights, mean 1 over the training set; None where all count alike."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """All that training needs of the data."""

    parts: dict[str, Part]
    """train, train_dev, dev, test: those that exist and are not empty."""
    preparation: Preparation
    facts: DataFacts
    notes: tuple[str, ...]
    settled_split: Split
    """Counts for ratios, true or false for `stratify: auto`: it splits the same data the same way."""
    sha256: str
    files: tuple[Path, ...] = ()
    """The files that were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What was read and who is in which part, before anything is fitted."""

    drawn: dict[str, Drawn]
    """train, train_dev, dev, test: those that have rows."""
    task: SettledTask
    image_shape: tuple[int, ...] | None
    settled_split: Split
    keys: dict[str, str]
    """The config key that gave the rows of a part, where one did."""
    notes: tuple[str, ...]
    files: dict[str, Path]


def prepare(experiment: Experiment) -> Prepared:
    """Reads, splits, fits the preparation on the training rows and transforms every part.

    Raises InputError with one problem for each thing wrong.
    """
    return finish(experiment, read_and_split(experiment), release=True)


def read_and_split(experiment: Experiment) -> Tables:
    """All tables, and the rows of each part. Nothing is fitted yet."""
    experiment = with_files(experiment)
    sources, dropped = cleaned(read_sources(experiment), experiment.data)
    split, label = experiment.split, experiment.data.label_map or {}
    pool, limited = _limit(sources.pool, experiment.data.limit, split.seed)
    sources = replace(sources, pool=pool)
    image_shape = settle_image_shape(experiment.data, pool)
    task, why = decide_task(pool, experiment.data.task)
    if task == "regression":
        _check_quantities(sources, label)
    else:
        check_classes(sources.every(), merged([numbered(labels_of(raw))[0] for raw in sources.every().values()]))
    stratify = _stratify(split, task)
    drawn, said = deal(sources, split, stratify)
    return Tables(
        drawn=drawn,
        task=task,
        image_shape=image_shape,
        settled_split=settled_split(experiment, {part: len(one.rows) for part, one in drawn.items()}, stratify),
        keys=sources.keys,
        notes=(*sources.notes, *dropped, limited, *said, why),
        files=sources.files,
    )


def finish(experiment: Experiment, tables: Tables, release: bool = False) -> Prepared:
    """Fits on the training rows alone and transforms every part. With `release` large tables are empty afterwards."""
    experiment, drawn = with_files(experiment), tables.drawn
    classes = _classes(drawn["train"], tables.task)
    absent = _check_coverage(drawn, classes, experiment.split, tables.keys)
    preparation = _fit(experiment, drawn["train"], tables.task, classes, tables.image_shape)
    found = _suspects(drawn["train"], tables.task)
    told = {name for suspect in found if suspect.kind == "identifier" for name in suspect.columns}
    notes = [*tables.notes, *absent, *_constant(preparation, drawn, told), *(suspect.text for suspect in found)]
    notes += _repeated(drawn, tables.task)
    inputs = transform_parts(drawn, preparation, release)
    parts = {part: _part(one, inputs[part], preparation) for part, one in drawn.items()}
    notes += _unlike(parts, preparation, tables.keys)
    return Prepared(
        parts=parts,
        preparation=preparation,
        facts=_facts(drawn, preparation),
        notes=tuple(note for note in notes if note),
        settled_split=tables.settled_split,
        sha256=content_sha256(tables.files),
        files=tuple(tables.files.values()),
    )


def _fit(
    experiment: Experiment,
    train: Drawn,
    task: SettledTask,
    classes: tuple[str, ...],
    image_shape: tuple[int, ...] | None,
) -> Preparation:
    data, raw = experiment.data, train.raw
    return Preparation.fit(
        raw.X,
        labels_of(raw),
        train.rows,
        task=task,
        features=raw.features,
        classes=classes,
        normalize=data.normalize,
        image_shape=image_shape,
        kinds=raw.kinds,
        vocabularies=raw.vocabularies,
        missing=data.missing,
        missing_indicator=data.missing_indicator,
        target=raw.target,
        dtype=experiment.training.dtype,
        columns=raw.columns,
        header=raw.header,
        id=data.id,
        class_weights=_class_weights(data, train, classes),
        weight=data.weight,
        weight_mean=mean_weight(raw, train.rows),
        missing_values=tuple(data.missing_values),
        label_map=data.label_map or {},
    )


def _class_weights(data: Data, train: Drawn, classes: tuple[str, ...]) -> tuple[float, ...] | None:
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


def _limit(pool: Raw, limit: int | None, seed: int) -> tuple[Raw, str]:
    if limit is None or limit >= pool.n:
        return pool, "" if limit is None else f"limit: there are {pool.n} rows, all are used"
    return pool.only(draw_limit(pool.n, limit, seed)), f"limit: {limit} of {pool.n} rows, drawn with split.seed {seed}"


def _classes(train: Drawn, task: SettledTask) -> tuple[str, ...]:
    """Class names of the training rows; () for regression."""
    return () if task == "regression" else merged([sorted(_present(train))])


def _check_quantities(sources: Sources, label_map: dict[str, str]) -> None:
    problems = [
        Problem(f"the target is text, regression needs numbers: {raw.where(0)}", sources.keys.get(part))
        for part, raw in sources.every().items()
        if is_text(labels_of(raw))
    ]
    if label_map:
        problems.append(Problem("a regression has no classes; leave it out", "data.label_map"))
    if problems:
        raise InputError(*problems)


def _stratify(split: Split, task: SettledTask) -> bool:
    if split.stratify is True and task == "regression":
        raise InputError(Problem("only classes can be kept in proportion; leave it at auto", "split.stratify"))
    automatic = task != "regression" and split.by not in ("time", "hash", "column")
    return automatic if split.stratify == "auto" else split.stratify


def _check_coverage(drawn: dict[str, Drawn], classes: tuple[str, ...], split: Split, keys: dict[str, str]) -> list[str]:
    """InputError if a class is missing from a part. Where classes are not kept in proportion a note is enough, but
    for train, which must have every class."""
    if not classes:
        return []
    present = {part: _present(one) for part, one in drawn.items()}
    unlearned = merged([sorted(set().union(*present.values()) - set(classes))])
    if unlearned:
        raise InputError(_unlearned(list(unlearned), present, keys))
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


def _unlearned(classes: list[str], present: dict[str, set[str]], keys: dict[str, str]) -> Problem:
    """A class that only other parts have: by an unlucky split, or since their files hold more."""
    elsewhere = [part for part, names in present.items() if names & set(classes)]
    if all(part in keys for part in elsewhere):
        hint, key = "add training rows of it, or take these rows out", keys[elsewhere[0]]
    else:
        hint, key = "a larger train or split.stratify: true brings every class into it", "split.train"
    return Problem(f"{_these(classes)} not occur in train, only in {' and '.join(elsewhere)}; {hint}", key)


def _present(one: Drawn) -> set[str]:
    names, codes = numbered(labels_of(one.raw))
    return {names[code] for code in np.unique(codes[one.rows])}


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


def _suspects(train: Drawn, task: SettledTask) -> tuple[Suspect, ...]:
    """Identifiers, columns that give the target away, far too many categories."""
    raw = train.raw
    kinds = raw.kinds or all_numbers(len(raw.features))
    return suspects(raw.X, kinds, raw.features, raw.vocabularies, labels_of(raw), task, train.rows, raw.target)


def _repeated(drawn: dict[str, Drawn], task: SettledTask) -> list[str]:
    """Notes on rows that occur twice."""
    train = drawn["train"]
    inputs = {part: (one.raw.X, one.rows) for part, one in drawn.items()}
    return duplicates(inputs, labels_of(train.raw)[train.rows], task).notes()


def _unlike(parts: dict[str, Part], preparation: Preparation, keys: dict[str, str]) -> list[str]:
    """Notes on parts with files of their own whose rows do not look like the training rows."""
    found = {part: alike(parts["train"].X, parts[part].X, preparation.inputs) for part in parts if part in keys}
    return [one.note(part) for part, one in found.items() if one is not None]


def _part(one: Drawn, X: Floats, preparation: Preparation) -> Part:
    raw, ids = one.raw, one.raw.ids
    weights = raw.extras.get("weight")
    return Part(
        X=X,
        y=preparation.encode(labels_of(raw)[one.rows]),
        rows=one.original(),
        ids=None if ids is None else [ids[row] for row in one.rows],
        weights=None if weights is None else weights[one.rows].astype(np.float64) / preparation.weight_mean,
    )


def _facts(drawn: dict[str, Drawn], preparation: Preparation) -> DataFacts:
    parts = {part: len(one.rows) for part, one in drawn.items()}
    return DataFacts(
        m=parts["train"], n_x=preparation.n_x, classes=preparation.classes, task=preparation.task, parts=parts
    )
