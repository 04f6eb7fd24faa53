"""Rows that are not in memory: each is visited once an epoch, in an order that (seed, epoch) alone decide."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, program, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.engine.architecture import EarlyStopping
from dltrain.engine.fit import Epoch, Rows, Step, fit, model
from dltrain.engine.optimizers import Adam
from dltrain.engine.state import State
from dltrain.engine.visiting import visits


class Far:
    """A Table over an array, which notes what is read and refuses to be read whole."""

    def __init__(self, X, block, window, most=None):
        self.X, self.block, self.window = X, block, window
        self.shape, self.dtype = X.shape, X.dtype
        self.most = most
        self.read = []

    def __len__(self):
        return len(self.X)

    def __getitem__(self, part):
        assert isinstance(part, slice) and part.step is None
        found = self.X[part].copy()
        assert self.most is None or len(found) <= self.most
        self.read.append((part.start or 0, len(found)))
        return found


def epoch_of(table, seed, epoch, batch, width=2):
    """Row numbers as an epoch visits them, and the rows gathered beside."""
    order = visits(table, seed)
    order.begin(epoch)
    numbers, gathered = [], []
    for start in range(0, len(table), batch):
        stop = min(start + batch, len(table))
        out = np.empty((stop - start, width), table.dtype)
        numbers.append(order.gather(start, stop, out))
        gathered.append(out)
    return np.concatenate(numbers), np.concatenate(gathered)


def table(m, block, window):
    return Far(np.arange(2.0 * m).reshape(m, 2), block, window)


sizes = st.tuples(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5), st.integers(1, 70))


@settings(deadline=None)
@given(sizes, st.integers(0, 3), st.integers(0, 2**63))
def test_every_row_once_whole_and_as_numbered(size, epoch, seed):
    m, block, window, batch = size
    numbers, gathered = epoch_of(table(m, block, window), seed, epoch, batch)
    assert sorted(numbers) == list(range(m))
    assert (gathered == table(m, block, window).X[numbers]).all()


@settings(deadline=None)
@given(sizes, sizes, st.integers(0, 3))
def test_the_order_does_not_depend_on_the_batches(size, other, epoch):
    m, block, window, batch = size
    one, _ = epoch_of(table(m, block, window), 3, epoch, batch)
    two, _ = epoch_of(table(m, block, window), 3, epoch, other[3])
    assert (one == two).all()


def test_epochs_and_seeds_differ_and_repeat():
    def order(seed, epoch):
        return epoch_of(table(500, 10, 4), seed, epoch, 32)[0].tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1) != order(2, 1)


def test_a_window_is_read_once_in_whole_blocks():
    far = table(103, 10, 3)
    epoch_of(far, 1, 0, 7)
    assert sorted(far.read) == [(start, min(10, 103 - start)) for start in range(0, 103, 10)]


def test_neighbours_in_the_file_are_mixed_within_a_window_and_windows_over_the_file():
    numbers, _ = epoch_of(table(4000, 10, 20), 1, 0, 64)
    first = numbers[:200]
    assert len(set(first // 10)) == 20  # a window of 20 blocks ...
    assert first.max() - first.min() > 2000  # ... from all over the file
    assert (np.diff(first) == 1).sum() < 5
    assert [len(set(first[start : start + 50] // 10)) for start in (0, 50, 100)] == pytest.approx([18, 18, 18], abs=2)


def test_a_batch_across_windows_and_one_taken_up_in_the_midst():
    far = table(25, 5, 2)
    numbers, _ = epoch_of(far, 9, 2, 4)
    again = visits(far, 9)
    again.begin(2)
    out = np.empty((25, 2))
    assert (again.gather(8, 25, out[:17]) == numbers[8:]).all()
    assert (out[:17] == far.X[numbers[8:]]).all()
    assert (again.gather(3, 12, out[:9]) == numbers[3:12]).all()  # backward too


def test_arrays_are_shuffled_as_ever():
    X = np.arange(20.0).reshape(10, 2)
    numbers, gathered = epoch_of(X, 5, 1, 4)
    from dltrain.engine.streams import Purpose, permutation

    assert (numbers == permutation(10, 5, Purpose.SHUFFLE, 1)).all()
    assert (gathered == X[numbers]).all()


def settings_of(network):
    return program(
        network,
        optimizer=Adam(learning_rate=0.02, clip_norm=1.0),
        batch_size=8,
        epochs=4,
        dtype="float32",
        early_stopping=EarlyStopping(patience=3),
        parameter_average=0.9,
    )


def everything(state):
    return {name: array.tobytes() for name, array in state.arrays().items()}


@pytest.mark.parametrize("output", ["softmax", "linear"])
def test_training_from_a_table_goes_on_to_the_same_bytes_from_every_step(rng, output):
    network = architecture(
        5, (8, 6), output, 3 if output == "softmax" else 1, activation="relu", keep_prob=0.8, batch_norm=BATCH_NORM
    )
    near, dev, how = rows(rng, 41, network, "float32"), rows(rng, 30, network, "float32"), settings_of(network)
    data = Rows(Far(near.X, 4, 3), near.y, np.linspace(0.5, 1.5, 41))
    state, events, states = State.start(how), [], []
    for event in fit(how, data, dev, state):
        events.append(event.record() if isinstance(event, Epoch) else event)
        states.append(everything(state))
    for at in range(len(events)):
        again = State.start(how)
        training = fit(how, data, dev, again)
        for _ in range(at):
            next(training)
        training.close()
        rest = [event.record() if isinstance(event, Epoch) else event for event in fit(how, data, dev, again)]
        assert rest == events[at:]
        assert everything(again) == states[-1]
    ours = model(how, data, state)
    assert np.isfinite(ours.theta).all()


def test_one_block_in_one_window_differs_from_memory_in_order_alone(rng):
    """A full batch is the same set of rows: float64 sums agree to rounding."""
    network = architecture(5, (6,), "softmax", 3)
    near = rows(rng, 40, network)
    how = program(network, batch_size=40, epochs=5, dtype="float64")
    ends = []
    for X in (near.X, Far(near.X, 7, 2)):
        state = State.start(how)
        events = list(fit(how, Rows(X, near.y), None, state))
        ends.append(state.theta)
    assert ends[0] == pytest.approx(ends[1], rel=1e-9)
    assert len([event for event in events if isinstance(event, Step)]) == 5


def test_no_more_than_a_block_or_a_portion_is_read_at_once(rng):
    network = architecture(64, (8,), "softmax", 3)
    X = rng.normal(size=(30_000, 64)).astype("float32")
    far = Far(X, 500, 4, most=2**19 // 64)
    how = program(network, batch_size=256, epochs=1, dtype="float32")
    state = State.start(how)
    for _ in fit(how, Rows(far, rng.integers(0, 3, 30_000)), None, state):
        pass
    assert sum(length for _, length in far.read) >= 60_000  # once to train, once to measure
