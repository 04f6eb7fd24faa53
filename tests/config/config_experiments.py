"""Strategies that draw valid configs, as plain data."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dltrain.config import DataFacts

SHARE = st.floats(0.01, 0.99)
POSITIVE = st.floats(1e-8, 1e8)
COUNT = st.integers(1, 300)
ACTIVATION = st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid", "linear"])
BATCH_NORM = st.one_of(st.booleans(), st.fixed_dictionaries({}, optional={"average": SHARE, "epsilon": POSITIVE}))
INITIALIZER = st.one_of(
    st.sampled_from(["auto", "zeros", "random", "he", "xavier", "glorot"]),
    st.fixed_dictionaries({"kind": st.sampled_from(["random", "he", "glorot"])}, optional={"scale": POSITIVE}),
)
REGULARIZER = st.one_of(
    st.just("none"),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["l1", "l2"]), "lambd": POSITIVE}, optional={"include_bias": st.booleans()}
    ),
    st.fixed_dictionaries({"kind": st.just("l1_l2"), "lambd_l1": POSITIVE, "lambd_l2": POSITIVE}),
)
LAYER = st.one_of(
    COUNT,
    st.fixed_dictionaries({"count": st.integers(1, 4), "units": COUNT}, optional={"keep_prob": SHARE}),
    st.fixed_dictionaries(
        {"units": COUNT},
        optional={
            "activation": ACTIVATION,
            "keep_prob": SHARE,
            "batch_norm": BATCH_NORM,
            "initializer": INITIALIZER,
            "regularizer": REGULARIZER,
        },
    ),
)
ARCHITECTURE = st.fixed_dictionaries(
    {},
    optional={
        "layers": st.lists(LAYER, max_size=3),
        "activation": ACTIVATION,
        "keep_prob": SHARE,
        "input_keep_prob": SHARE,
        "batch_norm": BATCH_NORM,
        "initializer": INITIALIZER,
    },
)
OPTIMIZER = st.one_of(
    st.sampled_from(["gradient_descent", "momentum", "nesterov", "rmsprop", "adam"]),
    st.fixed_dictionaries({}, optional={"learning_rate": POSITIVE, "beta1": SHARE, "clip_norm": POSITIVE}),
    st.fixed_dictionaries({"kind": st.just("nesterov")}, optional={"beta": SHARE}),
)
SCHEDULE = st.one_of(
    st.sampled_from(["constant", "cosine", "exponential", "inverse_sqrt"]),
    st.fixed_dictionaries({"kind": st.just("inverse_time"), "decay_rate": POSITIVE}, optional={"warmup": COUNT}),
    st.fixed_dictionaries({"kind": st.just("manual"), "values": st.dictionaries(COUNT.map(str), POSITIVE, min_size=1)}),
)
TRAINING = st.one_of(
    st.fixed_dictionaries({}, optional={"epochs": COUNT}), st.fixed_dictionaries({"steps": COUNT})
).flatmap(
    lambda length: st.fixed_dictionaries(
        {key: st.just(value) for key, value in length.items()},
        optional={
            "batch_size": st.one_of(st.sampled_from(["full", "auto"]), st.integers(2, 50)),
            "early_stopping": st.fixed_dictionaries({}, optional={"patience": COUNT, "min_delta": SHARE}),
            "parameter_average": SHARE,
            "dtype": st.sampled_from(["float32", "float64"]),
            "threads": st.one_of(st.just("auto"), st.integers(1, 8)),
        },
    )
)
SPLIT = st.one_of(
    st.just("auto"),
    st.fixed_dictionaries({"train": st.just("rest"), "dev": st.integers(1, 90)}, optional={"test": st.just(0.25)}),
    st.just({"train": 0.7, "dev": 0.2, "test": 0.1, "stratify": False}),
)
NAME = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,40}\Z")
DATA = st.fixed_dictionaries(
    {"source": st.sampled_from(["digits", "/data/my file.csv", "/data/ünïcode: #.npz"])},
    optional={
        "target": st.one_of(
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn"]), min_size=1), st.integers(-3, 3)
        ),
        "columns": st.lists(st.text("abc: #'\"\\-", min_size=1), unique=True, min_size=1, max_size=3),
        "limit": COUNT,
        "normalize": st.sampled_from(["standard", "minmax", "none"]),
        "image_shape": st.just([8, 8]),
    },
)
CONFIG: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"data": DATA},
    optional={
        "version": st.just(1),
        "name": NAME,
        "seed": st.integers(0, 2**63 - 1),
        "split": SPLIT,
        "architecture": ARCHITECTURE,
        "regularizer": REGULARIZER,
        "optimizer": OPTIMIZER,
        "schedule": SCHEDULE,
        "training": TRAINING,
        "diagnosis": st.fixed_dictionaries(
            {}, optional={"bayes_error": SHARE, "threshold": SHARE, "confidence": SHARE}
        ),
    },
)

DIGITS_FACTS = DataFacts(
    m=1078,
    n_x=64,
    classes=tuple("0123456789"),
    task="multiclass",
    parts={"train": 1078, "dev": 359, "test": 360},
)
CANCER_FACTS = DataFacts(
    m=341,
    n_x=30,
    classes=("benign", "malignant"),
    task="binary",
    parts={"train": 341, "dev": 114, "test": 114},
)
HOUSES_FACTS = DataFacts(m=700, n_x=8, classes=(), task="regression", parts={"train": 700, "train_dev": 50, "dev": 250})
FACTS = st.sampled_from([DIGITS_FACTS, CANCER_FACTS, HOUSES_FACTS])
