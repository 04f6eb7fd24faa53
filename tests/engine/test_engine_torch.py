"""The same mathematics in PyTorch: one step of each optimizer, and trajectories of 50 steps."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from engine_networks import BATCH_NORM, NONE, architecture, named, program, rows, train

from dltrain.engine.binding import initialize
from dltrain.engine.fit import batch_bounds
from dltrain.engine.initializers import Glorot, He
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from dltrain.engine.regularizers import L1, L1L2, L2
from dltrain.engine.schedules import InverseTime
from dltrain.engine.streams import Purpose, permutation

OPTIMIZERS = [
    GradientDescent(learning_rate=0.1),
    Momentum(learning_rate=0.3, beta=0.9),
    Nesterov(learning_rate=0.3, beta=0.9),
    RMSprop(learning_rate=0.003, beta2=0.9, epsilon=1e-6),
    Adam(learning_rate=0.01),
    AdamW(learning_rate=0.01, weight_decay=0.3),
]


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("torch", reason="PyTorch is an oracle of the `verify` extra")
    module.set_num_threads(1)
    return module


def optimizer_of(torch, optimizer, params):
    """PyTorch's own, over the named tensors; its momentum has no (1 − β), which goes into the rate."""
    rate = optimizer.learning_rate
    everything = list(params.values())
    if isinstance(optimizer, GradientDescent):
        return torch.optim.SGD(everything, lr=rate)
    if isinstance(optimizer, Momentum | Nesterov):
        nesterov = isinstance(optimizer, Nesterov)
        return torch.optim.SGD(everything, lr=rate * (1 - optimizer.beta), momentum=optimizer.beta, nesterov=nesterov)
    if isinstance(optimizer, RMSprop):
        return torch.optim.RMSprop(everything, lr=rate, alpha=optimizer.beta2, eps=optimizer.epsilon)
    betas = {"betas": (optimizer.beta1, optimizer.beta2), "eps": optimizer.epsilon}
    if isinstance(optimizer, Adam):
        return torch.optim.Adam(everything, lr=rate, **betas)
    groups = [
        {"params": [p for n, p in params.items() if n.startswith("W")], "weight_decay": optimizer.weight_decay},
        {"params": [p for n, p in params.items() if not n.startswith("W")], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, **betas)


def cost(torch, network, p, X, y, m):
    """J with PyTorch's own layers and losses."""
    F = torch.nn.functional
    kinds = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda z: z}
    kinds["leaky_relu"] = lambda z: F.leaky_relu(z, 0.01)
    A, last = X, len(network.layers) + 1
    for l, layer in enumerate(network.layers, start=1):
        Z = A @ p[f"W{l}"]
        if layer.batch_norm:
            Z = F.batch_norm(Z, None, None, p[f"gamma{l}"], p[f"beta{l}"], training=True, eps=layer.batch_norm.epsilon)
        else:
            Z = Z + p[f"b{l}"]
        A = kinds[layer.activation](Z)
    Z = A @ p[f"W{last}"] + p[f"b{last}"]
    if network.output == "softmax":
        J = F.cross_entropy(Z, y)
    elif network.output == "sigmoid":
        J = F.binary_cross_entropy_with_logits(Z[:, 0], y)
    else:
        J = 0.5 * F.mse_loss(Z[:, 0], y)
    for l, regularizer in enumerate([*(layer.regularizer for layer in network.layers), network.regularizer], start=1):
        W = p[f"W{l}"]
        if isinstance(regularizer, L2):
            J = J + regularizer.lambd / (2 * m) * (W**2).sum()
        elif isinstance(regularizer, L1):
            J = J + regularizer.lambd / (2 * m) * W.abs().sum()
        elif isinstance(regularizer, L1L2):
            J = J + (regularizer.lambd_l1 * W.abs().sum() + regularizer.lambd_l2 * (W**2).sum()) / (2 * m)
    return J


def trajectory(torch, given, data, steps, dtype):
    """Parameters by name and costs after so many steps of PyTorch, from the same start, over the same batches."""
    network = given.architecture
    theta, _ = initialize(network, given.seed, np.dtype(given.dtype))
    params = {
        name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in named(network, theta).items()
    }
    optimizer = optimizer_of(torch, given.optimizer, params)
    start = [group["lr"] for group in optimizer.param_groups]
    bounds = batch_bounds(len(data), given.batch_size, any(layer.batch_norm for layer in network.layers))
    costs, epoch = [], 0
    while len(costs) < steps:
        order = permutation(len(data), given.seed, Purpose.SHUFFLE, epoch)
        for group, rate in zip(optimizer.param_groups, start, strict=True):
            decay = given.schedule.decay_rate if isinstance(given.schedule, InverseTime) else 0.0
            group["lr"] = rate / (1 + decay * (epoch + 1))
        for low, high in list(zip(bounds, bounds[1:], strict=False))[: steps - len(costs)]:
            X = torch.tensor(data.X[order[low:high]], dtype=dtype)
            y = torch.tensor(data.y[order[low:high]])
            y = y if network.output == "softmax" else y.to(dtype)
            optimizer.zero_grad()
            J = cost(torch, network, params, X, y, given.batch_size)
            J.backward()
            if given.optimizer.clip_norm is not None:
                norm = torch.cat([p.grad.ravel() for p in params.values()]).norm()
                for p in params.values():
                    p.grad *= min(1.0, given.optimizer.clip_norm / float(norm))
            optimizer.step()
            costs.append(float(J.detach()))
        epoch += 1
    return {name: value.detach().numpy() for name, value in params.items()}, costs


