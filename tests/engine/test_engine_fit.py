"""Training: what a step and an epoch are, batches, early stopping, averages, clipping, the same bytes twice."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, named, program, replace, rows, train

from dltrain.engine.architecture import EarlyStopping
from dltrain.engine.binding import initialize
from dltrain.engine.fit import Epoch, Rows, Step, _Trainer, fit, model, parameters
from dltrain.engine.network import Measured, Network
from dltrain.engine.optimizers import Adam, GradientDescent, Momentum
from dltrain.engine.regularizers import L2
from dltrain.engine.state import State
from dltrain.engine.streams import Purpose, permutation


def by_hand(given, data, epochs):
    """Linear regression with gradient descent, written out: theta after each step, and each step's cost."""
    theta = initialize(given.architecture, given.seed, np.float64)[0]
    alpha, size, thetas, costs = given.optimizer.learning_rate, given.batch_size, [], []
    for epoch in range(epochs):
        order = permutation(len(data), given.seed, Purpose.SHUFFLE, epoch)
        for start in range(0, len(data), size):
            batch = order[start : start + size]
            X1 = np.column_stack([data.X[batch], np.ones(len(batch))])
            residual = X1 @ theta - data.y[batch]
            costs.append(0.5 * (residual**2).mean())
            theta = theta - alpha * X1.T @ residual / len(batch)
            thetas.append(theta)
    return thetas, costs


@pytest.mark.parametrize("batch_size", [1, 7, 10, 30])
def test_linear_regression_by_hand(rng, batch_size):
    """Stochastic, odd, even and full batches; a short last batch counts by its size in the epoch's cost."""
    network = architecture(3, (), "linear", 1)
    data, dev = rows(rng, 30, network), rows(rng, 10, network)
    given = program(network, optimizer=GradientDescent(learning_rate=0.05), batch_size=batch_size, epochs=3)
    thetas, costs = by_hand(given, data, 3)
    per_epoch = math.ceil(30 / batch_size)
    state, steps, epochs = train(given, data, dev)
    assert state.theta == pytest.approx(thetas[-1], rel=1e-11)
    assert [step.cost for step in steps] == pytest.approx(costs, rel=1e-11)
    assert [step.step for step in steps] == list(range(1, 3 * per_epoch + 1))
    assert [(epoch.epoch, epoch.step) for epoch in epochs] == [(e, e * per_epoch) for e in (1, 2, 3)]
    weights = [min(batch_size, 30 - start) for start in range(0, 30, batch_size)]
    for e, epoch in enumerate(epochs):
        stretch = slice(e * per_epoch, (e + 1) * per_epoch)
        theta = thetas[stretch][-1]
        assert epoch.cost == pytest.approx(np.average(costs[stretch], weights=weights), rel=1e-11)
        norms = [step.grad_norm for step in steps[stretch]]
        assert epoch.grad_norm == pytest.approx(np.average(norms, weights=weights), rel=1e-11)
        for part, measured in ((data, epoch.train), (dev, epoch.dev)):
            residual = part.X @ theta[:3] + theta[3] - part.y
            assert measured.loss == pytest.approx(0.5 * (residual**2).mean(), rel=1e-10)
            assert measured.error == pytest.approx((residual**2).mean(), rel=1e-10)


def batches_seen(given, data, monkeypatch):
    """The rows of each step, told by a first column that numbers them."""
    seen = []
    gradient_of = Network.gradient_of

    def spy(self, ws, y, *rest, **named):
        seen.append((ws.X[:, 0].astype(int).tolist(), y.tolist()))
        return gradient_of(self, ws, y, *rest, **named)

    monkeypatch.setattr(Network, "gradient_of", spy)
    train(given, data)
    return seen


