"""From an experiment's `data` and `split` to the arrays that the engine trains on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dltrain.config.records import DataFacts, Experiment, Split
from dltrain.config.shares import settled_split
from dltrain.data.augmenting import check_augment, kept_rows, moves_of
from dltrain.data.files import content_sha256
from dltrain.data.fitting.classes import check_coverage, class_weights, classes_of
from dltrain.data.fitting.cleaning import cleaned, labels_of, mean_weight
from dltrain.data.fitting.preparation import Preparation
from dltrain.data.fitting.transforming import transform_parts
from dltrain.data.labels import SettledTask, check_classes, decide_task, merged, numbered
from dltrain.data.raw import Raw, is_text
from dltrain.data.sets.named import with_files
from dltrain.data.sources import Sources, read_sources, settle_image_shape
from dltrain.data.splitting.dealing import Drawn, deal
from dltrain.data.splitting.limiting import limit_train
from dltrain.data.splitting.periods import places
from dltrain.data.splitting.split import draw_limit
from dltrain.data.suspicion.remarks import remarks, repeated, unlike
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
    groups: npt.NDArray[np.int64] | None = None
    """(n,) which rows belong together, by split.group; numbered in each part anew."""
    times: Floats | None = None
    """(n,) the place of split.column among the part's times, where the split goes by time."""
    raw: Floats | None = None
    """(n, features) as they were read, of the training rows, where data.augment moves their pixels."""


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
    conflicting: int = 0
    """Training rows whose inputs another has with another target,"""
    least_error: float = 0.0
    """and the least training error that follows, a lower bound of the Bayes error as far as they go; 0 for too few."""


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


Transform = Callable[[Mapping[str, Drawn], Preparation], dict[str, Floats]]
"""Makes what the network sees of each part: (n, n_x)."""
Keep = Callable[[Drawn, str], Floats]
"""Keeps the raw training rows, (m, features), in small whole numbers or in the type that is named."""


transform_whole: Transform = partial(transform_parts, release=True)
"""The tables are not needed any more: what they hold is given back while the parts are made."""


def read_and_split(experiment: Experiment) -> Tables:
    """All tables, and the rows of each part. Nothing is fitted yet."""
    experiment = with_files(experiment)
    sources, dropped = cleaned(read_sources(experiment), experiment.data)
    split, label = experiment.split, experiment.data.label_map or {}
    pool, limited = _limit(sources.pool, experiment.data.limit, split.seed)
    sources = replace(sources, pool=pool)
    image_shape = settle_image_shape(experiment.data, pool)
    check_augment(experiment.data, pool, image_shape)
    task, why = decide_task(pool, experiment.data.task)
    if task == "regression":
        _check_quantities(sources, label)
    else:
        check_classes(sources.every(), merged([numbered(labels_of(raw))[0] for raw in sources.every().values()]))
    stratify = _stratify(split, task)
    drawn, said = deal(sources, split, stratify)
    sizes = {part: len(one.rows) for part, one in drawn.items()}
    rule = experiment.data
    train, fewer = limit_train(drawn["train"], rule.train_limit, split.seed, rule.train_limit_seed, stratify)
    return Tables(
        drawn=drawn | {"train": train},
        task=task,
        image_shape=image_shape,
        settled_split=settled_split(experiment, sizes, stratify),
        keys=sources.keys,
        notes=(*sources.notes, *dropped, limited, *said, fewer, why),
        files=sources.files,
    )


def finish(
    experiment: Experiment,
    tables: Tables,
    transform: Transform = transform_parts,
    sha256: str | None = None,
    keep: Keep = kept_rows,
) -> Prepared:
    """Fits on the training rows alone and transforms every part. `sha256` is that of the files, where it is known."""
    experiment, drawn = with_files(experiment), tables.drawn
    classes = classes_of(drawn["train"], tables.task)
    absent = check_coverage(drawn, classes, experiment.split, tables.keys)
    preparation = _fit(experiment, drawn["train"], tables.task, classes, tables.image_shape)
    twice = repeated(drawn, tables.task)
    notes = [*tables.notes, *absent, *remarks(drawn, preparation, tables.task), *twice.notes()]
    moves = moves_of(experiment.data.augment)
    raw = {"train": keep(drawn["train"], experiment.training.dtype)} if moves else {}
    inputs = transform(drawn, preparation)
    notes += unlike(inputs, preparation, tables.keys)
    return Prepared(
        parts={
            part: _part(one, inputs[part], preparation, experiment.split.by == "time", raw.get(part))
            for part, one in drawn.items()
        },
        preparation=preparation,
        facts=_facts(drawn, preparation),
        notes=tuple(note for note in notes if note),
        settled_split=tables.settled_split,
        sha256=sha256 or content_sha256(tables.files),
        files=tuple(tables.files.values()),
        conflicting=twice.conflicting,
        least_error=twice.bound,
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
        class_weights=class_weights(data, train, classes),
        weight=data.weight,
        weight_mean=mean_weight(raw, train.rows),
        missing_values=tuple(data.missing_values),
        label_map=data.label_map or {},
    )


def _limit(pool: Raw, limit: int | None, seed: int) -> tuple[Raw, str]:
    if limit is None or limit >= pool.n:
        return pool, "" if limit is None else f"limit: there are {pool.n} rows, all are used"
    return pool.only(draw_limit(pool.n, limit, seed)), f"limit: {limit} of {pool.n} rows, drawn with split.seed {seed}"


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


def _part(one: Drawn, X: Floats, preparation: Preparation, by_time: bool, kept: Floats | None) -> Part:
    raw, ids = one.raw, one.raw.ids
    weights, groups = raw.extras.get("weight"), raw.extras.get("group")
    times = raw.extras.get("column") if by_time else None
    return Part(
        X=X,
        y=preparation.encode(labels_of(raw)[one.rows]),
        rows=one.original(),
        ids=None if ids is None else [ids[row] for row in one.rows],
        weights=None if weights is None else weights[one.rows].astype(np.float64) / preparation.weight_mean,
        groups=None if groups is None else numbered(groups[one.rows])[1],
        times=None if times is None else places(times[one.rows]).astype(np.float64),
        raw=kept,
    )


def _facts(drawn: dict[str, Drawn], preparation: Preparation) -> DataFacts:
    parts = {part: len(one.rows) for part, one in drawn.items()}
    return DataFacts(
        m=parts["train"], n_x=preparation.n_x, classes=preparation.classes, task=preparation.task, parts=parts
    )
