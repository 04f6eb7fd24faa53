"""The engine's own gradients: the whole grid, dropout with frozen masks, kinks, and mistakes planted into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Any, get_args

import numpy as np
import pytest

from dltrain.engine import losses
from dltrain.engine.architecture import Activation, Architecture, BatchNorm, Layer, Output, Program
from dltrain.engine.initializers import Glorot, He, Xavier, Zeros
from dltrain.engine.network import Network
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, Optimizer, RMSprop
from dltrain.engine.regularizers import L1, L2, NoRegularizer, Regularizer
from dltrain.engine.schedules import Constant
from dltrain.errors import InputError
from dltrain.gradcheck import (
    check,
    check_all,
    check_program,
    count,
    default_problems,
    problem_of,
    suggested_samples,
)
from dltrain.gradcheck.grid import AFTER_STEPS, default_cases, regularizers

SHARES = 6


def program(
    units: Sequence[int] = (5, 4),
    activation: Activation = "tanh",
    output: Output = "softmax",
    *,
    batch_norm: bool = False,
    keep_prob: float = 1.0,
    regularizer: Regularizer | None = None,
    optimizer: Optimizer | None = None,
    zeros: bool = False,
) -> Program:
    regularizer = regularizer or NoRegularizer()
    initializer = Zeros() if zeros else He() if "relu" in activation else Xavier()
    layers = tuple(
        Layer(
            units=n,
            activation=activation,
            keep_prob=keep_prob,
            batch_norm=BatchNorm() if batch_norm else None,
            initializer=initializer,
            regularizer=regularizer,
        )
        for n in units
    )
    architecture = Architecture(
        n_x=4,
        layers=layers,
        output=output,
        n_y=3 if output == "softmax" else 1,
        input_keep_prob=keep_prob,
        initializer=Glorot(),
        regularizer=regularizer,
    )
    optimizer = optimizer or Adam(learning_rate=0.01)
    return Program(architecture=architecture, optimizer=optimizer, schedule=Constant(), batch_size=10, epochs=3)


def rows(rng: np.random.Generator, output: Output = "softmax", m: int = 9) -> tuple[np.ndarray, np.ndarray]:
    X = rng.standard_normal((m, 4))
    if output == "linear":
        return X, rng.standard_normal(m)
    return X, np.arange(m) % (3 if output == "softmax" else 2)


@pytest.mark.parametrize("share", range(SHARES))
def test_the_whole_grid_is_right(share: int) -> None:
    """Below 1e-7 at the best ε, and great or at round-off at ε = 1e-7: at initialization every parameter, and
    after some steps a few of every block."""
    for case, steps in product(islice(default_cases(), share, None, SHARES), (0, AFTER_STEPS)):
        problem = problem_of(case.program, case.X, case.y, steps=steps, weights=case.weights)
        report = check(problem, samples=12 if steps else None)
        assert report.verdict == "great", (case.name, report.culprit)
        for block in report.blocks:
            assert block.ratio < 1e-7, (case.name, block.name)
            assert block.at_round_off or block.comparisons[0].ratio < 1e-6, (case.name, block.name)


def test_the_grid_as_problems() -> None:
    found = list(default_problems(after_steps=1))
    assert len(found) == len({name for name, _ in found}) == count()
    assert found[0][0].endswith("initialization") and found[1][0].endswith("after 1 step")
    assert not np.array_equal(found[0][1].theta, found[1][1].theta)


def test_the_grid_holds_every_combination() -> None:
    """Activation x output x regularizer x batch norm with hidden layers, and output x regularizer without; weights
    with each output, with and without hidden layers and batch norm."""
    deep, flat, depths, weighted = set(), set(), set(), set()
    for case in default_cases():
        net = case.program.architecture
        if case.weights is not None:
            weighted.add((net.output, len(net.layers), bool(net.layers) and net.layers[0].batch_norm is not None))
            assert (len(case.weights), case.weights.mean()) == (len(case.X), 1.0)
            continue
        if net.layers:
            deep.add((net.layers[0].activation, net.output, net.regularizer, net.layers[0].batch_norm is not None))
            depths.add((net.layers[0].activation, len(net.layers)))
        else:
            flat.add((net.output, net.regularizer))
    kinds = regularizers().values()
    assert deep == set(product(get_args(Activation), get_args(Output), kinds, (False, True)))
    assert flat == set(product(get_args(Output), kinds))
    assert depths == set(product(get_args(Activation), (1, 2, 3)))
    assert weighted == {(output, *rest) for output in get_args(Output) for rest in ((0, False), (2, False), (2, True))}
    assert {r.kind for r in kinds} == {"none", "l2", "l1", "l1_l2"}
    assert len({case.name for case in default_cases()}) == len(list(default_cases()))


def test_check_all_tells_each_case_twice() -> None:
    first = list(islice(check_all(after_steps=2, samples=6), 4))
    assert [report.at for _, report in first] == ["initialization", "after 2 steps"] * 2
    assert first[0][0] == first[1][0] != first[2][0]
    assert count() == 2 * count(after_steps=0) == 2 * len(list(default_cases()))


@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("batch_norm", [False, True])
def test_dropout_with_frozen_masks(activation: Activation, batch_norm: bool, rng: np.random.Generator) -> None:
    plan = program(activation=activation, batch_norm=batch_norm, keep_prob=0.7, regularizer=L2(lambd=0.5))
    X, y = rows(rng)
    without, with_masks = check_program(plan, X, y, after_steps=3), check_program(plan, X, y, with_dropout=True)
    assert {r.verdict for r in without + with_masks} == {"great"}
    assert without[0].cost != with_masks[0].cost


def test_the_cost_is_that_of_the_contract(rng: np.random.Generator) -> None:
    """J = (1/m) Σ −log ŷ_y + λ/(2m) Σ w², m of the penalty the nominal batch size, by plain NumPy."""
    plan = program((5,), regularizer=L2(lambd=0.5))
    X, y = rows(rng)
    problem = problem_of(plan, X, y)
    p = {name: problem.theta[where] for name, where in problem.blocks}
    Z = np.tanh(X @ p["W1"].reshape(4, 5) + p["b1"]) @ p["W2"].reshape(5, 3) + p["b2"]
    loss = np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(9), y]
    penalty = 0.5 / (2 * 10) * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())
    assert problem.cost(problem.theta) == pytest.approx(loss.mean() + penalty, rel=1e-14)


@pytest.mark.parametrize(
    "optimizer",
    [GradientDescent(), Momentum(), Nesterov(), RMSprop(), Adam(), AdamW(), GradientDescent(clip_norm=0.1)],
    ids=lambda o: o.kind,
)
def test_after_some_steps_with_the_programs_own_optimizer(optimizer: Optimizer, rng: np.random.Generator) -> None:
    X, y = rows(rng)
    first, later = check_program(program(optimizer=optimizer), X, y, after_steps=20)
    assert (first.at, later.at) == ("initialization", "after 20 steps")
    assert later.cost < first.cost
    assert {first.verdict, later.verdict} == {"great"}


def test_labels_may_be_numbers_of_any_kind(rng: np.random.Generator) -> None:
    X, y = rows(rng, "sigmoid")
    costs = {
        check_program(program(output="sigmoid"), X.astype(np.float32), y.astype(kind), after_steps=0)[0].cost
        for kind in (np.int64, np.float32, np.float64)
    }
    assert len(costs) == 1


def test_zeros_put_every_unit_on_its_kink(rng: np.random.Generator) -> None:
    """With W = b = 0 every ReLU stands at 0: the biases' derivatives do not exist and are left out."""
    X, y = rows(rng)
    report = check_program(program((4,), "relu", zeros=True), X, y, after_steps=0)[0]
    kinks = {block.name: block.comparisons[0].kinks for block in report.blocks}
    assert kinks == {"W1": 16, "b1": 4, "W2": 0, "b2": 0}
    assert report.verdict == "great"