@pytest.mark.parametrize(("batch_norm", "sizes"), [(None, [5, 5, 5, 1]), (BATCH_NORM, [5, 5, 6])])
def test_each_epoch_visits_every_row_once_in_another_order(rng, monkeypatch, batch_norm, sizes):
    network = architecture(2, (3,), "linear", 1, batch_norm=batch_norm)
    X = np.column_stack([np.arange(16.0), rng.standard_normal(16)])
    data = Rows(X, 100 + X[:, 0])
    given = program(network, batch_size=5, epochs=4, optimizer=Adam(learning_rate=1e-4))
    seen = batches_seen(given, data, monkeypatch)
    orders = []
    for e in range(4):
        epoch = seen[e * len(sizes) : (e + 1) * len(sizes)]
        assert [len(X) for X, _ in epoch] == sizes
        orders.append([row for X, _ in epoch for row in X])
        assert sorted(orders[-1]) == list(range(16))
        assert [y for _, ys in epoch for y in ys] == [100.0 + row for row in orders[-1]]
    assert len({tuple(order) for order in orders}) == 4


def test_steps_instead_of_epochs(rng):
    network = architecture(3, (4,), "softmax", 3)
    data = rows(rng, 30, network)
    whole, _, _ = train(program(network, batch_size=10, epochs=2), data)
    same, steps, epochs = train(program(network, batch_size=10, steps=6), data)
    assert same.theta.tobytes() == whole.theta.tobytes()
    _, steps, epochs = train(program(network, batch_size=10, steps=7), data)
    assert len(steps) == 7
    assert [(epoch.epoch, epoch.step) for epoch in epochs] == [(1, 3), (2, 6), (3, 7)]
    assert epochs[-1].cost == steps[-1].cost


def test_fit_yields_steps_then_their_epoch(rng):
    network = architecture(3, (), "softmax", 3)
    events = fit(
        program(network, batch_size=10, epochs=2), rows(rng, 25, network), None, state := State.start(program(network))
    )
    assert [type(event) for event in events] == [Step, Step, Step, Epoch] * 2
    assert (state.position.epoch, state.position.batch, state.position.step) == (2, 0, 6)


def test_a_finished_training_does_nothing_more(rng):
    network = architecture(3, (), "softmax", 3)
    given, data = program(network), rows(rng, 30, network)
    state, _, _ = train(given, data)
    assert list(fit(given, data, None, state)) == []


def test_the_same_bytes_twice(rng):
    network = architecture(5, (8,), "softmax", 3, keep_prob=0.8, batch_norm=BATCH_NORM)
    data, dev = rows(rng, 50, network, "float32"), rows(rng, 20, network, "float32")
    given = program(network, dtype="float32")
    first, _, lines = train(given, data, dev)
    second, _, again = train(given, data, dev)
    assert {n: a.tobytes() for n, a in first.arrays().items()} == {n: a.tobytes() for n, a in second.arrays().items()}
    assert [line.record() for line in lines] == [line.record() for line in again]


def test_a_record_is_the_contracts_line(rng):
    network = architecture(3, (4,), "sigmoid", 1, activation="relu")
    data = rows(rng, 30, network)
    _, _, (epoch, *_) = train(program(network), data, data)
    line = json.loads(json.dumps(epoch.record(), allow_nan=False))
    assert list(line) == [
        "epoch", "step", "learning_rate", "cost", "penalty", "train", "dev", "grad_norm", "layers",
    ]  # fmt: skip
    assert line["train"] == line["dev"] == {"loss": epoch.train.loss, "error": epoch.train.error}
    health = {"activation_norm", "gradient_norm", "update_ratio", "dead", "saturated"}
    assert [set(one) for one in line["layers"]] == [health, health]
    _, _, (epoch, *_) = train(program(network), data)
    assert epoch.record()["dev"] is None


# ---- clipping


