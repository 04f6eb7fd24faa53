"""The usual mistakes in backward propagation, and how each shows in the numbers.

Every recognizer takes the case and returns the mistake if it fits; the first that fits wins, so the more
telling ones come first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.gradcheck import fits
from dltrain.gradcheck.evidence import Case, Evidence

ZERO = 1e-6
"""Share of the other gradient's norm below which a gradient counts as zero."""


class Mistake(NamedTuple):
    kind: str
    sentence: str


Recognizer: TypeAlias = Callable[[Case], Mistake | None]


def recognize(case: Case) -> Mistake:
    """The mistake that fits."""
    for recognizer in RECOGNIZERS:
        if found := recognizer(case):
            return found
    return Mistake("unknown", f"no usual mistake fits the gradient of {case.name}; look at its components")


def _not_finite(case: Case) -> Mistake | None:
    if not np.isfinite(case.own.grad).all():
        return Mistake("not_finite", f"the gradient of {case.name} holds NaN or Inf")
    if not np.isfinite(case.own.approx).all():
        return Mistake("not_finite", f"the cost is not finite a little beside {case.name}")
    return None


def _zero(case: Case) -> Mistake | None:
    approx, grad = np.linalg.norm(case.own.approx), np.linalg.norm(case.own.grad)
    if grad < ZERO * approx:
        return Mistake("zero_gradient", f"the gradient of {case.name} is zero; it was never computed or written")
    if approx < ZERO * grad:
        return Mistake("constant_cost", f"the cost does not depend on {case.name}, but its gradient is not zero")
    return None


def _penalty(case: Case, theta: Floats) -> Floats:
    """The gradient of the regularizer, as far as it is known."""
    place = case.place
    if place is None:
        return np.zeros_like(theta)
    return np.asarray(place.l2 * theta + place.l1 * np.sign(theta))


def _regularization(case: Case) -> Mistake | None:
    whole = _penalty(case, case.own.theta)
    place = case.place
    l1, l2 = (place.l1, place.l2) if place else (0.0, 0.0)
    if l1 and l2:
        laws = [("the regularization", whole, 1.0), ("the L2 term", l2 * case.own.theta, 1.0)]
        laws.append(("the L1 term", l1 * np.sign(case.own.theta), 1.0))
    else:
        laws = [("the L2 term", case.own.theta, l2), ("the L1 term", np.sign(case.own.theta), l1)]
    for name, vector, strength in laws:
        k = fits.multiple(case.own, vector)
        if k is not None and (case.own.theta.size > 1 or _telling(k, strength)):
            return _name_regularization(case, name, k, strength)
    return None


def _telling(k: float, strength: float) -> bool:
    return strength > 0 and any(fits.near(k, sign * strength) for sign in (1, -1))


def _name_regularization(case: Case, name: str, k: float, strength: float) -> Mistake:
    """approx − grad = k · term, where the cost holds strength · term."""
    block = case.name
    if not case.details.known:
        if k > 0:
            return Mistake("regularization_missing", f"{name} is missing in the gradient of {block}, or too weak")
        return Mistake("regularization_extra", f"the gradient of {block} holds too much of {name}, or the cost none")
    if strength == 0:
        where = " on the bias" if case.role == "bias" else ""
        return Mistake("regularization_extra", f"the gradient of {block} holds {name}{where}; the cost doesn't")
    if fits.near(k, strength):
        return Mistake("regularization_missing", f"{name} is missing in the gradient of {block}")
    if fits.near(k, -strength):
        return Mistake("regularization_doubled", f"the gradient of {block} holds {name} twice (2λ/m for λ/m?)")
    share = 1 - k / strength
    return Mistake("regularization_scaled", f"{name} in the gradient of {block} is {_times(case, share)}")


def _factor(case: Case) -> Mistake | None:
    for evidence, what in _with_and_without_penalty(case):
        k = fits.factor(evidence)
        if k is not None and (evidence.grad.size > 1 or _is_known_factor(case, k)):
            return _name_factor(case, k, what)
    if not case.details.known:
        for term in (case.own.theta, np.sign(case.own.theta)):
            if found := fits.factor_and_multiple(case.own, term):
                return _name_factor(case, found[0], "without its regularization the ")
    return None


def _with_and_without_penalty(case: Case) -> list[tuple[Evidence, str]]:
    penalty = _penalty(case, case.own.theta)
    if not penalty.any():
        return [(case.own, "the ")]
    return [(case.own, "the "), (case.own.without(penalty), "without its regularization the ")]


def _name_factor(case: Case, k: float, what: str) -> Mistake:
    """grad = k · approx."""
    subject = f"{what}gradient of {case.name}"
    if fits.near(k, -1):
        return Mistake("sign", f"{subject} has the wrong sign{_shared(case)}")
    m = case.details.quantities.get("m")
    if m and m > 1 and fits.near(k, m):
        return Mistake("mean_missing", f"{subject} is m = {m:g} times too large: 1/m is missing{_shared(case)}")
    if m and m > 1 and fits.near(k, 1 / m):
        return Mistake("mean_twice", f"{subject} is m = {m:g} times too small: divided by m twice{_shared(case)}")
    if fits.near(k, 2):
        return Mistake(
            "factor_two", f"{subject} is twice too large: the 2 of a square, or the ½ before it{_shared(case)}"
        )
    return Mistake("constant_factor", f"{subject} is {_times(case, k)}{_shared(case)}")


