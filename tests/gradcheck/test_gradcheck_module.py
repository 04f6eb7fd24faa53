"""`--module FILE.py:NAME`: a user's file, right or wrong in every way, answered in one line each."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dltrain.errors import InputError
from dltrain.gradcheck import check, load_module

GOOD = """
import numpy as np

class Logistic:
    def __init__(self):
        draws = np.random.Generator(np.random.Philox(1))
        self.X, self.y = draws.standard_normal((8, 3)), np.arange(8) % 2
        self.theta = np.concatenate([draws.standard_normal(3), [0.1]])
        self.blocks = [("W1", slice(0, 3)), ("b1", slice(3, 4))]
        self.m = 8

    def cost(self, theta):
        z = self.X @ theta[:3] + theta[3]
        return (np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - z * self.y).mean()

    def gradient(self, theta):
        dz = (1 / (1 + np.exp(-(self.X @ theta[:3] + theta[3]))) - self.y) / 8
        return np.append(self.X.T @ dz, dz.sum())

def make():
    return Logistic()
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def refused(spec: str) -> list[str]:
    """The lines of the refusal, which must be one for each problem."""
    with pytest.raises(InputError) as caught:
        check(load_module(spec))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    return lines


def test_a_good_module(write: Write) -> None:
    report = check(load_module(f"{write(GOOD)}:make"))
    assert report.verdict == "great"
    assert [block.name for block in report.blocks] == ["W1", "b1"]


def test_the_class_itself_will_do_as_name(write: Write) -> None:
    assert check(load_module(f"{write(GOOD)}:Logistic")).verdict == "great"


def test_a_mistake_in_it_is_named(write: Write) -> None:
    report = check(load_module(f"{write(GOOD.replace(' / 8', ''))}:make"))
    assert (report.exit_code, report.culprit.block, report.culprit.kind) == (4, "W1", "mean_missing")


def test_without_blocks_theta_is_one(write: Write) -> None:
    text = GOOD.replace('self.blocks = [("W1", slice(0, 3)), ("b1", slice(3, 4))]', "")
    assert [b.name for b in check(load_module(f"{write(text)}:make")).blocks] == ["theta"]


def test_what_blocks_leave_out_is_checked_too(write: Write) -> None:
    text = GOOD.replace('("W1", slice(0, 3)), ("b1", slice(3, 4))', '("rest", slice(2, 3)), ("a", slice(0, 1))')
    blocks = check(load_module(f"{write(text)}:make")).blocks
    assert [(b.name, b.size) for b in blocks] == [("a", 1), ("rest1", 1), ("rest", 1), ("rest2", 1)]


def test_lists_and_numbers_of_size_one_are_fine(write: Write) -> None:
    text = """
        class Bowl:
            theta = [1, 2]
            def cost(self, theta): return [[theta[0] ** 2 + theta[1] ** 2]]
            def gradient(self, theta): return [2 * theta[0], 2 * theta[1]]
    """
    assert check(load_module(f"{write(text)}:Bowl")).verdict == "great"


def test_sides_tell_kinks(write: Write) -> None:
    text = """
        import numpy as np
        class Kink:
            theta = np.array([0.0, 1.0])
            def cost(self, theta): return np.abs(theta).sum()
            def gradient(self, theta): return np.sign(theta)
            def sides(self, theta): return theta > 0
    """
    report = check(load_module(f"{write(text)}:Kink"))
    assert (report.kinks, report.verdict) == (1, "great")


def test_modules_beside_it_can_be_imported(write: Write) -> None:
    path = write(GOOD)
    path.rename(path.with_name("gradcheck_neighbour_of_mine.py"))
    path = write("from gradcheck_neighbour_of_mine import make")
    assert check(load_module(f"{path}:make")).verdict == "great"


def test_dataclasses_work_in_it(write: Write) -> None:
    text = """
        from __future__ import annotations
        from dataclasses import dataclass, field
        @dataclass
        class Bowl:
            theta: list[float] = field(default_factory=lambda: [1.0])
            def cost(self, theta): return theta[0] ** 2
            def gradient(self, theta): return 2 * theta
    """
    assert check(load_module(f"{write(text)}:Bowl")).verdict == "great"


def test_what_it_prints_goes_to_stderr(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    check(load_module(f"{write(GOOD.replace('return Logistic()', 'print(123); return Logistic()'))}:make"))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "123\n")


def test_it_may_scribble_on_the_theta_it_gets(write: Write) -> None:
    text = """
        import numpy as np
        class Scribbler:
            theta = np.array([1.0, 2.0])
            def cost(self, theta):
                J = (theta ** 2).sum(); theta[:] = 0; return J
            def gradient(self, theta):
                theta *= 2; return theta
    """
    assert check(load_module(f"{write(text)}:Scribbler")).verdict == "great"


@pytest.mark.parametrize("spec", ["", "make", "file.py", ":make", "file.py:", "file.py:no name", "file.py:1"])
def test_a_spec_of_another_form(spec: str) -> None:
    assert "FILE.py:NAME" in refused(spec)[0]


