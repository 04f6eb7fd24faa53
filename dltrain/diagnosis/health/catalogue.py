"""Every finding by its identifier: what it means, when it is found, what helps. `dltrain explain ID` prints it."""

from __future__ import annotations

from dataclasses import dataclass

from dltrain.diagnosis.health import thresholds as at


@dataclass(frozen=True, slots=True)
class Entry:
    """What there is to know of a finding."""

    meaning: str
    found: str
    """When, with its threshold."""
    cure: str
    step: str = ""
    """The cure of a warning in a few words, as advice."""
    causes: tuple[str, ...] = ()
    """Findings that bring this one about: they are mended first."""


_BEGINNING = ("unscaled-inputs", "symmetric-units", "exploding-gradients", "vanishing-gradients")
_PACE = ("oscillating-cost", "large-updates", "dead-units", "saturated-units")

CATALOGUE: dict[str, Entry] = {
    "unscaled-inputs": Entry(
        "Inputs that are not on a scale of about 1: the cost's bowl is long and narrow, and steps have to be small.",
        f"data.normalize is none and the largest input's root mean square is {at.INPUT_RMS:g} or more.",
        "data.normalize=standard gives every input mean 0 and variance 1 (notes, 1.7).",
        "scale the inputs",
    ),
    "symmetric-units": Entry(
        "Units of a layer that began equal and still are: equal weights get equal gradients.",
        f"{at.TWINS:.0%} or more of a hidden layer's units had the weights of another, and still have them.",
        "A random initializer: he for ReLU, xavier for the others (notes, 1.8). zeros is for output layers.",
        "start from random weights",
    ),
    "exploding-gradients": Entry(
        "Gradients far larger than the weights, because each layer multiplies what passes through it.",
        f"Before the first step the gradient's norm is {at.EXPLODING:g} times √n_in times the weights' or more.",
        "Weights of variance 2/n (he) or 1/n (xavier); else optimizer.clip_norm=1 (notes, 1.8).",
        "keep the gradients small",
        ("unscaled-inputs",),
    ),
    "vanishing-gradients": Entry(
        "The first layers get almost no gradient: each layer above shrinks it.",
        f"Before the first step a hidden layer's gradient is below {at.VANISHING:.0%} of the output layer's.",
        "ReLU in place of sigmoid, weights of variance 2/n or 1/n, batch norm, fewer layers (notes, 1.8).",
        "keep the gradients from vanishing",
        ("symmetric-units", "unscaled-inputs"),
    ),
    "initial-loss": Entry(
        "A loss before the first step far above that of guessing, −log(1/C): log C for softmax, log 2 for sigmoid, ½ "
        "for a standardized regression.",
        f"It is {at.INITIAL_LOSS:g} times the loss of the best constant prediction or more.",
        "Scaled inputs, and the initializer that suits the activation.",
        "start from smaller weights",
        ("unscaled-inputs", "exploding-gradients"),
    ),
    "over-regularized": Entry(
        "A regularizer so strong that keeping the weights small pays more than fitting the data.",
        f"The training error is above the threshold, and the penalty was {at.PENALTY:.0%} of the first epoch's cost "
        "or more.",
        "A smaller lambd. λ/m of about 0.001 is a usual start: lambd = 0.001 times the batch size (notes, 1.4).",
        "regularize less",
    ),
    "dead-units": Entry(
        "ReLU units that are 0 for every example. They get no gradient and stay so.",
        f"{at.DEAD:.0%} or more of a layer's units are 0 for the first training examples (up to 1,024).",
        "A lower learning rate; leaky_relu, which has a slope below 0 too.",
        "lower the learning rate",
        ("unscaled-inputs", "symmetric-units", "exploding-gradients", "over-regularized"),
    ),
    "saturated-units": Entry(
        "tanh or sigmoid values at the ends of their range, where the slope is almost 0 and learning stops.",
        f"{at.SATURATED:.0%} or more of a layer's values are within 1 % of the ends. A note where the network fits.",
        "A lower learning rate, scaled inputs, smaller first weights; ReLU does not saturate.",
        "lower the learning rate",
        ("unscaled-inputs", "exploding-gradients"),
    ),
    "large-updates": Entry(
        "Steps that change a layer by a large share of its weights.",
        f"The median of ‖Δθ‖/‖θ‖ is above {at.LARGE_UPDATE:g} while the network errs; about 0.001 is usual.",
        "A lower learning rate.",
        "lower the learning rate",
        (*_BEGINNING, "over-regularized"),
    ),
    "oscillating-cost": Entry(
        "A training loss that rises again and again: steps overshoot the minimum.",
        f"After the first fifth of the epochs it rises in {at.RISES:.0%} of them or more, on average by {at.RISING:g} "
        "of the loss of guessing an epoch.",
        "A lower learning rate, or a schedule that lowers it: schedule=cosine (notes, 2.6).",
        "lower the learning rate",
        ("unscaled-inputs", "exploding-gradients", "symmetric-units"),
    ),
    "tiny-updates": Entry(
        "Steps too small to get anywhere.",
        f"In every layer the median of ‖Δθ‖/‖θ‖ is below {at.TINY_UPDATE:g} while the network errs.",
        "A higher learning rate: the override brings the ratio near 0.001.",
        "raise the learning rate",
        (*_BEGINNING, "over-regularized", "dead-units", "saturated-units"),
    ),
    "plateau": Entry(
        "The cost is flat and the gradient small: a plateau, or as low as this network gets. With many parameters a "
        "flat place is nearly always a saddle, which slows training down but does not hold it.",
        f"While the network errs, the training loss moves by less than {at.FLAT:g} of the loss of guessing an epoch "
        "to the end, in the last fifth of the epochs and five at least. A warning where it is no better than guessing.",
        "Adam, RMSprop or momentum; another initialization; a bigger network.",
        "leave the plateau",
        (*_BEGINNING, "over-regularized", "dead-units", "saturated-units", "tiny-updates"),
    ),
    "cost-not-falling": Entry(
        "The cost ends where it began, though its gradient is not small.",
        f"While the network errs, the training loss fell by less than {at.NO_FALL:g} of that of guessing since before "
        "the first step.",
        "What stands beside it first: the learning rate, the start, the regularizer; else Adam.",
        "try Adam",
        (*_BEGINNING, *_PACE, "over-regularized", "tiny-updates"),
    ),
    "no-better-than-chance": Entry(
        "The network predicts no better than one that always says the same.",
        f"While the network errs, the training loss is {at.AT_CHANCE:g} times that of the best constant prediction or "
        "more.",
        "What stands beside it first; else a bigger network, or inputs that say something about the target.",
        "take a bigger network",
        (*_BEGINNING, *_PACE, "over-regularized", "tiny-updates", "still-falling"),
    ),
    "still-falling": Entry(
        "Training ended while the cost was falling.",
        f"While the network errs, the training loss fell by {at.STILL_FALLING:g} of that of guessing in the last tenth "
        f"of the epochs; a note from {at.SLIGHTLY_FALLING:g}, and where the dev loss ends {at.DEV_RISING:g} times "
        "above its least.",
        "More epochs. They lower the bias alone: where the dev loss rises meanwhile, regularize too.",
        "train longer",
        (*_BEGINNING, "initial-loss", "tiny-updates", *_PACE, "over-regularized"),
    ),
    "overfitting": Entry(
        "The dev error rises while the training loss falls: the network fits noise.",
        f"The dev error, averaged over a tenth of the epochs, ends {at.SIGNIFICANT:g} standard errors above its least.",
        "More data, L2, dropout, augmentation. Early stopping is an option: one knob for two problems (1.6).",
        "add L2",
    ),
    "overconfident": Entry(
        "The dev loss rises while the dev error stays: the classes are right as often, the probabilities too extreme.",
        f"The dev loss ends {at.OVERCONFIDENT:g} times above its least or more. A note.",
        "L2 or early stopping with monitor: dev.loss, where the probabilities matter.",
        "add L2",
        ("overfitting",),
    ),
    "dropout-without-variance": Entry(
        "Dropout in a network that does not overfit: it costs bias and buys nothing.",
        "The variance is low, or leans low. A warning where the training error is high.",
        "Dropout off; it is for networks that overfit (notes, 1.5).",
        "switch dropout off",
    ),
}
"""In the order in which findings are mended."""