def test_biases_under_l1_start_at_their_kink_and_leave_it(rng: np.random.Generator) -> None:
    X, y = rows(rng)
    first, later = check_program(program(regularizer=L1(lambd=0.3, include_bias=True)), X, y, after_steps=5)
    assert (first.kinks, later.kinks) == (5 + 4 + 3, 0)
    assert {first.verdict, later.verdict} == {"great"}


def test_a_relu_near_0_is_left_out(rng: np.random.Generator) -> None:
    """One example's pre-activation is set to 3e-8: the weights it meets cross 0 within ε = 1e-7."""
    X, y = rows(rng)
    problem = problem_of(program((4,), "relu"), X, y)
    W, b = problem.theta[:16].reshape(4, 4), problem.theta[16:20]
    b[0] = 3e-8 - X[0] @ W[:, 0]
    report = check(problem)
    assert report.blocks[1].comparisons[0].kinks == 1
    assert report.blocks[0].comparisons[0].kinks == int((np.abs(X[0]) > 0.3).sum())
    assert report.verdict == "great"


def test_a_vanished_gradient_is_no_failure(rng: np.random.Generator) -> None:
    X, y = rows(rng, "sigmoid")
    report = check_program(program([4] * 14, "sigmoid", "sigmoid"), X, y, after_steps=0)[0]
    assert report.blocks[0].best.gradient_norm < 1e-9
    assert report.blocks[-1].band == "great"
    assert report.exit_code == 0


