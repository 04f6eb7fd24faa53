"""Optimizer and schedule from overrides alone, by the rules of every config."""

from __future__ import annotations

import pytest

from dltrain.config.moving import load_moving
from dltrain.engine.optimizers import Adam, GradientDescent
from dltrain.engine.schedules import Constant, Exponential, InverseTime
from dltrain.errors import InputError


def test_nothing_said_is_gradient_descent() -> None:
    assert load_moving([]) == (GradientDescent(learning_rate=0.01), Constant(), ())


def test_kinds_and_keys() -> None:
    optimizer, schedule, _ = load_moving(
        ["optimizer=adam", "optimizer.beta1=0.8", "schedule.kind=exponential", "schedule.decay=0.9"]
    )
    assert (optimizer, schedule) == (Adam(beta1=0.8), Exponential(decay=0.9))
    optimizer, schedule, _ = load_moving(
        ["optimizer={kind: adam, epsilon: 1e-6}", "schedule={kind: inverse_time, decay_rate: 1}"]
    )
    assert (optimizer, schedule) == (Adam(epsilon=1e-6), InverseTime(decay_rate=1.0))


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["optimizer=adm"], "command line: optimizer: 'adm' is not a kind of optimizer; expected "),
        (["optimizer.beta1=0.9"], "command line: optimizer.beta1: unknown key of gradient_descent; it belongs to "),
        (["optimizer.learning_rate=-1"], "command line: optimizer.learning_rate: -1 is not allowed; expected a number"),
        (["optimizer.learning_rate=fast"], "command line: optimizer.learning_rate: 'fast' is not allowed; expected "),
        (["schedule=inverse_time"], "command line: schedule.decay_rate: is required"),
        (["beta1=0.9"], "command line: beta1: unknown key; expected optimizer.KEY or schedule.KEY; did you mean "),
        (["training.epochs=3"], "command line: training.epochs: unknown key; expected optimizer.KEY or schedule.KEY"),
        (["data.source=x.csv"], "command line: data.source: unknown key; expected optimizer.KEY or schedule.KEY"),
    ],
)
def test_what_is_refused(overrides: list[str], says: str) -> None:
    with pytest.raises(InputError) as caught:
        load_moving(overrides)
    assert str(caught.value).startswith(says)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        load_moving(["optimizer=adm", "training.epochs=3", "schedule=cosin"])
    assert len(caught.value.problems) == 3
