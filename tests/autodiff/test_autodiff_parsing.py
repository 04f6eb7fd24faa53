"""Expressions: what is read means what Python means by it, and nothing else is read."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dltrain.autodiff import FUNCTIONS, Cost, parse
from dltrain.autodiff.parsing import LONGEST
from dltrain.errors import InputError

ORACLES = {
    "abs": abs,
    "cos": math.cos,
    "exp": math.exp,
    "log": math.log,
    "max": max,
    "min": min,
    "plateau": lambda a, b: 1 - math.exp(-((a - 3) ** 2 + (b - 3) ** 2) / 2),
    "relu": lambda z: max(z, 0.0),
    "saddle": lambda a, b: a * a - b * b / 2 + b**4 / 4,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "tanh": math.tanh,
}
NAMES = ("w", "v", "beta_1")
X = np.array([[1.5, -2.0], [0.25, 4.0]])


def value(text: str, **values: float) -> float:
    expression = parse(text, {"x": X} if "x[" in text else None)
    return Cost(expression)(np.array([values[name] for name in expression.variables]))


def one_problem(text: str, **data: np.ndarray) -> str:
    with pytest.raises(InputError) as caught:
        parse(text, data)
    (problem,) = caught.value.problems
    return problem.line()


leaves = st.one_of(
    st.sampled_from(NAMES),
    st.integers(0, 9).map(str),
    st.floats(0.1, 9, allow_nan=False).map(lambda number: repr(round(number, 2))),
    st.sampled_from(["1e-1", ".5", "2.", "0x1F", "1_0", "pi", "x[0][1]", "x[1][0]", "x[-1][-1]"]),
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def calls(name: str) -> st.SearchStrategy[str]:
        function = FUNCTIONS[name]
        arguments = st.lists(inner, min_size=function.least, max_size=function.most or 4)
        return arguments.map(lambda given: f"{name}({', '.join(given)})")

    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", " - ", "*", "/", " **"]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"+{text}"),
        st.sampled_from(sorted(FUNCTIONS)).flatmap(calls),
    )


def expected(text: str, values: dict[str, float]) -> float | None:
    """Python's own value, the text run with these names alone; None where Python has no finite real one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            floats = re.sub(r"(?<![\w.\[])(?<!e-)(\d+)(?![\w.\]])", r"\1.0", text)  # whole numbers would be exact
            found = eval(floats, {"__builtins__": {}}, {**ORACLES, **values, "pi": math.pi, "x": X.tolist()})
    except (ArithmeticError, ValueError, TypeError):
        return None
    return float(found) if isinstance(found, (int, float)) and math.isfinite(found) else None


@given(st.recursive(leaves, grown, max_leaves=12), st.tuples(*[st.floats(-3, 3)] * 3))
def test_a_parsed_expression_has_pythons_value(text: str, at: tuple[float, float, float]) -> None:
    values = dict(zip(NAMES, at, strict=True))
    wanted = expected(text, values)
    assume(wanted is not None)
    try:
        found = value(f"{text} + 0*w", **values)
    except InputError as error:  # what Python reaches only after the refused part, as in max(1/0, ...)
        assume("power" not in str(error) and "finite" not in str(error))
        raise
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("-w**2", -9.0),
        ("2**-w", 0.125),
        ("2**w**2", 512.0),
        ("w - 1 - 1", 1.0),
        ("w/3/2", 0.5),
        ("(w)", 3.0),
        ("+w", 3.0),
        ("w*pi", 3 * math.pi),
        ("x[0][1]*w", -6.0),
        ("  w\n + 1\t", 4.0),
        ("relu(-w) + relu(w)", 3.0),
        ("max(1, w, 2) + min(1, w, 2)", 4.0),
        ("w  # a remark", 3.0),
    ],
)
def test_by_hand(text: str, wanted: float) -> None:
    assert value(text, w=3.0) == pytest.approx(wanted, rel=1e-15)


def test_variables_are_in_order_of_appearance() -> None:
    assert parse("b*a + b + α").variables == ("b", "a", "α")


@pytest.mark.parametrize(
    "x, text, wanted",
    [
        ([[1], [-10], [25]], "x[0]*w**2 + x[1]*w + x[2]", 16.0),
        ([[1], [-10], [25]], "x[0][0]*w**2 + x[1][0]*w + x[2][0]", 16.0),
        ([[1, -10, 25]], "x[0]*w**2 + x[1]*w + x[2]", 16.0),
        ([[1, -10, 25]], "x[0][0]*w**2 + x[0][1]*w + x[0][2]", 16.0),
        ([[1, 2], [3, 4]], "w + x[-1][-2]", 4.0),
    ],
)
def test_data(x: list[list[float]], text: str, wanted: float) -> None:
    expression = parse(text, {"x": np.array(x, dtype=float)})
    assert expression.variables == ("w",)
    assert Cost(expression)(np.array([1.0])) == wanted


