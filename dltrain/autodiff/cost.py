"""J(theta), its gradient and its curvature, exact to rounding: by automatic differentiation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from autograd import hessian, value_and_grad

from dltrain.autodiff.parsing import Expression
from dltrain.autodiff.tree import value_of
from dltrain.engine.arrays import Floats


class Cost:
    """An expression as a function of theta, (n,) float64 in the order of its variables. Nothing here warns or raises
    for values that are not finite: they come back as they are."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._both = value_and_grad(self._value)
        self._hessian = hessian(self._value)

    def _value(self, theta: Any) -> Any:
        return value_of(self.expression.root, [theta[place] for place in range(len(self.expression.variables))])

    def __call__(self, theta: Floats) -> float:
        with np.errstate(all="ignore"):
            return float(self._value(theta))

    def with_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """J and dJ/dtheta, (n,)."""
        with np.errstate(all="ignore"):
            cost, gradient = self._both(theta)
        return float(cost), np.asarray(gradient, dtype=np.float64)

    def curvature(self, theta: Floats) -> Floats:
        """The matrix of second derivatives, (n, n), made symmetric."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # autograd warns of gradients that do not depend on theta
            H = np.asarray(self._hessian(theta), dtype=np.float64)
            return (H + H.T) / 2
