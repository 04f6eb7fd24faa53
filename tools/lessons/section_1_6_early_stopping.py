"""Early stopping. (Data augmentation has a module of its own.)"""

from __future__ import annotations

from collections.abc import Iterator

from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop


def _show(shop: Workshop) -> Iterator[Finding]:
    stopped, whole = shop.commands("lesson_early_stopping")
    chosen = min(stopped.metrics, key=lambda line: (line["dev"]["error"], line["dev"]["loss"], line["epoch"]))["epoch"]
    kept, end = stopped.error("dev"), whole.error("dev")
    last = len(stopped.metrics)
    yield Finding(
        "training stops halfway, at the least dev error",
        f"epoch {chosen} of {len(whole.metrics)} is kept, at dev error {kept:.1%}; to the end it rises to {end:.1%}",
        chosen < len(whole.metrics) / 2
        and kept < end - 0.01
        and abs(kept - stopped.metrics[chosen - 1]["dev"]["error"]) < 1e-9,
    )
    costs = whole.column("cost")
    yield Finding(
        "the cost J still falls where the dev error rises",
        f"J {costs[chosen - 1]:.3f} at epoch {chosen}, {costs[-1]:.4f} at the end",
        costs[-1] < costs[chosen - 1] / 2,
    )
    tests = [shop.call("evaluate", str(ran.path), "--part", "test")["error"]["value"] for ran in (stopped, whole)]
    yield Finding(
        "what it gains is real: the test error, which chose nothing, is lower too",
        f"test {tests[0]:.1%} stopped, {tests[1]:.1%} to the end; dev is marked selected: {stopped.record['errors']['dev']['selected']}",
        tests[0] < tests[1] and bool(stopped.record["errors"]["dev"]["selected"]),
    )
    l2, l2_slow, early, early_slow = shop.commands("lesson_l2_not_early_stopping")
    moved = {
        name: abs(a.gap("variance") - b.gap("variance"))
        for name, a, b in (("L2", l2, l2_slow), ("early", early, early_slow))
    }
    yield Finding(
        "one knob for two problems: with it the learning rate moves bias and variance, with L2 neither",
        f"a third of the learning rate moves the variance by {moved['early']:.1%} under early stopping, by {moved['L2']:.1%} under L2",
        moved["L2"] < 0.005 and moved["early"] > 0.01,
    )
    with shop.picture("early_stopping", width=5.6) as axes:
        epochs = range(1, len(whole.metrics) + 1)
        axes.plot(epochs, [100 * value for value in whole.column("dev", "error")], label="dev error", **LINES[0])
        axes.plot(epochs, [100 * value for value in whole.column("train", "error")], label="training error", **LINES[1])
        axes.axvline(chosen, color="black", linewidth=0.9, linestyle=(0, (2, 2)))
        axes.annotate(
            f"chosen: epoch {chosen}", (chosen, 100 * kept), (chosen + 60, 3), arrowprops={"arrowstyle": "->"}
        )
        axes.axvline(last, color="#888888", linewidth=0.9)
        axes.text(last + 8, 20, f"stopped after\n{last}", fontsize=8)
        axes.set(xlabel="epoch", ylabel="misclassified, %", ylim=(0, 25))
        beside = axes.twinx()
        beside.plot(epochs, costs, label="cost J", **LINES[2])
        beside.set(ylabel="J", ylim=(0, 0.7))
        beside.grid(False)
        beside.spines["right"].set_visible(True)
        handles = [one.get_legend_handles_labels() for one in (axes, beside)]
        axes.legend(handles[0][0] + handles[1][0], handles[0][1] + handles[1][1], loc="upper right")


LESSONS = [
    Lesson(
        section="1.6",
        title="Early stopping",
        where=("engine/fit.py", "report/plots/curves.py"),
        how=(
            "dltrain train configs/lesson_early_stopping.yaml",
            "dltrain train configs/lesson_l2_not_early_stopping.yaml",
        ),
        show=_show,
        pictures=(("early_stopping", "Dev error, training error and J on one graph, with the epoch that was chosen"),),
        slow=True,
    ),
]
