"""The way down against closed forms and SciPy, and what lies at its end."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from dltrain.autodiff import Cost, Diverged, Minimized, descend, minimize, parse
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, Optimizer, RMSprop
from dltrain.engine.schedules import Constant, Cosine, Exponential, InverseTime, Manual, Plateau, Schedule
from dltrain.errors import InputError

NOTES = "w**2 - 10*w + 25"
PLAIN = GradientDescent(learning_rate=0.01)


def run(
    text: str,
    optimizer: Optimizer = PLAIN,
    schedule: Schedule | None = None,
    *,
    steps: int = 1000,
    every: int | None = None,
    **start: float,
) -> Minimized:
    return minimize(parse(text), optimizer, schedule or Constant(), steps=steps, start=start, every=every)


def at(found: Minimized) -> dict[str, float]:
    assert found.after is not None
    return dict(zip(found.expression.variables, found.after.theta, strict=True))


def test_the_notes_program() -> None:
    """Section 3.6: each step takes 2 % of what is left of w - 5."""
    found = run(NOTES)
    assert found.before is not None and found.before.theta == (0.0,)
    assert (found.before.cost, found.before.gradient_norm) == (25.0, 10.0)
    assert at(found)["w"] == pytest.approx(5 - 5 * 0.98**1000, abs=1e-13)
    assert f"{at(found)['w']:.11g}" == "4.9999999916"


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 7])
def test_each_point_of_gradient_descent(steps: int) -> None:
    found = run(NOTES, GradientDescent(learning_rate=0.1), steps=steps, every=1, w=3.0)
    assert [point.step for point in found.path] == list(range(steps + 1))
    for point in found.path:
        assert point.theta[0] == pytest.approx(5 - 2 * 0.8**point.step)
        assert point.gradient_norm == pytest.approx(4 * 0.8**point.step)
        assert point.cost == pytest.approx(4 * 0.8 ** (2 * point.step))
    assert found.after == found.path[-1] and found.before == found.path[0]


def test_the_path_keeps_each_nth_point_and_the_last() -> None:
    assert [point.step for point in run(NOTES, steps=10, every=4).path] == [0, 4, 8, 10]
    assert run(NOTES, steps=10).path == ()


@pytest.mark.parametrize(
    "schedule, rates",
    [
        (InverseTime(decay_rate=1.0), [0.05, 0.1 / 3, 0.025]),
        (Exponential(decay=0.5), [0.05, 0.025, 0.0125]),
        (Exponential(decay=0.5, per="step"), [0.05, 0.025, 0.0125]),
        (Manual(values={2: 0.3}), [0.1, 0.3, 0.3]),
        (Cosine(), [0.1, 0.075, 0.025]),
        (Constant(warmup=2), [0.05, 0.1, 0.1]),
    ],
)
def test_schedules_count_steps_from_1(schedule: Schedule, rates: list[float]) -> None:
    """For J = w each step is -α."""
    found = run("w", GradientDescent(learning_rate=0.1), schedule, steps=3)
    assert at(found)["w"] == pytest.approx(-sum(rates))


def test_a_plateau_watches_the_cost() -> None:
    """At α = 1 each step jumps to the other side, where J is the same; after five of them half of α lands on 3."""
    jumping = run("(w - 3)**2", GradientDescent(learning_rate=1.0), Plateau(), steps=6, every=1)
    assert [point.theta[0] for point in jumping.path] == [0, 6, 0, 6, 0, 6, 3]


def test_adam_first_step_is_alpha_and_clipping_shortens() -> None:
    assert at(run(NOTES, Adam(learning_rate=0.1), steps=1))["w"] == pytest.approx(0.1, rel=1e-8)
    clipped = GradientDescent(learning_rate=0.1, clip_norm=0.5)  # the gradient is (3, 4) everywhere
    assert at(run("3*a + 4*b", clipped, steps=2)) == pytest.approx({"a": -0.06, "b": -0.08})
    decayed = AdamW(learning_rate=0.1, weight_decay=0.5)
    assert at(run("0*a", decayed, steps=1, a=2.0))["a"] == pytest.approx(2 * (1 - 0.05))


EVERY = [
    GradientDescent(learning_rate=0.02),
    Momentum(learning_rate=0.02),
    Nesterov(learning_rate=0.02),
    RMSprop(learning_rate=0.02),
    Adam(learning_rate=0.02),
]


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda one: one.kind)
@pytest.mark.parametrize(
    "text, start",
    [
        ("(a - 1)**2 + 10*(b + 2)**2 + a*b", {}),
        ("-exp(-(a - 1)**2 - (b - 0.5)**2)", {"a": 0.5}),
        ("(1 - a)**2 + (b - a**2)**2", {"a": 0.9}),
    ],
)
def test_minima_are_scipys(optimizer: Optimizer, text: str, start: dict[str, float]) -> None:
    faster = dataclasses.replace(optimizer, learning_rate=0.05)
    found = run(text, faster, Cosine(), steps=1000, **start)
    cost = Cost(found.expression)
    begin = np.array([start.get(name, 0.0) for name in found.expression.variables])
    oracle = scipy_minimize(cost, begin, tol=1e-10)
    assert found.after is not None and found.ended is not None
    assert found.after.cost == pytest.approx(oracle.fun, abs=1e-5)
    assert found.after.theta == pytest.approx(oracle.x, abs=5e-3)


def test_divergence_names_the_step() -> None:
    """Each step multiplies w by 1 - 2α = -1e100: the cost is 1e200 after one, 1e400 after two."""
    found = run("w**2", GradientDescent(learning_rate=0.5e100), w=1.0)
    assert found.diverged is not None and found.after is None and found.ended is None
    assert (found.diverged.step, found.diverged.what) == (2, "the cost is inf")
    assert found.diverged.theta[0] == pytest.approx(1e200)
    assert found.before is not None


@pytest.mark.parametrize(
    "text, what",
    [
        ("log(w)", "the cost is -inf"),
        ("1/w", "the cost is inf"),
        ("(w - 1)**0.5", "the cost is nan"),
        ("sqrt(w)", "the gradient is not finite"),
    ],
)
def test_a_start_that_is_not_finite(text: str, what: str) -> None:
    found = run(text)
    assert found.before is None and found.diverged is not None
    assert (found.diverged.step, found.diverged.what) == (0, what)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_gradient_whose_square_overflows_is_told() -> None:
    """Adam would divide it by infinity, and stand still in silence."""
    with pytest.raises(Diverged, match="the gradient is too large to square"):
        list(descend(Cost(parse("1e200*w")), np.zeros(1), Adam(), Constant(), 3))


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda one: one.kind)
def test_a_saddle_started_on_its_axis(optimizer: Optimizer) -> None:
    """The gradient along b is 0 there, so that no optimizer ever leaves the axis."""
    found = run("saddle(a, b)", dataclasses.replace(optimizer, learning_rate=0.1), Cosine(), a=1.0)
    assert at(found)["b"] == 0.0 and abs(at(found)["a"]) < 1e-3
    assert found.ended is not None
    if found.ended.kind != "moving":
        assert (found.ended.kind, found.ended.along, found.ended.unmoved) == ("saddle", "b", True)
        assert found.ended.curvatures == pytest.approx((-1.0, 2.0), abs=1e-3)
    else:
        assert optimizer.kind == "rmsprop"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("optimizer", EVERY, ids=lambda one: one.kind)
def test_a_saddle_started_off_its_axis(optimizer: Optimizer, sign: int) -> None:
    found = run("saddle(a, b)", dataclasses.replace(optimizer, learning_rate=0.05), a=1.0, b=0.01 * sign)
    assert found.ended is not None and found.ended.kind == "minimum"
    assert at(found) == pytest.approx({"a": 0, "b": sign}, abs=1e-3)


def test_a_plateau_slows_gradient_descent_and_rmsprop_crosses_it() -> None:
    """Section 2.7: the gradient at the start is 5.2e-4, the cost hardly falls."""
    slow = [run("plateau(a, b)", one, steps=500) for one in EVERY[:3]]
    for found in slow:
        assert found.ended is not None and found.ended.kind == "plateau"
        assert found.after is not None and found.after.cost > 0.999
    for one in EVERY[3:]:
        found = run("plateau(a, b)", one, steps=500)
        assert found.after is not None and found.after.cost < 0.01


@pytest.mark.parametrize(
    "text, start, kind, along",
    [
        ("w**2", {}, "minimum", None),
        ("(w - 5)**2 + v**2", {"w": 5.0}, "minimum", None),
        ("-w**2", {}, "maximum", "w"),
        ("a*b", {}, "saddle", "a"),
        ("a**2 - b**2", {"a": 1.0}, "saddle", "b"),
        ("(a - b)**2", {"a": 1.0}, "flat", "a"),
        ("w**3", {}, "flat", "w"),
        ("w**4", {"w": 1.0}, "moving", None),
        ("w", {}, "moving", None),
        ("a**2 - b**2", {"a": 1.0, "b": 1e-3}, "moving", None),
        ("abs(w)", {"w": 1.005}, "moving", None),
        ("abs(w)**1.5", {}, "kink", None),
    ],
)
def test_where_it_ends(text: str, start: dict[str, float], kind: str, along: str | None) -> None:
    found = run(text, GradientDescent(learning_rate=0.1), steps=100, **start)
    assert found.ended is not None
    assert (found.ended.kind, found.ended.along) == (kind, along)


def test_a_fall_without_end_is_no_saddle() -> None:
    found = run("a**2 - b**2", GradientDescent(learning_rate=0.1), a=1.0, b=0.01)
    assert found.ended is not None and found.ended.kind == "moving" and found.ended.fell > 1e100


def test_json_is_plain_and_complete() -> None:
    record = json.loads(json.dumps(run(NOTES, steps=4, every=2).to_json(), allow_nan=False))
    assert record["state"] == "finished" and record["diverged"] is None
    assert record["variables"] == ["w"] and record["optimizer"]["learning_rate"] == 0.01
    assert [point["step"] for point in record["path"]] == [0, 2, 4]
    assert record["ended"]["curvatures"] == [2.0]
    assert math.isclose(record["after"]["values"]["w"], 5 - 5 * 0.98**4)


def test_what_is_no_variable_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        minimize(parse("weight**2"), PLAIN, Constant(), steps=10**6, start={"wieght": 1.0}, every=1)
    first, second = (problem.line() for problem in caught.value.problems)
    assert first == "--start: wieght is no variable of the expression; did you mean weight?"
    assert second == "--every: 1,000,000 points; expected at most 100,000"