def test_clip_norm_scales_the_whole_gradient(rng):
    network = architecture(3, (4,), "linear", 1)
    data = rows(rng, 20, network)
    free = program(network, optimizer=GradientDescent(learning_rate=0.1), batch_size=20, steps=1)
    clipped = replace(free, optimizer=GradientDescent(learning_rate=0.1, clip_norm=0.01))
    start = State.start(free).theta
    moved, (step,), _ = train(free, data)
    less, (same,), _ = train(clipped, data)
    assert step.grad_norm == same.grad_norm > 0.01
    full, short = moved.theta - start, less.theta - start
    assert np.linalg.norm(full) == pytest.approx(0.1 * step.grad_norm)
    assert short == pytest.approx(full * 0.01 / step.grad_norm, rel=1e-9)
    loose = replace(free, optimizer=GradientDescent(learning_rate=0.1, clip_norm=step.grad_norm * 1.01))
    assert train(loose, data)[0].theta.tobytes() == moved.theta.tobytes()


def test_clip_norm_counts_the_regularizer(rng):
    """g is the gradient of J: with λ huge, the step points along W."""
    network = architecture(3, (), "linear", 1, regularizer=L2(lambd=1e6))
    given = program(network, optimizer=GradientDescent(learning_rate=1.0, clip_norm=0.01), batch_size=20, steps=1)
    start = State.start(given).theta
    state, _, _ = train(given, rows(rng, 20, network))
    moved = (state.theta - start)[:3]
    assert moved == pytest.approx(-0.01 * start[:3] / np.linalg.norm(start[:3]), rel=1e-3)


# ---- parameter average


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_the_parameter_average_by_hand(rng, beta):
    """v_t = β v + (1 − β) θ_t, corrected by 1 − β^t; errors are those of the average."""
    network = architecture(3, (), "linear", 1)
    data = rows(rng, 20, network)
    given = program(
        network, optimizer=GradientDescent(learning_rate=0.1), batch_size=10, epochs=2, parameter_average=beta
    )
    thetas, _ = by_hand(given, data, 2)
    weights = np.array([beta ** (4 - t) for t in (1, 2, 3, 4)])
    expected = np.average(thetas, axis=0, weights=weights)
    state, _, epochs = train(given, data)
    assert state.theta == pytest.approx(thetas[-1], rel=1e-11)
    theta, _ = parameters(given, data, state)
    assert theta == pytest.approx(expected, rel=1e-11)
    assert model(given, data, state).theta == pytest.approx(expected, rel=1e-11)
    residual = data.X @ expected[:3] + expected[3] - data.y
    assert epochs[-1].train.error == pytest.approx((residual**2).mean(), rel=1e-10)


def test_bias_corrected_averages_of_days_1_and_2(rng):
    """The notes' weighted average: day 1 corrected is θ1; day 2 is (β θ1 + θ2)/(1 + β)."""
    network = architecture(3, (), "linear", 1)
    data = rows(rng, 20, network)
    given = program(
        network, optimizer=GradientDescent(learning_rate=0.1), batch_size=10, epochs=1, parameter_average=0.98
    )
    thetas, _ = by_hand(given, data, 1)
    state = State.start(given)
    training = fit(given, data, None, state)
    assert parameters(given, data, state)[0] is state.theta
    next(training)
    assert state.slots["average"] == pytest.approx(0.02 * thetas[0])
    assert parameters(given, data, state)[0] == pytest.approx(thetas[0])
    next(training)
    assert state.slots["average"] == pytest.approx(0.98 * 0.02 * thetas[0] + 0.02 * thetas[1])
    assert parameters(given, data, state)[0] == pytest.approx((0.98 * thetas[0] + thetas[1]) / 1.98)


def test_the_average_does_not_touch_the_training(rng):
    network = architecture(3, (4,), "softmax", 3, batch_norm=BATCH_NORM)
    given, data = program(network), rows(rng, 40, network)
    plain, plain_steps, _ = train(given, data)
    averaged, steps, _ = train(replace(given, parameter_average=0.9), data)
    assert plain.theta.tobytes() == averaged.theta.tobytes()
    assert plain.stats.tobytes() == averaged.stats.tobytes()
    assert plain_steps == steps


# ---- early stopping