def compare(torch, given, data, steps, tolerance):
    state, taken, _ = train(given, data)
    params, costs = trajectory(torch, given, data, steps, getattr(torch, given.dtype))
    assert len(taken) == steps
    assert [step.cost for step in taken] == pytest.approx(costs, rel=tolerance, abs=tolerance)
    for name, values in named(given.architecture, state.theta).items():
        assert np.abs(values - params[name]).max() < tolerance, name


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.kind)
def test_one_step_of_each_optimizer(torch, rng, optimizer):
    network = architecture(4, (5,), "softmax", 3)
    compare(torch, program(network, optimizer=optimizer, steps=1), rows(rng, 40, network), 1, 1e-14)


@pytest.mark.parametrize("batch_norm", [None, BATCH_NORM], ids=["plain", "batch_norm"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.kind)
def test_fifty_steps_of_each_optimizer(torch, rng, optimizer, batch_norm):
    """Mini-batches of 16 of 41 rows, so the last batch of an epoch has 9; L2; the rate falls every epoch."""
    network = architecture(6, (8, 5), "softmax", 3, batch_norm=batch_norm, regularizer=L2(lambd=0.5))
    given = program(network, optimizer=optimizer, schedule=InverseTime(decay_rate=0.05), steps=50)
    compare(torch, given, rows(rng, 41, network), 50, 1e-10)


@pytest.mark.parametrize(("output", "n_y"), [("sigmoid", 1), ("softmax", 4), ("linear", 1)])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "linear"])
def test_fifty_steps_of_each_activation_and_output(torch, rng, activation, output, n_y):
    network = architecture(6, (8, 5), output, n_y, activation=activation)
    given = program(network, optimizer=Momentum(learning_rate=0.2), steps=50)
    compare(torch, given, rows(rng, 60, network), 50, 1e-10)


@pytest.mark.parametrize(
    "regularizer", [NONE, L2(lambd=0.7), L1(lambd=0.1), L1L2(lambd_l1=0.1, lambd_l2=0.7)], ids=lambda r: r.kind
)
def test_fifty_steps_of_each_regularizer(torch, rng, regularizer):
    network = architecture(6, (8,), "sigmoid", 1, activation="relu", batch_norm=BATCH_NORM, regularizer=regularizer)
    compare(torch, program(network, steps=50), rows(rng, 49, network), 50, 1e-10)


@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_fifty_steps_of_each_batch_size_clipped(torch, rng, batch_size):
    network = architecture(6, (8,), "linear", 1)
    given = program(network, optimizer=Momentum(learning_rate=0.1, clip_norm=0.2), batch_size=batch_size, steps=50)
    compare(torch, given, rows(rng, 60, network), 50, 1e-10)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.kind)
def test_float32_stays_within_1e_5(torch, rng, optimizer):
    """Of PyTorch in float64, over 50 steps of a small smooth network."""
    network = architecture(6, (8, 5), "softmax", 3)
    data = rows(rng, 41, network)
    small = rows(np.random.Generator(np.random.Philox(12345)), 41, network, "float32")
    given = program(network, optimizer=optimizer, steps=50, dtype="float32")
    state, taken, _ = train(given, small)
    params, costs = trajectory(torch, program(network, optimizer=optimizer, steps=50), data, 50, torch.float64)
    assert state.theta.dtype == np.float32
    assert [step.cost for step in taken] == pytest.approx(costs, abs=1e-5)
    for name, values in named(network, state.theta).items():
        assert np.abs(values - params[name]).max() < 1e-5, name


def test_initialization_has_the_scale_of_pytorchs(torch):
    """kaiming_normal_ is He; xavier_normal_ is Glorot: the notes' second formula for tanh."""
    W = torch.empty(400, 300)  # PyTorch keeps (n_out, n_in)
    torch.manual_seed(0)
    he = float(torch.nn.init.kaiming_normal_(W, nonlinearity="relu").std())
    glorot = float(torch.nn.init.xavier_normal_(W).std())
    assert math.isclose(he, He().sd(300, 400), rel_tol=0.02)
    assert math.isclose(glorot, Glorot().sd(300, 400), rel_tol=0.02)
