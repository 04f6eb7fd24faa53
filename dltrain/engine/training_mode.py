"""The training error as training itself sees it: dropout on, batch norm by the batch, rows augmented. Clean
measurement does none of it, and what lies between the two is owed to them.
"""

from __future__ import annotations

import numpy as np

from dltrain.engine import losses
from dltrain.engine.architecture import Program
from dltrain.engine.arrays import Floats, Ints
from dltrain.engine.fit import Rows, batch_bounds
from dltrain.engine.network import Network
from dltrain.engine.visiting import visits

MOST = 100_000
"""Of a larger training set so many rows, of the first batches of an epoch, stand for all."""


def errors_in_training(
    program: Program, network: Network, rows: Rows, dropout: bool, augmented: bool = False
) -> tuple[Ints, Floats]:
    """(row numbers, errors) in the batches of the first epoch, (n,) each, errors as in `Measured.errors`.

    With `dropout` one mask an example and layer; with `augmented` rows as they are changed for a batch. Changes neither
    theta nor batch norm's averages.
    """
    batch_norm = any(layer.batch_norm for layer in program.architecture.layers)
    bounds = batch_bounds(len(rows), program.batch_size, batch_norm)
    order = visits(rows.X, program.seed, rows.making if augmented else None)
    order.begin(0)
    numbers, errors = [], []
    for step, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), start=1):
        if start >= MOST:
            break
        ws = network.workspace(stop - start)
        here = order.gather(start, stop, ws.X)
        predicted = losses.decide(program.architecture.output, network.yhat_of(ws, step, dropout))
        if program.architecture.output == "linear":
            errors.append((predicted.astype(np.float64) - rows.y[here]) ** 2)
        else:
            errors.append((predicted != rows.y[here]).astype(np.float64))
        numbers.append(np.array(here))
    return np.concatenate(numbers), np.concatenate(errors)
