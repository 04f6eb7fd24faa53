"""`dltrain check`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import datafile
from dltrain.cli.checked_search import searched
from dltrain.cli.options import Json, print_json, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltrain.config import Adjustment
    from dltrain.ready import Ready

FOUND = 4


@spread
def command(
    arguments: datafile.Arguments,
    about: datafile.About,
    data: Annotated[bool, typer.Option("--data", help="Also count the classes of each part.")] = False,
    leakage: Annotated[
        bool,
        typer.Option("--leakage", help="Prove that no row of another part reaches training; exit code 4 if one does."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a config without training: everything settled, the network, and what the dev set can show.

    Example: dltrain check configs/digits.yaml

    Example: dltrain check titanic.csv --target Survived --leakage
    """
    from dltrain import config

    ready = datafile.given(arguments, about).prepare(quiet=as_json)
    search, notes = searched(ready)
    record: dict[str, Any] = {
        "title": ready.plan.experiment.name,
        "data": _data(ready, data),
        "training": _training(ready),
        "network": network(ready),
        "notes": [*ready.notes, *notes],
        "resolved": config.dump(ready.plan, ready.loaded),
    }
    if search is not None:
        record["search"] = search
    if leakage:
        record["leakage"] = _leakage(ready)
    _show(record, as_json)
    if leakage and record["leakage"]["leaks"]:
        raise typer.Exit(FOUND)


def _leakage(ready: Ready) -> dict[str, Any]:
    from dltrain import leakage
    from dltrain.errors import InputError

    try:
        return leakage.check(ready.loaded.experiment, ready.data).to_json()
    except InputError as error:
        raise ready.loaded.locate(error) from None


def _show(record: dict[str, Any], as_json: bool) -> None:
    from dltrain.report.leakage_table import print_leakage
    from dltrain.report.tables import print_check

    if as_json:
        print_json(record)
        return
    if "leakage" in record:
        print_leakage(record["leakage"])  # what was asked for, and nothing around it
        return
    print_check(record)


def _data(ready: Ready, classes: bool) -> dict[str, Any]:
    facts = ready.plan.facts
    found: dict[str, Any] = {"task": facts.task, "inputs": facts.n_x}
    if facts.classes:
        found["classes"] = len(facts.classes)
    found |= {f"{part} rows": n for part, n in facts.parts.items()}
    if classes and facts.classes:
        from collections import Counter

        for part, rows in ready.data.parts.items():
            counted = Counter(rows.y.tolist())
            found[f"{part} classes"] = ", ".join(
                f"{name}: {counted[number]}" for number, name in enumerate(facts.classes)
            )
    return found


def _training(ready: Ready) -> dict[str, Any]:
    from dltrain.engine.fit import steps_of

    program, course, m = ready.plan.program(), ready.plan.course(), ready.plan.facts.m
    steps, an_epoch = steps_of(course, m), steps_of(course, m, epochs=1)
    adjusted = ready.plan.experiment.adjustments
    return {
        "optimizer": program.optimizer.kind,
        "learning rate": program.optimizer.learning_rate,
        "batch size": program.batch_size,
        "batches an epoch": an_epoch,
        **_batch(ready),
        "steps": steps,
        "threads": ready.plan.threads,
        **_augmentation(ready, an_epoch),
        **{f"from epoch {epoch}": words for epoch, words in _adjusted(adjusted).items()},
    }


def _batch(ready: Ready) -> dict[str, Any]:
    """What a mini-batch takes, and whether it fits beside the rest (notes, 2.1)."""
    from dltrain.engine.workspace import bytes_of
    from dltrain.experiment import memory

    program = ready.plan.program()
    need = bytes_of(program.architecture, program.batch_size, program.dtype)
    return {"batch MB": round(need / 1e6, 2), "batch fits in memory": "yes" if need < memory() / 2 else "no"}


def _adjusted(adjustments: Sequence[Adjustment]) -> dict[int, str]:
    """What holds from an epoch on, in words."""
    from dltrain.runs import words_of

    found: dict[int, list[str]] = {}
    for one in adjustments:
        found.setdefault(one.epoch, []).append(words_of(one.set))
    return {epoch: " ".join(words) for epoch, words in found.items()}


def _augmentation(ready: Ready, batches: int) -> dict[str, Any]:
    """What is done to training batches, and what it takes on this machine."""
    rows, augment = ready.rows("train"), ready.plan.experiment.data.augment
    if rows is None or not augment:
        return {}
    from dltrain.data.augmenting import seconds_a_batch

    seconds = seconds_a_batch(rows, ready.plan.experiment.seed, ready.plan.batch_size)
    return {
        "augmentation": ", ".join(one.kind for one in augment),
        "augmentation ms a batch": round(1000 * seconds, 3),
        "augmentation s an epoch": round(seconds * batches, 3),
    }


def network(ready: Ready) -> list[dict[str, Any]]:
    """One row a layer: its shape, kinds and number of parameters."""
    architecture = ready.plan.program().architecture
    layout, rows = architecture.layout(), []
    for n, (n_in, n_out) in enumerate(zip(architecture.sizes, architecture.sizes[1:], strict=False), start=1):
        hidden = architecture.layers[n - 1] if n <= len(architecture.layers) else None
        rows.append(
            {
                "name": f"hidden {n}" if hidden else "output",
                "shape": [n_in, n_out],
                "activation": hidden.activation if hidden else architecture.output,
                "initializer": (hidden or architecture).initializer.kind,
                "regularizer": (hidden or architecture).regularizer.kind,
                "keep_prob": hidden.keep_prob if hidden else None,
                "batch_norm": bool(hidden and hidden.batch_norm),
                "parameters": sum(block.slice.stop - block.slice.start for block in layout.blocks if block.layer == n),
            }
        )
    return rows
