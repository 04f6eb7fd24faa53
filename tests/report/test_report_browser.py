"""The page in a real browser, without a network: every chart is drawn and the console stays empty."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dltrain.report.page import RunRecord, render_page

MakeMetrics = Callable[..., list[dict[str, Any]]]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
    "--window-size=1200,900",
    "--dump-dom",
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine to load the page in")


def load(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The page as the browser built it, and what was said on its console."""
    assert BROWSER is not None
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_charts_are_drawn_and_nothing_is_wrong(
    diagnosis: dict[str, Any],
    regression: dict[str, Any],
    predictions: dict[str, Any],
    make_metrics: MakeMetrics,
    tmp_path: Path,
) -> None:
    values = {"rows": [1, 2, 3], "y": [1.0, 2.0, 3.0], "predicted": [1.5, 2.0, 10.0]}
    diverged = make_metrics(5)
    diverged[-1] |= {"cost": float("nan"), "grad_norm": float("inf")}
    run = {"state": "finished", "best_epoch": 20}
    records = [
        RunRecord(id="a", run=run, metrics=make_metrics(30), diagnosis=diagnosis, predictions=predictions),
        RunRecord(
            id="b", run=run, metrics=make_metrics(1), diagnosis=regression, predictions=values, task="regression"
        ),
        RunRecord(id="c</script>", run={"state": "diverged"}, metrics=diverged),
    ]
    page = tmp_path / "report.html"
    page.write_text(render_page(records), encoding="utf-8")
    dom, console = load(page, tmp_path / "profile")
    marks = re.search(r"<html[^>]*>", dom)
    assert marks is not None
    total = len(re.findall(r'<figure class="chart"', dom))
    assert f'data-ready="{total}"' in marks[0] and f'data-charts="{total}"' in marks[0]
    assert 'data-problems="0"' in marks[0]
    assert total == 1 + 7 + 8 + 7
    assert len(re.findall(r'data-drawn="\d+"', dom)) == len(re.findall(r"<canvas", dom)) == total
    assert console == []


def test_a_foreign_script_would_not_run(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    html = render_page([RunRecord(id="a", run={}, metrics=[])])
    page.write_text(html.replace("</body>", "<script>document.title = 'taken over'</script></body>"), encoding="utf-8")
    dom, console = load(page, tmp_path / "profile")
    assert "<title>a · dltrain report</title>" in dom
    assert any("Content Security Policy" in line for line in console)
