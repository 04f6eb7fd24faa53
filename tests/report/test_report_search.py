"""A search as tables, as pictures and as a page; the page in a real browser too."""

from __future__ import annotations

import io
import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from report_searches import BETA, KIND, RATE, UNITS, record
from test_report_browser import BROWSER, load

from dltrain.report import page as pages
from dltrain.report.scales import decades, label, scales_of, steps
from dltrain.report.search_commands import next_commands
from dltrain.report.search_plots import HEIGHT, LEFT, RIGHT, TOP, WIDTH, panels, zoom
from dltrain.report.search_tables import Values, points
from dltrain.report.study_page import study_page
from dltrain.report.study_tables import print_study


def printed(found: dict[str, Any]) -> str:
    stream = io.StringIO()
    print_study(found, path="runs/one", stream=stream)
    return stream.getvalue()


def folder(path: Path, found: dict[str, Any]) -> Path:
    for number in range(6):
        trial = path / "trials" / str(number)
        trial.mkdir(parents=True)
        lines = [{"epoch": epoch, "dev": {"error": 0.3 / epoch}} for epoch in (1, 2, 3)]
        (trial / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "study.json").write_text(json.dumps(found))
    return path


def test_points_stand_in_the_order_of_the_search() -> None:
    """Finished by objective, then pruned, then diverged."""
    found = record()
    assert [point["point"] for point in points(found, Values(found))] == [3, 5, 1, 0, 4, 2]


def test_a_point_of_several_seeds_is_their_mean() -> None:
    found = record()
    found["study"]["seeds"] = 2
    got = {point["point"]: point for point in points(found, Values(found))}
    assert got[0]["objective"] == pytest.approx((0.30 + 0.05) / 2) and got[1]["objective"] is None
    assert got[1]["state"] == "diverged" and got[2]["state"] == "pruned"


def test_the_tables_say_it_all() -> None:
    text = printed(record())
    lines = text.splitlines()
    assert lines[0] == "best points" and "dev.error" in lines[1]
    assert lines[3].split() == ["3", "2", "2.00%", "1.00", "to", "4.00%", "0.93", "0.99", "120", "adam"]
    assert "6 trials: 4 finished, 1 diverged, 1 pruned" in lines
    assert "the winner, point 3, trained again with seeds 2, 3, 4" in lines
    assert "verdict: undetermined, leaning low bias and low variance" in lines
    assert any(line.startswith("best of 6 points: dev 2.3%") for line in lines)
    assert "  about 0.4 points of its dev error are luck of the search" in lines
    bars = {line.split()[0]: line for line in lines if "█" in line or "▎" in line}
    assert bars[RATE].count("█") == pytest.approx(0.6 * 24, abs=1) and "40 to 80%" in bars[RATE]
    assert any(line.startswith("    2       3") and "0.3 to 1" in line for line in lines)
    assert "note: 1 point diverged: the worst there is" in lines


def test_the_next_commands_start_from_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "my search.yaml"
    config.write_text("{}")
    given = {"configs": [str(config)], "folder": str(tmp_path), "overrides": ["training.epochs=5"]}
    train, wider, again = (shlex.split(command) for _, command in next_commands(record(given=given), tmp_path / "one"))
    settings = [f"{RATE}=0.93", f"{UNITS}=120", f"{KIND}=adam", f"{BETA}=0.99"]
    assert train == ["dltrain", "train", str(config), "training.epochs=5", *settings]
    assert wider == ["dltrain", "search", str(config), "training.epochs=5", f"search.space.{RATE}.high=3.0"]
    assert again == ["dltrain", "search", "--recheck", str(tmp_path / "one")]
    monkeypatch.chdir(tmp_path)
    assert shlex.split(next_commands(record(given=given), tmp_path / "one")[0][1])[2] == "my search.yaml"
    config.unlink()
    assert shlex.split(next_commands(record(given=given), Path("one"))[1][1])[2] == "one/config.resolved.yaml"


def test_a_search_without_a_result_prints_its_notes() -> None:
    found = record()
    found["summary"] |= {"best": None, "winner": None, "notes": ["no point has a result"], "trials": []}
    assert printed(found).splitlines() == ["no trial", "note: no point has a result"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1e-4, 1.0, ["10⁻⁴", "0.001", "0.01", "0.1", "1"]),
        (0.01, 0.1, ["0.01", "0.02", "0.05", "0.1"]),
        (1e-12, 1.0, ["10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1"]),
        (0.2, 0.4, ["0.2", "0.4"]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, expected: list[str]) -> None:
    marks = [label(mark) for mark in decades(low, high)]
    assert [mark for mark in marks if mark in expected] == expected and len(marks) <= 9


def test_ticks_of_a_linear_axis() -> None:
    assert steps(0.0, 1.0) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert steps(16, 256, True) == [50, 100, 150, 200, 250]
    assert steps(1, 4, True) == [1, 2, 3, 4]
    assert steps(-0.3, 0.3) == pytest.approx([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3])


def test_every_scale_puts_its_values_where_they_belong() -> None:
    scales = {scale.path: scale for scale in scales_of(record()["study"]["space"])}
    assert scales[RATE].place(0.01) == pytest.approx(0.5)
    assert scales[BETA].place(0.99) == pytest.approx(0.5)
    assert [text for _, text in scales[KIND].ticks()] == ["adam", "momentum"]
    assert "0.99" in [text for _, text in scales[BETA].ticks()]
    assert scales[KIND].span(["adam"]) == (0.0, 0.5) and scales[UNITS].span([16, 256]) == (0.0, 1.0)
    assert all(0 <= place <= 1 for scale in scales.values() for place, _ in scale.ticks())


