"""Learning rates that fall when training stands still, or by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop

CONFIG = "lesson_decay_by_plateau"
A0, FACTOR, PATIENCE = 2.0, 0.3, 3
LAST = 10


def _show(shop: Workshop) -> Iterator[Finding]:
    constant, plateau, by_hand, manual = shop.commands(CONFIG)
    (high, swing), (low, settled) = (_last(one) for one in (constant, plateau))
    yield Finding(
        "it cures the oscillation, with no formula chosen beforehand",
        f"training loss in the last {LAST} epochs: {high:.4f} on average and swinging by {swing:.1e} at a constant α, "
        f"{low:.4f} and {settled:.1e} with a plateau",
        low < high and settled < swing / 2,
    )
    rates = plateau.column("learning_rate")
    expected = _rates(plateau.column("train", "loss"))
    off = max(abs(one / other - 1) for one, other in zip(rates, expected, strict=True))
    falls = [e for e, (one, other) in enumerate(zip(rates, rates[1:], strict=False), start=2) if other < one]
    yield Finding(
        f"α falls whenever the loss has not fallen for {PATIENCE} epochs",
        f"in epochs {', '.join(map(str, falls))}; off by {off:.0e} from the rule applied to the losses",
        bool(falls) and off < 1e-12,
    )
    same = by_hand.metrics == manual.metrics
    yield Finding(
        "manual decay: turned down by hand between epochs, or written down beforehand, it is the same",
        f"{len(manual.metrics)} epochs' lines are {'equal' if same else 'not equal'}",
        same,
    )
    with shop.picture("decay_by_plateau", 2) as (left, right):
        _draw(left, {"constant": constant, "plateau": plateau, "by hand": by_hand}, "learning_rate")
        left.set(xlabel="epoch", ylabel="α", title="learning rate", yscale="log")
        _draw(right, {"constant": constant, "plateau": plateau, "by hand": by_hand}, "train", "loss")
        right.set(xlabel="epoch", ylabel="training loss (nats)", title="training loss")
        right.legend()


def _last(ran: Ran) -> tuple[float, float]:
    """Mean and swing of the training loss in the last epochs."""
    losses = ran.column("train", "loss")[-LAST:]
    return sum(losses) / LAST, max(losses) - min(losses)


def _rates(losses: Sequence[float]) -> list[float]:
    """α of each epoch by the rule, from the losses of those before."""
    alpha, best, waited, found = A0, float("inf"), 0, []
    for loss in losses:
        found.append(alpha)
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == PATIENCE:
            alpha, waited = alpha * FACTOR, 0
    return found


def _draw(axes: Any, ran: dict[str, Ran], *keys: str) -> None:
    for line, (name, one) in zip(LINES, ran.items(), strict=False):
        values = one.column(*keys)
        axes.plot(range(1, len(values) + 1), values, label=name, **line)


LESSONS = [
    Lesson(
        section="2.6",
        title="Decay on a plateau, and by hand",
        where=("engine/schedules.py", "engine/course.py", "steering.py"),
        how=(f"dltrain train configs/{CONFIG}.yaml", "dltrain explain schedule.plateau"),
        show=_show,
        pictures=(
            (
                "decay_by_plateau",
                "Learning rate and training loss at a constant α, with a plateau and turned down by hand",
            ),
        ),
        slow=True,
    ),
]
