"""Panda: one model, watched and adjusted. Caviar: many in parallel. And intuitions that get stale."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.section_3_1 import ALPHA, Searched, search
from tools.lessons.workshop import ROOT, Ran, Workshop

PANDA, CAVIAR = "lesson_panda", "lesson_caviar"
LATER = "data.train_limit=60"
"""What the data have become."""
ALONE = "adjustments=[]"
LOOK_SECONDS = 0.05


def _show(shop: Workshop) -> Iterator[Finding]:
    handled, alone = shop.commands(PANDA)
    yield Finding(
        "panda: keep watching one model, and tune its parameters accordingly",
        f"J after {len(handled.metrics)} epochs {handled.column('cost')[-1]:.3f} with four adjustments of α, {alone.column('cost')[-1]:.3f} without; "
        f"dev error {handled.error('dev'):.1%} and {alone.error('dev'):.1%}",
        handled.column("cost")[-1] < alone.column("cost")[-1] and handled.error("dev") < alone.error("dev"),
    )
    yield _live(shop)
    many = search(shop, CAVIAR, run_id="caviar")
    errors = sorted(many.column("objective"))
    yield Finding(
        "caviar: train many models in parallel, pick the one that works best",
        f"dev errors of {len(errors)}: best {errors[0]:.1%}, median {errors[len(errors) // 2]:.1%}, worst {errors[-1]:.1%}",
        errors[0] < errors[len(errors) // 2],
    )
    yield _budgets(shop)
    yield from _stale(shop)
    with shop.picture("panda_caviar", 2, width=4.3, height=3.2) as (left, right):
        _draw_panda(left, handled, alone)
        _draw_caviar(right, many)


def _live(shop: Workshop) -> Finding:
    """A run that would go on for ever, adjusted and stopped while it trains; then trained again without a hand on it."""
    live = shop.folder / "runs/live"
    words = [
        "train",
        str(ROOT / f"configs/{PANDA}.yaml"),
        ALONE,
        "training.epochs=1000000",
        "-q",
        "--run-id",
        live.name,
    ]
    command = [sys.executable, "-m", "dltrain", *words, "--runs-dir", str(live.parent)]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None and not (live / "metrics.jsonl").is_file():
            time.sleep(LOOK_SECONDS)
        changed = _adjust(shop, live, "optimizer.learning_rate=0.1")
        _adjust(shop, live, "--stop")
        code = process.wait()
    finally:
        process.kill()
        process.wait()
    again = shop.call(
        "train", str(live / "config.replay.yaml"), "-q", "--run-id", "again", "--runs-dir", str(live.parent)
    )
    names = ("metrics.jsonl", "diagnosis.json", "predictions.npz", "model.safetensors")
    same = [name for name in names if (live / name).read_bytes() == (Path(again["run"]) / name).read_bytes()]
    rates = [line["learning_rate"] for line in runs.read_metrics(live)]
    right = all((rate == 0.1) == (epoch >= changed["epoch"]) for epoch, rate in enumerate(rates, start=1))
    return Finding(
        "what a hand did can be done again: config.replay.yaml gives the same bytes",
        f"a live run adjusted once and stopped, exit code {code}, trained again: {len(same)} of {len(names)} files equal",
        code == 0 and right and len(same) == len(names),
    )


def _adjust(shop: Workshop, live: Path, word: str) -> dict[str, Any]:
    return shop.call("adjust", live.name, word, "--wait", "--runs-dir", str(live.parent))


def _budgets(shop: Workshop) -> Finding:
    plans = {
        budget: shop.call("search", f"configs/{CAVIAR}.yaml", "--plan", "--budget", budget, "-q")["plan"]
        for budget in ("10h", "0.01s")
    }
    ways = [plan["way"] for plan in plans.values()]
    return Finding(
        "panda where computing is scarce, caviar where there is enough",
        "--plan: " + ", ".join(f"{budget} {plan['way']}" for budget, plan in plans.items()),
        ways == ["caviar", "panda"],
    )


def _stale(shop: Workshop) -> Iterator[Finding]:
    words = ("search", "--recheck", "caviar", f"configs/{CAVIAR}.yaml", "-q", "--runs-dir", str(shop.folder / "runs"))
    yield _looked_at(shop.call(*words, "--run-id", "same"), "while nothing has changed, the winner still stands", True)
    changed = shop.call(*words, LATER, "--run-id", "changed")
    yield _looked_at(
        changed, "intuitions do get stale: 60 training examples instead of 1,000, and it is no longer the best", False
    )


def _looked_at(found: dict[str, Any], claim: str, stands: bool) -> Finding:
    steps = "; ".join(f"{step['action']}: {step['verdict']}" for step in found["steps"])
    return Finding(claim, f"{found['headline']} ({steps})", found["stands"] is stands)


def _draw_panda(axes: Any, handled: Ran, alone: Ran) -> None:
    epochs = range(1, len(handled.metrics) + 1)
    for ran, line, name in ((handled, LINES[0], "J, adjusted"), (alone, LINES[2], "J, left alone")):
        axes.plot(epochs, ran.column("cost"), label=name, **line)
    rates = handled.column("learning_rate")
    axes.annotate(f"α {rates[0]:g}", (1, 0.006), fontsize=8)
    for epoch in epochs:
        if epoch > 1 and rates[epoch - 1] != rates[epoch - 2]:
            axes.axvline(epoch - 0.5, color="#c2410c", linewidth=1.2, linestyle=(0, (5, 2)))
            low = 0.006 if rates[epoch - 1] != 1 else 0.0085
            axes.annotate(f"{rates[epoch - 1]:g}", (epoch - 0.1, low), fontsize=8)
    axes.plot([], [], color="#c2410c", linewidth=1.2, linestyle=(0, (5, 2)), label="α changed by hand")
    axes.set(yscale="log", ylim=(0.005, 4), xlabel="epoch", ylabel="cost J", title="panda: one model, looked after")
    axes.legend(loc="upper right")


def _draw_caviar(axes: Any, many: Searched) -> None:
    best = many.record["best"]["trial"]
    for row in many.rows:
        found = Ran({}, many.path / "trials" / str(row["trial"])).column("dev", "error")
        style = {"color": "black", "linewidth": 2.2} if row["trial"] == best else {"color": "#9b9b9b", "linewidth": 0.9}
        axes.plot(range(1, len(found) + 1), [100 * one for one in found], zorder=2 + (row["trial"] == best), **style)
    rate = many.rows[best][ALPHA]
    axes.plot([], [], color="black", linewidth=2.2, label=f"the best, α = {rate:.2g}")
    axes.plot([], [], color="#9b9b9b", linewidth=0.9, label="the others")
    axes.set(
        xlabel="epoch",
        ylabel="dev error, %",
        title=f"caviar: {len(many.rows)} models, the best one taken",
        ylim=(0, 100),
        xticks=range(1, 6),
    )
    axes.legend(loc="upper right")


LESSONS = [
    Lesson(
        section="3.3",
        title="Panda and caviar",
        where=(
            "steering.py",
            "cli/adjust.py",
            "cli/watch.py",
            "studies/search.py",
            "studies/affording.py",
            "studies/recheck.py",
        ),
        how=(
            f"dltrain train configs/{PANDA}.yaml",
            f"dltrain search configs/{CAVIAR}.yaml --run-id caviar",
            f"dltrain search --recheck caviar configs/{CAVIAR}.yaml {LATER}",
            f"dltrain search configs/{CAVIAR}.yaml --plan --budget 2h",
        ),
        show=_show,
        pictures=(
            ("panda_caviar", "The cost of a run adjusted by hand, and the dev errors of sixteen runs of a search"),
        ),
        slow=True,
    ),
]
