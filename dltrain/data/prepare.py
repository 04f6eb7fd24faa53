"""From an experiment's `data` and `split` to the arrays that the engine trains on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dltrain.config.records import DataFacts, Experiment, Split
from dltrain.data.duplicates import copies
from dltrain.data.files import content_sha256
from dltrain.data.labels import SettledTask, check_classes, decide_task, merged, numbered
from dltrain.data.preparation import Preparation
from dltrain.data.raw import Lines, Numbers, Raw, is_text
from dltrain.data.roles import listed
from dltrain.data.sizes import Sizes, settle_sizes
from dltrain.data.sources import PARTS, Sources, read_sources, settle_image_shape
from dltrain.data.split import Rows, draw_limit, draw_parts
from dltrain.engine.arrays import Floats, Targets
from dltrain.errors import InputError, Problem


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


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One part before it is transformed."""

    raw: Raw
    rows: Rows
    origin: Rows | None = None
    """Row numbers in the file of raw's rows, where `limit` left some out."""

    def original(self) -> Rows:
        return self.rows if self.origin is None else self.origin[self.rows]


def prepare(experiment: Experiment) -> Prepared:
    """Reads, splits, fits the preparation on the training rows and transforms every part.

    Raises InputError with one problem for each thing wrong.
    """
    sources = read_sources(experiment)
    split = experiment.split
    pool, origin, limited = _limit(sources.pool, experiment.data.limit, split.seed)
    image_shape = settle_image_shape(experiment.data, pool)
    task, why = decide_task(pool, experiment.data.task)
    classes = _classes(pool, sources, task)
    sizes = settle_sizes(split, pool.n, sources.given)
    stratify = _stratify(split, task)
    drawn = _draw(
        sources, pool, origin, draw_parts(sizes, split.seed, numbered(_labels(pool))[1] if stratify else None)
    )
    absent = _check_coverage(drawn, classes, split, sources.keys)
    preparation = _fit(experiment, drawn["train"], task, classes, image_shape)
    notes = [*sources.notes, limited, sizes.note, why, *absent, *_constant(preparation, drawn), _copied(drawn)]
    return Prepared(
        parts={part: _transform(one, preparation) for part, one in drawn.items()},
        preparation=preparation,
        facts=_facts(drawn, preparation),
        notes=tuple(note for note in notes if note),
        settled_split=_settled(split, sizes, stratify, sources),
        sha256=content_sha256(sources.files),
        files=tuple(sources.files.values()),
    )


def _draw(sources: Sources, pool: Raw, origin: Rows | None, rows: dict[str, Rows]) -> dict[str, _Drawn]:
    """All parts that have rows, in the order train, train_dev, dev, test."""
    drawn = {part: _Drawn(pool, rows[part], origin) for part in PARTS if len(rows[part])}
    drawn |= {part: _Drawn(raw, np.arange(raw.n)) for part, raw in sources.given.items()}
    return {part: drawn[part] for part in PARTS if part in drawn}


def _fit(
    experiment: Experiment,
    train: _Drawn,
    task: SettledTask,
    classes: tuple[str, ...],
    image_shape: tuple[int, ...] | None,
) -> Preparation:
    return Preparation.fit(
        train.raw.X,
        _labels(train.raw),
        train.rows,
        task=task,
        features=train.raw.features,
        classes=classes,
        normalize=experiment.data.normalize,
        image_shape=image_shape,
        target=train.raw.target,
        dtype=experiment.training.dtype,
        columns=train.raw.columns,
        header=train.raw.header,
        id=experiment.data.id,
    )


def _labels(raw: Raw) -> npt.NDArray[np.generic]:
    assert raw.y is not None
    return raw.y


def _limit(pool: Raw, limit: int | None, seed: int) -> tuple[Raw, Rows | None, str]:
    if limit is None or limit >= pool.n:
        return pool, None, "" if limit is None else f"limit: there are {pool.n} rows, all are used"
    rows = draw_limit(pool.n, limit, seed)
    lines = tuple(line for row in rows.tolist() if (line := pool.lines.of(row)) is not None)
    fewer = replace(
        pool,
        X=pool.X[rows],
        y=_labels(pool)[rows],
        ids=None if pool.ids is None else [pool.ids[row] for row in rows],
        lines=Lines(starts=(0,), firsts=(lines,)) if lines else Lines(),
    )
    return fewer, rows, f"limit: {limit} of {pool.n} rows, drawn with split.seed {seed}"


