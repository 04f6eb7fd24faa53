"""The training error in training mode beside the clean one: what dropout, batch norm's
averages and augmentation do to the gap."""

from __future__ import annotations

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.network import Network
from dltrain.engine.training_mode import errors_in_training
from dltrain.engine.weights import mean_error
from dltrain.ready import Ready


@np.errstate(all="ignore")
def training_modes(ready: Ready, network: Network, clean: Floats) -> dict[str, float]:
    """Of a network with batch norm `with_batch_statistics`, its batch's mean and variance in place of the averages; of
    one with dropout `with_dropout` as well; where rows are augmented `with_augmentation`, all as training sees it.
    Empty where there is none of them.

    clean: (m,) errors of the training rows, measured clean. Where only some rows are measured again, their mean change
    is added to the mean of all.
    """
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    architecture = program.architecture
    kept = [architecture.input_keep_prob, *(layer.keep_prob for layer in architecture.layers)]
    modes = {
        "with_batch_statistics": (any(layer.batch_norm for layer in architecture.layers), False, False),
        "with_dropout": (min(kept) < 1, True, False),
        "with_augmentation": (rows.making is not None, True, True),
    }
    found = {}
    for name, (there, dropout, augmented) in modes.items():
        if there:
            seen, errors = errors_in_training(program, network, rows, dropout, augmented)
            weights = None if rows.weights is None else rows.weights[seen]
            change = mean_error(errors - clean[seen], weights)
            value = mean_error(clean, rows.weights) + change
            if np.isfinite(value):
                found[name] = max(0.0, value)
    return found