def test_no_file_or_no_name(write: Write, tmp_path: Path) -> None:
    assert "there is no file" in refused(f"{tmp_path / 'none.py'}:make")[0]
    assert "there is no file" in refused(f"{tmp_path}:make")[0]
    assert refused(f"{write(GOOD)}:mak")[0].endswith("there is no mak in the file; did you mean make?")
    assert "expected a function" in refused(f"{write('make = 3')}:make")[0]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("def make(:\n", 1, "SyntaxError"),
        ("x = 1\n\nraise ValueError('broken\\nin two')\n", 3, "ValueError: broken in two"),
        ("import no_such_module_at_all\n", 1, "ModuleNotFoundError"),
        ("import sys\nsys.exit(7)\n", 2, "SystemExit: 7"),
        ("def make():\n    return 1 / 0\n", 2, "make() failed: ZeroDivisionError"),
        ("def make(extra): ...\n", None, "make() failed: TypeError"),
        ("def make():\n    assert False\n", 2, "make() failed: AssertionError"),
        ("def make():\n    return make()\n", 2, "RecursionError"),
        ("def make():\n    import json\n    json.loads('{')\n", 3, "JSONDecodeError"),
    ],
)
def test_code_that_fails_is_told_with_its_line(write: Write, text: str, line: int | None, words: str) -> None:
    path = write(text)
    (told,) = refused(f"{path}:make")
    assert words in told
    assert told.startswith(f"{path}:{line}:" if line else f"{path}: ")


def test_null_bytes_and_wrong_encoding(tmp_path: Path) -> None:
    for content in (b"x = 1\0", b"# \xff\xfe\nx = '\xff'"):
        path = tmp_path / "bytes.py"
        path.write_bytes(content)
        assert str(path) in refused(f"{path}:make")[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("self.theta = ", "self.thet = ", "without theta; did you mean thet?"),
        ("def cost", "def loss", "without cost"),
        ("def gradient", "def grad", "without gradient; did you mean grad?"),
        ("return Logistic()", "pass", "gave None without theta"),
        ("self.m = 8", "self.cost = 3.0", "cost is a float, expected a function"),
        ("self.m = 8", "self.theta = self.theta.astype('float32')", "theta is float32, expected float64"),
        ("self.m = 8", "self.theta = self.theta.reshape(2, 2)", "theta has shape (2, 2)"),
        ("self.m = 8", "self.theta = []", "theta has shape (0,)"),
        ("self.m = 8", "self.theta = ['a', 'b']", "expected real numbers"),
        ("self.m = 8", "self.theta = [[1], [1, 2]]", "theta is a list, expected numbers"),
        ("self.m = 8", "self.theta = self.theta * np.nan", "theta holds NaN"),
        ("return np.append(self.X.T @ dz, dz.sum())", "return self.X.T @ dz", "gradient(theta) has shape (3,)"),
        ("return np.append(self.X.T @ dz, dz.sum())", "return None", "gradient(theta) is None, expected real"),
        ("dz.sum())", "dz.sum()) * 1j", "expected real numbers"),
        ("* self.y).mean()", "* self.y)", "cost(theta) has shape (8,), expected a single number"),
        ("* self.y).mean()", "* self.y).mean().astype('float32')", "cost(theta) is float32"),
        ("* self.y).mean()", "* self.y).mean() * np.nan", "the cost at theta is nan"),
        ("* self.y).mean()", "* self.z).mean()", "cost failed: AttributeError"),
        ("slice(0, 3)", "(0, 3)", "not a slice"),
        ("slice(0, 3)", "slice(0, 3, 2)", "step by step"),
        ("slice(3, 4)", "slice(3, 5)", "within 0 and 4"),
        ("slice(0, 3)", "slice('a', 3)", "blocks"),
        ("slice(3, 4)", "slice(2, 4)", "W1 and b1 overlap at theta[2]"),
        ('"b1"', '"W1"', "the name W1 is used twice"),
        ("self.m = 8", "self.blocks = 5", "expected a list of (name, slice)"),
        ("self.m = 8", "self.blocks = ['W1']", "expected a list of (name, slice)"),
    ],
)
def test_an_object_that_will_not_do(write: Write, old: str, new: str, words: str) -> None:
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    lines = refused(f"{path}:make")
    assert words in lines[0]


def test_everything_missing_is_told_at_once(write: Write) -> None:
    assert len(refused(f"{write('make = dict')}:make")) == 3


def test_a_property_that_fails(write: Write) -> None:
    path = write(
        GOOD + "\n    \nclass Bad(Logistic):\n    @property\n    def blocks(self): return 1 / 0\n"
        "    @blocks.setter\n    def blocks(self, value): pass\n"
    )
    assert "blocks failed: ZeroDivisionError" in refused(f"{path}:Bad")[0]


def test_overflow_in_the_users_code_is_no_noise(write: Write) -> None:
    text = GOOD.replace("np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - z * self.y", "-np.log(1/(1+np.exp(-1e5*z)))")
    assert "the cost at theta is inf" in refused(f"{write(text)}:make")[0]


def test_ctrl_c_is_not_swallowed(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_module(f"{write('raise KeyboardInterrupt')}:make")


def test_theta_is_a_copy(write: Write) -> None:
    problem = load_module(f"{write(GOOD)}:make")
    before = problem.theta.copy()
    check(problem)
    np.testing.assert_array_equal(problem.theta, before)