def _classes(pool: Raw, sources: Sources, task: SettledTask) -> tuple[str, ...]:
    """Class names of all parts together; () for regression."""
    every = {"train": pool, **sources.given}
    if task != "regression":
        classes = merged([numbered(_labels(raw))[0] for raw in every.values()])
        check_classes(every, classes)
        return classes
    problems = [
        Problem(f"the target is text, regression needs numbers: {raw.where(0)}", sources.keys[part])
        for part, raw in sources.given.items()
        if is_text(_labels(raw))
    ]
    if problems:
        raise InputError(*problems)
    return ()


def _stratify(split: Split, task: SettledTask) -> bool:
    if split.stratify is True and task == "regression":
        raise InputError(Problem("only classes can be kept in proportion; leave it at auto", "split.stratify"))
    return task != "regression" if split.stratify == "auto" else split.stratify


def _check_coverage(
    drawn: dict[str, _Drawn], classes: tuple[str, ...], split: Split, keys: dict[str, str]
) -> list[str]:
    """InputError if a class is missing from a part. With `stratify: false` a note is enough, but for train."""
    if not classes:
        return []
    present = {part: _present(one) for part, one in drawn.items()}
    unlearned = [name for name in classes if name not in present["train"]]
    if unlearned:
        raise InputError(_unlearned(unlearned, present, keys))
    problems, notes = [], []
    for part, names in present.items():
        missing = [name for name in classes if name not in names]
        what = f"{_these(missing)} not occur in {part}"
        if missing and split.stratify is False:
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


def _present(one: _Drawn) -> set[str]:
    names, codes = numbered(_labels(one.raw))
    return {names[code] for code in np.unique(codes[one.rows])}


def _constant(preparation: Preparation, drawn: dict[str, _Drawn]) -> list[str]:
    """Notes on columns that are constant in the training set, and on those that vary elsewhere."""
    names = preparation.constant
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
            varies = (one.raw.X[:, columns][one.rows] != value).any(axis=0)
            changed = [name for name, differs in zip(names, varies, strict=True) if differs]
            if changed:
                ignored = "the model has not learned what they mean" if then else "the model has never seen that"
                notes.append(f"warning: constant in train, but not in {part}: {listed(changed)}; {ignored}")
    return notes


def _copied(drawn: dict[str, _Drawn]) -> str:
    inputs: dict[str, tuple[Numbers, Rows | None]] = {part: (one.raw.X, one.rows) for part, one in drawn.items()}
    counts = copies(inputs) if len(inputs) > 1 else {}
    if not counts:
        return ""
    text = ", ".join(f"{count} of {len(drawn[part].rows)} in {part}" for part, count in counts.items())
    return f"duplicates: rows with the same inputs as a training row: {text}; errors there look better than they are"


def _transform(one: _Drawn, preparation: Preparation) -> Part:
    rows = one.original()
    ids = one.raw.ids
    return Part(
        X=preparation.transform(one.raw.X, one.rows),
        y=preparation.encode(_labels(one.raw)[one.rows]),
        rows=rows,
        ids=None if ids is None else [ids[row] for row in one.rows],
    )


def _facts(drawn: dict[str, _Drawn], preparation: Preparation) -> DataFacts:
    parts = {part: len(one.rows) for part, one in drawn.items()}
    return DataFacts(
        m=parts["train"], n_x=preparation.n_x, classes=preparation.classes, task=preparation.task, parts=parts
    )


def _settled(split: Split, sizes: Sizes, stratify: bool, sources: Sources) -> Split:
    return replace(
        split,
        train=sizes.train,
        train_dev=sizes.train_dev,
        dev=None if "dev" in sources.given else sizes.dev,
        test=None if "test" in sources.given else sizes.test,
        stratify=stratify,
    )