def test_samples_and_one_sided(rng: np.random.Generator) -> None:
    X, y = rows(rng)
    report = check_program(program(), X, y, after_steps=0, samples=12, one_sided=True, epsilon=1e-6)[0]
    assert (report.compared, report.samples, report.one_sided, report.epsilon) == (12, 12, True, 1e-6)
    assert report.exit_code == 0
    two_sided = check_program(program(), X, y, after_steps=0, samples=12)[0]
    assert two_sided.ratio < report.ratio / 10


def test_reports_are_plain_json_and_the_same_every_time(rng: np.random.Generator) -> None:
    X, y = rows(rng)
    texts = {json.dumps([r.to_json() for r in check_program(program(), X, y, samples=9)]) for _ in range(2)}
    assert len(texts) == 1


def test_a_gradient_with_a_mistake_is_found_in_the_engine_too(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch norm without its variance term; leaky ReLU's slope forgotten; λ counted twice."""
    X, y = rows(rng)

    def wrong(self: Any, Z_norm: Any, l: int, dZ: Any) -> None:  # noqa: E741
        params, grads = self._params[l - 1], self._grads[l - 1]
        np.einsum("ij,ij->j", dZ, Z_norm, out=grads.gamma)
        np.sum(dZ, axis=0, out=grads.beta)
        dZ -= grads.beta / len(dZ)
        dZ *= params.gamma / self._std[l]

    with monkeypatch.context() as patch:
        patch.setattr(Network, "_backpropagate_batch_norm", wrong)
        culprit = check_program(program(batch_norm=True), X, y, after_steps=0)[0].culprit
    assert (culprit.block, culprit.kind) == ("W2", "batch_norm_term")
    with monkeypatch.context() as patch:
        patch.setattr(L2, "add_gradient", lambda self, w, dw, m: dw.__iadd__(2 * self.lambd / m * w))
        culprit = check_program(program(regularizer=L2(lambd=0.5)), X, y, after_steps=0)[0].culprit
    assert (culprit.block, culprit.kind) == ("W3", "regularization_doubled")


@pytest.mark.parametrize("output", get_args(Output))
def test_weights_that_are_forgotten_on_the_way_back_are_found(
    output: Output, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = rows(rng, output)
    weights = rng.random(len(X)) * 2
    assert [r.verdict for r in check_program(program(output=output), X, y, weights=weights)] == ["great"] * 2
    gradient = losses.gradient
    monkeypatch.setattr(losses, "gradient", lambda output, Yhat, y, weights: gradient(output, Yhat, y))
    report = check_program(program(output=output), X, y, after_steps=0, weights=weights)[0]
    assert report.verdict == "not good"
    assert report.culprit.layer == 3


def test_a_row_of_weight_0_leaves_the_check_as_it_is_without_it(rng: np.random.Generator) -> None:
    X, y = rows(rng)
    weights = np.ones(len(X))
    weights[-1] = 0
    full = problem_of(program(), X, y, weights=weights)
    fewer = problem_of(program(), X[:-1], y[:-1])
    share = len(X) / (len(X) - 1)
    np.testing.assert_allclose(full.gradient(full.theta) * share, fewer.gradient(fewer.theta), rtol=1e-9, atol=1e-15)


def test_training_that_diverges_is_refused_in_one_line(rng: np.random.Generator) -> None:
    X, y = rows(rng, "linear")
    plan = program(activation="linear", output="linear", optimizer=GradientDescent(learning_rate=1e30))
    with pytest.raises(InputError, match="optimizer.learning_rate") as caught:
        check_program(plan, X, y, after_steps=50)
    assert len(str(caught.value).splitlines()) == 1


def test_too_few_rows_and_negative_steps_are_refused(rng: np.random.Generator) -> None:
    X, y = rows(rng)
    with pytest.raises(InputError, match="batch norm"):
        check_program(program(batch_norm=True), X[:1], y[:1])
    with pytest.raises(InputError, match="rows"):
        check_program(program(), X[:0], y[:0])
    with pytest.raises(InputError, match="after_steps"):
        check_program(program(), X, y, after_steps=-1)


def test_large_networks_are_sampled() -> None:
    assert suggested_samples(program()) is None
    assert suggested_samples(program([1000, 10])) == 1000


def test_what_belongs_to_training_alone_plays_no_part(rng: np.random.Generator) -> None:
    X, y = rows(rng)
    plain = check_program(program(), X, y, after_steps=4, samples=9)
    averaged = check_program(replace(program(), parameter_average=0.9), X, y, after_steps=4, samples=9)
    assert [r.to_json() for r in plain] == [r.to_json() for r in averaged]
