"""P10: NaN and Inf are caught at their step, in their layer, before weights or a checkpoint take them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
from faults_result import Result, every
from faults_world import world

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from engine_networks import BATCH_NORM, architecture, program, rows  # noqa: E402

from dltrain import runs  # noqa: E402
from dltrain.config.records import Checkpoints  # noqa: E402
from dltrain.engine.fit import Diverged, Step, fit, require_finite  # noqa: E402
from dltrain.engine.network import Network  # noqa: E402
from dltrain.engine.optimizers import Adam, GradientDescent, Momentum  # noqa: E402
from dltrain.engine.state import State  # noqa: E402
from dltrain.saving import Interrupts, Saver  # noqa: E402

UNITS, BATCHES = (5, 6), 5
LAYERS = len(UNITS) + 1
VALUES = (np.nan, np.inf, -np.inf)


def sweep(full: bool) -> Result:
    result = Result("P10 NaN and Inf at their step and layer")
    cases = [
        (kind, layer, value, settings, at)
        for kind in KINDS
        for layer in range(LAYERS + 1)
        for value in VALUES
        for settings in ({}, {"batch_norm": BATCH_NORM}, {"keep_prob": 0.8})
        for at in (1, 4, 7)
        if possible(kind, layer)
    ]
    for k in every(range(len(cases)), full, 200):
        result.check(not (wrong := planted(*cases[k])), f"{cases[k]}: {wrong}")
    for kind in ("parameter", "optimizer v", "optimizer s"):
        for layer in range(1, LAYERS + 1):
            for value in VALUES:
                result.check(not (wrong := saved(kind, layer, value)), f"checkpoint of {kind} {layer} {value}: {wrong}")
    for seed in range(200 if full else 20):
        result.check(not (wrong := clean(seed)), f"clean run {seed}: {wrong}")
    whole_runs(result)
    return result


def possible(kind: str, layer: int) -> bool:
    return layer == 0 if kind == "input" else layer > 0 if kind != "activation" else 0 < layer < LAYERS


@contextmanager
def changed(kind: str, layer: int, value: float, at: int) -> Iterator[None]:
    """The network, in whose `at`-th step one number of a layer's activation or gradient is another."""
    forward, backward, steps = Network._drop, Network._backward, {"now": 0}

    def drop(self: Network, ws: Any, l: int, step: int, dropout: bool) -> None:
        forward(self, ws, l, step, dropout)
        steps["now"] = step
        if step == at and l == layer and kind in ("input", "activation"):
            ws.A[l][1, 0] = value

    def back(self: Network, ws: Any, dropout: bool) -> None:
        backward(self, ws, dropout)
        if steps["now"] == at and kind == "gradient":
            self._grads[layer - 1].W[0, 0] = value

    with mock.patch.object(Network, "_drop", drop), mock.patch.object(Network, "_backward", back):
        yield


KINDS = ("input", "activation", "gradient", "parameter", "optimizer v", "optimizer s")