def test_a_panel_for_each_hyperparameter_the_most_important_first() -> None:
    found = panels(record())
    assert [panel.title for panel in found] == [RATE, UNITS, BETA, KIND]
    assert found[0].note == "importance 60% (40 to 80%)" and found[0].x_label == "learning_rate (logarithmic)"
    inside = WIDTH - LEFT - RIGHT
    best = next(mark for mark in found[0].marks if mark.best)
    assert best.x == pytest.approx(LEFT + inside * (math.log10(0.93) + 4) / 4, abs=0.01) and best.shape == "dot"
    assert [mark.shape for mark in found[0].marks].count("cross") == 1
    assert len(found[2].marks) == 4, "beta1 is drawn for the points that have it"
    ys = {mark.title.split(":")[0]: mark.y for mark in found[0].marks}
    assert ys["point 2, round 1"] < TOP < ys["point 0, round 1"] < ys["point 1, round 1"] < best.y < TOP + HEIGHT


def test_the_boxes_shrink_in_the_picture() -> None:
    whole, narrow = panels(record())[0].strips
    assert (whole.x, whole.width) == (LEFT, WIDTH - LEFT - RIGHT)
    assert narrow.width == pytest.approx(whole.width * -math.log10(0.3) / 4, abs=0.02)
    picture = zoom(record())
    assert picture is not None and (picture.x_label, picture.y_label) == (f"{RATE} (logarithmic)", UNITS)
    outer, inner = picture.rects
    assert inner.x > outer.x and inner.width < outer.width and inner.height < outer.height


def test_the_zoom_is_over_numbers_that_the_winner_has() -> None:
    found = record()
    found["summary"]["importance"] = [found["summary"]["importance"][i] for i in (3, 2, 0, 1)]
    del found["summary"]["best"]["overrides"][BETA]
    picture = zoom(found)
    assert picture is not None and (picture.x_label, picture.y_label) == (f"{RATE} (logarithmic)", UNITS)


def test_advice_that_takes_a_config_takes_the_winners() -> None:
    found = record()
    winner = found["summary"]["winner"]
    winner["trials"] = [{"trial": 6}]
    winner["advice"] = [
        {"action": "a", "why": "b", "overrides": [], "command": "dltrain learning-curve RUN/config.resolved.yaml"},
        {"action": "a", "why": "b", "overrides": [], "command": "dltrain evaluate RUN/6 --part test"},
    ]
    text = printed(found)
    assert "  dltrain learning-curve runs/one/trials/6/config.resolved.yaml" in text
    assert "  dltrain evaluate runs/one/6 --part test" in text


def test_one_round_has_no_boxes_to_draw() -> None:
    found = record()
    found["summary"]["rounds"] = found["summary"]["rounds"][:1]
    assert zoom(found) is None and all(panel.strips == () for panel in panels(found))


def test_objectives_of_other_kinds(tmp_path: Path) -> None:
    found = record(task="regression")
    found["study"]["objective"] = "dev.rmse"
    found["summary"]["trials"] = [
        {**row, "objective": None if row["objective"] is None else 1000 * row["objective"]}
        for row in found["summary"]["trials"]
    ]
    (panel, *_) = panels(found)
    assert panel.y_label == "dev.rmse" and not any("%" in text for _, text in panel.y_ticks)
    assert study_page(folder(tmp_path / "one", found)).count("dev.rmse") > 4


def test_equal_objectives_and_odd_names_are_drawn(tmp_path: Path) -> None:
    found = record()
    for row in found["summary"]["trials"]:
        row = {**row, "objective": 0.0}
    found["study"]["space"] = {
        **found["study"]["space"],
        KIND: {"kind": "choice", "values": ["adam", "momentum", "<b>"]},
    }
    html = study_page(folder(tmp_path / "one", found))
    assert "<b>" not in html.replace("<b></b>", "") and "&lt;b&gt;" in html


def test_equal_folders_give_equal_pages(tmp_path: Path) -> None:
    pages_ = [study_page(folder(tmp_path / place / "one", record())) for place in ("a", "b")]
    assert pages_[0] == pages_[1]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine to load the page in")
def test_the_page_in_a_browser_sorts_its_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header of the dev error is clicked once: the least stands first, trials without one at the end."""
    real = pages._text

    def clicking(name: str) -> str:
        click = "\ndocument.querySelectorAll('table.sortable th button')[3].click();"
        return real(name) + (click if name == "templates/report.js" else "")

    monkeypatch.setattr(pages, "_text", clicking)
    html = tmp_path / "page.html"
    html.write_text(study_page(folder(tmp_path / "one", record())), encoding="utf-8")
    dom, console = load(html, tmp_path / "profile")
    assert console == [] and 'data-problems="0"' in dom and 'data-drawn="5"' in dom
    body = dom[dom.index('<table class="sortable">') :].partition("</table>")[0]
    assert re.findall(r'<tr[^>]*><td data-key="(\d+)"', body) == ["3", "5", "4", "1", "0", "2"]
    assert 'aria-sort="ascending"' in body