def _is_known_factor(case: Case, k: float) -> bool:
    known = [-1.0, 2.0, 0.5]
    for value in case.details.quantities.values():
        known += [value, 1 / value]
    return any(fits.near(k, value) for value in known if value != 1)


def _times(case: Case, k: float) -> str:
    """`3 times what it should be (n = 3)`."""
    text = f"{k:.4g} times what it should be"
    for name, value in case.details.quantities.items():
        if value != 1 and fits.near(k, value):
            return f"{text} ({name} = {value:g})"
        if value != 1 and fits.near(k, 1 / value):
            return f"{text} (1 / {name}, {value:g})"
    return text


def _shared(case: Case) -> str:
    """Where to look, when every block of the layer is wrong."""
    if case.place is None or len(case.layer) < 2 or not set(case.layer) <= case.faulty:
        return ""
    return f"; every gradient of layer {case.place.layer} is wrong, so look at its dZ"


def _transposed(case: Case) -> Mistake | None:
    for evidence, _ in _with_and_without_penalty(case):
        if fits.is_transposed(evidence):
            return Mistake("transposed", f"the gradient of {case.name} is transposed, or laid out in the other order")
    return None


def _bias(case: Case) -> Mistake | None:
    if case.role != "bias":
        return None
    if fits.is_one_sum(case.own):
        return Mistake(
            "bias_not_summed",
            f"every entry of the gradient of {case.name} is the sum over all units: sum dZ over the examples alone",
        )
    if case.is_right("weight"):
        return Mistake(
            "bias_not_summed",
            f"dZ is right, since the weights of layer {_number(case)} are; "
            f"the gradient of {case.name} is not its sum over all examples",
        )
    return None


def _batch_norm(case: Case) -> Mistake | None:
    if case.role != "weight" or not (case.is_right("gamma") and case.is_right("beta")):
        return None
    start = f"gamma and beta of layer {_number(case)} are right, {case.name} is not: in dZ behind batch norm "
    if any(fits.unit_factors(evidence) is not None for evidence, _ in _with_and_without_penalty(case)):
        return Mistake("batch_norm_scale", start + "the factor gamma/√(σ² + ε) is wrong")
    if fits.is_rank_one(case.own):
        return Mistake("batch_norm_term", start + "the term of the mean, Σ dZ/m, is missing or wrong")
    return Mistake("batch_norm_term", start + "a term is missing or wrong: that of the variance, or both")


def _units(case: Case) -> Mistake | None:
    for evidence, what in _with_and_without_penalty(case):
        if fits.unit_factors(evidence) is not None:
            return Mistake(
                "unit_factor",
                f"{what}gradient of {case.name} is off by a factor for each unit: something "
                f"is multiplied by the wrong axis, or a factor for each unit is missing",
            )
    return None


def _entries(case: Case) -> Mistake | None:
    """All but a few coordinates are right."""
    off = np.abs(case.own.difference)
    scale = np.abs(case.own.approx) + np.abs(case.own.grad)
    wrong = int((off > 1e-4 * scale.max()).sum())
    if not 0 < wrong <= off.size // 4:
        return None
    return Mistake(
        "entries", f"{wrong} of {off.size} entries of the gradient of {case.name} are wrong, the others right"
    )


def _propagation(case: Case) -> Mistake | None:
    if case.place is None or len(case.layer) < 2:
        return None
    number = _number(case)
    if set(case.layer) <= case.faulty:
        if case.last:
            return Mistake(
                "output", f"all of layer {number}, the output, is wrong: look at dZ, the derivative of the loss"
            )
        return Mistake(
            "propagation",
            f"the layers behind layer {number} are right and all of it is wrong: look at dA "
            f"(dZ{number + 1} W{number + 1} transposed) and at the derivative of its activation",
        )
    if case.role == "weight" and case.is_right("bias"):
        return Mistake(
            "product",
            f"dZ is right, since the bias of layer {number} is; the gradient of {case.name} is not "
            "its product with the layer's input",
        )
    if case.role == "gamma" and case.is_right("beta"):
        return Mistake(
            "product",
            f"beta of layer {number} is right, so dZ is; the gradient of {case.name} is not "
            "the sum of dZ times the normalized Z",
        )
    return None


def _number(case: Case) -> int:
    return case.place.layer if case.place else 0


RECOGNIZERS: tuple[Recognizer, ...] = (
    _not_finite,
    _zero,
    _factor,
    _regularization,
    _transposed,
    _batch_norm,
    _bias,
    _units,
    _entries,
    _propagation,
)
