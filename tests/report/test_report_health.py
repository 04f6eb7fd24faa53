"""Findings about health under the verdict, in `diagnose` and on the page."""

from __future__ import annotations

import io
from typing import Any

import pytest

from dltrain.report.health import all_lines, health_of, short_lines
from dltrain.report.page import RunRecord, render_page
from dltrain.report.verdicts import print_diagnosis


def finding(name: str, layer: int | None = None, severity: str = "warning") -> dict[str, Any]:
    return {
        "id": name,
        "severity": severity,
        "layer": layer,
        "evidence": f"{name} is so",
        "why": "it harms",
        "overrides": ["optimizer.learning_rate=0.01"] if severity == "warning" else [],
        "numbers": {},
    }


MANY = [
    finding("dead-units", 1),
    finding("dead-units", 2),
    finding("oscillating-cost"),
    finding("initial-loss"),
    finding("still-falling"),
    finding("plateau", severity="note"),
]
MISSING = [{"id": "overfitting", "why": "there is no dev set"}, {"id": "overconfident", "why": "there is no dev set"}]


@pytest.fixture
def told(diagnosis: dict[str, Any]) -> dict[str, Any]:
    return diagnosis | {"health": MANY, "not_checked": MISSING}


def printed(diagnosis: dict[str, Any], **options: Any) -> str:
    stream = io.StringIO()
    print_diagnosis(diagnosis, stream=stream, **options)
    return stream.getvalue()


def test_the_three_worst_stand_under_the_verdict(told: dict[str, Any]) -> None:
    text = printed(told)
    assert "dead-units (layer 1): dead-units is so; layer 2 too\n" in text
    assert "initial-loss: initial-loss is so\n" in text
    assert "still-falling" not in text and "plateau" not in text
    assert f"2 more findings: dltrain diagnose {told['run']} shows all" in text
    assert text.index("verdict:") < text.index("dead-units")


def test_diagnose_shows_all_with_cures_and_what_was_not_checked(told: dict[str, Any]) -> None:
    text = printed(told, whole=True)
    assert "warning dead-units (layer 2): dead-units is so\n" in text
    assert "it harms: optimizer.learning_rate=0.01\n" in text
    assert "note plateau: plateau is so\n" in text
    assert "not checked: overfitting, overconfident: there is no dev set\n" in text
    assert "dltrain explain dead-units says more" in text


def test_health_is_quiet_where_there_is_nothing_to_say(diagnosis: dict[str, Any]) -> None:
    healthy = health_of(diagnosis | {"health": [], "not_checked": []})
    assert healthy is not None
    assert list(short_lines(healthy, "r")) == []
    assert list(all_lines(healthy)) == ["health: nothing found"]
    older = health_of({"run": "r"})
    assert older is not None
    assert list(short_lines(older, "r")) == []
    assert "older release" in " ".join(all_lines(older))
    assert health_of({}) is None, "errors typed by hand have no health"


def test_the_page_shows_every_finding_escaped(told: dict[str, Any]) -> None:
    evil = told | {"health": [*MANY, finding("x") | {"evidence": "<script>bad</script>"}]}
    page = render_page([RunRecord(id="r", run={"state": "finished"}, metrics=[], diagnosis=evil)])
    assert page.count("<strong>dead-units (layer") == 2
    assert "Not checked: overfitting, overconfident: there is no dev set." in page
    assert "<script>bad" not in page and "&lt;script&gt;bad" in page
    older = {key: value for key, value in told.items() if key not in ("health", "not_checked")}
    assert "older release" in render_page([RunRecord(id="r", run={}, metrics=[], diagnosis=older)])
