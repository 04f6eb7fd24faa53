"""The page: its structure, its escaping, and that nothing on it comes from elsewhere."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

from dltrain.report.charts import DASHES, curves, layer_style, measures
from dltrain.report.page import RunRecord, render_page
from dltrain.report.predictions import confusion_of, worst_of

MakeMetrics = Callable[..., list[dict[str, Any]]]
VOID = {"meta", "br", "img", "link", "hr", "input", "rect", "line", "path", "circle"}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


class Page(HTMLParser):
    """Tags, their text and scripts; refuses elements that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID or tag in ("rect", "line", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def charts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.scripts[0])
        return found

    def count(self, tag: str, name: str) -> int:
        return sum(kind == tag and name in (attrs.get("class") or "").split() for kind, attrs in self.tags)


@pytest.fixture
def record(diagnosis: dict[str, Any], predictions: dict[str, Any], make_metrics: MakeMetrics) -> RunRecord:
    return RunRecord(
        id="digits-1",
        run={"state": "finished", "best_epoch": 6, "versions": {"numpy": "2.3.1"}, "threads": 1},
        metrics=make_metrics(10),
        diagnosis=diagnosis,
        config_text="version: 1  # default\ndata:\n  source: digits\n",
        predictions=predictions,
        classes=["zero", "one", "two"],
        task="multiclass",
    )


def test_the_page_of_one_run(record: RunRecord) -> None:
    page = Page(render_page([record]))
    for words in (
        "digits-1",
        "Undetermined, leaning high variance",
        "1.5 to 5.1%",
        "majority class",
        "linear model",
        "settled by 1,620 more dev examples",
        "regularizer.lambd=0.7",
        "2 of 5 wrong",
        "Worst examples",
        "source: digits",
        "versions.numpy 2.3.1",
        "epoch 6 kept",
    ):
        assert words in page.text, words
    assert page.count("figure", "chart") == len(page.charts) == 7
    keys = {attrs.get("id") for tag, attrs in page.tags if tag == "figure"}
    assert keys == {chart["key"] for chart in page.charts}


def test_errors_and_cost_share_a_graph_with_two_axes(record: RunRecord) -> None:
    chart = Page(render_page([record])).charts[0]
    assert [(line["label"], line["scale"]) for line in chart["series"]] == [
        ("dev error", "y"),
        ("training error", "y"),
        ("cost J", "cost"),
    ]
    assert [(axis["label"], axis["side"]) for axis in chart["axes"]] == [
        ("error (%)", "left"),
        ("cost J (nats)", "right"),
    ]
    assert len({tuple(line["dash"]) for line in chart["series"]}) == 3  # told apart in grey
    assert chart["mark"] == {"x": 6, "label": "epoch 6 kept"}
    assert chart["series"][0]["values"][0] == pytest.approx(42.9365, abs=1e-3)


def test_equal_records_give_equal_bytes(record: RunRecord) -> None:
    assert render_page([record, record]) == render_page([record, replace(record)])