def looks(monkeypatch, values, rule):
    """Trains over epochs whose dev errors (or (error, loss) pairs) are given; says how far it went.

    theta after epoch e is e, so that what is kept shows its epoch."""
    network = architecture(1, (), "linear", 1)
    data = Rows(np.ones((2, 1)), np.zeros(2))
    dev = Rows(np.ones((3, 1)), np.zeros(3))
    pairs = [value if isinstance(value, tuple) else (value, 1.0) for value in values]
    given = program(network, optimizer=Momentum(), batch_size=2, epochs=len(pairs), early_stopping=rule)
    epoch = 0

    def evaluate(self, X, y, *weights):
        error, loss = pairs[epoch - 1] if len(X) == 3 else (0.5, 0.5)
        return Measured(loss, error, np.zeros(len(X)), np.zeros(len(X)))

    def update(self, theta, g, slots, alpha, t, weights):
        nonlocal epoch
        epoch += 1
        theta[...] = epoch

    monkeypatch.setattr(Network, "evaluate", evaluate)
    monkeypatch.setattr(Momentum, "update", update)
    state, _, epochs = train(given, data, dev)
    kept = model(given, data, state).theta
    assert (kept == kept[0]).all()
    assert kept[0] == state.stopping.epoch
    return len(epochs), state.stopping.epoch, [e.epoch for e in epochs if e.best]


