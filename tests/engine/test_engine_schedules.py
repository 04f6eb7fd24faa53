"""Learning rates, by hand."""

from __future__ import annotations

import math

import pytest
from engine_networks import architecture, program, rows, train

from dltrain.engine.fit import Step, fit
from dltrain.engine.optimizers import GradientDescent
from dltrain.engine.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Manual,
    Staircase,
    learning_rate,
)
from dltrain.engine.state import State

TABLE = [
    (Constant(), 0.3, [0.3, 0.3, 0.3]),
    (InverseTime(decay_rate=0.5), 0.3, [0.2, 0.15, 0.12]),
    (Exponential(), 1.0, [0.95, 0.9025, 0.857375]),
    (Exponential(decay=0.5), 0.8, [0.4, 0.2, 0.1]),
    (InverseSqrt(), 0.6, [0.6, 0.6 / math.sqrt(2), 0.6 / math.sqrt(3), 0.3]),
    (InverseSqrt(k=2.0), 0.6, [1.2, 1.2 / math.sqrt(2), 1.2 / math.sqrt(3), 0.6]),
    (Staircase(every=2), 0.8, [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]),
    (Staircase(every=3, factor=0.1), 1.0, [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01]),
    (Manual(values={3: 0.1, 5: 0.05}), 0.7, [0.7, 0.7, 0.1, 0.1, 0.05, 0.05]),
    (Manual(values={5: 0.05, 1: 0.2}), 0.7, [0.2, 0.2, 0.2, 0.2, 0.05]),
    (Cosine(), 1.0, [1.0, (1 + math.cos(math.pi / 4)) / 2, 0.5, (1 + math.cos(3 * math.pi / 4)) / 2]),
    (Cosine(min=0.2), 1.0, [1.0, 0.6 + 0.4 * math.sqrt(0.5), 0.6, 0.6 - 0.4 * math.sqrt(0.5)]),
    (Constant(warmup=4), 1.0, [0.25, 0.5, 0.75, 1.0, 1.0]),
    (Constant(warmup=1), 1.0, [1.0, 1.0]),
    (InverseTime(decay_rate=1.0, warmup=2), 0.4, [0.1, 0.4 / 3, 0.1]),
]


@pytest.mark.parametrize(("schedule", "alpha0", "expected"), TABLE, ids=lambda value: getattr(value, "kind", None))
def test_every_formula_by_hand(schedule, alpha0, expected):
    rates = [learning_rate(schedule, alpha0, e, 4) for e in range(1, len(expected) + 1)]
    assert rates == pytest.approx(expected, rel=1e-12)


def test_the_notes_decay_table():
    rates = [learning_rate(InverseTime(decay_rate=1.0), 0.2, e, 4) for e in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.1, 0.067, 0.05, 0.04], abs=5e-4)
    assert rates == pytest.approx([0.2 / 2, 0.2 / 3, 0.2 / 4, 0.2 / 5], rel=1e-12)


def test_cosine_would_reach_its_end_after_the_last_epoch():
    assert learning_rate(Cosine(min=0.01), 1.0, 11, 10) == pytest.approx(0.01)


def moves(rng, schedule, **settings):
    """How far each step of gradient descent went, as a multiple of its gradient; and the rates of the epochs."""
    network = architecture(1, (), "linear", 1)
    data = rows(rng, 12, network)
    given = program(network, optimizer=GradientDescent(learning_rate=0.01), schedule=schedule, batch_size=5, **settings)
    state, ratios, rates = State.start(given), [], []
    before = state.theta.copy()
    for event in fit(given, data, None, state):
        if isinstance(event, Step):
            ratios.append(math.hypot(*(state.theta - before)) / event.grad_norm)
            before = state.theta.copy()
        else:
            rates.append(event.learning_rate)
    return ratios, rates


def test_per_epoch_all_steps_of_an_epoch_share_the_rate(rng):
    ratios, rates = moves(rng, Exponential(decay=0.5), epochs=3)
    assert rates == pytest.approx([0.005, 0.0025, 0.00125])
    assert ratios == pytest.approx([0.005] * 3 + [0.0025] * 3 + [0.00125] * 3)


def test_per_step_every_step_has_its_own(rng):
    ratios, rates = moves(rng, Exponential(decay=0.5, per="step"), epochs=2)
    assert ratios == pytest.approx([0.01 * 0.5**t for t in range(1, 7)])
    assert rates == pytest.approx([0.01 * 0.5**3, 0.01 * 0.5**6])


@pytest.mark.parametrize("settings", [{"epochs": 2}, {"steps": 6}])
def test_cosine_plans_with_epochs_or_steps(rng, settings):
    _, rates = moves(rng, Cosine(), **settings)
    assert rates == pytest.approx([0.01, 0.005])
    ratios, _ = moves(rng, Cosine(per="step"), **settings)
    assert ratios == pytest.approx([0.01 * (1 + math.cos(math.pi * t / 6)) / 2 for t in range(6)])


def test_steps_that_end_within_an_epoch_count_it_as_planned(rng):
    _, rates = moves(rng, Cosine(), steps=4)
    assert rates == pytest.approx([0.01, 0.005])


def test_warmup_counts_in_the_schedules_own_unit(rng):
    ratios, _ = moves(rng, Constant(per="step", warmup=4), epochs=2)
    assert ratios == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01])


def test_training_uses_the_decay_table(rng):
    network = architecture(2, (), "sigmoid", 1)
    given = program(
        network, optimizer=GradientDescent(learning_rate=0.2), schedule=InverseTime(decay_rate=1.0), epochs=4
    )
    _, _, epochs = train(given, rows(rng, 20, network))
    assert [epoch.learning_rate for epoch in epochs] == pytest.approx([0.1, 0.067, 0.05, 0.04], abs=5e-4)
