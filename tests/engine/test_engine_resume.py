"""A checkpoint is a State's arrays and numbers: from any step on, a training goes on to the same bytes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, program, replace, rows

from dltrain.engine.architecture import EarlyStopping
from dltrain.engine.fit import Epoch, fit, model
from dltrain.engine.optimizers import Adam, AdamW, Nesterov, RMSprop
from dltrain.engine.regularizers import L1L2
from dltrain.engine.schedules import Cosine, InverseSqrt
from dltrain.engine.state import State


def everything(state):
    """A State as bytes, through JSON as a checkpoint's metadata would go."""
    arrays = {name: (array.dtype.str, array.tobytes()) for name, array in sorted(state.arrays().items())}
    return arrays, json.dumps(state.numbers(), sort_keys=True, allow_nan=False)


def reload(state):
    """The state as it comes back from a file, with nothing shared."""
    arrays = {name: np.frombuffer(array.tobytes(), array.dtype) for name, array in state.arrays().items()}
    return State.load(arrays, json.loads(json.dumps(state.numbers(), allow_nan=False)))


def record(event):
    return event.record() if isinstance(event, Epoch) else event


@pytest.fixture
def full(rng):
    """Dropout, batch norm, Adam, early stopping, parameter average, a schedule by step, warm-up, clipping, and
    41 rows in batches of 8, whose last row joins the batch before: 5 steps an epoch."""
    network = architecture(
        5,
        (8, 6),
        "softmax",
        3,
        activation="relu",
        keep_prob=0.8,
        input_keep_prob=0.9,
        batch_norm=BATCH_NORM,
        regularizer=L1L2(lambd_l1=0.01, lambd_l2=0.1, include_bias=True),
    )
    given = program(
        network,
        optimizer=Adam(learning_rate=0.02, clip_norm=1.0),
        schedule=Cosine(per="step", warmup=3),
        batch_size=8,
        epochs=6,
        dtype="float32",
        early_stopping=EarlyStopping(patience=3),
        parameter_average=0.9,
    )
    return given, rows(rng, 41, network, "float32"), rows(rng, 30, network, "float32")


def undisturbed(given, data, dev):
    state = State.start(given)
    events, states = [], []
    for event in fit(given, data, dev, state):
        events.append(record(event))
        states.append(everything(state))
    return events, states, state


def test_the_program_is_what_it_says(full):
    given, data, dev = full
    events, _, state = undisturbed(given, data, dev)
    assert state.best is not None
    assert state.position.step == 5 * state.position.epoch >= 20
    assert len(events) == 6 * state.position.epoch
    assert set(state.slots) == {"v", "s", "average"}


@pytest.mark.parametrize("fresh", [reload, lambda state: state], ids=["reloaded", "same state"])
def test_a_generator_built_anew_after_each_step_gives_the_same_bytes(full, fresh):
    """At every event in turn: stop, rebuild, and run to the end."""
    given, data, dev = full
    events, states, end = undisturbed(given, data, dev)
    for at in range(len(events)):
        state = State.start(given)
        training = fit(given, data, dev, state)
        for _ in range(at):
            next(training)
        training.close()
        again = fresh(state)
        rest = [record(event) for event in fit(given, data, dev, again)]
        assert rest == events[at:]
        assert everything(again) == states[-1]
        ours, theirs = model(given, data, again), model(given, data, end)
        assert (ours.theta.tobytes(), ours.stats.tobytes()) == (theirs.theta.tobytes(), theirs.stats.tobytes())


def test_a_generator_built_anew_at_every_step(full):
    """The longest chain of stops: every event comes from a generator and a state of its own."""
    given, data, dev = full
    events, states, _ = undisturbed(given, data, dev)
    state = State.start(given)
    for expected, then in zip(events, states, strict=True):
        state = reload(state)
        event = next(fit(given, data, dev, state))
        assert record(event) == expected
        assert everything(state) == then
    assert next(fit(given, data, dev, reload(state)), None) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": RMSprop(), "parameter_average": None},
        {"optimizer": Nesterov(), "early_stopping": None, "schedule": InverseSqrt(per="epoch")},
        {"optimizer": AdamW(), "epochs": None, "steps": 17, "early_stopping": None},
        {"dtype": "float64", "batch_size": 41},
    ],
    ids=["rmsprop", "nesterov", "steps", "full batch"],
)
def test_other_programs(full, changes):
    given, data, dev = full
    given = replace(given, **changes)
    if given.dtype == "float64":
        data, dev = (replace(part, X=part.X.astype("f8")) for part in (data, dev))
    events, states, _ = undisturbed(given, data, dev)
    for at in range(0, len(events), 3):
        state = State.start(given)
        training = fit(given, data, dev, state)
        for _ in range(at):
            next(training)
        again = reload(state)
        assert [record(event) for event in fit(given, data, dev, again)] == events[at:]
        assert everything(again) == states[-1]


def test_a_state_stopped_early_stays_stopped(full):
    given, data, dev = full
    given = replace(given, epochs=100, early_stopping=EarlyStopping(patience=1))
    events, _, state = undisturbed(given, data, dev)
    assert state.stopping.stop
    assert state.position.epoch < 100
    assert list(fit(given, data, dev, reload(state))) == []


def test_loading_copies(full):
    given, data, dev = full
    _, _, state = undisturbed(given, data, dev)
    arrays = state.arrays()
    again = State.load(arrays, state.numbers())
    for name, array in again.arrays().items():
        assert not np.shares_memory(array, arrays[name]) or array.size == 0
        assert array.flags.writeable
    assert everything(again) == everything(state)


def test_before_the_first_epoch_infinities_become_null(full):
    given, _, _ = full
    numbers = State.start(given).numbers()
    assert numbers["stopping"]["value"] is None
    again = State.load(State.start(given).arrays(), json.loads(json.dumps(numbers, allow_nan=False)))
    assert again.stopping.value == float("inf")
    assert again.best is None
