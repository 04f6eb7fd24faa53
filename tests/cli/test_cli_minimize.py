"""`dltrain minimize`: what is printed, refused and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_calling import call

from dltrain.autodiff import FUNCTIONS

NOTES = "w**2 - 10*w + 25"


def test_the_notes_program_prints_before_and_after() -> None:
    called = call("minimize", NOTES, "--learning-rate", "0.01", "--steps", "1000")
    assert (called.code, called.err) == (0, "")
    lines = called.out.splitlines()
    assert lines[:2] == ["w = 0", "w = 4.9999999916"]
    assert lines[3].split() == ["step", "w", "cost", "gradient", "norm"]
    assert lines[5].split() == ["0", "0", "25", "10"]
    assert lines[6].split() == ["1,000", "4.9999999916", "0", "1.7e-08"]
    assert lines[-1] == "a minimum: curvature 2, gradient 1.7e-08"


@pytest.mark.parametrize("expression", ["x[0]*w**2 + x[1]*w + x[2]", "x[0][0]*w**2 + x[1][0]*w + x[2][0]"])
def test_fed_coefficients(expression: str, empty_folder: Path) -> None:
    (empty_folder / "coefficients.csv").write_text("1\n-10\n25\n")
    called = call("minimize", expression, "--data", "x=coefficients.csv", "--learning-rate", "0.01")
    assert called.out.splitlines()[:2] == ["w = 0", "w = 4.9999999916"]


def test_several_variables_and_starts() -> None:
    called = call("minimize", "--start", "v=-2", "(w - 1)**2 + (v + 2)**2", "--start", "w=3", "--learning-rate", "0.5")
    assert called.out.splitlines()[:2] == ["w = 3, v = -2", "w = 1, v = -2"]


def test_options_keys_and_the_path() -> None:
    words = ["--optimizer", "adam", "--schedule", "exponential", "optimizer.beta1=0.8", "schedule.decay=0.99"]
    found = call("minimize", NOTES, *words, "--learning-rate", "0.3", "--steps", "10", "--every", "4", "--json").json
    assert found["schema_version"] == 1
    assert found["optimizer"] == {
        "kind": "adam",
        "learning_rate": 0.3,
        "beta1": 0.8,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "clip_norm": None,
    }
    assert found["schedule"]["decay"] == 0.99
    assert [point["step"] for point in found["path"]] == [0, 4, 8, 10]
    shown = call("minimize", NOTES, "--steps", "10", "--every", "4").out
    assert [line.split()[0] for line in shown.splitlines()[5:9]] == ["0", "4", "8", "10"]


@pytest.mark.parametrize("optimizer", ["gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_every_optimizer(optimizer: str) -> None:
    found = call("minimize", NOTES, "--optimizer", optimizer, "--learning-rate", "0.1", "--steps", "400", "--json").json
    assert found["after"]["values"]["w"] == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize(
    "schedule",
    ["constant", "{kind: inverse_time, decay_rate: 0.01}", "exponential", "inverse_sqrt", "cosine"]
    + ["{kind: staircase, every: 9}", "{kind: manual, values: {1: 0.1}}"],
)
def test_every_schedule(schedule: str) -> None:
    found = call("minimize", NOTES, "--schedule", schedule, "--learning-rate", "0.1", "--steps", "50", "--json").json
    assert found["after"]["cost"] < 1


def test_a_saddle_says_so() -> None:
    called = call("minimize", "saddle(a, b)", "--start", "a=1", "--learning-rate", "0.1")
    assert called.code == 0
    assert called.last == "  b never moved, for its gradient was 0 all the way: start off the axis, --start b=0.01"
    assert called.out.splitlines()[-2].startswith("a saddle, no minimum: the gradient is ")
    assert called.out.splitlines()[-2].endswith(", and the cost falls along b (curvature -1)")
    off = call("minimize", "saddle(a, b)", "--start", "a=1", "--start", "b=0.01", "--learning-rate", "0.1")
    assert off.last.startswith("a minimum: curvature 2")


@pytest.mark.parametrize(
    "words, says",
    [
        (["plateau(a, b)"], "a plateau, no minimum"),
        (["plateau(a, b)"], "--optimizer rmsprop"),
        (["plateau(a, b)", "--optimizer", "adam", "--steps", "5"], "or a larger --learning-rate"),
        (["w**4 - w**2", "--start", "w=1", "--learning-rate", "0.1"], "a minimum: curvature 4"),
        (["(a - b)**2"], "flat: the gradient is 0, and along"),
        (["0 - w**2"], "a maximum, no minimum"),
        (["w"], "on its way"),
        (["abs(w)", "--start", "w=1.005", "--learning-rate", "0.1"], "--schedule cosine"),
        (["abs(w)**1.5"], "no verdict: the curvature is not finite here"),
    ],
)
def test_what_lies_at_the_end(words: list[str], says: str) -> None:
    called = call("minimize", "--steps", "100", *words)
    assert called.code == 0 and says in called.out


def test_an_expression_that_begins_with_a_minus() -> None:
    assert call("minimize", "--steps", "1", "--", "-w").out.splitlines()[1] == "w = 0.01"
    assert call("minimize", "--steps", "1", " -w").out.splitlines()[1] == "w = 0.01"


@pytest.mark.parametrize(
    "words, line",
    [
        (["__import__('os')"], "EXPRESSION:1:1: unknown function __import__; expected abs, cos,"),
        (["w + w.real"], "EXPRESSION:1:6: attributes such as .real are not allowed"),
        (["1 + (lambda: 1)()"], "EXPRESSION:1:6: a lambda is not allowed"),
        (["w + [w for w in 1]"], "EXPRESSION:1:5: a comprehension is not allowed"),
        (["10**10**10 + w"], "EXPRESSION:1:5: a power of 1e+10 is too large; expected at most 1,000"),
        (["w = 3"], "EXPRESSION:1:3: this is no expression"),
        (["w=3"], "EXPRESSION:1:2: this is no expression"),
        (["w", "v"], '2 expressions; expected one, in quotes: dltrain minimize "w**2 - 10*w + 25"'),
        (["optimizer=adam", "schedule=cosine"], "an expression is missing"),
        (["w", "--start", "w"], "--start: 'w' is not allowed; expected NAME=VALUE, such as w=3"),
        (["w", "--start", "w=inf"], "--start: w: 'inf' is no finite number"),
        (["w", "--start", "w=1", "--start", "w=2"], "--start: w is given twice; leave one"),
        (["weight", "--start", "wieght=1"], "--start: wieght is no variable of the expression; did you mean weight?"),
        (["w", "--data", "x"], "--data: 'x' is not allowed; expected NAME=FILE, such as x=coefficients.csv"),
        (["w", "--data", "x=nowhere.csv"], "there is no file nowhere.csv"),
        (["w", "--learning-rate", "0"], "command line: optimizer.learning_rate: 0 is not allowed; expected a number"),
        (["w", "--steps", "-1"], "Invalid value for '--steps'"),
        (["w", "--steps", "1000000", "--every", "1"], "--every: 1,000,000 points; expected at most 100,000"),
    ],
)
def test_one_line_and_exit_2(words: list[str], line: str) -> None:
    called = call("minimize", *words)
    assert (called.code, called.out) == (2, "")
    assert len(called.err.splitlines()) == 1 and called.err.startswith(f"error: {line}")


def test_everything_wrong_is_told_at_once() -> None:
    called = call("minimize", "a.b", "optimizer.beta1=2", "--start", "w=x")
    assert [line.split(":")[1].strip() for line in called.errors] == ["EXPRESSION", "command line", "--start"]


def test_a_cost_that_is_not_finite_exits_3_and_names_the_step() -> None:
    called = call("minimize", "w**4", "--start", "w=10", "--learning-rate", "1")
    assert called.code == 3
    assert called.out == "w = 10\n"
    assert called.err.startswith("error: diverged at step 4: the cost is inf at w = ")
    assert called.err.endswith("; try a smaller --learning-rate\n")
    start = call("minimize", "log(w)")
    assert (start.code, start.out) == (3, "")
    assert start.err == "error: diverged at step 0: the cost is -inf at w = 0; start elsewhere: --start\n"
    falls = call("minimize", "w**3", "--start", "w=-1")
    assert falls.code == 3 and "it falls without end" in falls.err
    found = call("minimize", "w**4", "--start", "w=10", "--learning-rate", "1", "--json")
    assert found.code == 3
    assert (found.json["state"], found.json["diverged"]["step"], found.json["after"]) == ("diverged", 4, None)


def test_help_names_every_function() -> None:
    words = set(call("minimize", "--help").out.replace(",", " ").replace(";", " ").split())
    assert set(FUNCTIONS) | {"pi"} <= words


def test_help_loads_neither_autograd_nor_numpy() -> None:
    script = (
        "import sys\nfrom dltrain.cli.boundary import run\n"
        "run(['minimize', '--help'])\nrun(['average', '--help'])\nprint('\\n'.join(['MODULES', *sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.partition("MODULES\n")[2].split())
    assert loaded.isdisjoint({"autograd", "numpy", "polars", "scipy", "dltrain.autodiff", "dltrain.config"})


def test_no_steps_show_the_start() -> None:
    called = call("minimize", "w", "--steps", "0")
    assert (called.code, called.last) == (0, "not at rest: the gradient is 1")


def test_json_is_one_object() -> None:
    called = call("minimize", NOTES, "--json")
    assert json.loads(called.out)["before"] == {"step": 0, "values": {"w": 0.0}, "cost": 25.0, "gradient_norm": 10.0}