VERDICTS: dict[str, Entry] = {
    "high-bias": Entry(
        "The training error stands too far above the Bayes error: the network does not fit its training set.",
        "The interval of train − Bayes lies above diagnosis.threshold.",
        "A bigger network, longer training, another optimizer or architecture (notes, 1.3).",
    ),
    "high-variance": Entry(
        "The dev error stands too far above the training error: the network fits what is not general.",
        "The interval of dev − train (train-dev − train where there is a train-dev part) lies above "
        "diagnosis.threshold.",
        "More data, L2, dropout, augmentation, another architecture (notes, 1.3).",
    ),
    "mismatch": Entry(
        "dev is worse than held-out rows of the training source: the two sources differ in what matters.",
        "The interval of dev − train-dev lies above 0.",
        "Training data that looks more like dev's.",
    ),
    "undetermined": Entry(
        "The numbers at hand do not show which side of the threshold a gap is on.",
        "Its interval contains the threshold (for a mismatch 0), or no Bayes error is stated for a regression.",
        "More examples in the part that `settled by` names, or a stated Bayes error: diagnose RUN --bayes-error 5%.",
    ),
    "diverged": Entry(
        "A cost, gradient or parameter became no usable number. Training stopped before that step and names the layer.",
        "Any of them is not finite, or its square nears the largest number of its type.",
        "A lower optimizer.learning_rate, optimizer.clip_norm=1, data.normalize: standard.",
    ),
}
"""What stands in the table, or ends a run, and is not about health."""


def explain_finding(name: str) -> str | None:
    """The text of a finding or a verdict; None for an unknown identifier."""
    entry = CATALOGUE.get(name.strip()) or VERDICTS.get(name.strip())
    if entry is None:
        return None
    lines = [name.strip(), f"  {entry.meaning}", f"  found:  {entry.found}", f"  cure:   {entry.cure}"]
    if entry.causes:
        lines.append(f"  first:  what may cause it, where that was found too: {', '.join(entry.causes)}")
    return "\n".join(lines)