STOPS = [
    # values, patience, min_delta, monitor -> epochs run, best epoch, epochs that were best so far
    ([5, 4, 3, 4, 5, 6], 2, 0.0, "dev.error", 5, 3, [1, 2, 3]),
    ([5, 4, 3, 4, 2, 4, 4, 4], 2, 0.0, "dev.error", 7, 5, [1, 2, 3, 5]),
    ([5, 5, 5, 5], 1, 0.0, "dev.error", 2, 1, [1]),
    ([5, 5, 5, 5], 3, 0.0, "dev.error", 4, 1, [1]),
    ([1, 2, 3, 4, 5], 10, 0.0, "dev.error", 5, 1, [1]),
    # ties: the lower dev loss, then the earlier epoch; a tie does not reset the waiting
    ([(5, 1.0), (5, 0.9), (5, 0.9), (5, 0.8), (5, 0.1)], 3, 0.0, "dev.error", 4, 4, [1, 2, 4]),
    ([(5, 1.0), (5, 2.0), (4, 9.0), (4, 9.0), (4, 9.5)], 2, 0.0, "dev.error", 5, 3, [1, 3]),
    # the loss is watched
    ([(9, 1.0), (8, 0.9), (1, 0.95), (1, 0.96)], 2, 0.0, "dev.loss", 4, 2, [1, 2]),
    # min_delta: small falls are kept, but count as waiting
    ([5.0, 4.9, 4.8, 4.7], 2, 0.5, "dev.error", 3, 3, [1, 2, 3]),
    ([5.0, 4.0, 3.9, 3.8, 3.7], 3, 0.5, "dev.error", 5, 5, [1, 2, 3, 4, 5]),
    # a slow steady fall adds up to min_delta
    ([5.0, 4.8, 4.6, 4.4, 4.2, 4.0, 3.8], 3, 0.5, "dev.error", 7, 7, [1, 2, 3, 4, 5, 6, 7]),
    # exactly min_delta is not more than it
    ([4.0, 3.5, 3.25], 2, 0.5, "dev.error", 3, 3, [1, 2, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("values", "patience", "min_delta", "monitor", "run", "best", "bests"), STOPS)
def test_early_stopping_by_table(monkeypatch, values, patience, min_delta, monitor, run, best, bests):
    rule = EarlyStopping(patience=patience, min_delta=min_delta, monitor=monitor)
    assert looks(monkeypatch, values, rule) == (run, best, bests)


def test_early_stopping_keeps_theta_and_the_averages_of_its_best_epoch(rng):
    """On a real overfit: snapshot and restore give the dev loss of that epoch again, to the bit."""
    network = architecture(8, (30,), "sigmoid", 1, batch_norm=BATCH_NORM)
    noise = rng.integers(0, 2, 60).astype(float)
    data, dev = Rows(rng.standard_normal((60, 8)), noise), rows(rng, 40, network)
    rule = EarlyStopping(patience=3, monitor="dev.loss")
    given = program(network, optimizer=Adam(learning_rate=0.02), epochs=50, early_stopping=rule)
    state, _, epochs = train(given, data, dev)
    assert len(epochs) == state.stopping.epoch + 3 < 50
    best = epochs[state.stopping.epoch - 1]
    assert best.dev.loss == min(epoch.dev.loss for epoch in epochs)
    theta, stats = state.theta, state.stats
    state.restore(model(given, data, state))
    assert state.theta is theta
    assert state.stats is stats
    assert Network(network, theta, stats).evaluate(dev.X, dev.y).loss == best.dev.loss
    snapshot = state.snapshot()
    state.theta += 1
    assert not np.shares_memory(snapshot.theta, state.theta)
    assert np.array_equal(snapshot.theta, state.best.theta)


def test_the_best_of_averaged_parameters_is_an_average(rng):
    network = architecture(4, (6,), "softmax", 3, batch_norm=BATCH_NORM)
    data, dev = rows(rng, 50, network), rows(rng, 30, network)
    rule = EarlyStopping(patience=2)
    given = program(network, epochs=30, early_stopping=rule, parameter_average=0.9)
    state, _, epochs = train(given, data, dev)
    best, kept = epochs[state.stopping.epoch - 1], model(given, data, state)
    measured = Network(network, kept.theta, kept.stats).evaluate(dev.X, dev.y)
    assert (measured.loss, measured.error) == (best.dev.loss, best.dev.error)


def test_without_early_stopping_the_last_parameters_are_the_model(rng):
    network = architecture(4, (), "softmax", 3)
    data = rows(rng, 30, network)
    state, _, epochs = train(program(network), data, data)
    assert model(program(network), data, state).theta is state.theta
    assert state.stopping.epoch == max(epoch.epoch for epoch in epochs if epoch.best)
    assert state.best is not None  # kept all the same, for whoever wants the best later


# ---- it learns


@pytest.mark.parametrize(("output", "n_y"), [("sigmoid", 1), ("softmax", 3), ("linear", 1)])
def test_training_learns_the_pattern(rng, output, n_y):
    network = architecture(6, (16, 8), output, n_y, activation="relu")
    data = rows(rng, 300, network, "float32")
    given = program(network, optimizer=Adam(learning_rate=0.01), batch_size=32, epochs=15, dtype="float32")
    _, _, epochs = train(given, data)
    assert epochs[-1].cost < 0.6 * epochs[0].cost
    assert epochs[-1].train.error < 0.15


def test_logistic_regression_finds_the_maximum_likelihood(rng):
    """Full-batch training to convergence against scipy's minimizer."""
    from scipy.optimize import minimize

    network = architecture(3, (), "sigmoid", 1, regularizer=L2(lambd=1.0))
    data = rows(rng, 50, network)
    given = program(network, optimizer=Momentum(learning_rate=2.0), batch_size=50, epochs=600)

    def J(theta):
        z = data.X @ theta[:3] + theta[3]
        return np.logaddexp(0, np.where(data.y == 1, -z, z)).mean() + theta[:3] @ theta[:3] / 100

    best = minimize(J, np.zeros(4), tol=1e-12)
    state, _, _ = train(given, data)
    assert state.theta == pytest.approx(best.x, abs=1e-5)
    assert named(network, state.theta)["W1"].ravel() == pytest.approx(best.x[:3], abs=1e-5)


def test_the_trainer_counts_planned_steps(rng):
    network = architecture(3, (), "softmax", 3)
    data, state = rows(rng, 25, network), State.start(program(network))
    assert _Trainer(program(network, batch_size=10, epochs=4), data, None, state).planned == (4, 12)
    assert _Trainer(program(network, batch_size=10, steps=5), data, None, state).planned == (2, 5)
