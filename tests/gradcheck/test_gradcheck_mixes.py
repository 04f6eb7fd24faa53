"""Any mix of the engine's parts passes the gradient check: random architectures, at random initialization and later."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltrain.engine.architecture import Architecture, BatchNorm, Layer, Program
from dltrain.engine.initializers import Glorot, He, Xavier
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from dltrain.engine.regularizers import L1, L1L2, L2, NoRegularizer
from dltrain.engine.schedules import Constant
from dltrain.gradcheck import check_program

STRENGTHS = st.sampled_from([0.01, 0.3, 2.0])
REGULARIZERS = st.one_of(
    st.just(NoRegularizer()),
    st.builds(L2, lambd=STRENGTHS, include_bias=st.booleans()),
    st.builds(L1, lambd=STRENGTHS, include_bias=st.booleans()),
    st.builds(L1L2, lambd_l1=STRENGTHS, lambd_l2=STRENGTHS, include_bias=st.booleans()),
)
INITIALIZERS = st.sampled_from([He(), Xavier(), Glorot(), He(scale=0.5)])
KEEP = st.sampled_from([1.0, 1.0, 0.8, 0.5])
LAYERS = st.builds(
    Layer,
    units=st.integers(2, 6),
    activation=st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid", "linear"]),
    keep_prob=KEEP,
    batch_norm=st.one_of(st.none(), st.just(BatchNorm())),
    initializer=INITIALIZERS,
    regularizer=REGULARIZERS,
)
OPTIMIZERS = st.sampled_from(
    [kind(learning_rate=0.01) for kind in (GradientDescent, Momentum, Nesterov, RMSprop, Adam, AdamW)]
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    output = draw(st.sampled_from(["sigmoid", "softmax", "linear"]))
    architecture = Architecture(
        n_x=draw(st.integers(1, 5)),
        layers=tuple(draw(st.lists(LAYERS, max_size=4))),
        output=output,
        n_y=draw(st.integers(2, 4)) if output == "softmax" else 1,
        input_keep_prob=draw(KEEP),
        initializer=draw(INITIALIZERS),
        regularizer=draw(REGULARIZERS),
    )
    return Program(
        architecture=architecture,
        optimizer=draw(OPTIMIZERS),
        schedule=Constant(),
        batch_size=12,
        epochs=4,
        seed=draw(st.integers(0, 2**32)),
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(program=programs(), dropout=st.booleans(), weighted=st.booleans())
def test_any_mix_of_parts_passes(program: Program, dropout: bool, weighted: bool) -> None:
    rng = np.random.Generator(np.random.Philox(program.seed))
    m, architecture = 12, program.architecture
    X = rng.normal(size=(m, architecture.n_x))
    y = rng.normal(size=m) if architecture.output == "linear" else rng.integers(0, max(2, architecture.n_y), m)
    weights = rng.uniform(0.1, 3, m) if weighted else None
    reports = check_program(program, X, y, after_steps=5, with_dropout=dropout, samples=60, weights=weights)
    assert [report.at for report in reports] == ["initialization", "after 5 steps"]
    for report in reports:
        assert report.exit_code == 0, report.to_json()
