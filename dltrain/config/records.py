"""The config as declared: one record a section, whose fields are the keys of the YAML file.

The docstring below a field is what `dltrain explain KEY` prints. A null in a layer means "as the
architecture says"; `auto` is settled by `resolve`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import Field

from dltrain.config.records_adjustments import Adjustment
from dltrain.config.records_search import Search
from dltrain.engine.architecture import Activation, BatchNorm, Dtype, EarlyStopping, Output
from dltrain.engine.arrays import RECORD
from dltrain.engine.augmentations import Crop, Distort, Flip, Noise, Rotate, Shift, Zoom
from dltrain.engine.initializers import Glorot, He, Random, Xavier, Zeros
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from dltrain.engine.regularizers import L1, L1L2, L2, NoRegularizer
from dltrain.engine.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Manual,
    Plateau,
    Staircase,
)

KeepProb = Annotated[float, Gt(0), Le(1)]
Share = Annotated[int, Ge(0)] | Annotated[float, Ge(0), Le(1)] | Literal["rest"]
RunName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$"),
    "a name of at most 41 letters, digits and . _ - that starts with a letter or digit",
]
Source: TypeAlias = (
    Annotated[str, MinLen(1), "the name of a set, a file, a glob, a folder"]
    | Annotated[list[Annotated[str, MinLen(1)]], MinLen(1), "a list of files"]
)
Task: TypeAlias = Literal["auto", "binary", "multiclass", "regression"]
AugmentationChoice: TypeAlias = Annotated[
    Flip | Rotate | Shift | Crop | Zoom | Distort | Noise, Field(discriminator="kind")
]
InitializerChoice: TypeAlias = Annotated[Zeros | Random | He | Xavier | Glorot, Field(discriminator="kind")]
RegularizerChoice: TypeAlias = Annotated[NoRegularizer | L2 | L1 | L1L2, Field(discriminator="kind")]
OptimizerChoice: TypeAlias = Annotated[
    GradientDescent | Momentum | Nesterov | RMSprop | Adam | AdamW, Field(discriminator="kind")
]
ScheduleChoice: TypeAlias = Annotated[
    Constant | InverseTime | Exponential | InverseSqrt | Staircase | Manual | Cosine | Plateau,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where the rows come from and what is predicted."""

    __pydantic_config__ = RECORD
    source: Source
    """A built-in or named set, a file (csv, tsv, jsonl, parquet, npy, npz, idx, h5; .gz and .zst too), a glob, a list
    of files, or a folder (of arrays, or of images with a subfolder a class)."""
    target: str | int | None = None
    """The target's column: a name, or a number for files without a header (-1 is the last)."""
    arrays: dict[Literal["train", "train_dev", "dev", "test"], Annotated[list[str], MinLen(2)]] | None = None
    """{train: [x_train, y_train], test: [x_test, y_test]}: arrays of an npz file, or files of a folder."""
    columns: list[str] | None = None
    """Names of the columns, for a file without a header."""
    task: Task = "auto"
    """auto, binary, multiclass or regression."""
    features: list[str] | Literal["all"] = "all"
    """The input columns; all means every one but target, id and excluded."""
    exclude: list[str] | None = None
    """Columns that are no inputs."""
    id: str | None = None
    """Column that names a row; never an input."""
    weight: str | None = None
    """Column with the weight of each example, in the cost and in the errors; never an input."""
    label_map: dict[str, str] | None = None
    """Other spellings of a class: {">50K.": ">50K"}."""
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Ge(0)]] | None = None
    """Weight of each class in the cost, not in the errors: balanced (m / (C m_class)), or {class: weight}."""
    dev_test_source: Source | None = None
    """Where dev and test come from, if not from `source`: train and train_dev are then drawn from `source` alone."""
    missing: Literal["error", "mean", "median", "most_frequent", "drop"] = "error"
    """What becomes of a gap in an input: refused, filled (of a category always the most frequent), or its row dropped;
    fitted on the training set. With all but error, rows without a target are left out."""
    missing_indicator: bool = True
    """An input more for each column with gaps in the training set: 1 where the value was filled in."""
    missing_values: list[str] = field(default_factory=lambda: ["?", "NA"])
    """Cells that hold no value, beside the empty one, NaN, N/A and null; upper or lower case."""
    categorical: Literal["one_hot"] = "one_hot"
    """How text becomes numbers: one input a category of the training set, and one for all others."""
    limit: Annotated[int, Ge(1)] | None = None
    """Use only so many rows, drawn with split.seed."""
    train_limit: Annotated[int, Ge(1)] | None = None
    """Train on only so many of the training rows (classes in proportion, whole groups first); the other parts stay as
    they are. Fewer are always among more: what a learning curve is made of."""
    train_limit_seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    """Which of these nested subsets of the training rows."""
    normalize: Literal["standard", "minmax", "none"] = "standard"
    """How inputs are scaled, fitted on the training set: standard gives mean 0 and variance 1, minmax 0 to 1."""
    image_shape: Annotated[list[Annotated[int, Ge(1)]], MinLen(2)] | None = None
    """[height, width] or [height, width, channels]: rows are images, scaled with one mu and sigma a channel."""
    augment: list[AugmentationChoice] = field(default_factory=list)
    """How training examples are changed anew at each visit, in training batches alone and before they are scaled: flip,
    rotate, shift, crop, zoom, distort, noise. All but noise need images (data.image_shape)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFiles:
    """One file a part."""

    __pydantic_config__ = RECORD
    train: str | None = None
    """File of the training rows."""
    train_dev: str | None = None
    """File of held-out rows from the training distribution."""
    dev: str | None = None
    """File of the dev rows."""
    test: str | None = None
    """File of the test rows; alone, it stands beside ratios for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Who is in which part. It depends on split.seed alone, never on the training seed."""

    __pydantic_config__ = RECORD
    by: Literal["random", "time", "hash", "column", "files"] = "random"
    """random, time (train first, the last rows are the test set), hash (a row stays in its part as the data grow;
    ratios only, met on average), column (which names each row's part) or files (one file a part)."""
    column: str | None = None
    """The column that time, hash or column reads; not an input unless data.features names it. For column its values are
    train, train_dev, dev (or val, valid, validation) and test."""
    group: str | None = None
    """Column whose rows of one value stay together, in one part, so that sizes are only near what is asked; not an
    input unless data.features names it."""
    files: SplitFiles | None = None
    """{train: a.csv, dev: b.csv, test: c.csv}."""
    train: Share | None = None
    """Ratio, count or rest. Null: with dev and test, by the size of the data; with data.dev_test_source, all of
    data.source."""
    dev: Share | None = None
    """Ratio, count or rest. Null: with train and test, by the size of the data."""
    test: Share | None = None
    """Ratio, count or rest; 0 for no test set, which is allowed."""
    train_dev: Share = 0
    """A part of the training source kept aside, to tell mismatch from variance: a ratio of the training rows, or a
    count; drawn at random by time too."""
    stratify: bool | Literal["auto"] = "auto"
    """Classes in proportion in every part; auto does so for classification, but not by time, hash or column."""
    folds: Annotated[int, Ge(2), Le(1000)] | None = None
    """k: `train` is a study of k runs; the rows of train and dev are dealt into k folds, each of which is dev once. The
    test part is not among them."""
    fold: Annotated[int, Ge(0)] | None = None
    """Which of the folds is dev, from 0: a single run. A study sets it."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    """Seed of the split, its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredLayer:
    """A hidden layer; null means as `architecture` and `regularizer` say."""

    __pydantic_config__ = RECORD
    units: Annotated[int, Ge(1)]
    """Number of units."""
    activation: Activation | None = None
    """relu, leaky_relu, tanh, sigmoid or linear."""
    keep_prob: KeepProb | None = None
    """Share of the units that dropout keeps."""
    batch_norm: BatchNorm | bool | None = None
    """true, false or {average, epsilon}."""
    initializer: InitializerChoice | Literal["auto"] | None = None
    """zeros, random, he, xavier, glorot, auto or {kind, scale}."""
    regularizer: RegularizerChoice | None = None
    """Of this layer's weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredArchitecture:
    """The network."""

    __pydantic_config__ = RECORD
    layers: list[DeclaredLayer] = field(default_factory=lambda: [DeclaredLayer(units=64), DeclaredLayer(units=32)])
    """Units of each hidden layer, {count, units}, or full records; [] is logistic, softmax or linear regression."""
    activation: Activation = "relu"
    """Of the layers that don't say otherwise: relu, leaky_relu, tanh, sigmoid or linear."""
    keep_prob: KeepProb = 1.0
    """Dropout: the share of a layer's units that is kept (0.8 is what others call a dropout of 0.2)."""
    input_keep_prob: KeepProb = 1.0
    """The same for the inputs."""
    batch_norm: BatchNorm | bool = False
    """true, false or {average, epsilon}; hidden layers only."""
    initializer: InitializerChoice | Literal["auto"] = "auto"
    """zeros, random, he, xavier, glorot or {kind, scale}; auto is he for ReLU kinds, else xavier."""
    output: Output | Literal["auto"] = "auto"
    """sigmoid (binary), softmax (classes) or linear (regression), each with its loss; auto goes by the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """When the state of a training is saved, so that it can go on after whatever happens."""

    __pydantic_config__ = RECORD
    every_steps: Annotated[int, Ge(1)] | None = None
    """Save after so many steps; null never."""
    every_minutes: Annotated[float, Gt(0)] | None = 5.0
    """Save after so many minutes; null never."""
    every_epochs: Annotated[int, Ge(1)] | None = None
    """Save after so many epochs and keep these checkpoints for good; null never."""
    keep: Annotated[int, Ge(1)] = 2
    """How many of the newest checkpoints are kept while training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How long, in what portions, and when to stop."""

    __pydantic_config__ = RECORD
    epochs: Annotated[int, Ge(1)] | None = None
    """Passes through the training set; 100 unless `steps` is given."""
    steps: Annotated[int, Ge(1)] | None = None
    """Updates of the parameters, instead of epochs."""
    batch_size: Annotated[int, Ge(1)] | Literal["full", "auto"] = "auto"
    """Examples a step: auto is min(64, m), full is batch gradient descent, 1 is stochastic."""
    early_stopping: EarlyStopping | None = None
    """{patience, min_delta, monitor}; null trains to the end."""
    parameter_average: Annotated[float, Ge(0), Lt(1)] | None = None
    """β of an exponentially weighted average of the parameters, bias corrected, that becomes the model."""
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    """{every_steps, every_minutes, every_epochs, keep}: when the state is saved while training."""
    dtype: Dtype = "float32"
    """float32 or float64."""
    threads: Annotated[int, Ge(1), Le(256)] | Literal["auto"] = "auto"
    """Threads of the matrix products; auto goes by their sizes alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the bias/variance table compares with."""

    __pydantic_config__ = RECORD
    bayes_error: Annotated[float, Ge(0)] | None = None
    """The lowest error possible; null is taken as 0, and said so, or as estimated where equal inputs have other
    targets."""
    human_error: Annotated[float, Ge(0)] | None = None
    """The error of people, or of the best known, which stands for the Bayes error where that is not stated."""
    threshold: Annotated[float, Gt(0)] = 0.02
    """A gap above it is high."""
    confidence: Annotated[float, Gt(0), Lt(1)] = 0.95
    """Of the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A whole config file."""

    __pydantic_config__ = RECORD
    version: Literal[1] = 1
    """Version of the config format."""
    name: RunName | None = None
    """First part of the run's id; the source's stem if not given."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 1
    """Of initialization, shuffling, dropout and augmentation; never of who is in which part."""
    data: Data
    """Where the rows come from."""
    split: Split = field(default_factory=Split)
    """Who is in which part; `auto` goes by the size of the data."""
    architecture: DeclaredArchitecture = field(default_factory=DeclaredArchitecture)
    """The network."""
    regularizer: RegularizerChoice = field(default_factory=NoRegularizer)
    """none, l2, l1 or l1_l2, for every layer that doesn't say otherwise."""
    optimizer: OptimizerChoice = field(default_factory=Adam)
    """gradient_descent, momentum, nesterov, rmsprop, adam or adamw."""
    schedule: ScheduleChoice = field(default_factory=Constant)
    """How the learning rate changes: constant, inverse_time, exponential, inverse_sqrt, staircase, manual, cosine or
    plateau."""
    training: Training = field(default_factory=Training)
    """How long, in what portions, and when to stop."""
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    """What the bias/variance table compares with."""
    adjustments: list[Adjustment] = field(default_factory=list)
    """[{epoch: 12, set: {optimizer.learning_rate: 0.0003}}]: what holds from an epoch on (dltrain adjust writes such a
    list for a run that it changes)."""
    search: Search | None = None
    """Which settings `dltrain search` varies, and how; `train` does not look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What `resolve` needs to know of the data: sizes of the parts (m: training), inputs, classes and task."""

    m: int
    n_x: int
    classes: tuple[str, ...]
    """Names of the classes in order; empty for regression."""
    task: Literal["binary", "multiclass", "regression"]
    parts: dict[str, int] = field(default_factory=dict)
    """Rows of each part that exists: train, train_dev, dev, test."""
