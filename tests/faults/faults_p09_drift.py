"""P9: exactness never drops silently: another machine, config or data is refused by name, or recorded."""

from __future__ import annotations

import json
import shutil
from typing import Any

from faults_p04_damage import interrupted, restore
from faults_result import Result
from faults_world import World, table, world

MACHINES: dict[str, tuple[dict[str, Any], str]] = {
    "NumPy": ({"versions": {"numpy": "9.9.9"}}, "numpy: "),
    "dltrain": ({"versions": {"dltrain": "9.9.9"}}, "dltrain: "),
    "CPU features": ({"cpu": {"features": ["SSE2"]}}, "CPU features: "),
    "machine": ({"cpu": {"machine": "riscv64"}}, "machine: "),
    "BLAS": ({"blas": [{"internal_api": "mkl", "version": "1", "architecture": "Zen"}]}, "BLAS: "),
}
CONFIGS = {
    "seed: 3": ("seed: 4", "seed: 3 -> 4"),
    "learning_rate: 0.01": ("learning_rate: 0.02", "optimizer.learning_rate: 0.01 -> 0.02"),
    "units: 4": ("units: 5", "architecture.layers.1.units: 4 -> 5"),
    "epochs: 10": ("epochs: 11", "training.epochs: 10 -> 11"),
}
FREE = {"name: faults": "name: other", "every_steps: 5": "every_steps: 7", "seed: 3": "seed: 3 # a comment"}


def sweep(full: bool) -> Result:
    result = Result("P9 drift is refused or recorded")
    with interrupted() as kept, world() as fresh:
        for argv in (fresh.train(), fresh.resume()) if full else (fresh.train(),):
            machines(kept, fresh, argv, result)
            data(kept, fresh, argv, result)
        configs(kept, fresh, result)
        stored(kept, fresh, result)
        fresh.clear()
    return result


def machines(kept: World, fresh: World, argv: list[str], result: Result) -> None:
    for name, (facts, key) in MACHINES.items():
        restore(kept, fresh)
        ended = fresh.call(argv, facts=facts)
        named = any(key in line and " -> " in line for line in ended.errors)
        result.check(ended.code == 2 and named, f"{name}, {argv[0]}: exit {ended.code} {ended.err}")
        same = fresh.call(argv)
        result.check(same.code == 0, f"back on the old {name}: exit {same.code} {same.err}")
        restore(kept, fresh)
        allowed = fresh.call([*argv, "--allow-drift"], facts=facts)
        recorded = '"drift"' in (fresh.run / "events.jsonl").read_text()
        result.check(allowed.code == 0 and recorded, f"{name}, allowed: exit {allowed.code}, recorded: {recorded}")


def configs(kept: World, fresh: World, result: Result) -> None:
    config = fresh.folder / "config.yaml"
    text = config.read_text()
    for old, (new, line) in CONFIGS.items():
        restore(kept, fresh)
        config.write_text(text.replace(old, new))
        ended = fresh.call()
        result.check(ended.code == 73 and line in ended.err, f"{new}: exit {ended.code} {ended.err}")
    for old, new in FREE.items():
        restore(kept, fresh)
        config.write_text(text.replace(old, new))
        ended = fresh.call()
        result.check(ended.code == 0, f"{new}: exit {ended.code} {ended.err}")
    config.write_text(text)


def data(kept: World, fresh: World, argv: list[str], result: Result) -> None:
    """One number changed: 73. The same bytes at another time: goes on."""
    file = fresh.folder / "data.csv"
    restore(kept, fresh)
    shutil.copy2(kept.folder / "data.csv", file)
    resolved = fresh.run / "config.resolved.yaml"
    resolved.write_text(resolved.read_text().replace(str(kept.folder), str(fresh.folder)))
    lines = table().splitlines()
    lines[1] = "9.999," + lines[1].split(",", 1)[1]
    file.write_text("\n".join(lines) + "\n")
    ended = fresh.call(argv)
    result.check(ended.code == 73 and "data" in ended.err, f"edited data, {argv[0]}: exit {ended.code} {ended.err}")
    file.write_text(table())
    ended = fresh.call(argv)
    result.check(ended.code == 0, f"the same data again, {argv[0]}: exit {ended.code} {ended.err}")


def stored(kept: World, fresh: World, result: Result) -> None:
    """run.json and config.resolved.yaml edited by hand."""
    restore(kept, fresh)
    record = fresh.record()
    record["versions"]["numpy"] = "1.0"
    (fresh.run / "run.json").write_text(json.dumps(record))
    ended = fresh.call()
    result.check(ended.code == 2 and "numpy: 1.0 -> " in ended.err, f"run.json: exit {ended.code} {ended.err}")
    restore(kept, fresh)
    resolved = fresh.run / "config.resolved.yaml"
    resolved.write_text(resolved.read_text().replace("epochs: 10", "epochs: 11"))
    ended = fresh.call(fresh.resume())
    named = ended.code == 73 and "training.epochs: 10 -> 11" in ended.err
    result.check(named, f"config.resolved.yaml: exit {ended.code} {ended.err}")
