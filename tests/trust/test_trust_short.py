"""The diagnosis measured on few problems: the short form of `make trust`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.trust import advice, coverage, hand, mismatch, networks, page, problems, starts, verdicts

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def fewer_fresh_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "FRESH", 1 << 17)
    monkeypatch.setattr(problems, "FRESH", 1 << 17)


def test_intervals_hold_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "SIZES", (100, 300, 1000))
    hits = [hit for kind in ("binary", "multiclass") for i in range(7) for hit in coverage.measure((kind, i))]  # type: ignore[arg-type]
    found = {row["name"]: row for row in coverage.summarize(hits)}
    for name in ("errors", "gaps"):
        assert found[name]["intervals"] > 80  # type: ignore[operator]
        assert 0.90 < found[name]["coverage"] < 0.99  # type: ignore[operator]


def test_decided_verdicts_are_seldom_wrong_and_more_are_decided_on_a_larger_dev_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verdicts, "SIZES", (100, 3000))
    some = [regime for regime in verdicts.regimes() if regime.kind != "regression"][:8]
    rows = verdicts.summarize(call for regime in some for call in verdicts.measure(regime))
    small, large = (row for row in rows if row["rule"] == verdicts.OURS)
    assert large["undetermined_table"] < small["undetermined_table"]  # type: ignore[operator]
    for row in (small, large):
        assert row["wrong_table"] <= 0.05  # type: ignore[operator]
        fixed = next(other for other in rows if (other["rule"], other["n"]) == ("gap > 2 points", row["n"]))
        assert row["wrong_table"] < fixed["wrong_table"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "gap, verdict, truth, is_wrong",
    [
        ("variance", "high", 0.019, True),
        ("variance", "high", 0.021, False),
        ("variance", "low", 0.021, True),
        ("variance", "undetermined", 0.5, False),
        ("mismatch", "high", 0.0, True),
        ("mismatch", "high", 0.001, False),
        ("mismatch", "low", 0.021, True),
        ("mismatch", "low", 0.001, False),
    ],
)
def test_a_verdict_is_wrong_when_the_true_gap_lies_on_the_other_side(
    gap: str, verdict: str, truth: float, is_wrong: bool
) -> None:
    assert verdicts.wrong(gap, verdict, truth) is is_wrong


def test_a_shift_is_found_and_its_absence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mismatch, "REDRAWS", 4)
    found = mismatch.measure(0)
    assert found.mismatch > 0.05
    assert found.shifted == ["high"] * 4
    assert "high" not in found.unshifted


def test_the_pairs_of_the_notes_give_their_verdicts() -> None:
    rows = hand.measure()
    assert [row["headline"] for row in rows] == [row["expected"] for row in rows]


def test_every_step_is_tried_within_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = []
    real = advice.trained

    def noting(ready, metrics=None):  # type: ignore[no-untyped-def]
        costs.append((advice.cost(ready), ready.plan.batch_size * advice.parameters(ready)))
        return real(ready, metrics)

    monkeypatch.setattr(advice, "trained", noting)
    monkeypatch.setattr(starts, "FRESH", 2000)
    name, path = starts.generated(tmp_path, 2)
    trial = advice.measure(name, "generated", path)
    assert trial.first is not None and len(trial.menu) >= 7
    (base, _), *steps = costs
    budget = max(cost for cost, _ in steps)
    assert budget >= advice.LEAST * base - max(a_step for _, a_step in steps)
    assert all(abs(cost - budget) <= a_step + max(other for _, other in steps) for cost, a_step in steps)
    (row, *_) = advice.summarize([trial])
    assert row["first_helps"] in (0, 1) and 0 <= row["random_helps"] <= 1  # type: ignore[operator]


def test_the_documents_show_the_recorded_results() -> None:
    documents = {name: (ROOT / name).read_text() for name in ("docs/diagnosis.md", "README.md")}
    if not page.RESULTS.exists():
        assert all("No full run is recorded yet" in text for text in documents.values())
        return
    results = json.loads(page.RESULTS.read_text())
    assert page.placed(documents["docs/diagnosis.md"], page.whole(results)) == documents["docs/diagnosis.md"]
    assert page.placed(documents["README.md"], page.short(results)) == documents["README.md"]
