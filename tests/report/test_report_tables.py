"""What the tables say and how they fit: golden in content and alignment, not in styling."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from dltrain.diagnosis import Measurement, diagnose
from dltrain.report import console, tables, verdicts
from dltrain.report.formats import fixed
from dltrain.report.view import view_of


def lines_of(text: str) -> list[str]:
    return text.splitlines()


def line_with(text: str, word: str) -> str:
    return next(line for line in lines_of(text) if line.startswith(word))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def ascii_stream() -> tuple[io.BytesIO, io.TextIOWrapper]:
    raw = io.BytesIO()
    return raw, io.TextIOWrapper(raw, encoding="ascii")


def test_the_table_of_one_run(diagnosis: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    verdicts.print_diagnosis(diagnosis, title="digits")
    out = capsys.readouterr().out
    assert lines_of(out)[0] == "digits"
    assert re.match(r"dev +2\.8% +1\.5 to 5\.1% +359 +█+.─+┤ +selected$", line_with(out, "dev "))
    assert re.match(r"train +0\.1% +exact +1,078", line_with(out, "train"))
    assert "assumed" in line_with(out, "Bayes")
    assert line_with(out, "majority class").endswith("▶  baseline")
    assert re.match(r"linear model +4\.2% +2\.5 to 6\.8% +359 .*baseline$", line_with(out, "linear model"))
    assert re.match(r"variance +dev − train +2\.7% +1\.4 to 5\.0% +undetermined, leaning high$", line_with(out, "var"))
    assert "verdict: undetermined, leaning high variance" in out
    assert "  variance: settled by 1,620 more dev examples, if the rate stays as observed" in out
    assert "a Bayes error of 0 is assumed: set diagnosis.bayes_error." in out


def test_the_next_commands_can_be_pasted(diagnosis: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    diagnosis["advice"][0]["overrides"].append("architecture.layers=[64, 32]")
    verdicts.print_diagnosis(diagnosis, command="dltrain train configs/digits.yaml")
    out = capsys.readouterr().out
    assert "\n  dltrain train configs/digits.yaml regularizer.lambd=0.7 'architecture.layers=[64, 32]'\n" in out
    assert "\n  dltrain evaluate runs/digits-20261122T134600Z-a1b2c3\n" in out
    assert "collect more data · it may help" in out
    assert "a fourth" not in out  # three at most


def test_without_a_command_the_runs_own_config_is_trained(diagnosis: dict[str, Any]) -> None:
    assert view_of(diagnosis).steps[0].command == (
        "dltrain train runs/digits-20261122T134600Z-a1b2c3/config.resolved.yaml regularizer.lambd=0.7"
    )
    del diagnosis["run"]
    assert view_of(diagnosis).steps[0].command == "dltrain train CONFIG regularizer.lambd=0.7"
    assert view_of(diagnosis).steps[1].command == "dltrain evaluate latest"


def test_numbers_are_right_aligned(diagnosis: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    verdicts.print_diagnosis(diagnosis)
    rows = [line for line in lines_of(capsys.readouterr().out) if re.match(r"(train|dev|majority|linear)", line)]
    ends = {re.search(r"\d\.\d%", row).end() for row in rows}  # type: ignore[union-attr]
    assert len(rows) == 4 and len(ends) == 1


def test_regression_has_its_own_wording(regression: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    verdicts.print_diagnosis(regression)
    out = capsys.readouterr().out
    assert re.search(r"error +95% interval +RMSE +n", out)
    assert re.match(r"dev +0\.214 +0\.196 to 0\.236 +53,100 +359", line_with(out, "dev "))
    assert "1 − R² where" in out and "RMSE is in the units of the target" in out
    assert "%" not in out.replace("95% interval", "")


def test_typed_numbers_without_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"low": None, "high": None, "n": None, "source": "typed"}
    gap = {"low": None, "high": None, "verdict": "high", "point": "high", "settle": None}
    found = {
        "errors": {"train": {"value": 0.005, **entry}, "dev": {"value": 0.11, **entry}, "test": None},
        "gaps": {"variance": {"value": 0.105, **gap}, "mismatch": None},
        "headline": "high variance",
    }
    verdicts.print_diagnosis(found)
    out = capsys.readouterr().out
    assert re.match(r"dev +11\.0% +█+ +typed$", line_with(out, "dev "))
    assert "verdict: high variance" in out


def test_several_runs_stand_in_rows(diagnosis: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    other = diagnosis | {"run": "runs/other-1", "headline": "low bias and low variance"}
    verdicts.print_diagnoses([diagnosis, other])
    out = capsys.readouterr().out
    assert re.match(
        r"digits-\S+ +0\.1% +2\.8% \(1\.5 to 5\.1%\) +0\.1% +low +2\.7% +\? +undetermined", lines_of(out)[2]
    )
    assert lines_of(out)[3].endswith("low bias and low variance")


def test_nothing_is_cut_when_piped(diagnosis: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    name = "a-run-with-a-very-long-name-" * 6
    verdicts.print_diagnoses([diagnosis | {"run": name}, diagnosis | {"run": name}])
    tables.print_runs([{"id": name, "state": "finished", "errors": {"dev": 0.1}, "headline": "high variance " * 9}])
    out = capsys.readouterr().out
    assert out.count(name) == 3 and "…" not in out
    assert max(len(line) for line in lines_of(out)) > 200
    assert all(line == line.rstrip() for line in lines_of(out))


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_a_narrow_terminal_wraps_and_loses_nothing(
    diagnosis: dict[str, Any], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    tables.print_runs([{"id": "r" * 50, "state": "interrupted", "errors": {"dev": 0.5}}], stream=stream)
    verdicts.print_diagnoses([diagnosis, diagnosis], stream=stream)
    text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert max(len(line) for line in lines_of(text)) <= columns
    assert text.count("r") >= 50 and "…" not in text


def test_colour_only_on_a_terminal_and_without_no_color(
    diagnosis: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, pipe, refused, dumb = Terminal(), io.StringIO(), Terminal(), Terminal()
    verdicts.print_diagnosis(diagnosis, stream=terminal)
    verdicts.print_diagnosis(diagnosis, stream=pipe)
    monkeypatch.setenv("NO_COLOR", "1")
    verdicts.print_diagnosis(diagnosis, stream=refused)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    verdicts.print_diagnosis(diagnosis, stream=dumb)
    assert "\x1b[" in terminal.getvalue()
    assert not any("\x1b" in stream.getvalue() for stream in (pipe, refused, dumb))


def test_ascii_streams_get_ascii_with_the_columns_kept(diagnosis: dict[str, Any]) -> None:
    raw, stream = ascii_stream()
    verdicts.print_diagnosis(diagnosis, title="naïve 数字", stream=stream)
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert lines_of(text)[0] == "na?ve ????"
    assert re.search(r"dev +2\.8% .* #+\.?-+\| +selected", text)
    wide = io.StringIO()
    verdicts.print_diagnosis(diagnosis, title="x", stream=wide)
    assert [len(line) for line in lines_of(text)[1:]] == [len(line) for line in lines_of(wide.getvalue())[1:]]


def test_every_character_drawn_has_a_stand_in() -> None:
    from dltrain.report.bars import EIGHTHS, LEVELS

    drawn = EIGHTHS + LEVELS + "▶─━┤—−·→²×"
    replaced = console.encodable(drawn, "ascii")
    assert replaced.isascii() and len(replaced) == len(drawn) and "?" not in replaced


def test_names_are_no_markup_and_no_emoji_code(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_runs([{"id": "[bold]x[/bold] :smile: \x1b[2J", "state": "finished"}])
    assert "[bold]x[/bold] :smile: \\x1b[2J" in capsys.readouterr().out


def test_the_list_of_runs(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_runs(
        [
            {
                "id": "a",
                "state": "finished",
                "epoch": 100,
                "errors": {"train": 0.01, "dev": {"value": 0.1, "n": 9000}},
                "created": "2026-11-22T13:46:00.123Z",
            },
            {"id": "b", "state": "diverged", "task": "regression", "errors": {"dev": 0.25}, "headline": None},
        ]
    )
    header, _, first, second = lines_of(capsys.readouterr().out)
    assert header.split() == [
        "run",
        "state",
        "epoch",
        "train",
        "dev",
        "created",
    ]  # columns that nobody fills are left out
    assert first.split() == ["a", "finished", "100", "1.00%", "10.00%", "2026-11-22", "13:46"]
    assert second.split() == ["b", "diverged", "0.250"]


def test_check_shows_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    layer = {"name": "hidden 1", "shape": [64, 32], "activation": "relu", "initializer": "he", "parameters": 2080}
    output = {"name": "output", "shape": [32, 10], "activation": "softmax", "keep_prob": 0.8, "parameters": 330}
    check = {"title": "digits", "data": {"task": "multiclass", "inputs": 64}, "training": {"learning rate": 0.001}}
    tables.print_check(check | {"network": [layer, output], "notes": ["a note"], "resolved": "version: 1\n"})
    out = capsys.readouterr().out
    assert re.search(r"hidden 1 +64 × 32 +relu +he +2,080\n", out)
    assert re.search(r"output +32 × 10 +softmax +0\.8 +330\n", out)
    assert "2,410 parameters in all" in out and out.startswith("version: 1\n") and out.endswith("- a note\n")
    assert re.search(r"learning rate +0\.001\n", out)


def test_gradcheck(capsys: pytest.CaptureFixture[str]) -> None:
    block = {"name": "W1", "size": 12, "compared": 11, "kinks": 1, "ratio_at_epsilon": 3.2e-7, "ratio": 2e-9}
    block |= {"epsilon": 1e-5, "band": "great"}
    bad = block | {"name": "b1", "ratio": 0.5, "kinks": 0, "band": "not good"}
    check = {"verdict": "not good", "ratio": 0.1, "epsilon": 1e-7, "blocks": [block, bad], "size": 24, "worst": "b1"}
    tables.print_gradcheck(check | {"blocks": [bad]})  # no kinks: that column is left out
    assert "block  size  compared  at 1.0e-07     best  at epsilon  verdict\n" in capsys.readouterr().out
    tables.print_gradcheck(check | {"culprit": {"explanation": "db1 lacks its mean"}})
    out = capsys.readouterr().out
    header = next(line for line in lines_of(out) if line.startswith("block"))
    assert header.split("  ")[-1].strip() == "verdict" and "at epsilon" in header
    assert re.search(r"W1 +12 +11 +1 +3\.2e-07 +2\.0e-09 +1\.0e-05 +great\n", out)
    assert "gradient check: not good, 1.0e-01 over all parameters" in out and "  db1 lacks its mean" in out
    tables.print_gradchecks({"relu, softmax": check, "tanh": check | {"verdict": "great", "ratio": 0.0}})
    out = capsys.readouterr().out
    assert re.search(r"tanh +24 +b1 +0 +great\n", out)
    assert "2 gradient checks: 1 great · 1 not good" in out


def test_data_sets_and_evaluation(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"name": "digits", "rows": 1797, "inputs": 64, "task": "multiclass", "classes": ["0", "1"], "source": "UCI"}
    tables.print_data_sets([entry])
    assert re.search(r"digits +1,797 +64 +multiclass +2 +UCI\n", capsys.readouterr().out)
    error = {"value": 0.025, "low": 0.0133, "high": 0.0465, "n": 360}
    tables.print_evaluation({"part": "test", "error": error, "loss": 0.1234, "metrics": {"accuracy": 0.975}})
    out = capsys.readouterr().out
    assert "2.5%  (95% interval 1.3 to 4.7%)" in out and re.search(r"accuracy +0\.975\n", out)


def typed(task: str = "binary", **parts: tuple[float, int | None]) -> list[str]:
    """The remarks about errors typed by hand, with the settling of their gaps."""
    measured = {
        part: Measurement(value, n, "stated" if part == "bayes" else "typed") for part, (value, n) in parts.items()
    }
    view = view_of(diagnose(measured, task=task, threshold=0.02, confidence=0.95))
    return [*(row.settle for row in view.gaps if row.settle), *view.remarks]


def test_what_settles_a_mismatch_names_both_parts() -> None:
    said = typed(train=(0.01, None), dev=(0.10, 400), test=(0.14, 300))
    assert "settled by 136 more test and 182 more dev examples, if the rates stay as observed" in said
    assert "a gap above 2.0% is high (a test gap: any above 0); intervals are per gap, not joint." in said
    both = typed(train=(0.01, None), train_dev=(0.05, 500), dev=(0.10, 400), test=(0.14, 300))
    assert "a gap above 2.0% is high (a data mismatch or a test gap: any above 0); intervals" in both[-1]


def test_a_bayes_error_that_dev_refutes_is_said() -> None:
    refuted = "the dev error is below this Bayes error, interval and all: the true one is lower than that."
    assert refuted in typed(bayes=(0.4, None), train=(0.2, None), dev=(0.3, 500))
    assert refuted not in typed(bayes=(0.4, None), train=(0.2, None), dev=(0.3, 30))
    assert refuted not in typed(bayes=(0.4, 50), train=(0.2, None), dev=(0.3, 500))
    assert refuted not in typed(bayes=(0.4, None), train=(0.2, None), dev=(0.3, None))


def test_numbers_out_of_all_proportion_have_an_exponent() -> None:
    assert fixed(1.19e24) == "1.19e+24" and fixed(-2.5e60) == "-2.50e+60" and fixed(12345.6789) == "12345.679"