NO_WAY_IN = [
    ("__import__('os')", 1, "unknown function __import__"),
    ("__import__('os').system('true')", 17, "attributes"),
    ("w + __import__('os')", 5, "unknown function __import__"),
    ("eval('1')", 1, "unknown function eval"),
    ("exec('1')", 1, "unknown function exec"),
    ("open('x')", 1, "unknown function open"),
    ("globals()", 1, "unknown function globals"),
    ("getattr(w, 'real')", 1, "unknown function getattr"),
    ("vars()", 1, "unknown function vars"),
    ("type(w)", 1, "unknown function type"),
    ("breakpoint()", 1, "unknown function breakpoint"),
    ("print(w)", 1, "unknown function print"),
    ("sum(w)", 1, "unknown function sum"),
    ("w.real", 2, "attributes such as .real"),
    ("w.__class__.__bases__", 12, "attributes such as .__bases__"),
    ("(1).__class__", 4, "attributes"),
    ("exp.__globals__", 4, "attributes"),
    ("exp.__call__(w)", 4, "attributes"),
    ("().__class__.__mro__[1].__subclasses__()", 24, "attributes"),
    ("x.shape[0]", 1, "only data has an index"),
    ("lambda: w", 1, "a lambda"),
    ("(lambda w: w)(3)", 2, "a lambda"),
    ("exp(lambda: w)", 5, "a lambda"),
    ("[w for w in (1, 2)]", 1, "a comprehension"),
    ("{w for w in (1, 2)}", 1, "a comprehension"),
    ("{w: w for w in (1, 2)}", 1, "a comprehension"),
    ("max(w for w in (1, 2))", 1, "max of 1 arguments"),
    ("abs(w for w in (1, 2))", 4, "a comprehension"),
    ("[w]", 1, "a list"),
    ("(w, w)", 1, "a list"),
    ("w,", 1, "a list"),
    ("{w}", 1, "a set"),
    ("{w: 1}", 1, "a mapping"),
    ("'w'", 1, "text"),
    ("b'w'", 1, "text"),
    ("f'{w}'", 1, "text"),
    ("f'{__import__(\"os\")}'", 1, "text"),
    ("w * 'a'", 5, "text"),
    ("'a' * 10**9", 1, "text"),
    ("w if w else 1", 1, "a condition"),
    ("w and 1", 1, "a condition"),
    ("not w", 1, "an operator other than a sign"),
    ("~w", 1, "an operator other than a sign"),
    ("w < 3", 1, "a comparison"),
    ("w == 3", 1, "a comparison"),
    ("w is w", 1, "a comparison"),
    ("w in w", 1, "a comparison"),
    ("(w := 3)", 2, "an assignment"),
    ("w = 3", 3, "equals sign"),
    ("w += 3", 4, "equals sign"),
    ("import os", None, "no expression"),
    ("w; v", 2, "no expression"),
    ("del w", None, "no expression"),
    ("return w", None, "no expression"),
    ("yield w", None, "no expression"),
    ("await w", 1, "await"),
    ("(yield w)", 2, "yield"),
    ("(yield from w)", 2, "yield"),
    ("*w", None, "no expression"),
    ("max(*w)", 1, "plain arguments"),
    ("max(w, **w)", 1, "plain arguments"),
    ("exp(z=w)", 1, "plain arguments"),
    ("True", 1, "a truth value"),
    ("None", 1, "not allowed"),
    ("...", 1, "not allowed"),
    ("3j", 1, "a complex number"),
    ("w % 2", 3, "% is not allowed"),
    ("w // 2", 3, "// is not allowed; write /"),
    ("w @ w", 3, "@"),
    ("w ^ 2", 3, "write **"),
    ("w << 2", 3, "<<"),
    ("w >> 2", 3, ">>"),
    ("w & 2", 3, "&"),
    ("w | 2", 3, "|"),
    ("2w", 2, "write * for a product"),
    ("3(w)", 1, "write * for a product"),
    ("(w)(v)", 1, "for a product"),
    ("w(3)", 1, "unknown function w"),
    ("exp(1)(2)", 1, "only functions can be called"),
    ("expp(w)", 1, "did you mean exp?"),
    ("exp", 1, "exp is a function; expected exp(a)"),
    ("saddle + w", 1, "expected saddle(a, b)"),
    ("exp()", 1, "exp of 0 arguments; expected 1"),
    ("exp(w, w)", 1, "exp of 2 arguments; expected 1"),
    ("max(w)", 1, "expected 2 or more"),
    ("_w", 1, "no name for a variable"),
    ("__builtins__", 1, "no name for a variable"),
    ("w" * 61, 1, "no name for a variable"),
    ("x[0]", 1, "x is no data; give it with --data x=FILE"),
    ("exp[0]", 1, "exp is no data"),
    ("(w)[0]", 1, "w is no data"),
    ("exp(w)[0]", 1, "only data has an index"),
    ("w[v]", 3, "no index"),
    ("w[0:1]", 3, "no index"),
    ("w[0, 1]", 3, "no index"),
    ("w[0.0]", 3, "no index"),
    ("w['a']", 3, "no index"),
    ("w[True]", 3, "no index"),
    ("w[0][0][0]", 3, "no index"),
    ("10**10**10", 5, "a power of 1e+10 is too large"),
    ("w**1001", 4, "a power of 1001 is too large"),
    ("9**999**999", 4, "this is inf"),
    ("w + 9.0**999", 5, "not a finite number"),
    ("exp(1000)*w", 1, "this is inf"),
    ("w + 1/0", 5, "this is inf"),
    ("log(-1)*w", 1, "this is nan"),
    ("1e999*w", 1, "too large"),
    ("9" * 400 + "*w", 1, "too large"),
    ("9" * 5000 + "*w", 1, "thousands of digits"),
    ("3", 1, "nothing to minimize over"),
    ("pi", 1, "nothing to minimize over"),
    ("", 1, "empty"),
    ("   ", 1, "empty"),
    ("w +", None, "no expression"),
    ("(w", 3, "a bracket is left open"),
    ("w)", 2, "no expression"),
    ("w\\", None, "no expression"),
    ("w $ 2", 3, "no expression"),
    ("w\0", 2, "U+0000"),
    ("w + \x1b[2J", 5, "U+001B"),
    ("w\u202e", 2, "U+202E"),
    ("w\ud800", 2, "U+D800"),
    ("é + w.real", 6, "attributes"),
    ("   w.real", 5, "attributes"),
    ("w +\n v.real", 7, "attributes"),
    ("-" * 9000 + "w", None, "nested too deeply"),
    ("-" * 300 + "w", 201, "nested too deeply"),
    ("(" * 5000 + "w" + ")" * 4000, None, ""),
    ("abs(-" * 150 + "w" + ")" * 150, None, "nested too deeply"),
    ("w" + "+w" * 4000, 1, "nested too deeply"),
    ("2" + "**2" * 3000, None, "nested too deeply"),
    ("x" + "[0]" * 3000, None, ""),
    ("{" * 9000, None, "no expression"),
    ("w+" * 10_000, 1, "20,000 characters"),
    ("+".join(f"w{k}" for k in range(101)), None, "more than 100 variables"),
]


