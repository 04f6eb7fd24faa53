"""Gradient checking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dltrain import gradcheck
from dltrain.engine.arrays import Floats
from dltrain.errors import InputError
from dltrain.gradcheck.numeric import approximate
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

EPSILONS = tuple(10.0**-k for k in np.arange(1, 8.5, 0.5))
SMOOTH = (
    "architecture.activation=tanh",
    "architecture.layers=[16]",
    "architecture.keep_prob=1",
    "architecture.input_keep_prob=1",
)


class _Broken:
    """A problem with another gradient, or another cost, than its own."""

    def __init__(self, problem: gradcheck.NetworkProblem, gradient: Floats | None = None, noise: bool = False) -> None:
        self.theta, self.blocks, self._problem = problem.theta, problem.blocks, problem
        self._gradient, self._noise, self._calls = gradient, noise, 0

    def cost(self, theta: Floats) -> float:
        self._calls += 1
        return self._problem.cost(theta) + (1e-3 * self._calls if self._noise else 0.0)

    def gradient(self, theta: Floats) -> Floats:
        return self._problem.gradient(theta) if self._gradient is None else self._gradient


def _show(shop: Workshop) -> Iterator[Finding]:
    ready = shop.ready("digits", *SMOOTH, "regularizer.kind=l2", "regularizer.lambd=1")
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    X, y = np.asarray(rows.X[:64], np.float64), rows.y[:64]
    problem = gradcheck.problem_of(program, X, y)
    exact = problem.gradient(problem.theta)
    coordinates = np.arange(0, problem.theta.size, 23)
    errors = {one: _errors(problem, exact, coordinates, one) for one in (False, True)}
    orders = {one: _order(errors[one]) for one in (False, True)}
    yield Finding(
        "two-sided: error O(ε²)",
        f"measured order {orders[False]:.3f} (ε from 0.1 to 0.001)",
        abs(orders[False] - 2) < 0.05,
    )
    yield Finding("one-sided: error O(ε)", f"measured order {orders[True]:.3f}", abs(orders[True] - 1) < 0.05)
    reports = gradcheck.check_program(program, X, y, after_steps=30, samples=300)
    said = "; ".join(f"{report.at}: {report.worst.ratio:.0e}, {report.worst.band}" for report in reports)
    yield Finding(
        "at ε = 1e-7 a right gradient differs by about 1e-7 or less: at random initialization, and after some training",
        said,
        all(report.exit_code == 0 and report.worst.band == "great" for report in reports),
    )
    yield from _mistakes(shop, problem, X, y, program)
    with shop.picture("error_orders", width=4.6) as axes:
        for one, name, line in ((True, "one-sided", LINES[1]), (False, "two-sided", LINES[0])):
            axes.plot(EPSILONS, errors[one], marker="o", ms=3, label=f"{name}: order {orders[one]:.2f}", **line)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="ε",
            ylabel="‖approx − grad‖ / (‖approx‖ + ‖grad‖)",
            title="below 1e-5 rounding takes over",
        )
        axes.legend()


def _errors(problem: gradcheck.NetworkProblem, exact: Floats, coordinates: Floats, one_sided: bool) -> list[float]:
    found = []
    for epsilon in EPSILONS:
        values = approximate(problem, coordinates, epsilon, one_sided).values
        right = exact[coordinates]
        found.append(float(np.linalg.norm(values - right) / (np.linalg.norm(values) + np.linalg.norm(right))))
    return found


def _order(errors: Sequence[float]) -> float:
    """The slope of log error over log ε, where the formula's own error is the larger one."""
    many = [place for place, epsilon in enumerate(EPSILONS) if epsilon >= 1e-3 * 0.99]
    return float(np.polyfit(np.log([EPSILONS[k] for k in many]), np.log([errors[k] for k in many]), 1)[0])


def _mistakes(
    shop: Workshop, problem: gradcheck.NetworkProblem, X: Floats, y: Floats, program: object
) -> Iterator[Finding]:
    plain = shop.ready("digits", *SMOOTH).plan.program()
    forgot = gradcheck.problem_of(plain, X, y).gradient(problem.theta)
    report = gradcheck.check(_Broken(problem, forgot), samples=300)
    yield Finding(
        "remember regularization: a gradient without it fails",
        f"{report.worst.name}: {report.worst.ratio:.0e}, {report.worst.band}",
        report.exit_code != 0,
    )
    wrong = problem.gradient(problem.theta)
    where = dict(problem.blocks)["W2"]
    wrong[where] *= -1
    found = gradcheck.check(_Broken(problem, wrong), samples=300)
    bad = [block.name for block in found.blocks if block.band == "not good"]
    yield Finding(
        "if it fails, look at the components",
        f"with the sign of dW2 turned round it names {', '.join(bad)}",
        bad == ["W2"],
    )
    try:
        gradcheck.check(_Broken(problem, noise=True), samples=10)
        said = "nothing"
    except InputError as error:
        said = str(error)
    yield Finding(
        "it doesn't work with dropout, whose cost is another at each call", said, "switch dropout off" in said
    )


LESSONS = [
    Lesson(
        section="1.9",
        title="Gradient checking",
        where=("gradcheck/numeric.py", "gradcheck/check.py", "gradcheck/culprit.py"),
        how=("dltrain gradcheck configs/digits.yaml", "dltrain gradcheck"),
        show=_show,
        pictures=(("error_orders", "The error of one-sided and two-sided difference quotients by ε"),),
        slow=True,
    ),
]