def test_nothing_on_the_page_comes_from_elsewhere(record: RunRecord) -> None:
    page = Page(render_page([record, replace(record, id="other")]))
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert "src" not in attrs and "action" not in attrs
        assert (attrs.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    html = render_page([record])
    assert "url(" not in html and "@import" not in html
    assert set(re.findall(r"https?://[^\s\"'<)]+", html)) <= {
        "https://github.com/leeoniya/uPlot",
        "http://www.w3.org/2000/svg",
    }


def test_the_policy_allows_the_two_scripts_and_no_request(record: RunRecord) -> None:
    import base64

    page = Page(render_page([record]))
    policy = next(str(a["content"]) for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    digests = re.findall(r"'sha256-([^']+)'", policy)
    assert digests == [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in page.scripts[1:]]


def test_what_a_user_names_is_text_and_never_markup(record: RunRecord, diagnosis: dict[str, Any]) -> None:
    harmless = Page(render_page([record, record]))
    diagnosis["headline"] = EVIL
    diagnosis["advice"] = [{"action": EVIL, "why": EVIL, "overrides": [f"name={EVIL}"]}]
    evil = replace(
        record,
        id=EVIL,
        run={"state": EVIL, "best_epoch": 6, "versions": {EVIL: EVIL}, "threads": 1},
        diagnosis=diagnosis,
        config_text=f"name: {EVIL}  # {EVIL}\ndata:\n  source: digits\n",
        classes=[EVIL, EVIL, EVIL],
        task=EVIL,
    )
    html = render_page([evil, evil], title=EVIL)
    page = Page(html)
    assert EVIL not in html and page.text.count("<script>alert(1)</script>") > 10
    assert len(page.scripts) == 3 and not any(tag == "img" for tag, _ in page.tags)
    assert page.charts[0]["series"][0]["label"] == EVIL  # the comparison's legend
    tags = [tag for tag, _ in harmless.tags if tag not in ("li", "ol", "strong", "code", "span")]
    assert [tag for tag, _ in page.tags if tag not in ("li", "ol", "strong", "code", "span")] == tags


def test_diverged_numbers_become_gaps(record: RunRecord, make_metrics: MakeMetrics) -> None:
    metrics = make_metrics(4)
    metrics[-1] |= {"cost": math.nan, "grad_norm": math.inf, "train": {"loss": math.nan, "error": 0.9}}
    page = Page(render_page([replace(record, metrics=metrics, diagnosis=None, run={"state": "diverged"})]))
    cost = next(line for line in page.charts[0]["series"] if line["label"] == "cost J")
    assert cost["values"][-1] is None and all(value is not None for value in cost["values"][:-1])
    assert not re.search(r"\bNaN\b|\bInfinity\b", page.scripts[0])
    assert "No diagnosis was written" in page.text and "diverged" in page.text


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_short_runs(epochs: int, record: RunRecord, make_metrics: MakeMetrics) -> None:
    page = Page(render_page([replace(record, metrics=make_metrics(epochs), run={"state": "interrupted"})]))
    assert all(len(chart["x"]) == epochs for chart in page.charts)
    assert ("No epoch was completed" in page.text) == (epochs == 0)


def test_a_run_with_next_to_nothing() -> None:
    page = Page(render_page([RunRecord(id="x", run={}, metrics=[])]))
    assert "unknown" in page.text and page.charts == []
    assert "There is no run to show" in Page(render_page([])).text


def test_without_dev_there_is_no_dev_curve(record: RunRecord, make_metrics: MakeMetrics) -> None:
    page = Page(render_page([replace(record, metrics=make_metrics(3, dev=False))]))
    assert [line["label"] for line in page.charts[0]["series"]] == ["training error", "cost J"]
    assert "Training part: 2 of 5 wrong" in page.text


def test_several_runs(record: RunRecord, make_metrics: MakeMetrics) -> None:
    others = [replace(record, id=f"run-{i}", metrics=make_metrics(3 + i)) for i in range(4)]
    page = Page(render_page([record, *others]))
    comparison = page.charts[0]
    assert comparison["title"] == "Dev error of every run" and comparison["x"] == list(range(1, 11))
    assert [sum(v is not None for v in line["values"]) for line in comparison["series"]] == [10, 3, 4, 5, 6]
    anchors = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    ids = [f"#{attrs['id']}" for tag, attrs in page.tags if tag == "details" and "id" in attrs]
    assert anchors == ids and len(ids) == 5
    assert len({chart["key"] for chart in page.charts}) == len(page.charts)


def test_regression(record: RunRecord, regression: dict[str, Any]) -> None:
    predictions = {"rows": [3, 7, 9], "y": [1.0, 2.0, 30.0], "predicted": [1.5, 2.0, 10.0], "probability": [[0.1]] * 3}
    page = Page(render_page([replace(record, task="regression", diagnosis=regression, predictions=predictions)]))
    assert "1 − R² where" in page.text and "53,100" in page.text and "Confusion" not in page.text
    scatter = page.charts[-1]
    assert scatter["x"] == [1.0, 2.0, 30.0] and scatter["series"][0]["values"] == [1.5, 2.0, 10.0]
    assert "9 30 10 −20" in page.text
    assert page.charts[0]["axes"][0]["label"] == "error (of the target's variance)"


def test_layers_are_told_apart(make_metrics: MakeMetrics) -> None:
    assert len({layer_style(i) for i in range(24)}) == 24
    gradients = next(c for c in measures("run", make_metrics(3, layers=6), "binary") if c.title == "Gradient norms")
    assert len({line.dash for line in gradients.series[:6]}) == len(DASHES) == 6


def test_a_best_epoch_that_is_not_there_is_not_marked(make_metrics: MakeMetrics) -> None:
    chart = curves("run", make_metrics(3), "binary", best=7)
    assert chart is not None and chart.mark is None


def test_the_confusion_matrix_counts(predictions: dict[str, Any]) -> None:
    matrix = confusion_of(predictions, ["a", "b", "c"])
    assert matrix is not None
    assert [[cell.count for cell in row.cells] for row in matrix.rows] == [
        ["1", "1", ""],
        ["", "1", "1"],
        ["", "", "1"],
    ]
    assert [row.missed for row in matrix.rows] == ["50.0%", "50.0%", "0.0%"]
    assert [cell.right for cell in matrix.rows[1].cells] == [False, True, False]
    assert (matrix.wrong, matrix.n) == ("2", "5")


def test_many_classes_are_listed_as_pairs() -> None:
    classes = [f"class {i}" for i in range(30)]
    predictions = {"rows": [1, 2, 3], "y": [29, 29, 4], "predicted": [28, 28, 4]}
    matrix = confusion_of(predictions, classes)
    assert matrix is not None and matrix.rows == ()
    assert matrix.pairs == (("class 29", "class 28", "2"),)


def test_each_class_s_error_has_an_interval(record: RunRecord, predictions: dict[str, Any]) -> None:
    """One of two missed: Wilson's 9.5 to 90.5%."""
    rows = confusion_of(predictions, ["a", "b", "c"]).rows  # type: ignore[union-attr]
    assert [(row.missed, row.interval) for row in rows][:2] == [("50.0%", "9.5 to 90.5%")] * 2
    assert "9.5 to 90.5%" in Page(render_page([record])).text


def test_rows_are_named_by_their_id(record: RunRecord, predictions: dict[str, Any]) -> None:
    named = replace(record, predictions=predictions | {"ids": ["p", "q", EVIL, "s", "t"]})
    assert [e.id for e in worst_of(named.predictions, ["a", "b", "c"], "multiclass")] == ["s", "q"]  # type: ignore[arg-type]
    assert "row id true" in Page(render_page([named])).text
    assert "row true" in Page(render_page([record])).text


def test_the_reliability_diagram(record: RunRecord) -> None:
    bins = [
        {"low": 0.1, "high": 0.3, "n": 20, "p": 0.2, "share": 0.3, "share_low": 0.15, "share_high": 0.5},
        {"low": 0.6, "high": 0.9, "n": 20, "p": 0.8, "share": 0.75, "share_low": 0.5, "share_high": 0.9},
    ]
    calibration = {"of": EVIL, "ece": 0.075, "if_calibrated": 0.05, "bins": bins}
    page = Page(render_page([replace(record, calibration=calibration)]))
    chart = next(chart for chart in page.charts if chart["key"] == "run-1-reliability")
    assert chart["x"] == [20, 80] and chart["series"][0]["values"] == [30, 75]
    assert chart["series"][3]["values"] == chart["x"]
    assert "expected calibration error 7.5%, of which 5.0% by chance alone" in page.text
    assert len(page.scripts) == 3


def test_the_worst_examples(predictions: dict[str, Any]) -> None:
    worst = worst_of(predictions, ["a", "b", "c"], "multiclass")
    assert [(e.row, e.true, e.predicted, e.p_predicted, e.p_true) for e in worst] == [
        ("14", "a", "b", "90.0%", "5.0%"),
        ("12", "b", "c", "60.0%", "30.0%"),
    ]


def test_when_none_is_wrong_the_least_sure_are_shown(predictions: dict[str, Any]) -> None:
    predictions["predicted"] = predictions["y"]
    worst = worst_of(predictions, ["a", "b", "c"], "multiclass")
    assert [e.row for e in worst] == ["14", "12", "15", "11", "13"] and not any(e.wrong for e in worst)


@pytest.mark.parametrize("probability", [[0.8, 0.3], [[0.8], [0.3]]])
def test_a_sigmoid_gives_the_probability_of_class_1(probability: list[Any]) -> None:
    predictions = {"rows": [5, 6], "y": [0, 1], "predicted": [1, 0], "probability": probability}
    worst = worst_of(predictions, ["no", "yes"], "binary")
    assert [(e.row, e.true, e.predicted, e.p_predicted, e.p_true) for e in worst] == [
        ("5", "no", "yes", "80.0%", "20.0%"),
        ("6", "yes", "no", "70.0%", "30.0%"),
    ]


def test_the_vendored_files_are_the_ones_that_their_note_names() -> None:
    folder = resources.files("dltrain.report") / "vendor"
    named = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for _, name in named] == ["uPlot.iife.min.js", "uPlot.min.css"]
    for digest, name in named:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "MIT License" in (folder / "LICENSE-uPlot").read_text(encoding="utf-8")