@pytest.mark.parametrize("text, column, says", NO_WAY_IN, ids=lambda part: repr(part)[:30])
def test_what_is_refused_and_where(text: str, column: int | None, says: str) -> None:
    line = one_problem(text)
    assert re.match(rf"EXPRESSION:1:{column or '[0-9]+'}: ", line), line
    assert says in line
    assert len(line) < 400 and "\n" not in line


def test_that_is_plenty() -> None:
    assert len(NO_WAY_IN) > 100


def test_bad_places_in_data() -> None:
    x = np.zeros((3, 2))
    assert one_problem("w + x", x=x) == "EXPRESSION:1:5: x is data; expected one of its numbers, such as x[0]"
    assert one_problem("w + x[0]", x=x) == "EXPRESSION:1:5: x[0] is a row of 2 numbers; expected x[0][0]"
    assert one_problem("w + x[3][0]", x=x) == "EXPRESSION:1:5: x has 3 rows, no row 3 (0 is the first)"
    assert one_problem("w + x[0][-3]", x=x) == "EXPRESSION:1:5: x has 2 columns, no column -3 (0 is the first)"
    assert one_problem("w + y[0][0] + 0*x[0][0]", x=x).endswith("y is no data; give it with --data y=FILE")
    assert one_problem("w", x=x) == "--data: x is not in the expression"


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse("a.b + sim(w) + 'x'")
    assert [problem.where for problem in caught.value.problems] == [f"EXPRESSION:1:{n}" for n in (2, 7, 16)]


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    try:
        parse(text)
    except InputError as error:
        assert all("\n" not in problem.line() for problem in error.problems)


@given(st.text(alphabet="w0.[]()+-*/^%=,:'\"#\\ \n_exp", max_size=80))
def test_no_text_of_its_letters_breaks_it(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse(text)
        except InputError as error:
            assert error.problems


@pytest.mark.parametrize("text", ["9" * 4000 + " $", "(" * LONGEST, "1." * 4999, "1 1" * 3000])
def test_the_worst_of_the_allowed_length_ends(text: str) -> None:
    assert one_problem(text).startswith("EXPRESSION:1:")