@np.errstate(all="ignore")
def planted(kind: str, layer: int, value: float, settings: dict[str, Any], at: int) -> str:
    """Trains, plants before step `at`, and sees what is said. The optimizer's memory, which no step can make infinite, is screened
    where a state is saved and where an epoch ends; all else at its step."""
    network = architecture(4, UNITS, "softmax", 3, activation="tanh", **settings)
    draws = np.random.Generator(np.random.Philox(at))
    given, data = (
        program(network, batch_size=8, epochs=4, dtype="float32"),
        rows(draws, 8 * BATCHES, network, "float32"),
    )
    state, seen, saved = State.start(given), 0, []
    if at == 1:
        plant(kind, layer, value, network, state)
    try:
        with changed(kind, layer, value, at):
            for event in fit(given, data, None, state):
                seen += isinstance(event, Step)
                if not kind.startswith("optimizer"):
                    require_finite(given, state)  # as before each checkpoint
                    saved.append(seen)
                if seen == at - 1 and isinstance(event, Step):
                    plant(kind, layer, value, network, state)
            return "not caught"
    except Diverged as found:
        if kind.startswith("optimizer"):
            in_time = at <= found.step <= max(at + 1, -(-at // BATCHES) * BATCHES)
            return "" if found.layer == layer and in_time else f"said {found.layer}, {found}"
        right = (found.layer, found.step, found.epoch) == (layer, at, (at - 1) // BATCHES + 1)
        return "" if right and (not saved or max(saved) < at) else f"said {found.layer}, {found}"


@np.errstate(all="ignore")
def saved(kind: str, layer: int, value: float) -> str:
    """A checkpoint asked for right after a number went wrong: refused, the layer named, and the one before stays."""
    network = architecture(4, UNITS, "softmax", 3, activation="tanh", batch_norm=BATCH_NORM)
    given = program(network, batch_size=8, epochs=2, dtype="float32")
    state = State.start(given)
    data = rows(np.random.Generator(np.random.Philox(layer)), 8 * BATCHES, network, "float32")
    with TemporaryDirectory() as place, runs.create(place, "a", "a", {}) as folder:
        saver = Saver(folder, given, Checkpoints(), Interrupts(), {})
        for event in fit(given, data, None, state):
            name = saver.save(state)
            if isinstance(event, Step) and event.step == 3:
                break
        plant(kind, layer, value, network, state)
        try:
            saver.save(state)
            return "saved"
        except Diverged as found:
            kept = [one.name for one in runs.list_checkpoints(folder.path)]
            right = (found.layer, found.step) == (layer, 3) and name in kept and len(kept) == 2
            return "" if right else f"said {found.layer}, {found}; kept {kept}"


def plant(kind: str, layer: int, value: float, network: Any, state: State) -> None:
    layout = network.layout()
    if kind == "parameter":
        layout.block(f"W{layer}").view(state.theta)[0, 0] = value
    elif kind.startswith("optimizer"):
        layout.block(f"W{layer}").view(state.slots[kind[-1]])[0, 0] = value


@np.errstate(all="ignore")
def clean(seed: int) -> str:
    """A training of one of many kinds, some of them wild but none that blows up: no alarm."""
    draws = np.random.Generator(np.random.Philox(seed))
    activation = ["relu", "leaky_relu", "tanh", "sigmoid", "linear"][seed % 5]
    output, n_y = [("sigmoid", 1), ("softmax", 3), ("linear", 1)][seed % 3]
    rate = 0.002 if output == "linear" else 0.1
    optimizer = [Adam(learning_rate=0.3), Momentum(learning_rate=rate), GradientDescent(learning_rate=rate)][
        seed // 5 % 3
    ]
    settings = {"batch_norm": BATCH_NORM if seed % 2 else None, "keep_prob": (1.0, 0.3)[seed // 2 % 2]}
    network = architecture(4, (6,) * (seed % 4), output, n_y, activation=activation, **settings)
    given = program(network, optimizer=optimizer, batch_size=8, epochs=3, dtype="float32", seed=seed)
    state = State.start(given)
    try:
        for _ in fit(given, rows(draws, 40, network, "float32"), None, state):
            require_finite(given, state)
    except Diverged as found:
        return str(found)
    return ""


def whole_runs(result: Result) -> None:
    """By the command line: exit 3, recorded, the last finite checkpoint kept, and the same again without training."""
    with world() as fresh:
        for rate in ("1e3", "1e30", "1e300"):
            for every_steps in ("1", "5"):
                fresh.clear()
                argv = fresh.train(
                    f"optimizer={{kind: gradient_descent, learning_rate: {rate}}}",
                    f"training.checkpoints.every_steps={every_steps}",
                )
                first, again = fresh.call(argv), fresh.call(argv)
                if rate == "1e3" and first.code == 0:
                    continue
                record, kept = fresh.record(), list((fresh.run / "checkpoints").glob("*.safetensors"))
                told = (
                    record["state"] == "diverged"
                    and isinstance(record["step"], int)
                    and isinstance(record["layer"], int)
                )
                held = (
                    first.code == again.code == 3
                    and told
                    and kept
                    and first.errors == again.errors
                    and len(first.errors) == 1
                )
                result.check(
                    bool(held),
                    f"rate {rate}, every {every_steps}: {first.code}, {again.code}, {record['state']}: {first.err}",
                )
