"""Trainings that change their program between two epochs, and schedules that wait on plateaus."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, program, replace, rows
from hypothesis import given
from hypothesis import strategies as st

from dltrain.engine.architecture import EarlyStopping
from dltrain.engine.course import Course, batches_of
from dltrain.engine.fit import Epoch, fit, is_over, model, monitored, steps_of
from dltrain.engine.network import Measured
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import L2
from dltrain.engine.schedules import Cosine, Exponential, Plateau, Waiting, learning_rate
from dltrain.engine.state import State

M = 41


def network(keep_prob: float = 1.0, lambd: float = 0.1):
    return architecture(
        5,
        (8, 6),
        "softmax",
        3,
        activation="relu",
        keep_prob=keep_prob,
        batch_norm=BATCH_NORM,
        regularizer=L2(lambd=lambd),
    )


@pytest.fixture
def data(rng):
    return rows(rng, M, network(), "float32"), rows(rng, 30, network(), "float32")


@pytest.fixture
def course():
    """Another learning rate, keep_prob and lambd, batch size, schedule, and more epochs, one after the other."""
    first = program(
        network(0.8),
        optimizer=Adam(learning_rate=0.02, clip_norm=1.0),
        schedule=Plateau(patience=1, factor=0.5, monitor="train.loss", warmup=2),
        batch_size=8,
        epochs=6,
        dtype="float32",
        early_stopping=EarlyStopping(patience=50),
        parameter_average=0.9,
    )
    second = replace(first, optimizer=Adam(learning_rate=0.05, clip_norm=1.0), architecture=network(0.6, 0.5))
    third = replace(second, batch_size=13, epochs=8)
    fourth = replace(third, schedule=Cosine(per="step"))
    return Course(((1, first), (3, second), (4, third), (6, fourth)))


def everything(state):
    arrays = {name: (array.dtype.str, array.tobytes()) for name, array in sorted(state.arrays().items())}
    return arrays, json.dumps(state.numbers(), sort_keys=True, allow_nan=False)


def reload(state):
    arrays = {name: np.frombuffer(array.tobytes(), array.dtype) for name, array in state.arrays().items()}
    return State.load(arrays, json.loads(json.dumps(state.numbers(), allow_nan=False)))


def record(event):
    return event.record() if isinstance(event, Epoch) else event


def epochs(events):
    return [event for event in events if isinstance(event, Epoch)]


def test_each_epoch_takes_its_own_program(course, data):
    state = State.start(course.at(1))
    done = epochs(fit(course, *data, state))
    assert [epoch.epoch for epoch in done] == list(range(1, 9))
    batches = [batches_of(course.at(epoch), M) for epoch in range(1, 9)]
    assert batches == [5, 5, 5, 4, 4, 4, 4, 4]
    assert [epoch.step for epoch in done] == np.cumsum(batches).tolist()
    assert steps_of(course, M) == sum(batches) and course.total(M) == (8, sum(batches))
    assert done[0].learning_rate == 0.01, "warm-up"
    assert done[2].learning_rate == 0.05


@pytest.mark.parametrize("fresh", [reload, lambda state: state], ids=["reloaded", "same state"])
def test_a_generator_built_anew_at_every_event_gives_the_same_bytes(course, data, fresh):
    state = State.start(course.at(1))
    events = [record(event) for event in fit(course, *data, state)]
    end = everything(state)
    assert state.waiting != Waiting() or state.position.epoch == 8
    again = State.start(course.at(1))
    for expected in events:
        again = fresh(again)
        assert record(next(fit(course, *data, again))) == expected
    assert next(fit(course, *data, fresh(again)), None) is None
    assert everything(again) == end


def test_a_program_that_is_known_late_gives_the_same_bytes_as_one_known_from_the_start(course, data):
    """As when it is adjusted by hand: each stretch becomes known at the end of the epoch before it."""
    whole = State.start(course.at(1))
    expected = [record(event) for event in fit(course, *data, whole)]
    state, events, known = State.start(course.at(1)), [], 1
    while not is_over(now := Course(course.stretches[:known]), state):
        for event in fit(now, *data, state):
            events.append(record(event))
            if known < 4 and isinstance(event, Epoch) and event.epoch + 1 == course.stretches[known][0]:
                known += 1
                break
    assert events == expected
    assert everything(state) == everything(whole)
    last = course.at(8)
    assert model(last, data[0], state).theta.tobytes() == model(last, data[0], whole).theta.tobytes()


def test_what_is_changed_to_itself_changes_nothing(course, data):
    plain, split = course.at(1), Course(((1, course.at(1)), (4, replace(course.at(1)))))
    one, two = State.start(plain), State.start(plain)
    assert [record(e) for e in fit(plain, *data, one)] == [record(e) for e in fit(split, *data, two)]
    assert everything(one) == everything(two)


@pytest.mark.parametrize(("epochs_set", "expected"), [(3, 3), (2, 3), (9, 9)], ids=["ends", "ended already", "grows"])
def test_epochs_grow_and_shrink(epochs_set, expected, data):
    first = program(network(), epochs=5, batch_size=8, dtype="float32")
    course = Course(((1, first), (4, replace(first, epochs=epochs_set))))
    state = State.start(first)
    assert len(epochs(fit(course, *data, state))) == expected == course.total(M)[0] or epochs_set == 2
    assert is_over(course, state)


def test_steps_that_end_are_the_end(data):
    first = program(network(), steps=50, batch_size=8, dtype="float32")
    course = Course(((1, first), (4, replace(first, steps=15))))
    state = State.start(first)
    assert len(epochs(fit(course, *data, state))) == 3
    assert state.position.step == 15


@given(
    st.lists(
        st.tuples(st.integers(2, 9), st.integers(1, 12), st.integers(1, 41)), max_size=4, unique_by=lambda s: s[0]
    ),
    st.integers(1, 12),
)
def test_the_planned_steps_are_those_that_are_taken(changes, first_epochs):
    """Against a plain count, epoch by epoch."""
    base = program(architecture(3, (), "softmax", 3), epochs=first_epochs, batch_size=10)
    later = [(at, replace(base, epochs=max(n, at - 1), batch_size=size)) for at, n, size in sorted(changes)]
    course = Course(((1, base), *later))
    epoch, steps = 0, 0
    while epoch < course.at(epoch + 1).epochs:
        epoch += 1
        steps += math.ceil(M / course.at(epoch).batch_size)
    assert course.total(M) == (epoch, steps)
    assert course.planned(epoch, M) == (course.at(epoch).epochs, course.planned(epoch, M)[1])


# ---- plateau


def falls(schedule, values):
    """How often α has fallen after each value, and the waiting memory at the end."""
    waiting, found = Waiting(), []
    for value in values:
        schedule.look(value, waiting)
        found.append(waiting.falls)
    return found


@pytest.mark.parametrize(
    ("schedule", "values", "expected"),
    [
        (Plateau(patience=2), [5, 4, 4, 4, 4, 4, 4], [0, 0, 0, 1, 1, 2, 2]),
        (Plateau(patience=2), [5, 6, 4, 6, 3, 6, 2], [0, 0, 0, 0, 0, 0, 0]),
        (Plateau(patience=1), [5, 5, 5, 4, 4], [0, 1, 2, 2, 3]),
        (Plateau(patience=2, min_delta=1), [5, 4.5, 4.2, 3.9, 3.5, 2.5], [0, 0, 1, 1, 1, 1]),
        (Plateau(patience=3), [5, math.inf, math.inf, math.inf, 4], [0, 0, 0, 1, 1]),
    ],
    ids=["stands", "falls now and then", "impatient", "slow falls add up", "infinite"],
)
def test_plateaus_by_hand(schedule, values, expected):
    assert falls(schedule, values) == expected


def test_the_rate_after_falls():
    schedule = Plateau(factor=0.1, warmup=4)
    assert learning_rate(schedule, 0.5, 1, 9) == 0.125
    assert learning_rate(schedule, 0.5, 8, 9, falls=2) == pytest.approx(0.005)
    assert learning_rate(Exponential(), 0.5, 1, 9, falls=2) == 0.475, "of a plateau alone"


def test_monitors():
    train, dev = (Measured(loss, error, np.zeros(1), np.zeros(1)) for loss, error in ((1.0, 0.1), (2.0, 0.2)))
    for name, value in (
        ("cost", 7.0),
        ("train.loss", 1.0),
        ("train.error", 0.1),
        ("dev.loss", 2.0),
        ("dev.error", 0.2),
    ):
        assert monitored(name, 7.0, train, dev) == value
    assert monitored("dev.loss", 7.0, train, None) == 1.0


def test_training_with_a_plateau_lowers_the_rate_when_the_monitor_stands(data):
    """α of each epoch follows from the monitored values of those before, by hand."""
    schedule = Plateau(patience=2, factor=0.5, monitor="dev.error")
    given_program = program(
        network(), optimizer=Adam(learning_rate=0.1), schedule=schedule, batch_size=8, epochs=14, dtype="float32"
    )
    done = epochs(fit(given_program, *data, State.start(given_program)))
    expected = [0.1 * 0.5**n for n in (0, *falls(schedule, [epoch.dev.error for epoch in done]))]
    assert [epoch.learning_rate for epoch in done] == pytest.approx(expected[:-1])
    assert done[-1].learning_rate < 0.1


def test_the_memory_is_part_of_the_state_and_absent_where_there_is_nothing_in_it(data):
    plain = State.start(program(network()))
    assert "plateau" not in plain.numbers()
    assert State.load(plain.arrays(), plain.numbers()).waiting == Waiting()
    plain.waiting = Waiting(0.25, 1, 2)
    assert reload(plain).waiting == Waiting(0.25, 1, 2)
    plain.waiting = Waiting(waited=1)
    assert json.loads(json.dumps(plain.numbers()))["plateau"]["reference"] is None
    assert reload(plain).waiting == Waiting(math.inf, 1, 0)


def test_another_rate_begins_the_memory_anew(data):
    schedule = Plateau(
        patience=1, factor=0.5, monitor="train.error", min_delta=1.0
    )  # no epoch after the first improves
    first = program(network(), optimizer=Adam(learning_rate=0.1), schedule=schedule, epochs=6, dtype="float32")
    course = Course(((1, first), (4, replace(first, optimizer=Adam(learning_rate=0.08)))))
    done = epochs(fit(course, *data, State.start(first)))
    assert [epoch.learning_rate for epoch in done] == [0.1, 0.1, 0.05, 0.08, 0.08, 0.04]
